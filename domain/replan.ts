/** Persons and groups decided again while the run goes on: settings, zones, contacts, duty, the ticket. */
import { makeLate } from "./begin-lines.ts";
import { wasTold } from "./evidence.ts";
import { isTold } from "./line.ts";
import type { RunGroup, RunPerson } from "./run.ts";
import { keysOf, note, own } from "./run-draft.ts";
import type { Work } from "./run-draft.ts";
import { newGroup, newPerson } from "./run-targets.ts";
import type { Draft, GroupTarget, Line, PersonTarget, Target } from "./run-state.ts";
import { isMootReason } from "./suppression.ts";
import {
  channelsToBegin,
  isGroupOf,
  linesOfPass,
  personalStepsAfter,
  positionOf,
  stepsAfter,
} from "./step-targets.ts";

export function replan(
  work: Work,
  fact: {
    readonly persons: readonly RunPerson[];
    readonly groups: readonly RunGroup[];
    readonly suppressed: string | null;
    readonly reason: string;
  },
): void {
  const { run } = work;
  let added = 0;
  for (const person of fact.persons) if (updatePerson(work, person)) added += 1;
  for (const group of fact.groups) if (updateGroup(work, group)) added += 1;
  const named = new Set([...fact.persons, ...fact.groups].map(({ key }) => key));
  const gone = Object.values(run.targets).filter((target) => isGone(target, named));
  for (const { key } of gone) own(work, key).out = "replanned";
  note(work, "replanned", { reason: fact.reason, detail: { added, gone: gone.length } });
  suppress(work, fact.suppressed);
  decideHoldAgain(work);
}

/** The plan leaves nobody: the run is over with that reason, unless it is somebody's wish and others have been told. */
export function suppress(work: Work, reason: string | null): void {
  const { run } = work;
  if (reason !== null && isMootReason(reason)) {
    for (const key of keysOf(work)) own(work, key).out ??= "replanned";
  }
  const goesOn =
    (reason === null || !isMootReason(reason)) &&
    Object.values(run.targets).some((target) => target.out === null || wasTold(target));
  const suppressed = goesOn ? null : reason;
  if (suppressed === run.plan.suppressed) return;
  run.plan = { ...run.plan, suppressed };
  if (suppressed !== null) note(work, "suppressed", { reason: suppressed });
}

/** Whom role-up named is not the planner's to take back; who was told stays. */
function isGone(target: Target, named: ReadonlySet<string>): boolean {
  if (named.has(target.key) || target.out !== null || wasTold(target)) return false;
  return target.kind === "group" || target.isMember;
}

/** True when the person is new to the run. */
function updatePerson(work: Work, person: RunPerson): boolean {
  const { run } = work;
  const known = run.targets[person.key];
  if (known?.kind === "person") {
    const target = own(work, person.key);
    if (target.kind !== "person") return false;
    target.person = person;
    bringBack(work, target);
    // A contact may have been repaired: what was refused for ever may be tried once more.
    target.banned = [];
    if (isOwed(run, target)) makeLate(work, person.key, { onlyStep: null, replaces: false });
    return false;
  }
  const target = newPerson(person);
  run.targets[person.key] = target;
  work.owned.add(person.key);
  if (hasBegun(run, target)) makeLate(work, person.key, { onlyStep: null, replaces: false });
  return true;
}

/** Gone in an earlier re-plan and named again; who has refused stays out. A clock of its own that was over by that begins once more. */
function bringBack(work: Work, target: Target): void {
  if (target.out !== "replanned") return;
  target.out = null;
  if (target.late?.done === true) makeLate(work, target.key, target.late);
}

function updateGroup(work: Work, group: RunGroup): boolean {
  const { run } = work;
  const known = run.targets[group.key];
  if (known?.kind === "group") {
    const target = own(work, group.key);
    if (target.kind === "group") target.group = group;
    bringBack(work, target);
    return false;
  }
  const target = newGroup(group);
  run.targets[group.key] = target;
  work.owned.add(group.key);
  const missed = missedStep(run, target);
  if (missed !== null) makeLate(work, group.key, { onlyStep: missed, replaces: false });
  return true;
}

/** Not told so far, and reachable now on a channel of a step that has begun without him: verified, switched on, back again. */
function isOwed(run: Draft, target: PersonTarget): boolean {
  if (target.out !== null || target.answered || target.late !== null) return false;
  if (!target.isMember || run.passKind.kind !== "run") return false;
  if (linesOfPass(run, target).some(isDisturbing)) return false;
  const position = positionOf(run, target);
  return personalStepsAfter(run, 0).some(
    (step) =>
      step <= position &&
      channelsToBegin(run, target, step, false).some((channel) => channel !== "in_app"),
  );
}

function isDisturbing(line: Line): boolean {
  return line.channel !== "in_app" && isTold(line);
}

/** The first step of the pass has begun: a newcomer starts on its own clock. */
function hasBegun(run: Draft, newcomer: Target): boolean {
  return positionOf(run, newcomer) >= (stepsAfter(run, 0)[0] ?? 0);
}

/** The step that would have told this group, if it has begun already. */
function missedStep(run: Draft, target: GroupTarget): number | null {
  if (run.passKind.kind !== "run") return null;
  const telling = stepsAfter(run, 0).find((step) => isGroupOf(run, step, target));
  return telling !== undefined && telling <= positionOf(run, target) ? telling : null;
}

/** Whoever changes while everybody sleeps may be awake, or the last one waited for. */
export function decideHoldAgain(work: Work): void {
  const { run } = work;
  if (run.phase.kind !== "holding") return;
  const { step, until } = run.phase;
  run.phase = { kind: "ready", step, again: false, heldUntil: until };
  work.changes += 1;
}
