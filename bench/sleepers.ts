import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

const POLL_MS = 500;

/** How many runs have gone to sleep. */
export async function countHeld(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    "/* bench */ select count(*) as count from notifications where status = 'holding'",
  );
  return rows[0]?.count ?? 0;
}

/** Resolves when that many sleep. @throws when no further one has fallen asleep for a while */
export async function untilHeld(
  pool: pg.Pool,
  wanted: number,
  onMore: (count: number) => void = () => undefined,
): Promise<void> {
  let last = -1;
  let movedAt = Date.now();
  for (;;) {
    const held = await countHeld(pool);
    if (held >= wanted) return;
    if (held !== last) {
      last = held;
      movedAt = Date.now();
      onMore(held);
    }
    if (Date.now() - movedAt > 60_000) throw new Error(`${held} of ${wanted} sleep`);
    await sleep(POLL_MS);
  }
}
