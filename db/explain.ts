import type pg from "pg";

import type { PlanSnapshot, SnapshotPerson } from "../domain/plan-snapshot.ts";
import { planRun } from "../domain/planner.ts";
import type { Plan } from "../domain/planner.ts";
import type { FieldProblem, NotificationRequest } from "../domain/request.ts";
import { judge } from "./requests.ts";
import type { CheckContext } from "./requests.ts";

export type Explanation =
  | { readonly ok: true; readonly plan: Plan }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/**
 * The plan that a request would have at a moment (`context.now`, epoch ms), by the planner that runs use. One statement; writes nothing and takes no places, so
 * sleepers are shown at the very end of their quiet hours. A phone that nobody has yet stands as `phone_<index>`.
 */
export async function explainRequest(
  client: pg.Pool | pg.PoolClient,
  request: NotificationRequest,
  context: CheckContext,
): Promise<Explanation> {
  const judgement = await judge(client, request, context, true);
  if (!judgement.ok) return judgement;
  const snapshot = withNewcomers(judgement.snapshot, judgement.newPhones);
  return { ok: true, plan: planRun(snapshot, context.now).plan };
}

/** Numbers that would become customers when the request is accepted, vouched for by who gives them. */
function withNewcomers(snapshot: PlanSnapshot, phones: readonly number[]): PlanSnapshot {
  const { recipients } = snapshot.request;
  if (recipients === null || phones.length === 0) return snapshot;
  const newcomers = phones.map((index): SnapshotPerson => ({
    id: `phone_${index}`,
    role: "customer",
    zones: [],
    locale: "id",
    timeZone: null,
    isActive: true,
    version: 0,
    settings: {},
    phone: "verified",
    email: "none",
    pushAccountIds: [],
    optedOutChannels: [],
    groupIds: [],
  }));
  return {
    ...snapshot,
    persons: [...snapshot.persons, ...newcomers],
    request: {
      ...snapshot.request,
      recipients: {
        ...recipients,
        userIds: [...recipients.userIds, ...newcomers.map(({ id }) => id)],
      },
    },
  };
}
