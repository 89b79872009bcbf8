/**
 * Another policy, or another version, takes over: the run goes on in pass 1 of the new one at its first step with a phone
 * channel or group not yet told. What was told is not repeated in that pass; with nothing left untold it begins at step 1.
 */
import { isPhoneChannel } from "./channel.ts";
import { wasTold } from "./evidence.ts";
import { isTold } from "./line.ts";
import { hasEverybodyMet, startPass } from "./pass.ts";
import { suppress } from "./replan.ts";
import { nextRoleUp } from "./role.ts";
import { highestRankTold } from "./role-up.ts";
import type { RunPlan } from "./run.ts";
import { keysOf, note, own, stepOf } from "./run-draft.ts";
import type { Work } from "./run-draft.ts";
import { newGroup, newPerson } from "./run-targets.ts";
import type { Draft } from "./run-state.ts";
import { isMootReason } from "./suppression.ts";
import { channelsToBegin, groupsOf, personsOf, stepsAfter } from "./step-targets.ts";

export function changePolicy(work: Work, by: "reprioritise" | "move", plan: RunPlan): void {
  const { run } = work;
  note(work, by === "reprioritise" ? "reprioritised" : "moved", {
    detail: {
      priority: plan.priority,
      policyId: plan.policyId,
      policyVersion: plan.policyVersion,
    },
  });
  run.plan = { ...plan, suppressed: null };
  run.pass = 1;
  run.passKind = { kind: "run" };
  run.roleUpRank = 0;
  run.snoozedUntil = null;
  run.escalates = false;
  run.isNoticed = false;
  for (const key of keysOf(work)) carryOver(work, key);
  takeTargets(work, plan);
  suppress(work, plan.suppressed);
  if (hasEverybodyMet(run)) {
    run.phase = { kind: "over" };
    return;
  }
  const entry = stepsAfter(run, 0).find((step) => hasUntold(run, step));
  if (entry === undefined) {
    startPass(work, 1, { kind: "run" });
    return;
  }
  run.skippedSteps = stepsAfter(run, 0).filter((step) => step < entry && !stepOf(run, step).roleUp);
  run.phase = { kind: "ready", step: entry, again: false, heldUntil: null };
}

/** What was told under the old policy stays told; what is under way may still fail over or be pulled forward. */
function carryOver(work: Work, key: string): void {
  const target = own(work, key);
  target.late = null;
  target.turns = [];
  target.isExtended = false;
  target.toldBefore = [...new Set(target.lines.filter(isTold).map((line) => line.channel))];
  for (const line of target.lines) {
    line.queued = null;
    if (!line.retired && isTold(line)) line.carried = true;
    else line.retired = true;
  }
  if (target.kind === "person") target.roleUp = null;
}

function takeTargets(work: Work, plan: RunPlan): void {
  const { run } = work;
  for (const person of plan.persons) {
    const known = run.targets[person.key];
    if (known === undefined) {
      run.targets[person.key] = newPerson(person);
      work.owned.add(person.key);
      continue;
    }
    const target = own(work, person.key);
    if (target.kind !== "person") continue;
    target.person = person;
    target.isMember = true;
    if (target.out === "replanned") target.out = null;
  }
  for (const group of plan.groups) {
    const known = run.targets[group.key];
    if (known === undefined) {
      run.targets[group.key] = newGroup(group);
      work.owned.add(group.key);
      continue;
    }
    const target = own(work, group.key);
    if (target.kind !== "group") continue;
    target.group = group;
    if (target.out === "replanned") target.out = null;
  }
  const named = new Set([...plan.persons, ...plan.groups].map(({ key }) => key));
  const isWished = plan.suppressed !== null && !isMootReason(plan.suppressed);
  for (const key of keysOf(work)) {
    if (named.has(key)) continue;
    const target = own(work, key);
    // Whoever was told stays known to the run, for its closing message and for role-up, but takes no further part; unless it is somebody's wish that emptied the
    // plan: nobody gets out of an alert by switching it off.
    if (target.kind === "person" && !(isWished && wasTold(target))) target.isMember = false;
    if (target.kind === "group" || !wasTold(target)) target.out ??= "replanned";
  }
}

/** The step has a phone channel or a group that this run has not told, or a next role. */
function hasUntold(run: Draft, step: number): boolean {
  if (stepOf(run, step).roleUp) return nextRoleUp(highestRankTold(run)) !== null;
  if (groupsOf(run, step).some((target) => target.group.route.length > 0)) return true;
  return personsOf(run, step).some((target) =>
    channelsToBegin(run, target, step, false).some(isPhoneChannel),
  );
}
