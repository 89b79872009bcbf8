/**
 * Targets on their own clock: sleepers, reassigned and added ones. Personal channels from the first step in step order, each
 * with its step's window, attempts and `undeliveredAfter`, without group and role-up steps, one pass. A group is told once.
 */
import { beginGroupStep, beginPersonStep, beginTurn, renewInFlight } from "./begin-lines.ts";
import { hasMet } from "./evidence.ts";
import { keysOf, note, own, targetOf, turnOf } from "./run-draft.ts";
import type { Work } from "./run-draft.ts";
import type { Draft, Target } from "./run-state.ts";
import { asleepUntil } from "./sleep.ts";
import { channelsToBegin, personalStepsAfter } from "./step-targets.ts";
import { isOpen, windowEnd } from "./target-window.ts";

/** Joins those who have woken, takes those whose step is over to their next one. */
export function advanceLateTargets(work: Work): void {
  for (const key of keysOf(work)) {
    const target = targetOf(work, key);
    if (target.late === null || target.late.done) continue;
    if (isFinished(work.run, target)) finish(work, key);
    else if (target.late.isWaiting) join(work, key);
    else if (isStepOver(work.run, target, work.now)) goOn(work, key);
  }
}

function isFinished(run: Draft, target: Target): boolean {
  return target.out !== null || target.answered || hasMet(run.plan.rules.settledBy, target);
}

function finish(work: Work, key: string): void {
  const { late } = own(work, key);
  if (late !== null) late.done = true;
}

function join(work: Work, key: string): void {
  const seen = targetOf(work, key);
  if (asleepUntil(seen, work.now) !== null) return;
  note(work, "resumed", { target: key, reason: "late_target" });
  goOn(work, key);
}

export function lateStepEnd(run: Draft, target: Target): number {
  const turn = target.late === null ? null : turnOf(target, target.late.step);
  return turn === null ? -Infinity : windowEnd(run, target, turn);
}

function isStepOver(run: Draft, target: Target, now: number): boolean {
  if (target.late === null) return false;
  return !isOpen(run, target, target.late.step) || now >= lateStepEnd(run, target);
}

/** Begins the target's next step, or waits for its waking, or is done. */
function goOn(work: Work, key: string): void {
  const target = own(work, key);
  const { late } = target;
  if (late === null) return;
  const ended = turnOf(target, late.step);
  if (ended !== null) ended.closed = true;
  if (target.kind === "group") {
    const step = late.onlyStep;
    if (late.step === step || step === null || target.group.route.length === 0) {
      late.done = true;
      return;
    }
    late.step = step;
    late.isWaiting = false;
    beginGroupStep(work, key, step, "late_target");
    return;
  }
  if (asleepUntil(target, work.now) !== null) {
    late.isWaiting = true;
    return;
  }
  for (const step of personalStepsAfter(work.run, late.step)) {
    const hasMore = channelsToBegin(work.run, target, step, false).length > 0;
    late.step = step;
    late.isWaiting = false;
    if (!hasMore && !isOpen(work.run, target, step)) continue;
    beginPersonStep(work, key, step, "late");
    if (isOpen(work.run, target, step) && work.now < lateStepEnd(work.run, target)) return;
  }
  late.done = true;
}

/** After a snooze the target's step begins again with a new budget. */
export function restartLateSteps(work: Work): void {
  for (const key of keysOf(work)) {
    const target = targetOf(work, key);
    if (target.late === null || target.late.done || target.late.isWaiting) continue;
    if (isFinished(work.run, target)) continue;
    const { step } = target.late;
    if (target.kind === "person" && asleepUntil(target, work.now) === null) {
      beginPersonStep(work, key, step, "late_again");
    } else {
      beginTurn(work, own(work, key), step, true);
    }
    renewInFlight(work, own(work, key), step);
  }
}
