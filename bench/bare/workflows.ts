/** What the engine is held against: the same server and process layout with nothing to decide, send or record. */
import { condition, defineSignal, proxyActivities, setHandler, sleep } from "@temporalio/workflow";

import type { BareActivities } from "./contract.ts";
import { BARE_ACTIVITY_QUEUE, BARE_SIGNAL } from "./contract.ts";

const { begin } = proxyActivities<BareActivities>({
  taskQueue: BARE_ACTIVITY_QUEUE,
  startToCloseTimeout: "20 seconds",
  allowEagerDispatch: false,
});
const signal = defineSignal(BARE_SIGNAL);

/** Start, one activity that does nothing, one signal, finish. Answers when the activity began. */
export async function bare(): Promise<number> {
  let isSignalled = false;
  setHandler(signal, () => {
    isSignalled = true;
  });
  const began = await begin();
  await condition(() => isSignalled);
  return began;
}

/** A timer, one activity. */
export async function bareSleeper(untilMs: number): Promise<number> {
  const waitMs = untilMs - Date.now();
  if (waitMs > 0) await sleep(waitMs);
  return begin();
}

/** Waits for a signal and finishes with one activity. */
export async function bareListener(): Promise<number> {
  let isSignalled = false;
  setHandler(signal, () => {
    isSignalled = true;
  });
  await condition(() => isSignalled);
  return begin();
}

/** So many activities at once. Answers when the last one began. */
export async function bareFanOut(count: number): Promise<number> {
  const began = await Promise.all(Array.from({ length: count }, () => begin()));
  return Math.max(...began);
}
