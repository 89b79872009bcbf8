/** The steering acts: what each changes in a run that nobody has stopped. */
import { assertNever } from "./assert.ts";
import { makeLate } from "./begin-lines.ts";
import { changePolicy } from "./policy-change.ts";
import type { Fact } from "./run.ts";
import { note, own, turnOf } from "./run-draft.ts";
import type { Work } from "./run-draft.ts";
import { newPerson } from "./run-targets.ts";
import { decideHoldAgain } from "./replan.ts";
import { asleepUntil } from "./sleep.ts";

export type SteeringFact = Extract<
  Fact,
  {
    kind:
      "answered" | "refuse" | "escalate" | "snooze" | "resend" | "policy_changed" | "reassigned";
  }
>;

export function steer(work: Work, fact: SteeringFact): void {
  const { run } = work;
  switch (fact.kind) {
    case "answered":
      if (run.targets[fact.target] === undefined) return;
      own(work, fact.target).answered = true;
      run.firstAnswerAt ??= fact.at;
      decideHoldAgain(work);
      return;
    case "refuse":
      refuse(work, fact.target);
      return;
    case "escalate":
      run.escalates = true;
      run.snoozedUntil = null;
      note(work, "escalated", { step: stepInHand(work) });
      return;
    case "snooze":
      if (fact.until <= work.now) return;
      run.snoozedUntil = fact.until;
      note(work, "snoozed", { step: stepInHand(work), detail: { until: fact.until } });
      return;
    case "resend":
      run.resends = [...run.resends, fact.key];
      return;
    case "policy_changed":
      changePolicy(work, fact.by, fact.plan);
      return;
    case "reassigned":
      reassign(work, fact);
      return;
    default:
      assertNever(fact, "steering act");
  }
}

function stepInHand(work: Work): number | null {
  const { phase } = work.run;
  return phase.kind === "over" ? null : phase.step;
}

/**
 * The person is out, and stays out when another plan names him again. An assignment that is refused goes on at once, whoever
 * else is open.
 */
function refuse(work: Work, key: string): void {
  const { run } = work;
  if (run.targets[key] === undefined) return;
  const target = own(work, key);
  if (target.out === "refused") return;
  const wasIn = target.out === null;
  // Of an assignment the step of the one who refuses it ends; a step that has gone on to somebody else is not his to end.
  const { phase } = run;
  const isHisStep =
    phase.kind === "holding" ||
    (phase.kind === "step" && turnOf(target, phase.step)?.closed === false);
  target.out = "refused";
  note(work, "refused", { target: key, step: stepInHand(work) });
  if (run.plan.answerKind === "accept" && wasIn && isHisStep) run.escalates = true;
  decideHoldAgain(work);
}

function reassign(work: Work, fact: Extract<SteeringFact, { kind: "reassigned" }>): void {
  const { run } = work;
  const { person, from } = fact;
  if (from !== null && run.targets[from] !== undefined && from !== person.key) {
    own(work, from).out ??= "reassigned";
  }
  const known = run.targets[person.key];
  if (known?.kind !== "person") {
    run.targets[person.key] = newPerson(person);
    work.owned.add(person.key);
  } else {
    const target = own(work, person.key);
    if (target.kind === "person") {
      target.person = person;
      target.isMember = true;
    }
    target.out = null;
    target.answered = false;
  }
  makeLate(work, person.key, { onlyStep: null, replaces: true });
  note(work, "reassigned", {
    target: person.key,
    detail: { from, until: asleepUntil(own(work, person.key), work.now) },
  });
  decideHoldAgain(work);
}
