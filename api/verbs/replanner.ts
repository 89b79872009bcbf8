import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@temporalio/client";
import type pg from "pg";
import { clearStaleMarks } from "../../db/stale-plans.ts";
import type { StaleRun } from "../../db/stale-plans.ts";
import { PRIORITIES } from "../../domain/priority.ts";
import type { Logger } from "../../runtime/logger.ts";
import { FACT_SIGNAL } from "../../workflows/contract.ts";
import type { SignalledFact } from "../../workflows/contract.ts";
import type { Background } from "./background.ts";

/**
 * Tells runs that what they were planned from has changed: at once for twenty of them, from then on twenty a second, the
 * most urgent first whatever change outdated them. One for a process, so that a change of a hundred people's zone doesn't
 * keep the server from what it is for.
 *
 * The marks in the database are the memory of it: what is not told here, because Temporal is away or this process ends,
 * keeps its mark and is swept.
 */
export interface Replanner {
  /** After the change is committed. `markedAt` is the instant of its marks. */
  tell(runs: readonly StaleRun[], reason: string, markedAt: Date): void;
  /** What waits is left to the sweep. */
  stop(): void;
}

/** Told at once, after a rest. */
export const REPLAN_BURST = 20;
export const REPLANS_PER_SECOND = 20;
/** A signal goes out in milliseconds or Temporal is away; the sweep has it then. */
const SIGNAL_DEADLINE_MS = 2_000;

export type ReplannerDeps = {
  readonly pool: pg.Pool;
  readonly temporal: Client;
  readonly background: Background;
  readonly log: Logger;
};

type Waiting = StaleRun & { readonly reason: string; readonly markedAt: Date };

export function createReplanner(deps: ReplannerDeps): Replanner {
  const queue: Waiting[] = [];
  const stopping = new AbortController();
  let isTelling = false;
  let tokens = REPLAN_BURST;
  let countedAtMs = performance.now();

  async function takeToken(): Promise<void> {
    for (;;) {
      const nowMs = performance.now();
      const refilled = ((nowMs - countedAtMs) / 1_000) * REPLANS_PER_SECOND;
      tokens = Math.min(REPLAN_BURST, tokens + refilled);
      countedAtMs = nowMs;
      if (tokens >= 1) break;
      const missingMs = ((1 - tokens) / REPLANS_PER_SECOND) * 1_000;
      await sleep(Math.ceil(missingMs), undefined, { signal: stopping.signal });
    }
    tokens -= 1;
  }

  async function tellAll(): Promise<void> {
    try {
      while (queue.length > 0 && !stopping.signal.aborted) {
        await takeToken();
        const next = queue.shift();
        if (next) deps.background.run(() => tellOne(deps, next));
      }
    } catch (error) {
      if (!stopping.signal.aborted) throw error;
    } finally {
      isTelling = false;
    }
  }

  return {
    tell(runs, reason, markedAt) {
      if (runs.length === 0 || stopping.signal.aborted) return;
      queue.push(...runs.map((run) => ({ ...run, reason, markedAt })));
      queue.sort(byUrgency);
      if (isTelling) return;
      isTelling = true;
      deps.background.run(tellAll);
    },
    stop() {
      stopping.abort();
      queue.length = 0;
    },
  };
}

async function tellOne(
  { pool, temporal, log }: ReplannerDeps,
  { workflowId, notificationId, reason, markedAt }: Waiting,
): Promise<void> {
  const fact: SignalledFact = { kind: "replan", reason };
  try {
    await temporal.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () =>
      temporal.workflow.getHandle(workflowId).signal(FACT_SIGNAL, fact),
    );
  } catch (error) {
    // Over already, or Temporal is away: the mark stays, and the sweep finds out which.
    log.debug({ error, notificationId }, "a run could not be told to plan again");
    return;
  }
  await clearStaleMarks(pool, notificationId, markedAt);
}

function byUrgency(a: Waiting, b: Waiting): number {
  const rank = ({ priority }: Waiting): number => PRIORITIES.indexOf(priority);
  return rank(a) - rank(b) || a.acceptedAt - b.acceptedAt;
}
