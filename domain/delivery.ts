import { assertNever } from "./assert.ts";
import type { SettledBy } from "./escalation-policy.ts";

/**
 * The status of one delivery, and what reports do to it.
 *
 * - `intended`: surely not sent, may be sent. `sending`: the request may have begun.
 * - `unknown`: lost after sending may have begun. Never sent again on its own.
 * - `accepted`: the vendor took it. `sent`: it left towards the recipient. `delivered`, `read`: it arrived.
 * - `failed`: it will not arrive.
 * - `superseded`: another delivery took its place and this one went out all the same.
 * - `skipped`: decided against, with a reason.
 *
 * Ordering: vendors report twice, late and out of order. Reports therefore only raise a status along `EVIDENCE_RANK`, and
 * the highest one wins whatever came first, so every order of the same reports ends in the same status.
 * `failed` ranks above `sent` (a message that left can still fail) and below `delivered` (vendors report "failed" for
 * messages that did arrive); the contradiction is kept as a note.
 *
 * Not reports, and so not in this file: taking an `intended` delivery to `sending`, a repeat within the attempt after a
 * failure that surely sent nothing, skipping. Those are conditional statements of the sender.
 */
export const DELIVERY_STATUSES = [
  "intended",
  "sending",
  "accepted",
  "sent",
  "delivered",
  "read",
  "failed",
  "unknown",
  "superseded",
  "skipped",
] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** What a vendor reports about a message after its first answer. */
export const RECEIPT_KINDS = ["sent", "delivered", "read", "failed"] as const;
export type ReceiptKind = (typeof RECEIPT_KINDS)[number];

/** A receipt, or the outcome of the send call itself, which can come after an early receipt. */
export const EVIDENCE_KINDS = [...RECEIPT_KINDS, "accepted", "unknown"] as const;
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number];

const EVIDENCE_RANK: Readonly<Record<Exclude<DeliveryStatus, "skipped">, number>> = {
  intended: 0,
  sending: 1,
  unknown: 2,
  accepted: 3,
  sent: 4,
  failed: 5,
  delivered: 6,
  read: 7,
  superseded: 8,
};

export const RECEIPT_NOTES = [
  /** Both "failed" and "delivered" or "read" were reported; it counts as arrived. */
  "contradiction",
  /** The copy that was replaced shows signs of life: its cost counts, and what it proves about the person too. */
  "superseded_evidence",
  /** A report for something that was never handed to a vendor. */
  "unexpected",
] as const;
export type ReceiptNote = (typeof RECEIPT_NOTES)[number];

export interface MergedReceipt {
  readonly status: DeliveryStatus;
  readonly changed: boolean;
  readonly note: ReceiptNote | null;
}

/**
 * Applies one report. `isReplaced` says that another delivery has taken this one's place (failover, or another channel
 * after an unknown outcome): if this one turns out to have left, it becomes `superseded`.
 */
export function mergeReceipt(
  current: DeliveryStatus,
  evidence: EvidenceKind,
  options: { readonly isReplaced: boolean } = { isReplaced: false },
): MergedReceipt {
  if (current === "skipped") return { status: current, changed: false, note: "unexpected" };

  const hasLeft = evidence === "sent" || evidence === "delivered" || evidence === "read";
  const reported = hasLeft && options.isReplaced ? "superseded" : evidence;
  const status = EVIDENCE_RANK[reported] > EVIDENCE_RANK[current] ? reported : current;
  return {
    status,
    changed: status !== current,
    note: noteOn(current, evidence, status, options.isReplaced),
  };
}

function noteOn(
  before: DeliveryStatus,
  evidence: EvidenceKind,
  after: DeliveryStatus,
  isReplaced: boolean,
): ReceiptNote | null {
  if (after === "superseded") return "superseded_evidence";
  // Ordering: whether this one has left is still open, and then says more than a contradiction.
  if (isReplaced) return null;
  const hadArrived = before === "delivered" || before === "read";
  const hasArrived = evidence === "delivered" || evidence === "read";
  const isContradiction =
    (before === "failed" && hasArrived) || (hadArrived && evidence === "failed");
  return isContradiction ? "contradiction" : null;
}

/** Whether a status proves what a policy waits for. An acknowledgment is a person's act and never follows from a status. */
export function isEvidenceAtLeast(status: DeliveryStatus, settledBy: SettledBy): boolean {
  switch (settledBy) {
    case "sent":
      return status === "sent" || status === "delivered" || status === "read";
    case "delivered":
      return status === "delivered" || status === "read";
    case "read":
      return status === "read";
    case "acknowledged":
      return false;
    default:
      return assertNever(settledBy, "settledBy");
  }
}

/**
 * The statuses whose time a status proves, itself included: a vendor that reports "read" alone has also sent and
 * delivered. Their times are the same instant unless reported apart.
 */
export function impliedStatuses(status: DeliveryStatus): readonly DeliveryStatus[] {
  switch (status) {
    case "read":
      return ["accepted", "sent", "delivered", "read"];
    case "delivered":
      return ["accepted", "sent", "delivered"];
    case "sent":
      return ["accepted", "sent"];
    case "accepted":
    case "intended":
    case "sending":
    case "failed":
    case "unknown":
    case "superseded":
    case "skipped":
      return [status];
    default:
      return assertNever(status, "delivery status");
  }
}

/** Still to be tried, in flight, or taken without a final word: it may yet arrive. */
export function isInFlight(status: DeliveryStatus): boolean {
  return ["intended", "sending", "accepted", "sent"].includes(status);
}

/** A vendor took the message at some point, so it isn't "undeliverable". `failed` says so only with its own history. */
export function wasAccepted(status: DeliveryStatus): boolean {
  return ["accepted", "sent", "delivered", "read", "superseded"].includes(status);
}
