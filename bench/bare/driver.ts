import { randomUUID } from "node:crypto";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Client, WorkflowHandle } from "@temporalio/client";

import { startProgram } from "../../runtime/embedded/child-process.ts";
import { BARE_SIGNAL, BARE_TASK_QUEUE, BEGAN } from "./contract.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const WORKER_FILE = path.join(ROOT, "bench/bare/worker.ts");
const START_TIMEOUT_MS = 60_000;

/** The bare workflows of one installation's Temporal server. */
export interface Bare {
  /** Start, one activity, one signal once it has begun, finish. Answers ms from asking for the start to the activity's beginning. */
  readonly once: () => Promise<number>;
  /** As `once`, from asking for the start until the server has answered it; the rest goes on behind. */
  readonly startOnly: () => Promise<{ readonly startedMs: number; readonly done: Promise<void> }>;
  readonly sleeper: (untilMs: number) => Promise<WorkflowHandle>;
  /** Ms from the signal until the workflow's activity began. */
  readonly listenerReaction: () => Promise<number>;
  /** Ms from asking for the start to the last activity's beginning. */
  readonly fanOut: (count: number) => Promise<number>;
  readonly stop: () => Promise<void>;
}

export async function startBare(client: Client, environment: NodeJS.ProcessEnv): Promise<Bare> {
  const waiting = new Map<string, () => void>();
  const program = await startProgram({
    name: "bare worker",
    file: WORKER_FILE,
    cwd: ROOT,
    env: environment,
    onLine: (line) => {
      if (line.startsWith(BEGAN)) waiting.get(line.slice(BEGAN.length))?.();
    },
  });
  await program.line(/^bare worker runs$/, START_TIMEOUT_MS);

  const start = (type: string, args: readonly unknown[]): Promise<WorkflowHandle> =>
    client.workflow.start(type, {
      workflowId: `${type}/${randomUUID()}`,
      taskQueue: BARE_TASK_QUEUE,
      args: [...args],
    });
  /** Signals as a webhook would: when the activity has done its work. */
  const startSignalled = async (): Promise<WorkflowHandle> => {
    const workflowId = `bare/${randomUUID()}`;
    waiting.set(workflowId, () => {
      waiting.delete(workflowId);
      void client.workflow.getHandle(workflowId).signal(BARE_SIGNAL);
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
    sleeper: (untilMs) => start("bareSleeper", [untilMs]),
    listenerReaction: async () => {
      const handle = await start("bareListener", []);
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
