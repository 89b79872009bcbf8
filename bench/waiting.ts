import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

import type { Logged, RequestEntry } from "../providers/simulated/log.ts";
import type { Installation } from "./installation.ts";

const POLL_MS = 200;

/** Looks until there is something other than null; a question that can't be answered now is asked again. */
export async function untilFact<Fact>(
  what: string,
  withinMs: number,
  look: () => Promise<Fact | null>,
): Promise<Fact> {
  const endAt = Date.now() + withinMs;
  let problem: unknown;
  for (;;) {
    try {
      const fact = await look();
      if (fact !== null) return fact;
    } catch (error) {
      problem = error;
    }
    if (Date.now() > endAt) {
      throw new Error(`${what}: not within ${withinMs / 1_000} s`, { cause: problem });
    }
    await sleep(POLL_MS);
  }
}

/** How many of these notifications are settled. */
export async function countSettled(pool: pg.Pool, type: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    "/* bench */ select count(*) as count from notifications where type = $1 and settled_at is not null",
    [type],
  );
  return rows[0]?.count ?? 0;
}

/** Resolves when that many of the type are settled. @throws after `withinMs` without one more of them */
export async function untilSettled(
  pool: pg.Pool,
  type: string,
  wanted: number,
  withinMs = 60_000,
): Promise<void> {
  let last = -1;
  let movedAt = Date.now();
  for (;;) {
    const settled = await countSettled(pool, type);
    if (settled >= wanted) return;
    if (settled !== last) {
      last = settled;
      movedAt = Date.now();
    }
    if (Date.now() - movedAt > withinMs) {
      throw new Error(`${settled} of ${wanted} settled, and no more since ${withinMs / 1_000} s`);
    }
    await sleep(POLL_MS);
  }
}

/** performance.now() at the first request to a vendor for each number, from now on. */
export interface Arrivals {
  readonly first: (phone: string, withinMs?: number) => Promise<number>;
  readonly stop: () => void;
}

export function watchArrivals({
  onVendorRequest,
}: Pick<Installation, "onVendorRequest">): Arrivals {
  const arrived = new Map<string, number>();
  const waiting = new Map<string, (at: number) => void>();
  const stop = onVendorRequest((entry: Logged<RequestEntry>) => {
    const at = performance.now();
    if (entry.to === null || arrived.has(entry.to)) return;
    arrived.set(entry.to, at);
    waiting.get(entry.to)?.(at);
  });
  return {
    first: (phone, withinMs = 30_000) => {
      const known = arrived.get(phone);
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`no request to a vendor within ${withinMs} ms`)),
          withinMs,
        );
        waiting.set(phone, (at) => {
          clearTimeout(timer);
          resolve(at);
        });
      });
    },
    stop,
  };
}
