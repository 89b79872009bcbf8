import type pg from "pg";

import { openDelivery } from "../db/deliveries.ts";
import { newId } from "../db/new-id.ts";
import { writeInApp } from "../db/settle.ts";
import { composeClosingMessage, type MessageSettings } from "./outbound-message.ts";

/** The closing message for somebody whom no chat can bring it: a row of the inbox. Idempotency: one for each closing and person. */
export async function writeClosingInInbox(
  deps: { readonly pool: pg.Pool; readonly settings: MessageSettings },
  {
    closing,
    notificationId,
    now,
    userId,
  }: {
    readonly notificationId: string;
    /** Counts the closings of the run. */
    readonly closing: number;
    readonly userId: string;
    readonly now: number;
  },
): Promise<void> {
  const context = await openDelivery(deps.pool, {
    deliveryId: newId("dlv", now),
    notificationId,
    purpose: "closing",
    pass: closing,
    step: 0,
    target: userId,
    channel: "in_app",
    attempt: 1,
    handOver: 0,
    accountId: "",
    orderReason: "closing",
    because: null,
    evidence: [],
    now,
  });
  const message = context && composeClosingMessage(context, "in_app", deps.settings, now, null);
  if (!message) return;
  await writeInApp(deps.pool, {
    id: newId("ina", now),
    notificationId,
    userId,
    purpose: "closing",
    purposeKey: String(closing),
    deliveryId: context.delivery.id,
    title: message.title,
    body: message.text,
    now,
  });
}
