import type pg from "pg";
import { recordAudit } from "../../db/audit.ts";
import {
  findGroupConflicts,
  groupTag,
  insertGroup,
  lockGroup,
  readGroup,
  updateGroup,
} from "../../db/groups.ts";
import type { GroupFields, GroupRow } from "../../db/groups.ts";
import { markStale } from "../../db/stale-plans.ts";
import { withTransaction } from "../../db/transaction.ts";
import { violatedUnique } from "../../db/violations.ts";
import type { Actor } from "../../domain/actor.ts";
import type { GroupCategory } from "../../domain/group.ts";
import { parseGroupChatId } from "../../domain/group-id.ts";
import type { Locale } from "../../domain/locale.ts";
import { mayPlaceIn } from "../../domain/managed-roles.ts";
import { may, mayAny } from "../../domain/permissions.ts";
import { normalisePhone } from "../../domain/phone-number.ts";
import type { Priority } from "../../domain/priority.ts";
import type { QuietHours } from "../../domain/quiet-hours.ts";
import { namesOf } from "./change-user.ts";
import { repeated, timeZoneProblems } from "./check-user.ts";
import { Forbidden, InvalidInput } from "./errors.ts";
import type { Problem } from "./errors.ts";
import { assertCurrent } from "./if-match.ts";
import type { IfMatch } from "./if-match.ts";
import { idOnce } from "./once.ts";
import type { PartOf } from "./part-of.ts";
import type { Once } from "./once.ts";
import { quietHoursProblemsOf } from "./quiet-hours-problems.ts";
import type { Replanner } from "./replanner.ts";
import { visibleGroup } from "./see-groups.ts";

export type CreateGroupDeps = {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
};
export type ChangeGroupDeps = Omit<CreateGroupDeps, "randomBytes"> & {
  readonly replanner: Replanner;
};

export type GroupInput = {
  readonly externalId?: string | null | undefined;
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly groupChatId?: string | null | undefined;
  readonly phoneNumber?: string | null | undefined;
  readonly category: GroupCategory;
  readonly zone?: string | null | undefined;
  readonly serviceTypes?: readonly string[] | undefined;
  readonly types?: readonly string[] | undefined;
  readonly minPriority?: Priority | null | undefined;
  readonly locale?: Locale | undefined;
  readonly timeZone?: string | null | undefined;
  readonly quietHours?: QuietHours | null | undefined;
};

/** Fields that are absent keep their value; a list replaces the list, quiet hours the quiet hours. */
export type GroupChange = PartOf<GroupInput> & { readonly isActive?: boolean | undefined };

/** Of these a plan knows nothing. */
const UNPLANNED = new Set(["externalId", "name", "description", "locale", "phoneNumber"]);

/** @throws Forbidden, InvalidInput naming every bad field */
export async function createGroup(
  deps: CreateGroupDeps,
  {
    actor,
    group,
    once,
  }: { readonly actor: Actor; readonly group: GroupInput; readonly once: Once },
): Promise<GroupRow> {
  if (!mayAny(actor, "write_groups")) throw new Forbidden();
  judgeZone(actor, group.zone ?? null);
  const id = idOnce(deps, "grp", once);
  const nowMs = deps.now();
  return namingTakenField(() =>
    withTransaction(deps.pool, async (client) => {
      const before = once === undefined ? null : await readGroup(client, id);
      if (before !== null) return before;
      const fields = await checkGroup(client, mergeFields(null, group), null);
      await insertGroup(client, id, fields, nowMs);
      await recordAudit(client, { by: actor, action: "group.created", subject: id }, nowMs);
      return inserted(await readGroup(client, id));
    }),
  );
}

/** @throws NotFound, Forbidden, Outdated, InvalidInput naming every bad field */
export async function changeGroup(
  deps: ChangeGroupDeps,
  input: {
    readonly actor: Actor;
    readonly reference: string;
    readonly change: GroupChange;
    readonly ifMatch: IfMatch;
  },
): Promise<GroupRow> {
  const { actor, change } = input;
  const nowMs = deps.now();
  const markedAt = new Date(nowMs);
  const { row, stale } = await namingTakenField(() =>
    withTransaction(deps.pool, async (client) => {
      const before = writableGroup(actor, await lockGroup(client, input.reference));
      if (change.zone !== undefined) judgeZone(actor, change.zone);
      assertCurrent(input.ifMatch, groupTag(before));
      const fields = await checkGroup(client, mergeFields(before, change), before.id);
      await updateGroup(client, before.id, fields, nowMs);
      const names = namesOf(change);
      await recordAudit(
        client,
        { by: actor, action: "group.changed", subject: before.id, detail: { fields: names } },
        nowMs,
      );
      return {
        row: inserted(await readGroup(client, before.id)),
        stale: names.every((name) => UNPLANNED.has(name))
          ? []
          : await markStale(client, [before.id], markedAt),
      };
    }),
  );
  deps.replanner.tell(stale, "group_changed", markedAt);
  return row;
}

/** @throws NotFound, Forbidden */
export function writableGroup(actor: Actor, row: GroupRow | null): GroupRow {
  const group = visibleGroup(actor, row);
  if (!may(actor, "write_groups", { zone: group.work_zone })) {
    throw new Forbidden("This key or role may not change this group.");
  }
  return group;
}

/** @throws Forbidden */
function judgeZone(actor: Actor, zone: string | null): void {
  if (!mayPlaceIn(actor, "write_groups", zone === null ? [] : [zone])) {
    throw new Forbidden("This role may not put a group into this zone.");
  }
}

type MergedFields = Omit<GroupFields, "groupChatId" | "phoneNumber"> & {
  /** As given; not read yet. */
  readonly groupChatId: string | null;
  readonly phoneNumber: string | null;
};

function mergeFields(before: GroupRow | null, change: GroupChange): MergedFields {
  const pick = <Value>(given: Value | undefined, kept: Value): Value =>
    given === undefined ? kept : given;
  return {
    externalId: pick(change.externalId, before?.external_id ?? null),
    name: pick(change.name, before?.name ?? ""),
    description: pick(change.description, before?.description ?? null),
    groupChatId: pick(change.groupChatId, before?.group_chat_id ?? null),
    phoneNumber: pick(change.phoneNumber, before?.phone_number ?? null),
    category: pick<GroupCategory>(change.category, before?.category ?? "all"),
    zone: pick(change.zone, before?.work_zone ?? null),
    serviceTypes: pick(change.serviceTypes, before?.service_types ?? []),
    types: pick(change.types, before?.types ?? []),
    minPriority: pick<Priority | null>(change.minPriority, before?.min_priority ?? null),
    locale: pick<Locale>(change.locale, before?.locale ?? "id"),
    timeZone: pick(change.timeZone, before?.time_zone ?? null),
    quietHours: pick(change.quietHours, before?.quiet_hours ?? null),
    isActive: pick(change.isActive, before?.is_active ?? true),
  };
}

/** The fields as they are stored. @throws InvalidInput naming every bad field */
async function checkGroup(
  client: pg.PoolClient,
  fields: MergedFields,
  exceptId: string | null,
): Promise<GroupFields> {
  const { read, problems } = await judgeFields(client, fields, exceptId);
  if (problems.length > 0) throw new InvalidInput(problems);
  return read;
}

/**
 * What is wrong with that part of a group's fields which their schema accepts. `reference` is whose fields they are; null:
 * a new group's. Asked of somebody who may not write groups, it refuses that instead.
 *
 * @throws Forbidden, NotFound
 */
export async function judgeGroupPart(
  { pool }: Pick<CreateGroupDeps, "pool">,
  {
    actor,
    reference,
    part,
  }: {
    readonly actor: Actor;
    readonly reference: string | null;
    readonly part: PartOf<GroupInput>;
  },
): Promise<readonly Problem[]> {
  if (!mayAny(actor, "write_groups")) throw new Forbidden();
  const group = reference === null ? null : writableGroup(actor, await readGroup(pool, reference));
  return (await judgeFields(pool, mergeFields(group, part), group?.id ?? null)).problems;
}

async function judgeFields(
  db: pg.Pool | pg.PoolClient,
  fields: MergedFields,
  exceptId: string | null,
): Promise<{ readonly read: GroupFields; readonly problems: readonly Problem[] }> {
  const chat = fields.groupChatId === null ? null : parseGroupChatId(fields.groupChatId);
  const phone = fields.phoneNumber === null ? null : normalisePhone(fields.phoneNumber);
  const read: GroupFields = {
    ...fields,
    groupChatId: chat?.ok === true ? chat.groupChatId : null,
    phoneNumber: phone?.ok === true ? phone.phone : null,
  };
  const conflicts = await findGroupConflicts(db, read, exceptId);
  const problems: Problem[] = [
    ...timeZoneProblems("timeZone", fields.timeZone),
    ...(fields.quietHours === null ? [] : quietHoursProblemsOf("quietHours", fields.quietHours)),
    ...repeated("types", fields.types),
    ...repeated("serviceTypes", fields.serviceTypes),
    ...fields.types.flatMap((type, index) =>
      conflicts.unknownTypes.includes(type)
        ? [problem(`types.${index}`, "unknown", "There is no such notification type.")]
        : [],
    ),
  ];
  if (chat?.ok === false) {
    problems.push(
      problem("groupChatId", "invalid_group_id", `Must be a group id (…@g.us): ${chat.reason}.`),
    );
  }
  if (phone?.ok === false) {
    problems.push(
      problem("phoneNumber", "invalid_phone", `Must be a phone number: ${phone.reason}.`),
    );
  }
  if (conflicts.isExternalIdTaken) problems.push(TAKEN.externalId);
  if (conflicts.isChatTaken) problems.push(TAKEN.groupChatId);
  if (conflicts.isZoneUnknown) {
    problems.push(problem("zone", "unknown", "There is no such zone."));
  }
  return { read, problems };
}

function problem(path: string, code: string, message: string): Problem {
  return { path, code, message };
}

const TAKEN = {
  externalId: problem("externalId", "taken", "Another group has this external id."),
  groupChatId: problem("groupChatId", "taken", "Another group has this chat."),
};

/** Of two requests at the same time the second meets the index instead of the check; the caller is told the same. */
async function namingTakenField<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    switch (violatedUnique(error)) {
      case "whatsapp_groups_external_id_unique":
        throw new InvalidInput([TAKEN.externalId]);
      case "whatsapp_groups_chat_unique":
        throw new InvalidInput([TAKEN.groupChatId]);
      default:
        throw error;
    }
  }
}

function inserted(row: GroupRow | null): GroupRow {
  if (row === null) throw new Error("Invariant broken: a group that was written is there");
  return row;
}
