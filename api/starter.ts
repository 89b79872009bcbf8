import type { UnstartedRow } from "../db/starting.ts";
import { assert } from "../domain/assert.ts";
import { isOtp } from "../domain/otp.ts";
import { PRIORITIES } from "../domain/priority.ts";
import type { Logger } from "../runtime/logger.ts";

/**
 * Starts runs right behind their acceptance, most urgent first, without ever making an answer wait.
 *
 * Two conditions. *Running*: up to `concurrency` starts at once. *Away*: the last start could not reach Temporal; one
 * start at a time is tried, after a back-off of at most two seconds, until one gets through. A row stays here until it
 * is started; a row that doesn't fit, and every row of a process that dies, is in the database and swept.
 */

export interface Starter {
  /** Queues a stored row; returns at once. */
  enqueue(row: UnstartedRow): void;
  /** Resolves when nothing is queued or in flight. */
  idle(): Promise<void>;
  /** Takes no more and waits for what is in flight; the queue is left to the sweep. */
  stop(): Promise<void>;
}

export interface Started {
  readonly id: string;
  readonly runId: string | null;
}

export interface StarterOptions {
  /** Starts the run; answers its id, null if it was over before. Throws when it could not. */
  readonly start: (row: UnstartedRow) => Promise<string | null>;
  readonly markStarted: (started: readonly Started[]) => Promise<void>;
  /** Whether a failed start says that Temporal is away, rather than something about the row. */
  readonly isAway: (error: unknown) => boolean;
  readonly concurrency: number;
  readonly log: Logger;
}

/** About 300 bytes each. */
const QUEUED_MAX = 20_000;
const BACK_OFF_MS_MIN = 100;
const BACK_OFF_MS_MAX = 2_000;
/**
 * A run's first activity marks its row itself, with its plan, for nothing: only what no worker has taken by then is marked here. Long before the sweep looks,
 * and no longer, because a process that dies leaves its marks to it.
 */
const MARK_AFTER_MS = 1_000;

export function createStarter(options: StarterOptions): Starter {
  const { concurrency, log } = options;
  const queues = PRIORITIES.map((): UnstartedRow[] => []);
  const started: Started[] = [];
  const idleWaiters: (() => void)[] = [];
  let queuedCount = 0;
  let inFlight = 0;
  let marking: Promise<void> | null = null;
  let markTimer: NodeJS.Timeout | null = null;
  let backOffMs = 0;
  let timer: NodeJS.Timeout | null = null;
  let isStopped = false;

  function enqueue(row: UnstartedRow): void {
    if (isStopped || queuedCount >= QUEUED_MAX) return;
    queueOf(row).push(row);
    queuedCount += 1;
    pump();
  }

  function queueOf(row: UnstartedRow): UnstartedRow[] {
    const queue = queues[isOtp(row.type) ? 0 : PRIORITIES.indexOf(row.priority)];
    assert(queue !== undefined, "every priority has a queue");
    return queue;
  }

  function pump(): void {
    if (timer !== null || isStopped) return;
    const slots = backOffMs > 0 ? 1 : concurrency;
    while (inFlight < slots) {
      const next = queues.find((queue) => queue.length > 0)?.shift();
      if (next === undefined) break;
      queuedCount -= 1;
      inFlight += 1;
      void startOne(next);
    }
    if (queuedCount === 0 && inFlight === 0) {
      for (const resolve of idleWaiters.splice(0)) resolve();
    }
  }

  async function startOne(row: UnstartedRow): Promise<void> {
    try {
      const runId = await options.start(row);
      backOffMs = 0;
      started.push({ id: row.id, runId });
      markTimer ??= setTimeout(() => void mark(), MARK_AFTER_MS);
    } catch (error) {
      if (options.isAway(error)) {
        giveBack(row, error);
      } else {
        // Something about this row: the others go on, and the sweep tries it again.
        log.error({ error, notificationId: row.id }, "a run could not be started");
      }
    } finally {
      inFlight -= 1;
      pump();
    }
  }

  function giveBack(row: UnstartedRow, error: unknown): void {
    backOffMs = Math.min(BACK_OFF_MS_MAX, Math.max(BACK_OFF_MS_MIN, backOffMs * 2));
    log.warn({ error, backOffMs }, "Temporal is away; accepted notifications wait");
    queueOf(row).unshift(row);
    queuedCount += 1;
    pause();
  }

  function pause(): void {
    if (timer !== null || isStopped) return;
    timer = setTimeout(() => {
      timer = null;
      pump();
    }, backOffMs);
  }

  /** One statement for all that were started since the last one; one at a time. */
  async function mark(): Promise<void> {
    if (markTimer !== null) clearTimeout(markTimer);
    markTimer = null;
    while (marking !== null || started.length > 0) {
      marking ??= markOnce(started.splice(0));
      await marking;
    }
  }

  async function markOnce(batch: readonly Started[]): Promise<void> {
    try {
      await options.markStarted(batch);
    } catch (error) {
      // The sweep finds them unmarked and starts them again, which gets the same runs.
      log.warn({ error, count: batch.length }, "started runs could not be marked");
    } finally {
      marking = null;
    }
  }

  async function idle(): Promise<void> {
    await new Promise<void>((resolve) => {
      idleWaiters.push(resolve);
      pump();
    });
    await mark();
  }

  async function stop(): Promise<void> {
    isStopped = true;
    if (timer !== null) clearTimeout(timer);
    timer = null;
    for (const queue of queues) queue.length = 0;
    queuedCount = 0;
    while (inFlight > 0) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await mark();
    for (const resolve of idleWaiters.splice(0)) resolve();
  }

  return { enqueue, idle, stop };
}
