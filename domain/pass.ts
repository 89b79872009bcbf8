/** The order of things: step after step, pass after pass, then one pass for each next role up, until nothing is left. */
import { assertNever } from "./assert.ts";
import { hasMet } from "./evidence.ts";
import { nextRoleUp, roleRank } from "./role.ts";
import type { Role } from "./role.ts";
import { highestRankTold, untold } from "./role-up.ts";
import { keysOf, note, own, stepOf, targetOf } from "./run-draft.ts";
import type { Work } from "./run-draft.ts";
import type { Draft, PassKind, Phase } from "./run-state.ts";
import type { RunPerson } from "./run.ts";
import { newPerson } from "./run-targets.ts";
import { closeStep, endOfStep, passAsleep, startStep } from "./step.ts";
import { stepsAfter } from "./step-targets.ts";

/** Moves the run's own ladder as far as it goes at this instant without a new fact. */
export function advance(work: Work): void {
  const { run, now } = work;
  const { phase } = run;
  switch (phase.kind) {
    case "ready":
      enterStep(work, phase.step, phase.again, phase.heldUntil);
      return;
    case "holding":
      if (now >= phase.until) enterStep(work, phase.step, false, phase.until);
      return;
    case "step": {
      const end = endOfStep(run, phase.step, now);
      if (!end.isOver) return;
      closeStep(work, phase.step, end.reason);
      leaveStep(work, phase.step);
      return;
    }
    case "role_up":
      takeRoleUp(work, phase);
      return;
    case "over":
      return;
    default:
      assertNever(phase, "phase");
  }
}

/** Ends the step that stands, or the hold before it; between passes there is nothing to end. */
export function endStepNow(work: Work): void {
  const { phase } = work.run;
  switch (phase.kind) {
    case "step":
      closeStep(work, phase.step, "escalated");
      leaveStep(work, phase.step);
      return;
    case "ready":
    case "holding":
      passAsleep(work, phase.step, "escalated");
      leaveStep(work, phase.step);
      return;
    case "role_up":
      if (phase.step === null) return;
      note(work, "step_ended", { step: phase.step, reason: "escalated" });
      leaveStep(work, phase.step);
      return;
    case "over":
      return;
    default:
      assertNever(phase, "phase");
  }
}

function enterStep(work: Work, step: number, again: boolean, heldUntil: number | null): void {
  const { run } = work;
  const isNamed = Object.values(run.targets).some(
    (target) =>
      target.kind === "person" && target.roleUp?.pass === run.pass && target.roleUp.step === step,
  );
  if (stepOf(run, step).roleUp && run.passKind.kind === "run" && !isNamed) {
    askForRole(work, step, 0);
    return;
  }
  if (!startStep(work, step, again, heldUntil)) leaveStep(work, step);
}

function leaveStep(work: Work, step: number): void {
  const { run } = work;
  if (run.passKind.kind === "reopened") {
    // The acknowledger has had the first step to himself; from here the pass is as any other.
    run.passKind = { kind: "run" };
    goOn(work, 0);
    return;
  }
  goOn(work, step);
}

/** To the next step after this one, else to the next pass. */
function goOn(work: Work, after: number): void {
  const { run } = work;
  if (hasEverybodyMet(run)) {
    finishSteps(work);
    return;
  }
  const next = stepsAfter(run, after)[0];
  if (next !== undefined) {
    run.phase = { kind: "ready", step: next, again: false, heldUntil: null };
    work.changes += 1;
    return;
  }
  if (run.passKind.kind !== "role_up" && run.pass < run.plan.rules.passes) {
    note(work, "repeated", { pass: run.pass + 1 });
    startPass(work, run.pass + 1, { kind: "run" });
    return;
  }
  if (run.plan.rules.roleUp) askForRole(work, null, run.roleUpRank);
  else finishSteps(work);
}

/** All whom the steps so far told have met the policy's condition, and nobody is left whom a later step could tell. */
export function hasEverybodyMet(run: Draft): boolean {
  const { settledBy } = run.plan.rules;
  if (settledBy === "acknowledged") return false;
  const counted = Object.values(run.targets).filter((target) => {
    if (target.out !== null || target.late !== null) return false;
    if (target.kind === "group") return target.turns.length > 0 || target.isSkipped;
    return target.isMember && target.person.only === null;
  });
  return counted.length > 0 && counted.every((target) => hasMet(settledBy, target));
}

export function startPass(work: Work, pass: number, passKind: PassKind): void {
  const { run } = work;
  for (const key of keysOf(work)) {
    if (targetOf(work, key).late !== null) continue;
    const target = own(work, key);
    for (const line of target.lines) {
      line.retired = true;
      line.queued = null;
    }
    target.turns = [];
    target.toldBefore = [];
    target.isExtended = false;
  }
  run.pass = pass;
  run.passKind = passKind;
  run.skippedSteps = [];
  const first = stepsAfter(run, 0)[0];
  if (first === undefined) finishSteps(work);
  else run.phase = { kind: "ready", step: first, again: false, heldUntil: null };
  work.changes += 1;
}

function finishSteps(work: Work): void {
  work.run.phase = { kind: "over" };
  work.changes += 1;
}

/** Asks for the next role above those told and `asked`; with nobody above, the step is passed or the steps are over. */
function askForRole(work: Work, step: number | null, asked: number): void {
  const { run } = work;
  const role = nextRoleUp(Math.max(highestRankTold(run), asked));
  if (role !== null) {
    run.phase = {
      kind: "role_up",
      step,
      role,
      isAsked: false,
      answer: null,
    };
    work.changes += 1;
    return;
  }
  if (step === null) {
    finishSteps(work);
    return;
  }
  note(work, "step_ended", {
    step,
    reason: "nobody_reachable",
    detail: { because: "no_role_above" },
  });
  leaveStep(work, step);
}

function takeRoleUp(work: Work, phase: Extract<Phase, { kind: "role_up" }>): void {
  const { run } = work;
  if (!phase.isAsked) {
    run.phase = { ...phase, isAsked: true };
    work.roleUp = { role: phase.role, pass: passAsked(run, phase.step), step: phase.step };
    work.changes += 1;
    return;
  }
  if (phase.answer === null) return;
  const named = untold(run, phase.answer.persons);
  if (named.length === 0) {
    const reason =
      phase.answer.persons.length > 0 ? "already_told" : (phase.answer.reason ?? "role_empty");
    noteRole(work, phase, phase.role, 0, reason);
    askForRole(work, phase.step, roleRank(phase.role));
    return;
  }
  noteRole(work, phase, phase.role, named.length, phase.answer.reason);
  if (phase.step === null) {
    run.roleUpRank = roleRank(phase.role);
    startPass(work, run.pass + 1, { kind: "role_up", role: phase.role });
  }
  for (const person of named) nameForRoleUp(work, person, phase.step);
  if (phase.step !== null) {
    run.phase = { kind: "ready", step: phase.step, again: false, heldUntil: null };
    work.changes += 1;
  }
}

function passAsked(run: Draft, step: number | null): number {
  return step === null ? run.pass + 1 : run.pass;
}

function noteRole(
  work: Work,
  phase: { readonly step: number | null },
  role: Role,
  persons: number,
  reason: string | null,
): void {
  note(work, "role_up", {
    pass: passAsked(work.run, phase.step),
    step: phase.step,
    reason,
    detail: { role, persons },
  });
}

/** Somebody whom the run knew but could not tell, or told in passing only, is taken as the planner sees him now. */
function nameForRoleUp(work: Work, person: RunPerson, step: number | null): void {
  const { run } = work;
  const roleUp = { pass: run.pass, step };
  const known = run.targets[person.key];
  if (known === undefined) {
    run.targets[person.key] = { ...newPerson(person), isMember: false, roleUp };
    work.owned.add(person.key);
    work.changes += 1;
    return;
  }
  const target = own(work, person.key);
  if (target.kind !== "person") return;
  target.person = person;
  target.roleUp = roleUp;
}
