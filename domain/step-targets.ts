/** Whom a step tells, and on which channels: the rules of requirements 1 and 2 about steps, groups and passes. */
import { isPhoneChannel } from "./channel.ts";
import type { Channel, PersonChannel } from "./channel.ts";
import { hasMet } from "./evidence.ts";
import { isBroken, isTold, newestOf, standingOf } from "./line.ts";
import { passOf, routeOf, stepOf } from "./run-draft.ts";
import type { Draft, GroupTarget, Line, PersonTarget, Target } from "./run-state.ts";

/** Numbers of the steps that the pass that runs goes through after `after`, first to last. */
export function stepsAfter(run: Draft, after: number): readonly number[] {
  const isRoleUp = run.passKind.kind === "role_up";
  return run.plan.rules.steps.flatMap((step, index) => {
    const isPart = step.enabled && (!isRoleUp || (step.channels.length > 0 && !step.roleUp));
    return isPart && index + 1 > after ? [index + 1] : [];
  });
}

/** A person's own steps, for those on their own clock and for pull forward: no groups, no role-up. */
export function personalStepsAfter(run: Draft, after: number): readonly number[] {
  return run.plan.rules.steps.flatMap((step, index) =>
    step.enabled && !step.roleUp && step.channels.length > 0 && index + 1 > after
      ? [index + 1]
      : [],
  );
}

export function firstEnabledStep(run: Draft): number {
  return run.plan.rules.steps.findIndex((step) => step.enabled) + 1;
}

/** Everybody who may be told at all and is no longer, or not yet, on a clock of its own. */
function isInLadder(run: Draft, target: Target): boolean {
  return (
    target.out === null &&
    !target.answered &&
    target.late === null &&
    !hasMet(run.plan.rules.settledBy, target)
  );
}

/** The persons whom this step concerns, whatever channels they have. */
export function personsOf(run: Draft, step: number): readonly PersonTarget[] {
  return Object.values(run.targets).filter(
    (target): target is PersonTarget =>
      target.kind === "person" && isInLadder(run, target) && takesPart(run, target, step),
  );
}

function takesPart(run: Draft, target: PersonTarget, step: number): boolean {
  const { passKind } = run;
  if (passKind.kind === "reopened") return target.key === passKind.acknowledger;
  if (passKind.kind === "role_up") {
    return target.roleUp?.pass === run.pass && target.roleUp.step === null;
  }
  if (stepOf(run, step).roleUp) {
    return target.roleUp?.pass === run.pass && target.roleUp.step === step;
  }
  return target.isMember;
}

/** The groups that this step tells: those that it names and that were not yet told in this pass. */
export function groupsOf(run: Draft, step: number): readonly GroupTarget[] {
  if (run.passKind.kind !== "run") return [];
  return Object.values(run.targets).filter(
    (target): target is GroupTarget =>
      target.kind === "group" &&
      isInLadder(run, target) &&
      isGroupOf(run, step, target) &&
      !target.banned.includes("whatsapp_group") &&
      !target.toldBefore.includes("whatsapp_group") &&
      !linesOfPass(run, target).some(isTold),
  );
}

/** Whether the step names this group. Without a later step for the others, every matching group is primary. */
export function isGroupOf(run: Draft, step: number, { group }: GroupTarget): boolean {
  const wanted = stepOf(run, step).groups;
  if (wanted === "none") return false;
  if (wanted === "other" || group.primary) return true;
  return !stepsAfter(run, step).some((later) => stepOf(run, later).groups === "other");
}

/** What was begun for the target in the pass that it is in. */
export function linesOfPass(run: Draft, target: Target): readonly Line[] {
  const pass = passOf(run, target);
  return target.lines.filter((line) => !line.retired && (line.carried || line.pass === pass));
}

/** The policy's channels of a step as far as rules let them stand for this person. */
export function channelsFor(
  run: Draft,
  target: PersonTarget,
  step: number,
): readonly PersonChannel[] {
  const { person } = target;
  const named =
    step === firstEnabledStep(run) && person.firstStepChannels !== null
      ? person.firstStepChannels
      : stepOf(run, step).channels;
  return named.filter((channel) => {
    if (person.only !== null && !person.only.includes(channel)) return false;
    return channel === "in_app" ? person.inApp : routeOf(target, channel).length > 0;
  });
}

/**
 * The channels that this step begins for the person now. `again` (after a snooze) gives a phone channel of this very step
 * a new budget; everything else goes once per step and pass.
 */
export function channelsToBegin(
  run: Draft,
  target: PersonTarget,
  step: number,
  again: boolean,
): readonly PersonChannel[] {
  const lines = linesOfPass(run, target);
  return channelsFor(run, target, step).filter((channel) => {
    if (target.banned.includes(channel) || target.toldBefore.includes(channel)) return false;
    if (lines.some((line) => line.channel === channel && isClosedChannel(line))) return false;
    const own = lines.find(
      (line) => line.step === step && line.channel === channel && !line.carried,
    );
    if (own === undefined) return true;
    return again && isPhoneChannel(channel) && isQuietNow(own);
  });
}

/** No further attempt on this channel in this pass: it was left, broke, or has an outcome that nobody knows. */
function isClosedChannel(line: Line): boolean {
  const newest = newestOf(line);
  const isInDoubt = newest !== null && standingOf(newest) === "unknown";
  return line.left !== null || isBroken(line) || isInDoubt;
}

function isQuietNow(line: Line): boolean {
  const newest = newestOf(line);
  return line.queued === null && (newest === null || standingOf(newest) !== "in_flight");
}

/**
 * The person's next different channel: in a later step of this pass, and not tried in it yet. Null when there is none.
 * `position` is the last step that has begun.
 */
export function nextChannel(
  run: Draft,
  target: Target,
  line: Line,
  position: number,
): { step: number; channel: Channel } | null {
  if (target.kind !== "person") return null;
  // Whom a role-up step tells has no other step in this pass.
  if (target.late === null && run.passKind.kind === "run" && !target.isMember) return null;
  const tried = linesOfPass(run, target);
  for (const step of personalStepsAfter(run, Math.max(position, line.carried ? 0 : line.step))) {
    for (const channel of channelsFor(run, target, step)) {
      if (!isPhoneChannel(channel) || target.banned.includes(channel)) continue;
      if (target.toldBefore.includes(channel)) continue;
      if (!tried.some((other) => other.channel === channel)) return { step, channel };
    }
  }
  return null;
}

/** The last step that has begun for the target: its own on its own clock, else the run's. Infinity when its steps are over. */
export function positionOf(run: Draft, target: Target): number {
  if (target.late !== null) return target.late.done ? Infinity : target.late.step;
  switch (run.phase.kind) {
    case "ready":
    case "holding":
      return run.phase.step - 1;
    case "step":
      return run.phase.step;
    case "role_up":
      return run.phase.step === null ? Infinity : run.phase.step - 1;
    case "over":
      return Infinity;
  }
}
