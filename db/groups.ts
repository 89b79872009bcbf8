import type pg from "pg";
import type { Actor } from "../domain/actor.ts";
import type { GroupCategory } from "../domain/group.ts";
import type { Locale } from "../domain/locale.ts";
import type { Grant, Limit } from "../domain/permissions.ts";
import type { Priority } from "../domain/priority.ts";
import type { QuietHours } from "../domain/quiet-hours.ts";
import { contentTag } from "./content-tag.ts";
import { Parameters, toPage } from "./page.ts";
import type { Page, Position } from "./page.ts";
import { byReference } from "./users.ts";

/** WhatsApp groups. */

export type GroupRow = {
  readonly id: string;
  readonly external_id: string | null;
  readonly name: string;
  readonly description: string | null;
  readonly group_chat_id: string | null;
  readonly phone_number: string | null;
  readonly category: GroupCategory;
  /** Null: all zones. */
  readonly work_zone: string | null;
  readonly service_types: readonly string[];
  readonly types: readonly string[];
  readonly min_priority: Priority | null;
  readonly locale: Locale;
  readonly time_zone: string | null;
  readonly quiet_hours: QuietHours | null;
  readonly is_active: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly created_us: number;
};

const COLUMNS = `
  g.id, g.external_id, g.name, g.description, g.group_chat_id, g.phone_number, g.category, g.work_zone, g.service_types, g.types,
  g.min_priority, g.locale, g.time_zone, g.quiet_hours, g.is_active, g.created_at, g.updated_at,
  (extract(epoch from g.created_at) * 1000000)::bigint as created_us`;

export function groupTag({
  updated_at: _updated,
  created_us: _order,
  ...content
}: GroupRow): string {
  return contentTag(content);
}

export async function readGroup(
  db: pg.Pool | pg.PoolClient,
  reference: string,
): Promise<GroupRow | null> {
  const { column, value } = byReference("g", reference);
  const { rows } = await db.query<GroupRow>(
    `select ${COLUMNS} from whatsapp_groups g where ${column} = $1`,
    [value],
  );
  return rows[0] ?? null;
}

/** Held until the transaction ends; members are added and changed under it too. */
export async function lockGroup(
  client: pg.PoolClient,
  reference: string,
): Promise<GroupRow | null> {
  const { column, value } = byReference("g", reference);
  const { rows } = await client.query<GroupRow>(
    `select ${COLUMNS} from whatsapp_groups g where ${column} = $1 for update`,
    [value],
  );
  return rows[0] ?? null;
}

export type GroupFilter = {
  readonly category?: GroupCategory | undefined;
  readonly zone?: string | undefined;
  readonly isActive?: boolean | undefined;
  /** A part of the name, or an external id. */
  readonly q?: string | undefined;
};

/** Newest first; only what one of the grants holds for. */
export async function listGroups(
  pool: pg.Pool,
  input: {
    readonly actor: Actor;
    readonly grants: readonly Grant[];
    readonly filter: GroupFilter;
    readonly limit: number;
    readonly after: Position | null;
  },
): Promise<Page<GroupRow>> {
  const { filter, after } = input;
  const parameters = new Parameters();
  const conditions = [grantsCondition(input.grants, input.actor, parameters)];
  if (filter.category !== undefined) {
    conditions.push(`g.category = ${parameters.add(filter.category)}`);
  }
  if (filter.zone !== undefined) conditions.push(`g.work_zone = ${parameters.add(filter.zone)}`);
  if (filter.isActive !== undefined) {
    conditions.push(`g.is_active = ${parameters.add(filter.isActive)}`);
  }
  if (filter.q !== undefined) {
    const part = parameters.add(`%${filter.q.replace(/[\\%_]/g, "\\$&")}%`);
    const q = parameters.add(filter.q);
    conditions.push(`(g.name ilike ${part} or g.external_id = ${q} or g.id = ${q})`);
  }
  if (after !== null) {
    conditions.push(
      `(g.created_at, g.id) < (timestamptz 'epoch' + ${parameters.add(after.order)}::bigint * interval '1 microsecond',
        ${parameters.add(after.id)})`,
    );
  }
  const { rows } = await pool.query<GroupRow>(
    `select ${COLUMNS} from whatsapp_groups g where ${conditions.join("\n and ")}
     order by g.created_at desc, g.id desc limit ${parameters.add(input.limit + 1)}`,
    parameters.values,
  );
  return toPage(
    rows,
    input.limit,
    (row) => ({ order: row.created_us, id: row.id }),
    (row) => row,
  );
}

function grantsCondition(grants: readonly Grant[], actor: Actor, parameters: Parameters): string {
  if (actor.kind === "system") return grants.length > 0 ? "true" : "false";
  const toSql = (limit: Limit): string =>
    limit === "own_zones" ? `g.work_zone = any(${parameters.add(actor.zones)})` : "false";
  const alternatives = grants.map((grant) =>
    grant.length === 0 ? "true" : `(${grant.map(toSql).join(" and ")})`,
  );
  return alternatives.length === 0 ? "false" : `(${alternatives.join(" or ")})`;
}

export type GroupFields = {
  readonly externalId: string | null;
  readonly name: string;
  readonly description: string | null;
  readonly groupChatId: string | null;
  readonly phoneNumber: string | null;
  readonly category: GroupCategory;
  readonly zone: string | null;
  readonly serviceTypes: readonly string[];
  readonly types: readonly string[];
  readonly minPriority: Priority | null;
  readonly locale: Locale;
  readonly timeZone: string | null;
  readonly quietHours: QuietHours | null;
  readonly isActive: boolean;
};

function valuesOf(fields: GroupFields): readonly unknown[] {
  return [
    fields.externalId,
    fields.name,
    fields.description,
    fields.groupChatId,
    fields.phoneNumber,
    fields.category,
    fields.zone,
    fields.serviceTypes,
    fields.types,
    fields.minPriority,
    fields.locale,
    fields.timeZone,
    fields.quietHours,
    fields.isActive,
  ];
}

const FIELD_COLUMNS = `external_id, name, description, group_chat_id, phone_number, category, work_zone, service_types, types,
  min_priority, locale, time_zone, quiet_hours, is_active`;

export async function insertGroup(
  client: pg.PoolClient,
  id: string,
  fields: GroupFields,
  nowMs: number,
): Promise<void> {
  await client.query(
    `insert into whatsapp_groups (id, created_at, updated_at, ${FIELD_COLUMNS})
     values ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
    [id, new Date(nowMs), ...valuesOf(fields)],
  );
}

export async function updateGroup(
  client: pg.PoolClient,
  id: string,
  fields: GroupFields,
  nowMs: number,
): Promise<void> {
  await client.query(
    `update whatsapp_groups set version = version + 1, updated_at = $2,
       (${FIELD_COLUMNS}) = row($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
     where id = $1`,
    [id, new Date(nowMs), ...valuesOf(fields)],
  );
}

/**
 * Plans made from what the groups, their members and routes were before are not saved any more.
 *
 * Ordering: by id, after the rows of persons, as by everything that locks several.
 */
export async function touchGroups(client: pg.PoolClient, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await client.query(
    `update whatsapp_groups set version = version + 1 where id in (
       select g.id from whatsapp_groups g where g.id = any($1) order by g.id for update of g
     )`,
    [ids],
  );
}

/** What the record has against a group's fields. */
export type GroupConflicts = {
  readonly isExternalIdTaken: boolean;
  readonly isChatTaken: boolean;
  readonly isZoneUnknown: boolean;
  readonly unknownTypes: readonly string[];
};

export async function findGroupConflicts(
  db: pg.Pool | pg.PoolClient,
  fields: Pick<GroupFields, "externalId" | "groupChatId" | "zone" | "types">,
  exceptId: string | null,
): Promise<GroupConflicts> {
  const { rows } = await db.query<{
    external_id_taken: boolean;
    chat_taken: boolean;
    zone_unknown: boolean;
    unknown_types: readonly string[];
  }>(
    `select
       exists (select from whatsapp_groups g where g.external_id = $1 and g.id is distinct from $5) as external_id_taken,
       exists (select from whatsapp_groups g where g.group_chat_id = $2 and g.id is distinct from $5) as chat_taken,
       $3::text is not null and not exists (select from zones z where z.code = $3) as zone_unknown,
       (select coalesce(array_agg(t), '{}') from unnest($4::text[]) t where t not in (select code from notification_types)) as unknown_types`,
    [fields.externalId, fields.groupChatId, fields.zone, fields.types, exceptId],
  );
  const [found] = rows;
  if (!found) throw new Error("Invariant broken: the check of a group is one row");
  return {
    isExternalIdTaken: found.external_id_taken,
    isChatTaken: found.chat_taken,
    isZoneUnknown: found.zone_unknown,
    unknownTypes: found.unknown_types,
  };
}
