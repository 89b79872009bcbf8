/**
 * When an account is taken out, and how it comes back. Only failures of the account itself count: one bad number must not take
 * it out for all. While it is out another account carries its messages; after a while one message tries it.
 *
 * `healthy` → `out` → `probing` (one message tries it) → `healthy`, or `out` again. `draining` is left by a person alone.
 */
import type { HealthState } from "./account.ts";
import type { FailureKind } from "./result-kind.ts";

/** Why an account is out or, when banned, drained; a person's own draining has other reasons. */
export const OUTAGES = [
  /** Its requests failed one after another. */
  "failing",
  /** Its credentials were refused. */
  "unauthorized",
  /** It accepts, and nothing leaves: no `sent` for several messages in a row. */
  "silent",
  "device_disconnected",
  "restricted",
  "banned",
] as const;
export type Outage = (typeof OUTAGES)[number];

export function isOutage(reason: string | null): reason is Outage {
  return OUTAGES.some((outage) => outage === reason);
}

/** Outages that an accepted message ends. A silent device and one that is disconnected accept too. */
const ENDED_BY_ACCEPTANCE: readonly Outage[] = ["failing", "unauthorized"];
/** Outages that the vendor's word ends. Gateways whose messages don't leave say that they are connected, too: those must show it. */
const ENDED_BY_WORD: readonly Outage[] = ["device_disconnected"];
/** Outages that are tried again, and ended by a message that leaves; a ban is for a person to end. */
const TRIED_AGAIN: readonly Outage[] = [...ENDED_BY_ACCEPTANCE, ...ENDED_BY_WORD, "silent"];

/**
 * Failures in a row that open the circuit; each try counts. Where one request in ten fails at random, five in a row are met
 * once in a hundred thousand; two messages whose tries all fail are enough.
 */
const FAILURES_MAX = 5;
/** Nobody mistypes a stored password: the second refusal only rules out a vendor's slip. */
const UNAUTHORIZED_MAX = 2;

/** Messages in a row without `sent` by the account's deadline. */
export const SILENT_SENDS_MAX = 3;

/** The first try comes after this; each that fails doubles the distance. */
const TRY_AFTER_MS = 30_000;
const TRY_AFTER_MS_MAX = 600_000;

/** Times are epoch ms. */
export interface Circuit {
  readonly state: HealthState;
  readonly reason: string | null;
  readonly since: number;
  /** Failures of the account in a row, each try counted. */
  readonly failures: number;
  /** Since it went out. */
  readonly failedTries: number;
  /** Null: in use, or for a person to end. */
  readonly nextTryAt: number | null;
  /** While probing: the delivery that tries it. */
  readonly trialId: string | null;
}

/** A request failed for the account's own reasons. A pace that is exceeded is no illness. */
export function afterFailure(circuit: Circuit, kind: FailureKind, now: number): Circuit {
  if (kind === "rate_limited" || kind === "rejected" || kind === "opted_out") return circuit;
  const failures = circuit.failures + 1;
  const outage = kind === "unauthorized" ? "unauthorized" : "failing";
  const failuresMax = kind === "unauthorized" ? UNAUTHORIZED_MAX : FAILURES_MAX;
  if (circuit.state === "probing") return { ...backOut(circuit, now), failures };
  if (circuit.state === "healthy" && failures >= failuresMax) {
    return { ...takeOut(circuit, outage, now), failures };
  }
  return { ...circuit, failures };
}

/** The vendor answered as it should, if only to refuse a recipient. */
export function afterAnswer(circuit: Circuit, now: number): Circuit {
  const isOver = isIll(circuit) && isOneOf(circuit.reason, ENDED_BY_ACCEPTANCE);
  if (isOver) return recovered(now);
  return circuit.failures === 0 ? circuit : { ...circuit, failures: 0 };
}

/** What was accepted has not left in time: several messages in a row, or the one that tried the account. */
export function afterSilence(circuit: Circuit, now: number): Circuit {
  if (circuit.state === "probing") return backOut(circuit, now);
  return circuit.state === "healthy" ? takeOut(circuit, "silent", now) : circuit;
}

/** A message left after the account had gone out. */
export function afterSent(circuit: Circuit, now: number): Circuit {
  return isIll(circuit) && isOneOf(circuit.reason, TRIED_AGAIN) ? recovered(now) : circuit;
}

export type AccountReport = "connected" | "disconnected" | "restricted" | "banned";

/** What the vendor says of the number, by itself or when asked. Repeats change nothing. */
export function afterReport(circuit: Circuit, report: AccountReport, now: number): Circuit {
  if (circuit.state === "draining") return circuit;
  switch (report) {
    case "connected":
      return isIll(circuit) && isOneOf(circuit.reason, ENDED_BY_WORD) ? recovered(now) : circuit;
    case "disconnected":
      return circuit.state === "out" && circuit.reason === "device_disconnected"
        ? circuit
        : takeOut(circuit, "device_disconnected", now);
    case "restricted":
      return circuit.reason === "restricted" ? circuit : takeOut(circuit, "restricted", now);
    case "banned":
      return { ...takeOut(circuit, "banned", now), state: "draining" };
  }
}

/** Lets one message try the account, when it is time. */
export function tryAgain(circuit: Circuit, now: number): Circuit {
  const isTime = circuit.nextTryAt !== null && now >= circuit.nextTryAt;
  if (circuit.state !== "out" || !isTime) return circuit;
  return { ...circuit, state: "probing", nextTryAt: null, trialId: null };
}

/** Makes this delivery the one that tries the account; another one's stays. */
export function takeTrial(circuit: Circuit, deliveryId: string): Circuit {
  if (circuit.state !== "probing" || circuit.trialId !== null) return circuit;
  return { ...circuit, trialId: deliveryId };
}

/** The message that was to try it never went: the next one may. */
export function dropTrial(circuit: Circuit): Circuit {
  return circuit.state === "probing" ? { ...circuit, trialId: null } : circuit;
}

function takeOut(circuit: Circuit, reason: Outage, now: number): Circuit {
  return {
    ...circuit,
    state: "out",
    reason,
    since: now,
    failedTries: 0,
    trialId: null,
    nextTryAt: isOneOf(reason, TRIED_AGAIN) ? now + TRY_AFTER_MS : null,
  };
}

/** The same outage goes on: people are not told of it anew. */
function backOut(circuit: Circuit, now: number): Circuit {
  const failedTries = circuit.failedTries + 1;
  return {
    ...circuit,
    state: "out",
    failedTries,
    trialId: null,
    nextTryAt: now + Math.min(TRY_AFTER_MS_MAX, TRY_AFTER_MS * 2 ** failedTries),
  };
}

function recovered(now: number): Circuit {
  return {
    state: "healthy",
    reason: null,
    since: now,
    failures: 0,
    failedTries: 0,
    nextTryAt: null,
    trialId: null,
  };
}

function isIll({ state }: Circuit): boolean {
  return state === "out" || state === "probing";
}

function isOneOf(reason: string | null, outages: readonly Outage[]): boolean {
  return outages.some((outage) => outage === reason);
}
