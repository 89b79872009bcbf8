import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Pool, PoolClient } from "pg";

/** PostgreSQL aborted the transaction to keep order, nothing of it happened: serialization_failure, deadlock_detected. */
const RETRYABLE = new Set(["40001", "40P01"]);
/** Two transactions that collide five times in a row are a design fault, not bad luck. */
const TRIES_MAX = 5;
const RETRY_DELAY_MS = 10;

export type TransactionOptions = {
  readonly isolation?: "read committed" | "repeatable read" | "serializable";
};

/**
 * Runs `work` in one transaction and commits it; an error rolls it back and is rethrown. `work` is run again, from its
 * start, when PostgreSQL aborted it for a collision, so it must act on the database alone.
 */
export async function withTransaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  { isolation = "read committed" }: TransactionOptions = {},
): Promise<T> {
  return withoutCollision(() => runOnce(pool, work, isolation));
}

/** Runs a statement or transaction again, from its start, when PostgreSQL aborted it for a collision. */
export async function withoutCollision<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries >= TRIES_MAX || !RETRYABLE.has(sqlState(error) ?? "")) {
        throw error;
      }
      // Spread, so that the two that collided do not meet again.
      await sleep(RETRY_DELAY_MS * tries * (0.5 + Math.random()));
    }
  }
}

async function runOnce<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  isolation: string,
): Promise<T> {
  const client = await pool.connect();
  // A connection that breaks between two statements reports it as an event; the next statement then fails with it.
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on("error", onError);
  try {
    await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch((rollbackError: unknown) => {
      broken ??= rollbackError instanceof Error ? rollbackError : new Error("rollback failed");
    });
    throw error;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}

/** The five-character code of a PostgreSQL error, if it is one. */
export function sqlState(error: unknown): string | null {
  return error instanceof pg.DatabaseError ? (error.code ?? null) : null;
}
