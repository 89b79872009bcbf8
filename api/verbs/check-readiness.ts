import type { Client } from "@temporalio/client";
import type pg from "pg";
import { pingDatabase } from "../../db/availability.ts";

export type Reachability = "reachable" | "away";

export type Readiness = {
  /** Whether requests should come here. */
  readonly isReady: boolean;
  readonly database: Reachability;
  readonly temporal: Reachability;
};

/** A balancer asks every few seconds and waits about as long. */
const DEADLINE_MS = 2_000;

/** Ready while the database is there: with Temporal away requests are accepted, acts decided, and runs started later. */
export async function checkReadiness({
  pool,
  temporal,
}: {
  readonly pool: pg.Pool;
  readonly temporal: Client;
}): Promise<Readiness> {
  const [database, engine] = await Promise.all([
    reachability(() => pingDatabase(pool)),
    reachability(() =>
      temporal.withDeadline(Date.now() + DEADLINE_MS, () =>
        temporal.connection.workflowService.getSystemInfo({}),
      ),
    ),
  ]);
  return { isReady: database === "reachable", database, temporal: engine };
}

async function reachability(ask: () => Promise<unknown>): Promise<Reachability> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Reachability>((resolve) => {
    timer = setTimeout(() => resolve("away"), DEADLINE_MS);
  });
  const asked = ask().then(
    (): Reachability => "reachable",
    (): Reachability => "away",
  );
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}
