/** A step of the run's own ladder: how it begins, whom it leaves to sleep, and when it is over. */
import {
  beginGroupStep,
  beginPersonStep,
  beginTurn,
  renewInFlight,
  makeLate,
  writeInAppRow,
} from "./begin-lines.ts";
import { hasMet } from "./evidence.ts";
import { nextRoleUp } from "./role.ts";
import { highestRankTold } from "./role-up.ts";
import { note, own, stepOf, turnOf } from "./run-draft.ts";
import type { Work } from "./run-draft.ts";
import type { Draft, GroupTarget, PersonTarget, Target } from "./run-state.ts";
import { asleepUntil, treatmentOf } from "./sleep.ts";
import { channelsToBegin, groupsOf, personsOf, stepsAfter } from "./step-targets.ts";
import { isOpen, windowEnd } from "./target-window.ts";

/** Whom a step would tell now, and who of them sleeps. */
interface StepTargets {
  /** Persons with something to begin, on whatever channel. */
  readonly persons: readonly PersonTarget[];
  readonly groups: readonly GroupTarget[];
  readonly unreachableGroups: readonly GroupTarget[];
  readonly awake: readonly Target[];
  readonly asleep: readonly Target[];
}

function targetsOf(run: Draft, step: number, again: boolean, now: number): StepTargets {
  const persons = personsOf(run, step).filter(
    (target) => channelsToBegin(run, target, step, again).length > 0,
  );
  const matching = groupsOf(run, step);
  const groups = matching.filter((target) => target.group.route.length > 0);
  const awake: Target[] = [];
  const asleep: Target[] = [];
  for (const target of [...persons, ...groups]) {
    const wakesAt = asleepUntil(target, now);
    if (!isDisturbed(run, target, step, again)) {
      // A silent row suffices this person: it is told now, asleep or not.
      if (target.kind === "person" && target.person.silentSuffices && target.person.only === null) {
        awake.push(target);
      }
    } else if (wakesAt === null) awake.push(target);
    else asleep.push(target);
  }
  return {
    persons,
    groups,
    unreachableGroups: matching.filter((target) => target.group.route.length === 0),
    awake,
    asleep,
  };
}

/** Something of this step would leave the house for this target; an in-app row is silent. */
function isDisturbed(run: Draft, target: Target, step: number, again: boolean): boolean {
  if (target.kind === "group") return true;
  return channelsToBegin(run, target, step, again).some((channel) => channel !== "in_app");
}

/**
 * Begins a step, or holds before it, or passes it. `again`: after a snooze, with new budgets. False: everybody sleeps and the
 * policy goes on without them.
 */
export function startStep(
  work: Work,
  step: number,
  again: boolean,
  heldUntil: number | null,
): boolean {
  const { run, now } = work;
  const told = targetsOf(run, step, again, now);
  const isWaitedFor =
    told.awake.length > 0 ||
    participantsOf(run, step).some((target) => isOpen(run, target, step)) ||
    isReplaced(run, step, now);
  if (told.asleep.length > 0 && !isWaitedFor) return holdOrPass(work, step, told, heldUntil);

  if (heldUntil !== null) note(work, "resumed", { step, reason: "quiet_hours" });
  run.phase = { kind: "step", step, startedAt: now };
  note(work, "step_started", {
    step,
    reason: again ? "snooze_over" : null,
    detail: {
      persons: countAwake(told.persons, told),
      groups: countAwake(told.groups, told),
      asleep: told.asleep.length,
    },
  });
  if (again) restartClocks(work, step);
  for (const { key } of told.unreachableGroups) skipGroup(work, key, step);
  for (const target of told.persons) {
    if (told.asleep.includes(target)) leaveAsleep(work, target.key, step);
    else beginPersonStep(work, target.key, step, again ? "again" : "step");
  }
  for (const target of told.groups) {
    if (told.asleep.includes(target)) leaveAsleep(work, target.key, step);
    else beginGroupStep(work, target.key, step, "step");
  }
  bringSkippedSteps(work);
  return true;
}

function countAwake(targets: readonly Target[], told: StepTargets): number {
  return targets.filter((target) => !told.asleep.includes(target)).length;
}

function holdOrPass(
  work: Work,
  step: number,
  told: StepTargets,
  heldUntil: number | null,
): boolean {
  const { run, now } = work;
  if (treatmentOf(run, told.asleep) === "next_awake" && hasLaterAwake(run, step, now)) {
    if (heldUntil !== null) note(work, "resumed", { step, reason: "next_awake" });
    passAsleep(work, step, "nobody_reachable");
    return false;
  }
  const until = Math.min(...told.asleep.map((target) => asleepUntil(target, now) ?? now));
  for (const { key } of told.persons) writeInAppRow(work, key, step);
  run.phase = { kind: "holding", step, until, asleep: told.asleep.length };
  work.changes += 1;
  if (heldUntil !== until) {
    note(work, "held", {
      step,
      reason: "quiet_hours",
      detail: { until, asleep: told.asleep.length },
    });
  }
  return true;
}

/** Passes a step that has not begun: its sleepers join on their own clock. */
export function passAsleep(
  work: Work,
  step: number,
  reason: "nobody_reachable" | "escalated",
): void {
  const { asleep } = targetsOf(work.run, step, false, work.now);
  for (const { key } of asleep) leaveAsleep(work, key, step);
  note(work, "step_ended", { step, reason, detail: { asleep: asleep.length } });
}

/** A later step of this pass, or a next role, may have somebody awake. */
function hasLaterAwake(run: Draft, step: number, now: number): boolean {
  // After the acknowledger's own step the pass runs as any other.
  if (run.passKind.kind === "reopened") return true;
  const hasNextRole = nextRoleUp(Math.max(highestRankTold(run), run.roleUpRank)) !== null;
  if (run.plan.rules.roleUp && hasNextRole) return true;
  return stepsAfter(run, step).some((later) => {
    if (stepOf(run, later).roleUp) return hasNextRole;
    const told = targetsOf(run, later, false, now);
    return told.awake.length > 0;
  });
}

/** Joins on its own clock at the end of its quiet hours; what is silent is written now. */
function leaveAsleep(work: Work, key: string, step: number): void {
  const target = own(work, key);
  if (target.kind === "person") writeInAppRow(work, key, step);
  note(work, "held", {
    step,
    target: key,
    reason: "quiet_hours",
    detail: { until: asleepUntil(target, work.now) },
  });
  makeLate(work, key, { onlyStep: target.kind === "group" ? step : null, replaces: false });
}

function skipGroup(work: Work, key: string, step: number): void {
  const target = own(work, key);
  if (target.kind === "group") target.isSkipped = true;
  note(work, "delivery_skipped", {
    step,
    target: key,
    channel: "whatsapp_group",
    reason: "no_provider",
  });
}

/**
 * After a snooze every clock of the step begins anew, also of those to whom nothing is sent again. What is in flight is the
 * first message of the new budget.
 */
function restartClocks(work: Work, step: number): void {
  for (const { key } of participantsOf(work.run, step)) {
    const target = own(work, key);
    beginTurn(work, target, step, true);
    renewInFlight(work, target, step);
  }
}

/** In-app, push and e-mail of steps that another policy's entry has skipped go with the step entered. */
function bringSkippedSteps(work: Work): void {
  const { run } = work;
  const skipped = run.skippedSteps;
  run.skippedSteps = [];
  for (const step of skipped) {
    for (const { key } of personsOf(run, step)) {
      const target = own(work, key);
      if (target.kind !== "person" || asleepUntil(target, work.now) !== null) continue;
      beginPersonStep(work, key, step, "skipped");
    }
  }
}

/** The targets that have a part in the step that runs. */
export function participantsOf(run: Draft, step: number): readonly Target[] {
  return Object.values(run.targets).filter(
    (target) =>
      target.late === null && target.out === null && turnOf(target, step)?.closed === false,
  );
}

/**
 * Somebody who replaces another on his own clock is still at this step or before it: with nobody else left, the run waits for
 * him, else reassigning would escalate at once. Asleep he is waited for only where the policy holds.
 */
function isReplaced(run: Draft, step: number, now: number): boolean {
  return Object.values(run.targets).some((target) => {
    if (target.kind !== "person" || target.out !== null || target.answered) return false;
    const { late } = target;
    if (late === null || !late.replaces || late.done || late.step > step) return false;
    if (!late.isWaiting || asleepUntil(target, now) === null) return true;
    return target.person.quietTreatment === "hold";
  });
}

export type StepEnd =
  | {
      readonly isOver: true;
      readonly reason:
        "settled" | "window_elapsed" | "nobody_open" | "nobody_reachable" | "escalated";
    }
  /** `until`: when its last open target's window is over; null: it waits for somebody on his own clock. */
  | { readonly isOver: false; readonly until: number | null };

export function endOfStep(run: Draft, step: number, now: number): StepEnd {
  const participants = participantsOf(run, step);
  const open = participants.filter((target) => isOpen(run, target, step));
  if (open.length === 0) {
    if (isReplaced(run, step, now)) return { isOver: false, until: null };
    return { isOver: true, reason: closedBecause(run, participants) };
  }
  let until = -Infinity;
  for (const target of open) {
    const turn = turnOf(target, step);
    if (turn !== null) until = Math.max(until, windowEnd(run, target, turn));
  }
  return now >= until ? { isOver: true, reason: "window_elapsed" } : { isOver: false, until };
}

function closedBecause(
  run: Draft,
  participants: readonly Target[],
): "settled" | "nobody_open" | "nobody_reachable" {
  if (participants.length === 0) return "nobody_reachable";
  const isSettled = participants.every((target) => hasMet(run.plan.rules.settledBy, target));
  return isSettled ? "settled" : "nobody_open";
}

export function closeStep(
  work: Work,
  step: number,
  reason: Extract<StepEnd, { isOver: true }>["reason"],
): void {
  for (const { key } of participantsOf(work.run, step)) {
    const turn = turnOf(own(work, key), step);
    if (turn !== null) turn.closed = true;
  }
  note(work, "step_ended", { step, reason });
}
