/** What the run waits for and until when: read from the state after everything due has been done. */
import { ringingUntil } from "./orders.ts";
import type { NotificationStatus } from "./notification.ts";
import { nextRoleUp } from "./role.ts";
import { highestRankTold } from "./role-up.ts";
import type { Todo, WaitingFor } from "./run.ts";
import { hasInFlight } from "./run-outcome.ts";
import type { Draft, Target } from "./run-state.ts";
import { asleepUntil } from "./sleep.ts";
import { endOfStep } from "./step.ts";
import { stepsAfter } from "./step-targets.ts";
import { lateStepEnd } from "./late-target.ts";

/** When the run expires: `notAfter`, or its lifetime as long as nobody has answered. */
export function expiryOf(run: Draft): { at: number; reason: "not_after" | "lifetime" } | null {
  const lifetime =
    run.firstAnswerAt === null
      ? run.plan.acceptedAt + run.plan.rules.lifetimeSeconds * 1_000
      : Infinity;
  const notAfter = run.plan.notAfter ?? Infinity;
  if (notAfter === Infinity && lifetime === Infinity) return null;
  return notAfter <= lifetime
    ? { at: notAfter, reason: "not_after" }
    : { at: lifetime, reason: "lifetime" };
}

type Wait = Pick<Todo, "status" | "pass" | "step" | "nextStepAt" | "wakeAt" | "waitingFor">;

/** `nextMoveAt`: when the next move on a line is due. */
export function waitOf(run: Draft, now: number, nextMoveAt: number): Wait {
  const place = { pass: run.pass, step: currentStep(run) };
  if (run.end !== null) {
    const isTracked = run.end.outcome === "acknowledged" && run.plan.rules.tracksResolution;
    return {
      ...place,
      status: isTracked ? "acknowledged" : "settled",
      nextStepAt: null,
      wakeAt: null,
      waitingFor: { kind: "nothing" },
    };
  }
  const stepUntil = run.phase.kind === "step" ? untilOf(run, run.phase.step, now) : null;
  let wakeAt = Infinity;
  for (const at of wakeTimes(run, now, stepUntil, nextMoveAt)) {
    if (at > now && at < wakeAt) wakeAt = at;
  }
  return {
    ...place,
    status: statusOf(run),
    nextStepAt: nextStepAtOf(run, now, stepUntil),
    wakeAt: Number.isFinite(wakeAt) ? wakeAt : null,
    waitingFor: waitingForOf(run, now, stepUntil),
  };
}

function untilOf(run: Draft, step: number, now: number): number | null {
  const end = endOfStep(run, step, now);
  return end.isOver ? null : end.until;
}

function currentStep(run: Draft): number {
  if (run.phase.kind === "over") return run.plan.rules.steps.length;
  return run.phase.step ?? run.plan.rules.steps.length;
}

function statusOf(run: Draft): NotificationStatus {
  if (run.waitsForNotBefore) return "holding";
  if (run.phase.kind === "holding" && run.snoozedUntil === null) return "holding";
  return hasInFlight(run) ? "notifying" : "waiting";
}

function wakeTimes(
  run: Draft,
  now: number,
  stepUntil: number | null,
  nextMoveAt: number,
): number[] {
  const times = [expiryOf(run)?.at ?? Infinity];
  if (run.waitsForNotBefore) return [...times, run.plan.notBefore ?? Infinity];
  if (run.snoozedUntil !== null) return [...times, run.snoozedUntil];
  times.push(nextMoveAt, stepUntil ?? Infinity);
  if (run.phase.kind === "holding") times.push(run.phase.until);
  let hasWaitingCall = false;
  for (const target of Object.values(run.targets)) {
    times.push(...lateTimes(run, target, now));
    if (!target.lines.some((line) => line.queued !== null && !line.retired)) continue;
    hasWaitingCall = true;
    times.push(asleepUntil(target, now) ?? Infinity);
  }
  if (hasWaitingCall) times.push(ringingUntil(run, now) ?? Infinity);
  return times;
}

function lateTimes(run: Draft, target: Target, now: number): readonly number[] {
  if (target.late === null || target.late.done) return [];
  if (target.late.isWaiting) return [asleepUntil(target, now) ?? Infinity];
  return [lateStepEnd(run, target)];
}

/** Late targets that have not had their turn yet because they sleep. */
export function sleepersOf(run: Draft): readonly Target[] {
  return Object.values(run.targets).filter(
    (target) => target.late !== null && !target.late.done && target.late.isWaiting,
  );
}

function runningLate(run: Draft): readonly Target[] {
  return Object.values(run.targets).filter(
    (target) => target.late !== null && !target.late.done && !target.late.isWaiting,
  );
}

export function isOnlySleepersLeft(run: Draft): boolean {
  return (
    run.phase.kind === "over" &&
    sleepersOf(run).length > 0 &&
    runningLate(run).length === 0 &&
    !hasInFlight(run)
  );
}

function waitingForOf(run: Draft, now: number, stepUntil: number | null): WaitingFor {
  if (run.waitsForNotBefore) return { kind: "not_before", until: run.plan.notBefore ?? now };
  if (run.snoozedUntil !== null) return { kind: "snooze", until: run.snoozedUntil };
  const { phase } = run;
  switch (phase.kind) {
    case "holding":
      return { kind: "quiet_hours", until: phase.until, asleep: phase.asleep };
    case "role_up":
      return { kind: "role_up" };
    case "ready":
      return { kind: "nothing" };
    case "step":
      return stepUntil === null
        ? lateWait(run, now)
        : evidenceWait(run, phase.step, run.pass, stepUntil);
    case "over":
      return lateWait(run, now);
  }
}

function lateWait(run: Draft, now: number): WaitingFor {
  const running = runningLate(run);
  const last = running.reduce<Target | null>(
    (latest, target) =>
      latest === null || lateStepEnd(run, target) > lateStepEnd(run, latest) ? target : latest,
    null,
  );
  if (last !== null && last.late !== null) {
    return evidenceWait(run, last.late.step, last.late.pass, lateStepEnd(run, last));
  }
  const sleepers = sleepersOf(run);
  if (sleepers.length > 0) {
    const until = Math.min(...sleepers.map((target) => asleepUntil(target, now) ?? now));
    return { kind: "sleepers", until, asleep: sleepers.length };
  }
  return hasInFlight(run) ? { kind: "deliveries_in_flight" } : { kind: "nothing" };
}

function evidenceWait(run: Draft, step: number, pass: number, until: number): WaitingFor {
  const kind = run.plan.rules.settledBy === "acknowledged" ? "answer" : "evidence";
  return { kind, step, pass, until };
}

function nextStepAtOf(run: Draft, now: number, stepUntil: number | null): number | null {
  if (run.waitsForNotBefore) return run.plan.notBefore;
  if (run.snoozedUntil !== null) return run.snoozedUntil;
  if (run.phase.kind === "holding") return run.phase.until;
  if (run.phase.kind === "step") return hasMoreSteps(run, run.phase.step) ? stepUntil : null;
  const wakes = sleepersOf(run).map((target) => asleepUntil(target, now) ?? now);
  return run.phase.kind === "over" && wakes.length > 0 ? Math.min(...wakes) : null;
}

function hasMoreSteps(run: Draft, step: number): boolean {
  if (stepsAfter(run, step).length > 0 || run.passKind.kind === "reopened") return true;
  if (run.passKind.kind === "run" && run.pass < run.plan.rules.passes) return true;
  const rank = Math.max(highestRankTold(run), run.roleUpRank);
  return run.plan.rules.roleUp && nextRoleUp(rank) !== null;
}
