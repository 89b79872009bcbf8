import { randomUUID } from "node:crypto";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Client, WorkflowHandle } from "@temporalio/client";

import { startProgram } from "../../runtime/embedded/child-process.ts";
import { BARE_SIGNAL, BARE_TASK_QUEUE, BEGAN } from "./contract.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const WORKER_FILE = path.join(ROOT, "bench/bare/worker.ts");
const START_TIMEOUT_MS = 60_000;
/** As long as a simulated vendor takes from its answer to `delivered`: a receipt never meets the workflow task that learns of the answer. */
const SIGNAL_AFTER_MS = 200;
const LANES = 50;
/** A slow machine starts this many; the sleepers wake when the last has long been asleep. */
const STARTS_PER_SECOND_MIN = 60;
const REST_BEFORE_MS = 15_000;
/** Until a workflow that waits for a signal has gone to rest. */
const REST_MS = 200;

/** The bare workflows of one installation's Temporal server. */
export interface Bare {
  /** Start, one activity, one signal once it has begun, finish. Answers ms from asking for the start to the activity's beginning. */
  readonly once: () => Promise<number>;
  /** As `once`, from asking for the start until the server has answered it; the rest goes on behind. */
  readonly startOnly: () => Promise<{ readonly startedMs: number; readonly done: Promise<void> }>;
  /** A timer until that instant, one activity. Ms from the instant to the activity's beginning. */
  readonly sleptPast: (untilMs: number) => Promise<number>;
  /** So many sleepers with one instant: how many a second begin their activity. */
  readonly release: (count: number, progress: (line: string) => void) => Promise<number>;
  /** Ms from the signal until the workflow's activity began. */
  readonly listenerReaction: () => Promise<number>;
  /** Ms from asking for the start to the last activity's beginning. */
  readonly fanOut: (count: number) => Promise<number>;
  readonly stop: () => Promise<void>;
}

export async function startBare(client: Client, environment: NodeJS.ProcessEnv): Promise<Bare> {
  const waiting = new Map<string, () => void>();
  let sleeperBegan = (): void => undefined;
  const program = await startProgram({
    name: "bare worker",
    file: WORKER_FILE,
    cwd: ROOT,
    env: environment,
    onLine: (line) => {
      if (!line.startsWith(BEGAN)) return;
      waiting.get(line.slice(BEGAN.length))?.();
      if (line.startsWith(`${BEGAN}bareSleeper/`)) sleeperBegan();
    },
  });
  await program.line(/^bare worker runs$/, START_TIMEOUT_MS);

  const start = (type: string, args: readonly unknown[]): Promise<WorkflowHandle> =>
    client.workflow.start(type, {
      workflowId: `${type}/${randomUUID()}`,
      taskQueue: BARE_TASK_QUEUE,
      args: [...args],
    });
  /** Signals as a webhook would: when the activity has long done its work. */
  const startSignalled = async (): Promise<WorkflowHandle> => {
    const workflowId = `bare/${randomUUID()}`;
    waiting.set(workflowId, () => {
      waiting.delete(workflowId);
      setTimeout(() => {
        void client.workflow.getHandle(workflowId).signal(BARE_SIGNAL);
      }, SIGNAL_AFTER_MS);
    });
    return client.workflow.start("bare", { workflowId, taskQueue: BARE_TASK_QUEUE, args: [] });
  };
  return {
    once: async () => {
      const askedAt = Date.now();
      return asInstant(await (await startSignalled()).result()) - askedAt;
    },
    startOnly: async () => {
      const askedAt = performance.now();
      const handle = await startSignalled();
      const startedMs = performance.now() - askedAt;
      return { startedMs, done: handle.result().then(() => undefined) };
    },
    sleptPast: async (untilMs) =>
      asInstant(await (await start("bareSleeper", [untilMs])).result()) - untilMs,
    release: async (count, progress) => {
      const untilMs = Date.now() + (count / STARTS_PER_SECOND_MIN) * 1_000 + REST_BEFORE_MS;
      let left = count;
      const lane = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          await start("bareSleeper", [untilMs]);
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      const spareMs = untilMs - Date.now();
      progress(`${count} bare sleepers, ${Math.round(spareMs / 1_000)} s before they wake`);
      if (spareMs < 0) throw new Error("the sleepers woke before the last was asleep");
      return new Promise((resolve) => {
        let begun = 0;
        sleeperBegan = () => {
          begun += 1;
          if (begun === count) resolve((count * 1_000) / (Date.now() - untilMs));
        };
      });
    },
    listenerReaction: async () => {
      const handle = await start("bareListener", []);
      await sleep(REST_MS);
      const signalledAt = Date.now();
      await handle.signal(BARE_SIGNAL);
      return asInstant(await handle.result()) - signalledAt;
    },
    fanOut: async (count) => {
      const askedAt = Date.now();
      return asInstant(await (await start("bareFanOut", [count])).result()) - askedAt;
    },
    stop: async () => {
      await program.stop();
    },
  };
}

/** Every bare workflow answers an instant, epoch ms. */
export function asInstant(result: unknown): number {
  return result as number;
}
