/**
 * What the facts say about one delivery and about one line (a target's deliveries on one channel of a step): pure reading,
 * and the recording of results and receipts. Ordering: every order of the same facts gives the same record.
 */
import { assertNever } from "./assert.ts";
import { VERDICTS } from "./result-kind.ts";
import type { DeliveryResult, ReceiptFact } from "./run.ts";
import { EVIDENCE } from "./run-state.ts";
import type { Evidence, Line, LineDelivery } from "./run-state.ts";

/**
 * - `in_flight`: ordered, no answer yet. `alive`: accepted or better, without failure.
 * - `refused`: surely not sent. `failed`: the vendor gave up on it. `busy`: it failed for now (busy, no answer).
 * - `unknown`: perhaps sent. `stopped`, `cancelled`: not sent because nobody wants it any more.
 */
export type Standing =
  "in_flight" | "alive" | "refused" | "failed" | "busy" | "unknown" | "stopped" | "cancelled";

export function standingOf(delivery: LineDelivery): Standing {
  if (delivery.evidence >= EVIDENCE.delivered) return "alive";
  if (delivery.failure !== null) return delivery.failure.final ? "failed" : "busy";
  if (delivery.evidence >= EVIDENCE.accepted) return "alive";
  switch (delivery.result) {
    case null:
      return "in_flight";
    case "accepted":
      return "alive";
    case "failed":
      return "refused";
    case "unknown":
    case "stopped":
    case "cancelled":
      return delivery.result;
    default:
      return assertNever(delivery.result, "delivery result");
  }
}

export function newestOf(line: Line): LineDelivery | null {
  return line.deliveries.at(-1) ?? null;
}

/** True when something of this line arrived: a later failure on it no longer means that the channel is broken. */
export function hasArrived(line: Line): boolean {
  return line.deliveries.some((delivery) => delivery.evidence >= EVIDENCE.delivered);
}

/** Number of the last attempt; 0 when none was ordered. Numbers count on over budgets. */
export function lastAttemptOf(line: Line): number {
  return newestOf(line)?.attempt ?? 0;
}

export function attemptsLeft(line: Line): number {
  return line.budget - (lastAttemptOf(line) - line.spentBefore);
}

/** A message of this line is under way, arrived, or may have: whoever gets it counts as told. */
export function isTold(line: Line): boolean {
  return line.deliveries.some((delivery) => {
    const standing = standingOf(delivery);
    if (standing === "in_flight") return !delivery.withdrawn;
    return standing === "alive" || standing === "unknown" || standing === "busy";
  });
}

/** Nothing more can come of this line, and nothing of it arrived. */
export function isBroken(line: Line): boolean {
  if (hasArrived(line)) return false;
  const newest = newestOf(line);
  if (newest === null) return false;
  const standing = standingOf(newest);
  return (
    standing === "refused" ||
    standing === "failed" ||
    (standing === "busy" && (attemptsLeft(line) <= 0 || line.carried))
  );
}

export function recordResult(delivery: LineDelivery, result: DeliveryResult, at: number): void {
  // Idempotency: `deliver` answers once; a second answer is a repetition of the first.
  if (delivery.result !== null) return;
  switch (result.kind) {
    case "accepted":
      delivery.result = "accepted";
      raise(delivery, EVIDENCE[result.status], at);
      return;
    case "failed":
      delivery.result = "failed";
      delivery.refusal = {
        at,
        kind: result.resultKind,
        mayFailOver: result.scope === "account" && VERDICTS[result.resultKind].failover !== "never",
      };
      return;
    case "unknown":
      delivery.result = "unknown";
      return;
    case "not_sent":
      // Not needed: taken off its line, see `spare` in run-facts.ts.
      if (result.reason !== "not_needed") delivery.result = result.reason;
      return;
    default:
      assertNever(result, "delivery result");
  }
}

export function recordReceipt(delivery: LineDelivery, receipt: ReceiptFact, at: number): void {
  if (receipt.status === "failed") {
    // A vendor that reports on a message has taken it.
    raise(delivery, EVIDENCE.accepted, at);
    delivery.failure = {
      at: Math.min(delivery.failure?.at ?? at, at),
      final: receipt.final || delivery.failure?.final === true,
      reason: firstOf(delivery.failure?.reason ?? null, receipt.reason),
    };
    delivery.endedAt = Math.min(delivery.endedAt ?? at, at);
    return;
  }
  raise(delivery, EVIDENCE[receipt.status], at);
  if (receipt.final && receipt.status !== "sent") {
    delivery.endedAt = Math.min(delivery.endedAt ?? at, at);
  }
}

/** It left: the record says so, the run was not told. */
export function proveSent(delivery: LineDelivery, at: number): void {
  raise(delivery, EVIDENCE.sent, at);
}

function raise(delivery: LineDelivery, evidence: Evidence, at: number): void {
  if (evidence > delivery.evidence) delivery.evidence = evidence;
  delivery.acceptedAt = Math.min(delivery.acceptedAt ?? at, at);
  if (evidence === EVIDENCE.read) delivery.readAt = Math.min(delivery.readAt ?? at, at);
}

/** Ordering: of two reasons the same one wins whichever came first. */
function firstOf(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}

/** When it was accepted, as far as known; else when it was ordered. */
export function acceptedAtOf(delivery: LineDelivery): number {
  return delivery.acceptedAt ?? delivery.orderedAt;
}
