/** How a run ends without an act, and who was left unreached or unanswered. */
import { hasMet, isProven, wasAccepted } from "./evidence.ts";
import { standingOf } from "./line.ts";
import type { LadderEnd } from "./run.ts";
import type { Outcome } from "./notification.ts";
import type { Draft, Target } from "./run-state.ts";
import { isMootReason } from "./suppression.ts";

export function hasInFlight(run: Draft): boolean {
  return Object.values(run.targets).some((target) =>
    target.lines.some((line) =>
      line.deliveries.some((delivery) => standingOf(delivery) === "in_flight"),
    ),
  );
}

/** The outcome when the steps, every late target's too, are over and nothing is in flight. */
export function outcomeOf(run: Draft): LadderEnd {
  const isAccepted = Object.values(run.targets).some(wasAccepted);
  const { suppressed } = run.plan;
  if (suppressed !== null && (!isAccepted || isMootReason(suppressed))) {
    return endWith(run, "suppressed", suppressed);
  }
  if (run.plan.rules.settledBy === "acknowledged") {
    if (isAcknowledged(run)) return endWith(run, "acknowledged", null);
    if (!isAccepted) return endWith(run, "undeliverable", whyUndeliverable(run));
    const isPartly = Object.values(run.targets).some((target) => target.answered);
    return endWith(run, "exhausted", isPartly ? "partly_acknowledged" : "nobody_answered");
  }
  if (haveAllMet(run)) return endWith(run, isAllDelivered(run) ? "delivered" : "sent", null);
  if (isAccepted) return endWith(run, "sent", "partly_reached");
  return endWith(run, "undeliverable", whyUndeliverable(run));
}

/**
 * Enough persons have answered: with `all` everybody who was asked from the beginning, groups and those told in passing not counted. With `any` the
 * referee stops the run; an answer given under `all` counts when another policy asks for less.
 */
export function isAcknowledged(run: Draft): boolean {
  if (run.plan.rules.settledBy !== "acknowledged") return false;
  const asked = Object.values(run.targets).filter(
    (target) => target.kind === "person" && target.isMember && target.out === null,
  );
  if (run.plan.rules.acknowledgment === "any") return asked.some((target) => target.answered);
  return asked.length > 0 && waitedFor(asked).every((target) => target.answered);
}

/** Whom the outcome is about: not who is out, nor groups that no step came to tell. */
function countedTargets(run: Draft): readonly Target[] {
  return Object.values(run.targets).filter((target) => {
    if (target.out !== null) return false;
    return target.kind === "person" || target.lines.length > 0 || target.isSkipped;
  });
}

export function haveAllMet(run: Draft): boolean {
  const judged = judgedTargets(run);
  return judged.length > 0 && judged.every((target) => hasMet(run.plan.rules.settledBy, target));
}

function judgedTargets(run: Draft): readonly Target[] {
  return waitedFor(countedTargets(run));
}

/** A person told in passing only (`only`) is waited for by nobody, unless there is nobody else. */
function waitedFor(targets: readonly Target[]): readonly Target[] {
  const own = targets.filter((target) => target.kind === "group" || target.person.only === null);
  return own.length > 0 ? own : targets;
}

/** Where a group's account can tell no more than `sent`, the run says no more either. */
function isAllDelivered(run: Draft): boolean {
  const { settledBy } = run.plan.rules;
  if (settledBy === "acknowledged" || settledBy === "sent") return false;
  return judgedTargets(run).every((target) => isProven(settledBy, target));
}

function whyUndeliverable(run: Draft): string {
  const deliveries = Object.values(run.targets).flatMap((target) =>
    target.lines
      .filter((line) => line.channel !== "in_app")
      .flatMap((line) => line.deliveries.map(standingOf)),
  );
  if (deliveries.length === 0) return "nobody_reachable";
  return deliveries.includes("unknown") ? "unknown_outcome" : "nothing_accepted";
}

export function endWith(run: Draft, outcome: Outcome, reason: string | null): LadderEnd {
  const { settledBy } = run.plan.rules;
  const counted = countedTargets(run);
  const isUnreached = (target: Target): boolean =>
    settledBy === "acknowledged" ? !wasAccepted(target) : !hasMet(settledBy, target);
  return {
    outcome,
    reason,
    unreached: counted.filter(isUnreached).map((target) => target.key),
    unanswered:
      settledBy === "acknowledged"
        ? waitedFor(counted.filter((target) => target.kind === "person"))
            .filter((target) => !target.answered)
            .map((target) => target.key)
        : [],
  };
}
