/** What reaches a run from outside, and what a supervisor sees of it in the Temporal UI. */
import {
  allHandlersFinished,
  condition,
  defineSignal,
  defineUpdate,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  uuid4,
  workflowInfo,
} from "@temporalio/workflow";

import type { RecordedAct, TemporalUiActInput } from "../activities/contract.ts";
import { runInWords, settledInWords } from "../domain/narration.ts";
import type { Outcome } from "../domain/notification.ts";
import type { Todo } from "../domain/run.ts";
import { onRecord } from "./activity-proxies.ts";
import {
  FACT_SIGNAL,
  SEARCH_ATTRIBUTES,
  STEER_UPDATE,
  type SignalledFact,
  type SteerAnswer,
} from "./contract.ts";
import type { Run } from "./progress.ts";

const factSignal = defineSignal<[SignalledFact]>(FACT_SIGNAL);
const steerUpdate = defineUpdate<SteerAnswer, [RecordedAct]>(STEER_UPDATE);

const acknowledgeUpdate = defineUpdate<string, [string?]>("acknowledge");
const cancelUpdate = defineUpdate<string, [string?]>("cancel");
const resolveUpdate = defineUpdate<string, [string?]>("resolve");
const escalateUpdate = defineUpdate<string, [string?]>("escalate");
const snoozeUpdate = defineUpdate<string, [number, string?]>("snooze");

/** Determinism: the workflow's clock is the time of the workflow task. */
export function nowMs(): number {
  return Date.now();
}

export function runIdentity(): { readonly workflowId: string; readonly runId: string } {
  const { workflowId, runId } = workflowInfo();
  return { workflowId, runId };
}

export function listen(run: Run): void {
  setHandler(
    factSignal,
    (fact) => {
      run.receive(fact, nowMs());
    },
    { description: "Receipts, acts and re-plans, sent by Siaga itself." },
  );

  setHandler(
    steerUpdate,
    async (act) => {
      run.receive({ kind: "act", act }, nowMs());
      await condition(() => run.answerTo(act.actId) !== undefined);
      return run.answerTo(act.actId) ?? { applied: false, reason: "not_possible" };
    },
    { description: "A steering act that Siaga has recorded; used by its API." },
  );

  const byHand = (kind: TemporalUiActInput["kind"]) => (note?: string) =>
    actByHand(run, kind, null, note ?? null);
  setHandler(acknowledgeUpdate, byHand("acknowledge"), {
    description:
      'Acknowledge: somebody has it, the ladder stops. Argument: a note, for example "Budi is on it".',
  });
  setHandler(cancelUpdate, byHand("cancel"), {
    description: "Cancel: nobody else is told. Argument: a note.",
  });
  setHandler(resolveUpdate, byHand("resolve"), {
    description: "Resolve: the thing behind it is over. Argument: a note.",
  });
  setHandler(escalateUpdate, byHand("escalate"), {
    description: "Escalate: end this step now and go on with the next. Argument: a note.",
  });
  setHandler(snoozeUpdate, (minutes, note) => actByHand(run, "snooze", minutes, note ?? null), {
    description: "Snooze: pause the ladder. Arguments: minutes (at most 120, critical 15), a note.",
  });
}

/** An act from the Temporal UI takes the same road as any other: the record decides, then the run learns it. */
async function actByHand(
  run: Run,
  kind: TemporalUiActInput["kind"],
  minutes: number | null,
  note: string | null,
): Promise<string> {
  await condition(() => run.hasBegun);
  const answer = await onRecord("recordTemporalUiAct", {
    notificationId: run.id,
    actId: `act_${uuid4()}`,
    kind,
    minutes,
    note,
  });
  if (answer.applied === false || !answer.act) {
    return `Not applied: ${answer.reason ?? "not possible"}.`;
  }
  run.receive({ kind: "act", act: answer.act }, nowMs());
  return `Recorded as "Temporal UI, unverified".`;
}

export async function handlersFinished(): Promise<void> {
  if (!allHandlersFinished()) await condition(allHandlersFinished);
}

/** The live text of the run, and the attributes by which people look for runs. */
export function showProgress(run: Run, todo: Todo): void {
  setCurrentDetails(runInWords(run.plan, todo, run.story));
  run.publish(todo, (status, step) => {
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.status, value: status },
      { key: SEARCH_ATTRIBUTES.step, value: step },
    ]);
  });
}

export function showSettled(run: Run, outcome: Outcome | null, reason: string | null): void {
  setCurrentDetails(settledInWords(outcome, reason, run.story));
  upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value: outcome ?? "not_ours" }]);
}
