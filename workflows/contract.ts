/** Names and shapes that the API, the client and the workers share with the workflows. No behaviour but building and parsing ids. */
import { defineSearchAttributeKey, SearchAttributeType } from "@temporalio/common";

import type { DirectRequest, RecordedAct } from "../activities/contract.ts";
import type { Outcome } from "../domain/notification.ts";
import type { ReceiptFact } from "../domain/run.ts";

export const WORKFLOW_TASK_QUEUE = "siaga";
/** Where plan and settle go on when their local try did not come through. */
export const RECORDS_TASK_QUEUE = "siaga-records";
/** Every provider account has its own activity queue. */
export function accountTaskQueue(accountId: string): string {
  return `siaga-account-${accountId}`;
}

export const NOTIFICATION_WORKFLOW = "notification";
export const SWEEP_WORKFLOW = "sweep";
export const ANSWER_WORKFLOW = "answer";
export const PROBE_WORKFLOW = "probe";
export const ASK_WORKFLOW = "ask";
export const INVENTORY_WORKFLOW = "inventory";
export const SWEEP_SCHEDULE_ID = "siaga-sweep";

export function notificationWorkflowId(type: string, ref: string): string {
  return `notification/${type}/${ref}`;
}
export function parseNotificationWorkflowId(
  workflowId: string,
): { readonly type: string; readonly ref: string } | null {
  const [kind, type, ref, ...rest] = workflowId.split("/");
  return kind === "notification" && type && ref && rest.length === 0 ? { type, ref } : null;
}

/** One message of a person's gets one answer of Siaga's own, and each that a person writes has an id of its own. */
export function answerWorkflowId(inboundMessageId: string): string {
  return `answer/${inboundMessageId}`;
}
/** Privacy: ids alone; what is said is read from PostgreSQL when it is sent. */
export interface AnswerWorkflowInput {
  /** The answer's id: that of the message where Siaga answers by itself. */
  readonly inboundMessageId: string;
  /** Its queue carries the answer. */
  readonly accountId: string;
}

/** One question to a vendor at a time. */
export function probeWorkflowId(accountId: string): string {
  return `probe/${accountId}`;
}
export interface ProbeWorkflowInput {
  readonly accountId: string;
}

/** One question about a message at a time. */
export function askWorkflowId(deliveryId: string): string {
  return `ask/${deliveryId}`;
}
export interface AskWorkflowInput {
  readonly deliveryId: string;
  /** Its queue carries the question. */
  readonly accountId: string;
}

/** One question for a list at a time. */
export function inventoryWorkflowId({ accountId, kind }: InventoryWorkflowInput): string {
  return `inventory/${accountId}/${kind}`;
}
export interface InventoryWorkflowInput {
  readonly accountId: string;
  readonly kind: "templates" | "groups";
}

/** The API stored the row; or a direct start carries the request itself. */
export interface NotificationInput {
  readonly direct: DirectRequest | null;
}
export interface NotificationResult {
  readonly outcome: Outcome | null;
  readonly reason: string | null;
}

/** Facts that reach a run from outside, all under one signal name because order between names is not kept. */
export type SignalledFact =
  | ReceiptFact
  | ({ readonly kind: "act" } & { readonly act: RecordedAct })
  | { readonly kind: "replan"; readonly reason: string };

export const FACT_SIGNAL = "fact";
/** Steering acts, with updateId = actId; the answer says whether the run carried it out. */
export const STEER_UPDATE = "steer";
export interface SteerAnswer {
  readonly applied: boolean;
  readonly reason: string | null;
}

export const SEARCH_ATTRIBUTES = {
  type: defineSearchAttributeKey("NotificationType", SearchAttributeType.KEYWORD),
  priority: defineSearchAttributeKey("NotificationPriority", SearchAttributeType.KEYWORD),
  status: defineSearchAttributeKey("NotificationStatus", SearchAttributeType.KEYWORD),
  zone: defineSearchAttributeKey("Zone", SearchAttributeType.KEYWORD),
  ticket: defineSearchAttributeKey("Ticket", SearchAttributeType.KEYWORD),
  step: defineSearchAttributeKey("Step", SearchAttributeType.INT),
} as const;
