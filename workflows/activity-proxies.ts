import {
  ActivityCancellationType,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
} from "@temporalio/workflow";

import type { Activities, DeliverInput } from "../activities/contract.ts";
import { accountTaskQueue, RECORDS_TASK_QUEUE } from "./contract.ts";

/** Longer than any vendor call that `deliver` itself waits for, so that it can still record what came of it. */
const DELIVER_START_TO_CLOSE_MS = 20_000;
/** A message that may leave at this very instant still needs a worker to take it. */
const SCHEDULE_TO_START_MS_MIN = 1_000;

/** One quick try inside the workflow task: the cheap road, no trip through a queue. */
const local = proxyLocalActivities<Activities>({
  startToCloseTimeout: "2 seconds",
  retry: { maximumAttempts: 1 },
});

/** The patient road, for as long as PostgreSQL is away: nothing that belongs into the record is given up. */
const durable = proxyActivities<Activities>({
  taskQueue: RECORDS_TASK_QUEUE,
  startToCloseTimeout: "10 seconds",
  retry: { initialInterval: "1 second", backoffCoefficient: 2, maximumInterval: "10 seconds" },
  allowEagerDispatch: false,
});

type RecordActivity = Exclude<
  keyof Activities,
  | "deliverMessage"
  | "hangUpCall"
  | "sendAnswer"
  | "probeAccount"
  | "askVendor"
  | "takeInventory"
  | "sweep"
>;

/** Local first; where that one try did not come through, durably. Every such activity may therefore run twice. */
export async function onRecord<Name extends RecordActivity>(
  name: Name,
  ...input: Parameters<Activities[Name]>
): Promise<Awaited<ReturnType<Activities[Name]>>> {
  try {
    return await call(local, name, input);
  } catch (error) {
    if (isCancellation(error)) throw error;
    return call(durable, name, input);
  }
}

/** Both proxies have every activity as a function of its input; the types of the contract hold for the result. */
function call<Name extends RecordActivity>(
  proxy: Activities,
  name: Name,
  input: Parameters<Activities[Name]>,
): Promise<Awaited<ReturnType<Activities[Name]>>> {
  const activity = proxy[name] as (
    ...args: Parameters<Activities[Name]>
  ) => Promise<Awaited<ReturnType<Activities[Name]>>>;
  return activity(...input);
}

export interface DeliverOptions {
  /** What the timeline of the Temporal UI shows. */
  readonly summary: string;
  readonly accountId: string;
  readonly priorityKey: number;
  /** How long it may wait for the account's queue; after that it was surely not sent. */
  readonly scheduleToStartMs: number;
}

/** Hands one message to one account, on that account's own queue. */
export function deliver(input: DeliverInput, options: DeliverOptions) {
  const { deliverMessage } = proxyActivities<Activities>({
    taskQueue: accountTaskQueue(options.accountId),
    startToCloseTimeout: DELIVER_START_TO_CLOSE_MS,
    scheduleToStartTimeout: Math.max(SCHEDULE_TO_START_MS_MIN, options.scheduleToStartMs),
    // The activity decides itself whether to be tried again: by the record, never by Temporal's count.
    retry: { initialInterval: "1 second", backoffCoefficient: 1 },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    priority: { priorityKey: options.priorityKey },
    summary: options.summary,
    allowEagerDispatch: false,
  });
  return deliverMessage(input);
}

/** Ends a ringing call; a try that fails leaves the call to its own time limit. */
export function hangUp(
  input: Parameters<Activities["hangUpCall"]>[0],
  accountId: string,
): ReturnType<Activities["hangUpCall"]> {
  const { hangUpCall } = proxyActivities<Activities>({
    taskQueue: accountTaskQueue(accountId),
    startToCloseTimeout: DELIVER_START_TO_CLOSE_MS,
    scheduleToStartTimeout: "10 seconds",
    retry: { maximumAttempts: 2, initialInterval: "1 second" },
    priority: { priorityKey: 1 },
    summary: "Hang up the ringing call",
    allowEagerDispatch: false,
  });
  return hangUpCall(input);
}

/** Somebody waits at the phone for what is said to them; ten minutes later it would only confuse. */
const ANSWER_SCHEDULE_TO_START_MS = 600_000;

/** Answers somebody who wrote, over the account that was written to. */
export function sendAnswer(
  input: Parameters<Activities["sendAnswer"]>[0],
  accountId: string,
): ReturnType<Activities["sendAnswer"]> {
  const { sendAnswer: send } = proxyActivities<Activities>({
    taskQueue: accountTaskQueue(accountId),
    startToCloseTimeout: DELIVER_START_TO_CLOSE_MS,
    scheduleToStartTimeout: ANSWER_SCHEDULE_TO_START_MS,
    // As with `deliver`: the record says whether it may be tried again.
    retry: { initialInterval: "1 second", backoffCoefficient: 1 },
    priority: { priorityKey: 1 },
    summary: "Answer the sender",
    allowEagerDispatch: false,
  });
  return send(input);
}

/** A question to the account's vendor that nobody waits for; the next sweep asks again where no worker took it. */
function questionTo(accountId: string, summary: string) {
  return proxyActivities<Activities>({
    taskQueue: accountTaskQueue(accountId),
    startToCloseTimeout: DELIVER_START_TO_CLOSE_MS,
    scheduleToStartTimeout: "30 seconds",
    retry: { maximumAttempts: 1 },
    priority: { priorityKey: 4 },
    summary,
    allowEagerDispatch: false,
  });
}

export function probeAccount(
  input: Parameters<Activities["probeAccount"]>[0],
  accountId: string,
): ReturnType<Activities["probeAccount"]> {
  return questionTo(accountId, "Ask the vendor how the account is").probeAccount(input);
}

export function askVendor(
  input: Parameters<Activities["askVendor"]>[0],
  accountId: string,
): ReturnType<Activities["askVendor"]> {
  return questionTo(accountId, "Ask the vendor what became of a message").askVendor(input);
}

export function takeInventory(
  input: Parameters<Activities["takeInventory"]>[0],
  accountId: string,
): ReturnType<Activities["takeInventory"]> {
  return questionTo(accountId, "Ask the vendor for a list of the account's").takeInventory(input);
}

export const { sweep } = proxyActivities<Activities>({
  taskQueue: RECORDS_TASK_QUEUE,
  startToCloseTimeout: "30 seconds",
  retry: { maximumAttempts: 1 },
});
