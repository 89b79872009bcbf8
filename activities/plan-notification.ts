import { refuseOpenActs, settleEarlyAnswers } from "../db/acts.ts";
import { insertNotification, insertRejected } from "../db/notifications-insert.ts";
import { newId } from "../db/new-id.ts";
import { openingToWrite, readOpening, savePlan } from "../db/plans.ts";
import type { PlanToSave } from "../db/plans.ts";
import { loadStored } from "../db/plan-snapshot.ts";
import type { StoredNotification } from "../db/plan-snapshot.ts";
import { checkRequest } from "../db/requests.ts";
import { withTransaction } from "../db/transaction.ts";
import type { RequestFacts } from "../domain/plan-snapshot.ts";
import { timeZoneOf } from "../domain/planned-target.ts";
import { planRun } from "../domain/planner.ts";
import type { Planned } from "../domain/planner.ts";
import { PRIORITIES } from "../domain/priority.ts";
import { messageFacts, snapshotOfStored } from "../domain/request-check.ts";
import type { RunPlan } from "../domain/run.ts";
import type { FieldProblem, NotificationRequest } from "../domain/request.ts";
import { parseNotificationWorkflowId } from "../workflows/contract.ts";
import type {
  DirectRequest,
  PlanAnswer,
  PlanInput,
  RecordedAct,
  WrittenOpening,
} from "./contract.ts";
import { inboxRows } from "./inbox-row.ts";
import { untilSaved, withWakePlaces } from "./plan-deps.ts";
import type { PlanDeps } from "./plan-deps.ts";

/**
 * The first activity of a run: takes the record as its own, plans, and stores the plan.
 *
 * The record may be there (accepted over HTTP) or not (a direct start, which is then checked and stored here). Whoever finds it taken by another run, settled, or
 * made from another request ends without sending anything.
 *
 * Idempotency: the plan is written once; a second execution returns what the first stored. What an interrupted one left undone is done by the next.
 */
export function createPlanNotification(deps: PlanDeps) {
  return function planNotification(input: PlanInput): Promise<PlanAnswer> {
    return untilSaved(async () => {
      const now = deps.now();
      const found = await loadStored(deps.pool, input.workflowId, deps, { now, withRoleUp: true });
      if (found === null) {
        if (input.direct === null) return notOurs("no_record");
        return storeDirect(deps, input, input.direct, now);
      }
      const refusal = refusalOf(found.stored, input);
      if (refusal !== null) {
        // Nobody carries out any more what was asked of a run that has settled, perhaps by an earlier execution of this very task.
        if (found.stored.outcome !== null) await refuseOpenActs(deps.pool, found.stored.id);
        return refusal;
      }
      const { runPlan } = found.stored;
      if (runPlan !== null) {
        const opening = await readOpening(deps.pool, found.stored.id);
        // Stored by a release that left them for later.
        const early = areAllAsked(runPlan)
          ? await withTransaction(deps.pool, (client) =>
              settleEarlyAnswers(client, found.stored.id),
            )
          : [];
        return {
          kind: "planned",
          plan: runPlan,
          acts: withAnswers(found.stored, early),
          ...(opening === null ? {} : { opening }),
        };
      }
      return planAndSave(deps, input, found.stored, found.facts, now);
    });
  };
}

function refusalOf(stored: StoredNotification, input: PlanInput): PlanAnswer | null {
  if (input.direct !== null && stored.bodyHash !== input.direct.bodyHash) {
    return { kind: "not_ours", outcome: "rejected", reason: "key_reused" };
  }
  if (stored.runId !== null && stored.runId !== input.runId) {
    return { kind: "not_ours", outcome: stored.outcome, reason: "another_run" };
  }
  if (stored.outcome !== null) {
    return { kind: "not_ours", outcome: stored.outcome, reason: "already_settled" };
  }
  return null;
}

function notOurs(reason: string): PlanAnswer {
  return { kind: "not_ours", outcome: null, reason };
}

async function planAndSave(
  deps: PlanDeps,
  input: PlanInput,
  stored: StoredNotification,
  facts: RequestFacts,
  now: number,
): Promise<PlanAnswer | "stale"> {
  const snapshot = snapshotOfStored(facts);
  if (snapshot === null) throw new Error(`${stored.id} names a type or policy that is gone`);
  const isStopped = stored.stopKind !== null;
  const planned = await withWakePlaces(deps, now, (options) => planRun(snapshot, now, options));
  const told = isStopped ? withoutInbox(planned) : planned;
  const filling = messageFacts(snapshot.request, snapshot.type, facts);
  const persons = new Map(snapshot.persons.map((person) => [person.id, person]));
  const readers = told.run.inAppWritten.flatMap((userId) => {
    const person = persons.get(userId);
    return person === undefined ? [] : [{ person, timeZone: timeZoneOf(snapshot, person) }];
  });
  const inbox = inboxRows(facts.templates, filling, readers, { ...deps.settings, now });
  const written = inbox.map(({ userId }) => userId);
  const plan = { ...told, run: { ...told.run, inAppWritten: written } };
  const toSave = {
    notificationId: stored.id,
    runId: input.runId,
    snapshot,
    planned: plan,
    isStopped,
    hasActs: stored.acts.length > 0,
    inbox,
    at: now,
  };
  const early = await save(deps, toSave);
  if (early === "stale") return "stale";
  const begun = openingToWrite(toSave);
  return {
    kind: "planned",
    plan: plan.run,
    acts: withAnswers(stored, early),
    ...(begun === null ? {} : { opening: writtenOpening(begun) }),
  };
}

/** The plan, and what it makes of acknowledgments that came before it: both or neither. */
async function save(
  { pool }: PlanDeps,
  toSave: PlanToSave,
): Promise<readonly RecordedAct[] | "stale"> {
  // Where anybody's answer is enough none waits for the plan, and one statement does.
  if (!areAllAsked(toSave.planned.run)) {
    return (await savePlan(pool, toSave)) === "stale" ? "stale" : [];
  }
  return withTransaction(pool, async (client) =>
    (await savePlan(client, toSave)) === "stale"
      ? "stale"
      : settleEarlyAnswers(client, toSave.notificationId),
  );
}

function areAllAsked({ rules }: RunPlan): boolean {
  return rules.acknowledgment === "all";
}

/** What the run is to learn first, in the order in which it was done. */
function withAnswers(
  stored: StoredNotification,
  early: readonly RecordedAct[],
): readonly RecordedAct[] {
  const others = stored.acts.filter(({ actId }) => !early.some((act) => act.actId === actId));
  return [...others.map((act) => toAct(act)), ...early].toSorted((a, b) => a.at - b.at);
}

function writtenOpening({
  todo: { status, pass, step },
  entries,
}: NonNullable<ReturnType<typeof openingToWrite>>): WrittenOpening {
  return { status, pass, step, entries: entries.map(({ kind }) => kind) };
}

/** Stopped before it began: nobody is told anything but, where somebody asked for it, how it ended. */
function withoutInbox(planned: Planned): Planned {
  return { ...planned, run: { ...planned.run, inAppWritten: [] } };
}

function toAct({
  actId,
  kind,
  at,
  userId,
  params,
}: StoredNotification["acts"][number]): RecordedAct {
  const { stops, rating: _rating, ...rest } = params;
  return { actId, kind, at, userId, stops: stops === true, params: rest };
}

/** Checks what no API has checked and stores it; the next try finds it as any other. */
async function storeDirect(
  deps: PlanDeps,
  input: PlanInput,
  direct: DirectRequest,
  now: number,
): Promise<PlanAnswer | "stale"> {
  const named = parseNotificationWorkflowId(input.workflowId);
  if (named === null || named.type !== direct.type) return notOurs("malformed_workflow_id");
  const id = newId("ntf", now);
  const common = {
    id,
    ref: named.ref,
    workflowId: input.workflowId,
    sender: direct.sender,
    idempotencyKey: direct.key,
    bodyHash: Buffer.from(direct.bodyHash, "hex"),
  };
  const check = await checkDirect(deps, direct, now);
  if (check.ok) {
    await insertNotification(deps.pool, {
      ...common,
      apiKeyId: null,
      request: check.request,
      acceptedAt: now,
      vouchesForPhones: false,
    });
    return "stale";
  }
  const answer = await insertRejected(deps.pool, {
    ...common,
    runId: input.runId,
    type: direct.type,
    priority: PRIORITIES.find((priority) => priority === direct.priority) ?? "medium",
    problems: check.problems,
    now,
  });
  // Stored by somebody else in between: the next try judges that record.
  return answer.inserted
    ? { kind: "not_ours", outcome: "rejected", reason: "invalid_request" }
    : "stale";
}

async function checkDirect(deps: PlanDeps, direct: DirectRequest, now: number) {
  const { sender: _sender, key: _key, bodyHash: _bodyHash, ...request } = direct;
  const refused = deps.acceptsDirectData === true ? [] : directProblems(request);
  const check = await checkRequest(deps.pool, request, { ...deps, now, ticketMustExist: true });
  if (refused.length === 0) return check;
  const problems = [...refused, ...(check.ok ? [] : check.problems)];
  return { ok: false, problems } as const;
}

/** What must not stand in Temporal's history in clear. */
function directProblems(request: NotificationRequest): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (Object.keys(request.data ?? {}).length > 0) {
    problems.push({
      path: "data",
      code: "not_available",
      message:
        "a direct start takes no data without the payload codec; variables come from the ticket",
    });
  }
  if ((request.attachments ?? []).length > 0) {
    problems.push({
      path: "attachments",
      code: "not_available",
      message: "a direct start takes no attachments without the payload codec",
    });
  }
  if ((request.recipients?.phones ?? []).length > 0) {
    problems.push({
      path: "recipients.phones",
      code: "not_available",
      message: "a direct start takes no phones without the payload codec",
    });
  }
  return problems;
}
