/**
 * The judge of a run: what to do now, given everything that is known. Pure and without a clock; the workflow waits, carries
 * out, and asks again after every fact and at `wakeAt`.
 *
 * STATES. A run holds one place in its policy (`phase`): a step about to begin, a hold before a step, a step that stands, a
 * question to the planner for the next role, or over. Beside it every target has its lines, one per (pass, step, channel),
 * each a row of attempts and hand-overs; and its turns, the parts that it has in steps, from which windows are counted.
 * A *late* target (a sleeper, a reassigned or an added one) has left that ladder for a clock of its own: its personal
 * channels from the first step, one pass. The run is over when its steps and every late target's are, and nothing is in
 * flight.
 *
 * WHERE TO READ. What is remembered: `run-state`, `run-draft`, `run-targets`. What a fact changes: `run-facts`, `steering`,
 * `replan`, `policy-change`. The order of things: `pass`, `step`, `step-targets`, `role-up`, `late-target`. What is due on a
 * line: `begin-lines`, `line-moves`, `orders`, `closing`. How facts are read: `line`, `evidence`, `target-window`, `reading`,
 * `sleep`. How it ends and what it waits for: `run-outcome`, `run-wait`.
 *
 * WHAT MAY INTERRUPT. `learn` takes facts in any order and as often as they come: receipts and results fill up the record of
 * one delivery, acts count once by their id, strays are ignored. It decides nothing. `next` decides, in this order: a stop by
 * the referee; everybody's answer; expiry; `notBefore`; resends; a snooze, which pauses all the rest; `escalate`; then,
 * until nothing more is due at this instant: withdrawals, longer windows for readers, moves on lines (pull forward before
 * failover before attempts), late targets, the step that stands, waiting calls.
 *
 * WHAT IS GUARANTEED.
 * - Ordering: what was learned before a question beats a deadline of the same instant; an acknowledgment beats a timeout.
 * - One order per (pass, step, target, channel, attempt, hand-over), ever; a second question at one instant says nothing new;
 *   nothing changes by itself before `wakeAt`.
 * - After a stop nothing is ordered; what is queued is withdrawn, what rings is hung up, what is in flight is still learned.
 * - A step ends when it is settled, when nobody in it is open, when the window of its last open target is over, or by an act.
 *   Its events say which.
 * - An overdue deadline does not cascade: a step begun late has its full window from now, attempts missed are not made up.
 * - Every run ends: steps, passes, roles and late targets are finite, and expiry bounds what an answer never comes to.
 */
import { assert } from "./assert.ts";
import { closeTargets, resendAgain } from "./closing.ts";
import { advanceLateTargets, restartLateSteps } from "./late-target.ts";
import { makeDueMoves } from "./line-moves.ts";
import { dialNextCall } from "./orders.ts";
import { advance, endStepNow } from "./pass.ts";
import { isAtLeast } from "./priority.ts";
import { extendReaders } from "./reading.ts";
import { note, workOn } from "./run-draft.ts";
import type { Work } from "./run-draft.ts";
import { record } from "./run-facts.ts";
import { endWith, hasInFlight, haveAllMet, isAcknowledged, outcomeOf } from "./run-outcome.ts";
import type { RunState, Target } from "./run-state.ts";
import { newGroup, newPerson } from "./run-targets.ts";
import { expiryOf, isOnlySleepersLeft, waitOf } from "./run-wait.ts";
import type { Fact, RunPlan, Todo } from "./run.ts";
import { stepsAfter } from "./step-targets.ts";

export type { RunState } from "./run-state.ts";

/** Rounds of one question: each begins or ends something, and a policy has an end. Beyond it is a bug, not a long policy. */
const ROUNDS_MAX = 10_000;

/** A run before its first question. */
export function beginRun(plan: RunPlan, now: number): RunState {
  assertInstant(now);
  const targets: Record<string, Target> = {};
  for (const person of plan.persons) targets[person.key] = newPerson(person);
  for (const group of plan.groups) targets[group.key] = newGroup(group);
  const state: RunState = {
    plan,
    targets,
    pass: 1,
    passKind: { kind: "run" },
    phase: { kind: "over" },
    roleUpRank: 0,
    waitsForNotBefore: false,
    snoozedUntil: null,
    escalates: false,
    firstAnswerAt: null,
    stopped: null,
    isNoticed: false,
    skippedSteps: [],
    end: null,
    seenActs: [],
    resends: [],
    sequence: 0,
    events: [],
  };
  const first = stepsAfter(state, 0)[0];
  if (first === undefined) return state;
  return { ...state, phase: { kind: "ready", step: first, again: false, heldUntil: null } };
}

/** Takes a fact into account. What can repeat is counted once; what this run never ordered is ignored. */
export function learn(state: RunState, fact: Fact, now: number): RunState {
  assertInstant(now);
  const work = workOn(state, now);
  record(work, fact);
  return work.run;
}

/** What to do now. Ask after every fact and at `wakeAt`; a second question at the same instant has nothing to add. */
export function next(state: RunState, now: number): { state: RunState; todo: Todo } {
  assertInstant(now);
  const work = workOn(state, now);
  const { run } = work;
  if (run.end === null) decide(work);
  closeTargets(work);
  if (run.end === null && !run.isNoticed && isOnlySleepersLeft(run)) notice(work);
  const { events } = run;
  run.events = [];
  return {
    state: run,
    todo: {
      deliveries: work.deliveries,
      inApp: work.inApp,
      withdraw: work.withdraw,
      hangUp: work.hangUp,
      roleUp: work.roleUp,
      noticeSleepersOnly: work.noticeSleepersOnly,
      events,
      ...waitOf(run, now, work.nextMoveAt),
      end: run.end,
    },
  };
}

function assertInstant(now: number): void {
  assert(Number.isFinite(now), `now is an instant, not ${now}`);
}

const OUTCOME_OF_STOP = {
  acknowledge: "acknowledged",
  cancel: "cancelled",
  resolve: "resolved",
} as const;

function decide(work: Work): void {
  const { run, now } = work;
  // Ordering: an act that was learned before this question beats a deadline of the same instant.
  if (run.stopped !== null) {
    run.end = endWith(run, OUTCOME_OF_STOP[run.stopped.by], null);
    return;
  }
  if (isAcknowledged(run)) {
    run.end = endWith(run, "acknowledged", null);
    return;
  }
  const expiry = expiryOf(run);
  if (expiry !== null && now >= expiry.at) {
    run.end = haveAllMet(run) ? outcomeOf(run) : endWith(run, "expired", expiry.reason);
    return;
  }
  if (run.plan.suppressed !== null) {
    run.phase = { kind: "over" };
    run.snoozedUntil = null;
  } else if (isBeforeStart(work)) return;
  resendAgain(work);
  if (isSnoozed(work)) return;
  if (run.escalates) {
    // A step that is only about to begin is begun first: escalating means telling more people, not fewer.
    if (run.phase.kind === "ready" && run.phase.heldUntil === null) climb(work);
    run.escalates = false;
    endStepNow(work);
  }
  climb(work);
  if (isFinished(work)) run.end = outcomeOf(run);
}

/** Does all that is due, until nothing is left to do at this instant. */
function climb(work: Work): void {
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const before = work.changes;
    // First: what is withdrawn no longer rings, and lets the next call go.
    closeTargets(work);
    extendReaders(work);
    makeDueMoves(work);
    advanceLateTargets(work);
    advance(work);
    dialNextCall(work);
    if (work.changes === before) return;
  }
  assert(false, `run ${work.run.plan.notificationId} comes to rest`);
}

function isBeforeStart(work: Work): boolean {
  const { run, now } = work;
  const { notBefore } = run.plan;
  if (notBefore !== null && now < notBefore) {
    if (!run.waitsForNotBefore) {
      run.waitsForNotBefore = true;
      note(work, "held", { reason: "not_before", detail: { until: notBefore } });
    }
    return true;
  }
  if (run.waitsForNotBefore) {
    run.waitsForNotBefore = false;
    note(work, "resumed", { reason: "not_before" });
  }
  return false;
}

function isSnoozed(work: Work): boolean {
  const { run, now } = work;
  if (run.snoozedUntil === null) return false;
  if (now < run.snoozedUntil) return true;
  run.snoozedUntil = null;
  note(work, "resumed", { reason: "snooze_over" });
  const { phase } = run;
  if (phase.kind === "step") {
    run.phase = { kind: "ready", step: phase.step, again: true, heldUntil: null };
  } else if (phase.kind === "holding") {
    run.phase = { kind: "ready", step: phase.step, again: false, heldUntil: phase.until };
  }
  restartLateSteps(work);
  return false;
}

function isFinished(work: Work): boolean {
  const { run } = work;
  return (
    run.phase.kind === "over" &&
    Object.values(run.targets).every((target) => target.late === null || target.late.done) &&
    !hasInFlight(run)
  );
}

function notice(work: Work): void {
  const { run } = work;
  run.isNoticed = true;
  work.noticeSleepersOnly = run.plan.rules.raisesNotice && isAtLeast(run.plan.priority, "high");
}
