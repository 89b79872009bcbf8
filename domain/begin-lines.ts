/** How a target's messages of a step begin: its clock, its in-app row, and the first order on each channel. */
import { assert } from "./assert.ts";
import { isPhoneChannel } from "./channel.ts";
import type { PersonChannel } from "./channel.ts";
import { lastAttemptOf, newestOf, standingOf } from "./line.ts";
import { dial, writeInApp } from "./orders.ts";
import type { OrderReason } from "./run.ts";
import { own, passOf, stepOf, targetOf, turnOf } from "./run-draft.ts";
import type { Work } from "./run-draft.ts";
import type { Draft, Late, Line, PersonTarget, Target } from "./run-state.ts";
import { channelsToBegin, firstEnabledStep } from "./step-targets.ts";

/**
 * `step`: the run's step begins. `again`: after a snooze. `late`: on the target's own clock. `skipped`: the silent channels of
 * a step that another policy's entry left out.
 */
export type Beginning = "step" | "again" | "late" | "late_again" | "skipped";

/** Begins what the step still owes this person; its clock starts when a phone is rung, or with its part in the step. */
export function beginPersonStep(work: Work, key: string, step: number, beginning: Beginning): void {
  const target = ownPerson(work, key);
  const isAgain = beginning === "again" || beginning === "late_again";
  const channels = channelsToBegin(work.run, target, step, isAgain).filter(
    (channel) => beginning !== "skipped" || !isPhoneChannel(channel),
  );
  if (beginning !== "skipped") {
    beginTurn(work, target, step, isAgain || channels.some(isPhoneChannel));
  }
  for (const channel of channels) beginChannel(work, target, step, channel, beginning);
}

function beginChannel(
  work: Work,
  target: PersonTarget,
  step: number,
  channel: PersonChannel,
  beginning: Beginning,
): void {
  const rules = stepOf(work.run, step);
  const line = beginLine(work, target, {
    step,
    channel,
    ...timingOf(rules),
    budget: isPhoneChannel(channel) ? rules.attempts : 1,
    pulledIn: null,
  });
  if (channel === "in_app") {
    writeInApp(work, target, line, isWrittenWithPlan(work.run, target.key, step));
    return;
  }
  dial(work, target, line, REASONS[beginning], beginning.endsWith("again") ? "snooze_over" : null);
}

const REASONS: Readonly<Record<Beginning, OrderReason>> = {
  step: "step",
  again: "step",
  late: "late_target",
  late_again: "late_target",
  skipped: "step",
};

/** A silent row is written at once, also for somebody who sleeps. */
export function writeInAppRow(work: Work, key: string, step: number): void {
  const seen = targetOf(work, key);
  if (seen.kind !== "person") return;
  if (!channelsToBegin(work.run, seen, step, false).includes("in_app")) return;
  beginChannel(work, ownPerson(work, key), step, "in_app", "step");
}

export function beginGroupStep(
  work: Work,
  key: string,
  step: number,
  reason: "step" | "late_target",
): void {
  const target = own(work, key);
  beginTurn(work, target, step, true);
  const line = beginLine(work, target, {
    step,
    channel: "whatsapp_group",
    ...timingOf(stepOf(work.run, step)),
    budget: 1,
    pulledIn: null,
  });
  dial(work, target, line, reason, null);
}

/** From here on the target has its own clock. Its keys carry the pass that runs now. */
export function makeLate(work: Work, key: string, late: Pick<Late, "onlyStep" | "replaces">): void {
  own(work, key).late = {
    ...late,
    pass: work.run.pass,
    step: 0,
    isWaiting: true,
    done: false,
  };
}

function isWrittenWithPlan(run: Draft, key: string, step: number): boolean {
  return (
    run.pass === 1 &&
    run.passKind.kind === "run" &&
    step === firstEnabledStep(run) &&
    run.plan.inAppWritten.includes(key)
  );
}

function ownPerson(work: Work, key: string): PersonTarget {
  const target = own(work, key);
  assert(target.kind === "person", `${key} is a person`);
  return target;
}

/** The line of this identity in the target's own pass, for beginning it: numbers of an earlier use count on. */
export function beginLine(
  work: Work,
  target: Target,
  facts: Pick<
    Line,
    "step" | "channel" | "windowMs" | "spacingMs" | "undeliveredAfterMs" | "budget" | "pulledIn"
  >,
): Line {
  const pass = passOf(work.run, target);
  const earlier = target.lines.find(
    (line) => line.pass === pass && line.step === facts.step && line.channel === facts.channel,
  );
  const fresh = {
    ...facts,
    startedAt: work.now,
    left: null,
    queued: null,
    retired: false,
    carried: false,
  };
  if (earlier !== undefined) {
    return Object.assign(earlier, fresh, { spentBefore: lastAttemptOf(earlier) });
  }
  const line: Line = { ...fresh, pass, spentBefore: 0, deliveries: [] };
  target.lines.push(line);
  return line;
}

export function timingOf(step: {
  readonly windowSeconds: number;
  readonly spacingSeconds: number | null;
  readonly undeliveredAfterSeconds: number | null;
}): Pick<Line, "windowMs" | "spacingMs" | "undeliveredAfterMs"> {
  return {
    windowMs: step.windowSeconds * 1_000,
    spacingMs: (step.spacingSeconds ?? step.windowSeconds) * 1_000,
    undeliveredAfterMs:
      step.undeliveredAfterSeconds === null ? null : step.undeliveredAfterSeconds * 1_000,
  };
}

/** The target's part in a step begins; with `restart` the clock of a part that exists begins anew. */
export function beginTurn(work: Work, target: Target, step: number, restart: boolean): void {
  const turn = turnOf(target, step);
  if (turn === null) {
    const windowMs = stepOf(work.run, step).windowSeconds * 1_000;
    target.turns.push({ step, startedAt: work.now, windowMs, extendedMs: 0, closed: false });
  } else {
    turn.closed = false;
    if (restart) {
      turn.startedAt = work.now;
      turn.extendedMs = 0;
    }
  }
  work.changes += 1;
}

/** A message in flight when the step begins again counts as the first of the new budget. */
export function renewInFlight(work: Work, target: Target, step: number): void {
  for (const line of target.lines) {
    const newest = newestOf(line);
    if (line.step !== step || line.pass !== passOf(work.run, target) || line.retired) continue;
    if (newest === null || standingOf(newest) !== "in_flight" || line.left !== null) continue;
    line.spentBefore = newest.attempt - 1;
    line.startedAt = work.now;
  }
}
