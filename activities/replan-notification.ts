import { personAnswers } from "../db/acts.ts";
import { saveReassignment, saveReplan } from "../db/plans.ts";
import { loadStored } from "../db/plan-snapshot.ts";
import type { LoadOptions, StoredNotification } from "../db/plan-snapshot.ts";
import { alreadyStopped } from "../domain/act.ts";
import type { PlanSnapshot, RequestFacts } from "../domain/plan-snapshot.ts";
import { planReassigned, planRun } from "../domain/planner.ts";
import type { KeptTarget } from "../domain/planner.ts";
import { PRIORITIES } from "../domain/priority.ts";
import type { Priority } from "../domain/priority.ts";
import { defaultPolicy, snapshotOfStored, toSnapshot } from "../domain/request-check.ts";
import type { ReplanAnswer, ReplanInput } from "./contract.ts";
import { untilSaved, withWakePlaces } from "./plan-deps.ts";
import type { PlanDeps } from "./plan-deps.ts";

/**
 * Decides a run's persons and groups again, with everything as it is now: after a change of settings, contacts, zones or the ticket, under another policy, or with
 * another assignee. The policy stays the pinned version unless an act says otherwise.
 *
 * Idempotency: a second execution plans from the facts of its own moment and writes rows, never entries; the timeline is the run's own.
 */
export function createReplanNotification(deps: PlanDeps) {
  return function replanNotification({ notificationId, why }: ReplanInput): Promise<ReplanAnswer> {
    return untilSaved<ReplanAnswer>(async () => {
      const now = deps.now();
      const found = await loadStored(deps.pool, notificationId, deps, {
        now,
        withRoleUp: true,
        ...wantedBy(why),
      });
      if (found === null) return refused("no_record");
      if (found.stored.outcome !== null) return refused("already_settled");
      // Ordering: what steers a run comes before its stop or not at all, also in the record.
      if (why.kind !== "reason" && found.stored.stopKind !== null) {
        const answers = found.facts.type?.answers ?? "none";
        return refused(alreadyStopped(found.stored.stopKind, answers));
      }
      const record: Loaded = { ...found, now };
      switch (why.kind) {
        case "reason":
          return replan(deps, record, snapshotOfStored(found.facts), found.stored.targets, {
            keepsSteps: found.stored.hasSent,
            unlessStopped: false,
          });
        case "reprioritise":
        case "move":
          return replan(
            deps,
            record,
            underPolicy(found.facts, why),
            withoutRoleUp(found.stored.targets),
            { keepsSteps: false, unlessStopped: true },
          );
        case "reassign":
          return reassign(deps, record, why);
      }
    });
  };
}

interface Loaded {
  readonly stored: StoredNotification;
  readonly facts: RequestFacts;
  readonly now: number;
}

type Why = ReplanInput["why"];

function wantedBy(why: Why): Partial<LoadOptions> {
  switch (why.kind) {
    case "reason":
      return {};
    case "reprioritise":
      return { priority: why.priority };
    case "move":
      return { policyVersion: why.policyVersion };
    case "reassign":
      return { userIds: [why.userId, ...(why.fromUserId === null ? [] : [why.fromUserId])] };
  }
}

function refused(reason: string): ReplanAnswer {
  return { kind: "refused", reason };
}

/** Another policy's steps are for the run's own persons: those of role-up belong to the old one's. */
function withoutRoleUp(targets: readonly KeptTarget[]): readonly KeptTarget[] {
  return targets.filter(({ origin }) => origin !== "role_up");
}

async function replan(
  deps: PlanDeps,
  { stored, now }: Loaded,
  snapshot: PlanSnapshot | null,
  kept: readonly KeptTarget[],
  { keepsSteps, unlessStopped }: { readonly keepsSteps: boolean; readonly unlessStopped: boolean },
): Promise<ReplanAnswer | "stale"> {
  if (snapshot === null) return refused("not_possible");
  const planned = await withWakePlaces(deps, now, (options) =>
    planRun(snapshot, now, { ...options, kept }),
  );
  // Rows of the inbox that were written with the first plan are the run's; new ones are orders of the ladder.
  const run = { ...planned.run, inAppWritten: stored.runPlan?.inAppWritten ?? [] };
  const saved = await saveReplan(deps.pool, {
    notificationId: stored.id,
    snapshot,
    planned: { ...planned, run },
    keepsSteps,
    unlessStopped,
    at: now,
  });
  if (saved === "stale") return "stale";
  if (!unlessStopped) return { kind: "replanned", plan: run };
  const answers = await personAnswers(deps.pool, stored.id);
  return { kind: "replanned", plan: run, ...(answers.length > 0 ? { answers } : {}) };
}

/** The snapshot under the policy that an act names; null when there is no such policy or version. */
function underPolicy(
  facts: RequestFacts,
  why: Extract<Why, { kind: "reprioritise" | "move" }>,
): PlanSnapshot | null {
  const current = snapshotOfStored(facts);
  if (current === null || facts.type === null) return null;
  if (why.kind === "move") {
    const policy = facts.policies
      .filter(({ id }) => id === current.policy.id)
      .find(({ version, isCurrent }) =>
        why.policyVersion === null ? isCurrent : version === why.policyVersion,
      );
    return policy === undefined ? null : toSnapshot(current.request, facts, facts.type, policy);
  }
  const priority = toPriority(why.priority);
  const policy = priority === null ? null : defaultPolicy(facts, priority);
  if (priority === null || policy === null) return null;
  return toSnapshot({ ...current.request, priority }, facts, facts.type, policy);
}

async function reassign(
  deps: PlanDeps,
  { stored, facts, now }: Loaded,
  why: Extract<Why, { kind: "reassign" }>,
): Promise<ReplanAnswer | "stale"> {
  const snapshot = snapshotOfStored(facts);
  const successor = snapshot?.persons.find(({ id }) => id === why.userId);
  if (snapshot === null || successor?.isActive !== true) return refused("not_possible");
  const assignee = snapshot.request.assigneeId ?? snapshot.ticket?.assigneeId ?? null;
  const from = why.fromUserId ?? assignee;
  if (from === successor.id) return refused("not_possible");
  const planned = await withWakePlaces(deps, now, (options) => {
    const person = planReassigned(snapshot, successor, now, options);
    return { person, wakes: person?.wakes ?? [] };
  });
  if (planned.person === null) return refused("not_possible");
  const { run, recipient } = planned.person;
  const saved = await saveReassignment(deps.pool, {
    notificationId: stored.id,
    snapshot,
    from,
    person: run,
    recipient,
    replacesAssignee: from === null || from === assignee,
  });
  return saved === "stale" ? "stale" : { kind: "reassigned", from, person: run };
}

function toPriority(text: string): Priority | null {
  return PRIORITIES.find((priority) => priority === text) ?? null;
}
