import type pg from "pg";

import { openDelivery } from "../db/deliveries.ts";
import { newId } from "../db/new-id.ts";
import { writeProgress } from "../db/progress.ts";
import { writeInApp } from "../db/settle.ts";
import { withoutCollision } from "../db/transaction.ts";
import type { InAppOrder } from "../domain/run.ts";
import type { Progress } from "./contract.ts";
import { composeLadderMessage, type MessageSettings } from "./outbound-message.ts";

export interface ProgressDeps {
  readonly pool: pg.Pool;
  readonly settings: MessageSettings;
  readonly now: () => number;
}

/** Writes the run's own part of the record and the inbox rows of its steps. Harmless when it runs twice. */
export function createRecordProgress(deps: ProgressDeps) {
  return async function recordProgress(input: {
    readonly notificationId: string;
    readonly progress: Progress;
  }): Promise<void> {
    const { notificationId, progress } = input;
    for (const order of progress.inApp) await writeToInbox(deps, notificationId, order);
    await withoutCollision(() => writeProgress(deps.pool, notificationId, progress));
  };
}

async function writeToInbox(
  deps: ProgressDeps,
  notificationId: string,
  order: InAppOrder,
): Promise<void> {
  const now = deps.now();
  const context = await openDelivery(deps.pool, {
    deliveryId: newId("dlv", now),
    notificationId,
    purpose: "ladder",
    pass: order.pass,
    step: order.step,
    target: order.target,
    channel: "in_app",
    attempt: 1,
    handOver: 0,
    accountId: "",
    orderReason: "step",
    because: null,
    evidence: [],
    now,
  });
  if (!context || context.delivery.status !== "intended") return;
  const message = composeLadderMessage({
    context,
    channel: "in_app",
    provider: null,
    code: null,
    answerUrl: null,
    settings: deps.settings,
    linked: context.notification.attachments,
    now,
  });
  if (!message) return;
  await writeInApp(deps.pool, {
    id: newId("ina", now),
    notificationId,
    userId: order.target,
    purpose: "ladder",
    purposeKey: `${order.pass}/${order.step}`,
    deliveryId: context.delivery.id,
    title: message.title,
    body: message.text,
    now,
  });
}
