import type pg from "pg";

import { PERSON_CHANNELS } from "../domain/channel.ts";
import type { PersonChannel } from "../domain/channel.ts";
import type { PlanSnapshot, SnapshotPerson } from "../domain/plan-snapshot.ts";
import { planRun } from "../domain/planner.ts";
import type { Plan } from "../domain/planner.ts";
import type { FieldProblem, NotificationRequest } from "../domain/request.ts";
import { optedOutNumbers } from "./opt-outs.ts";
import { judge } from "./requests.ts";
import type { CheckContext } from "./requests.ts";

export type Explanation =
  | { readonly ok: true; readonly plan: Plan }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/**
 * The plan that a request would have at a moment (`context.now`, epoch ms), by the planner that runs use. One statement, and one more where there are numbers that nobody has; writes nothing and takes no places, so
 * sleepers are shown at the very end of their quiet hours. A phone that nobody has yet stands as `phone_<index>`.
 */
export async function explainRequest(
  client: pg.Pool | pg.PoolClient,
  request: NotificationRequest,
  context: CheckContext,
): Promise<Explanation> {
  const judgement = await judge(client, request, context, true);
  if (!judgement.ok) return judgement;
  const { newPhones, request: checked } = judgement;
  const optedOut = await optedOutOf(
    client,
    request,
    new Map(newPhones.map((index) => [`phone_${index}`, checked.phones[index] ?? ""])),
  );
  const snapshot = withNewcomers(judgement.snapshot, newPhones, optedOut);
  return { ok: true, plan: planRun(snapshot, context.now).plan };
}

/** What numbers that nobody has yet have opted out of, as `phone_<index>`. */
async function optedOutOf(
  client: pg.Pool | pg.PoolClient,
  { type }: NotificationRequest,
  newcomers: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, readonly PersonChannel[]>> {
  if (newcomers.size === 0) return new Map();
  const byNumber = await optedOutNumbers(client, type, [...newcomers.values()]);
  return new Map(
    [...newcomers].map(([key, phone]) => [
      key,
      PERSON_CHANNELS.filter((channel) => byNumber.get(phone)?.includes(channel)),
    ]),
  );
}

/** Numbers that would become customers when the request is accepted, vouched for by who gives them. */
function withNewcomers(
  snapshot: PlanSnapshot,
  phones: readonly number[],
  optedOut: ReadonlyMap<string, readonly PersonChannel[]>,
): PlanSnapshot {
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
    optedOutChannels: optedOut.get(`phone_${index}`) ?? [],
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
