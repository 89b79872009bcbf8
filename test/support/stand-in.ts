import type { Client } from "@temporalio/client";
import type pg from "pg";

/** What stands in for PostgreSQL: it is asked, and nothing else. Whatever else of a pool the code under test may call is not there, and fails the test. */
export function poolStandIn(part: {
  readonly query: (text: string, values: unknown[]) => Promise<{ readonly rows: unknown[] }>;
}): pg.Pool {
  // Reason: a pool has some forty members and the code under test calls one; a missing one fails the test as "not a function".
  return part as unknown as pg.Pool;
}

/** What stands in for Temporal's client: the calls that the test names. Another one is not there, and fails the test. */
export function clientStandIn(part: object): Client {
  // Reason: as above; the test names the calls that may happen.
  return part as unknown as Client;
}
