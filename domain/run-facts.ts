/** What each fact changes. Recording only: what follows from it is decided when the ladder is asked what to do. */
import { assertNever } from "./assert.ts";
import { proveSent, recordReceipt, recordResult } from "./line.ts";
import { NO_SENT_RECEIPT } from "./orders.ts";
import { startPass } from "./pass.ts";
import type { DeliveryKey, Fact } from "./run.ts";
import { keysOf, note, own } from "./run-draft.ts";
import type { Work } from "./run-draft.ts";
import type { LineDelivery } from "./run-state.ts";
import { replan } from "./replan.ts";
import { steer } from "./steering.ts";

type FactOf<Kind extends Fact["kind"]> = Extract<Fact, { kind: Kind }>;

export function record(work: Work, fact: Fact): void {
  const { run } = work;
  if ("actId" in fact) {
    // Idempotency: an update that times out and is signalled afterwards arrives twice.
    if (run.seenActs.includes(fact.actId)) return;
    run.seenActs = [...run.seenActs, fact.actId];
  }
  switch (fact.kind) {
    case "result":
      if (fact.result.kind === "not_sent" && fact.result.reason === "not_needed") {
        spare(work, fact);
        return;
      }
      noteTakingOver(work, fact);
      recordOn(work, fact.key, fact.at, (delivery, at) => {
        recordResult(delivery, fact.result, at);
      });
      banIfRefused(work, fact);
      return;
    case "receipt":
      recordOn(work, fact, fact.at, (delivery, at) => {
        recordReceipt(delivery, fact, at);
      });
      return;
    case "stopped":
      stop(work, fact);
      return;
    case "reopened":
      reopen(work, fact);
      return;
    case "replanned":
      replan(work, fact);
      return;
    case "role_up_planned":
      if (run.phase.kind === "role_up" && run.phase.isAsked && run.phase.role === fact.role) {
        run.phase = {
          ...run.phase,
          answer: run.phase.answer ?? { persons: fact.persons, reason: fact.reason },
        };
      }
      return;
    case "answered":
    case "refuse":
    case "escalate":
    case "snooze":
    case "resend":
    case "policy_changed":
    case "reassigned":
      // Once stopped or ended nothing steers a run any more.
      if (run.end === null && run.stopped === null) steer(work, fact);
      return;
    default:
      assertNever(fact, "fact");
  }
}

function recordOn(
  work: Work,
  key: DeliveryKey,
  at: number,
  change: (delivery: LineDelivery, at: number) => void,
): void {
  const place = findDelivery(work, key);
  if (place === null) return;
  const delivery = own(work, key.target).lines[place.line]?.deliveries[place.delivery];
  if (delivery === undefined) return;
  // A vendor's clock may be wrong: nothing happened before the order or after the fact was learned.
  change(delivery, Math.min(Math.max(at, delivery.orderedAt), work.now));
}

/**
 * The hand-over was not needed: the one before has left, and the line goes on as if this one had never been ordered. Its number is not used again, because what
 * has left is not handed over.
 */
function spare(work: Work, { key, at }: FactOf<"result">): void {
  const place = findDelivery(work, key);
  if (place === null) return;
  const deliveries = own(work, key.target).lines[place.line]?.deliveries ?? [];
  const before = deliveries[place.delivery - 1];
  if (before?.attempt !== key.attempt || deliveries[place.delivery]?.result !== null) return;
  deliveries.splice(place.delivery, 1);
  proveSent(before, Math.min(Math.max(at, before.orderedAt), work.now));
}

/** An account took over for want of `sent`, and was needed. */
function noteTakingOver(work: Work, { key, result }: FactOf<"result">): void {
  const place = findDelivery(work, key);
  if (place === null || result.kind === "not_sent") return;
  const delivery = work.run.targets[key.target]?.lines[place.line]?.deliveries[place.delivery];
  if (delivery === undefined || delivery.result !== null || delivery.standsInFor === null) return;
  note(work, "failed_over", {
    pass: key.pass,
    step: key.step,
    target: key.target,
    channel: key.channel,
    accountId: delivery.accountId,
    reason: NO_SENT_RECEIPT,
    detail: { from: delivery.standsInFor },
  });
}

/** Where the delivery of this key is; null for one that this run never ordered. */
function findDelivery(
  work: Work,
  key: DeliveryKey,
): { readonly line: number; readonly delivery: number } | null {
  const lines = work.run.targets[key.target]?.lines ?? [];
  const line = lines.findIndex(
    (candidate) =>
      candidate.pass === key.pass &&
      candidate.step === key.step &&
      candidate.channel === key.channel,
  );
  const deliveries = lines[line]?.deliveries ?? [];
  const delivery = deliveries.findIndex(
    (candidate) => candidate.attempt === key.attempt && candidate.handOver === key.handOver,
  );
  return delivery < 0 ? null : { line, delivery };
}

/** A permanent refusal is never tried again for this target, in no later step or pass of the run. */
function banIfRefused(work: Work, fact: FactOf<"result">): void {
  const { key, result } = fact;
  if (result.kind !== "failed") return;
  if (result.resultKind !== "rejected" && result.resultKind !== "opted_out") return;
  if (findDelivery(work, key) === null) return;
  const target = own(work, key.target);
  if (!target.banned.includes(key.channel)) target.banned.push(key.channel);
}

/** The referee has decided. A resolution or cancellation may follow an acknowledgment whose resolution is tracked. */
function stop(work: Work, fact: FactOf<"stopped">): void {
  const { run } = work;
  const mayFollow =
    run.stopped?.by === "acknowledge" &&
    fact.by !== "acknowledge" &&
    run.plan.rules.tracksResolution;
  if (run.stopped !== null && !mayFollow) return;
  run.stopped = { by: fact.by, at: fact.at };
  // An outcome of the ladder's own gives way: the referee's answer was given first.
  run.end = null;
  if (fact.by === "acknowledge") run.firstAnswerAt ??= fact.at;
}

function reopen(work: Work, fact: FactOf<"reopened">): void {
  const { run } = work;
  // Idempotency: a repetition of an earlier reopening is older than the acknowledgment that stands.
  if (run.stopped?.by !== "acknowledge" || fact.at < run.stopped.at) return;
  run.stopped = null;
  run.end = null;
  run.snoozedUntil = null;
  run.escalates = false;
  run.isNoticed = false;
  for (const key of keysOf(work)) {
    const target = own(work, key);
    target.late = null;
    target.answered = false;
  }
  const acknowledger = fact.acknowledger === null ? undefined : run.targets[fact.acknowledger];
  note(work, "reopened", {
    pass: run.pass + 1,
    target: acknowledger?.key ?? null,
    reason: "not_resolved_in_time",
  });
  const isAsked = acknowledger?.kind === "person" && acknowledger.out === null;
  startPass(
    work,
    run.pass + 1,
    isAsked ? { kind: "reopened", acknowledger: acknowledger.key } : { kind: "run" },
  );
}
