import type pg from "pg";
import type { Actor } from "../domain/actor.ts";
import type { ContactKind, ReadContact, Verification } from "../domain/contact.ts";
import type { Locale } from "../domain/locale.ts";
import type { Grant, Limit } from "../domain/permissions.ts";
import type { Role } from "../domain/role.ts";
import { contentTag } from "./content-tag.ts";
import { newId } from "./new-id.ts";
import { Parameters, toPage } from "./page.ts";
import type { Page, Position } from "./page.ts";

/**
 * Users and their contacts.
 *
 * Ordering: a plan is written under a shared lock of the planned persons' rows and only while their versions are the ones
 * it was made from. Whoever changes a person, their settings or contacts therefore takes the row's lock first
 * (`lockUser`), raises the version (`touchUser`) and marks the open targets (stale-plans.ts) in the same transaction.
 */

export type ContactRow = {
  readonly kind: ContactKind;
  readonly value: string;
  /** ISO 8601, as JSON carries it. */
  readonly verifiedAt: string | null;
  readonly verifiedBy: Verification | null;
  readonly isPrimary: boolean;
  /** ISO 8601; null: the person has not said so from this number. */
  readonly consentedAt: string | null;
};

export type UserRow = {
  readonly id: string;
  readonly external_id: string | null;
  readonly name: string | null;
  readonly role: Role;
  readonly zones: readonly string[];
  readonly locale: Locale;
  readonly time_zone: string | null;
  readonly is_active: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly contacts: readonly ContactRow[];
  readonly created_us: number;
};

const COLUMNS = `
  u.id, u.external_id, u.name, u.role, u.zones, u.locale, u.time_zone, u.is_active, u.created_at, u.updated_at,
  (
    select coalesce(jsonb_agg(jsonb_build_object('kind', c.kind, 'value', c.value, 'verifiedAt', c.verified_at,
      'verifiedBy', c.verified_by, 'isPrimary', c.is_primary, 'consentedAt', c.consented_at) order by c.kind desc, c.is_primary desc, c.created_at, c.id), '[]')
    from contacts c where c.user_id = u.id and c.kind in ('phone', 'email')
  ) as contacts,
  (extract(epoch from u.created_at) * 1000000)::bigint as created_us`;

/** What of the row an edit is made from. */
export function userTag(row: UserRow): string {
  const { updated_at: _updated, created_us: _order, ...content } = row;
  return contentTag(content);
}

/** `reference` is an id or `ext:<externalId>`. Nothing is hidden here; the caller judges. */
export async function readUser(
  db: pg.Pool | pg.PoolClient,
  reference: string,
): Promise<UserRow | null> {
  const { column, value } = byReference("u", reference);
  const { rows } = await db.query<UserRow>(`select ${COLUMNS} from users u where ${column} = $1`, [
    value,
  ]);
  return rows[0] ?? null;
}

/** The row as it stands, held until the transaction ends. */
export async function lockUser(client: pg.PoolClient, reference: string): Promise<UserRow | null> {
  const { column, value } = byReference("u", reference);
  const { rows } = await client.query<{ id: string }>(
    `select u.id from users u where ${column} = $1 for update`,
    [value],
  );
  const id = rows[0]?.id;
  // A statement of its own: it sees what whoever held the lock before has committed.
  return id === undefined ? null : readUser(client, id);
}

/** Column and value that find a row by its id or its `ext:` id. */
export function byReference(
  table: string,
  reference: string,
): { readonly column: string; readonly value: string } {
  return reference.startsWith("ext:")
    ? { column: `${table}.external_id`, value: reference.slice("ext:".length) }
    : { column: `${table}.id`, value: reference };
}

export type UserFilter = {
  readonly role?: Role | undefined;
  readonly zone?: string | undefined;
  readonly isActive?: boolean | undefined;
  /** Beginnings of words of the name, or an external id; see `contact` for numbers and addresses. */
  readonly q?: string | undefined;
  /** What `q` is as a number or address, if it is one. */
  readonly contact?: string | undefined;
};

/** Newest first; only what one of the grants holds for. */
export async function listUsers(
  pool: pg.Pool,
  input: {
    readonly actor: Actor;
    readonly grants: readonly Grant[];
    readonly filter: UserFilter;
    readonly limit: number;
    readonly after: Position | null;
  },
): Promise<Page<UserRow>> {
  const parameters = new Parameters();
  const conditions = [
    grantsCondition(input.grants, input.actor, parameters),
    ...filterConditions(input.filter, parameters),
  ];
  if (input.after !== null) {
    conditions.push(
      `(u.created_at, u.id) < (timestamptz 'epoch' + ${parameters.add(input.after.order)}::bigint * interval '1 microsecond',
        ${parameters.add(input.after.id)})`,
    );
  }
  const { rows } = await pool.query<UserRow>(
    `select ${COLUMNS} from users u where ${conditions.join("\n and ")}
     order by u.created_at desc, u.id desc limit ${parameters.add(input.limit + 1)}`,
    parameters.values,
  );
  return toPage(
    rows,
    input.limit,
    (row) => ({ order: row.created_us, id: row.id }),
    (row) => row,
  );
}

/** As in the index users_search. */
const SEARCH_TEXT = "to_tsvector('simple', coalesce(u.name, ''))";

/** A search for words that begin with these; an empty one finds nothing. */
function beginningsOf(text: string): string {
  const words = text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
  return words.map((word) => `${word}:*`).join(" & ");
}

function filterConditions(filter: UserFilter, parameters: Parameters): string[] {
  const conditions: string[] = [];
  if (filter.role !== undefined) conditions.push(`u.role = ${parameters.add(filter.role)}`);
  if (filter.zone !== undefined) {
    conditions.push(`u.zones @> array[${parameters.add(filter.zone)}::text]`);
  }
  if (filter.isActive !== undefined) {
    // Not a parameter: only so the index of the few who are switched off can serve.
    conditions.push(filter.isActive ? "u.is_active" : "not u.is_active");
  }
  if (filter.q !== undefined) {
    const q = parameters.add(filter.q);
    const words = parameters.add(beginningsOf(filter.q));
    const contact = parameters.add(filter.contact ?? null);
    // Arrays instead of subqueries: each part of the choice then finds its index.
    conditions.push(
      `(${SEARCH_TEXT} @@ to_tsquery('simple', ${words}) or u.external_id = ${q} or u.id = ${q}
        or u.id = any(array(select c.user_id from contacts c where c.value = ${contact} and c.kind in ('phone', 'email'))))`,
    );
  }
  return conditions;
}

function grantsCondition(grants: readonly Grant[], actor: Actor, parameters: Parameters): string {
  if (actor.kind === "system") return grants.length > 0 ? "true" : "false";
  const toSql = (limit: Limit): string => {
    switch (limit) {
      case "own_zones":
        return `u.zones && ${parameters.add(actor.zones)}::text[]`;
      case "customers":
        return "u.role = 'customer'";
      case "own":
        return `u.id = ${parameters.add(actor.userId)}`;
      case "customer_types":
      case "operational_types":
      case "no_promotion":
        return "false";
    }
  };
  const alternatives = grants.map((grant) =>
    grant.length === 0 ? "true" : `(${grant.map(toSql).join(" and ")})`,
  );
  return alternatives.length === 0 ? "false" : `(${alternatives.join(" or ")})`;
}

/** What of a user's fields the record has against them. Paths are those of the API. */
export type UserConflict =
  | { readonly path: "externalId"; readonly code: "taken" }
  | { readonly path: `zones.${number}`; readonly code: "unknown" }
  | { readonly path: `contacts.${number}.value`; readonly code: "taken" };

/** Every field at once. `contacts` null where one of the list could not be read; `exceptId` is the user whose own fields these are. */
export async function findUserConflicts(
  client: pg.Pool | pg.PoolClient,
  fields: {
    readonly externalId: string | null;
    readonly zones: readonly string[];
    readonly contacts: readonly (Pick<ReadContact, "kind" | "value"> | null)[];
    readonly exceptId: string | null;
  },
): Promise<readonly UserConflict[]> {
  const { rows } = await client.query<{
    external_id_taken: boolean;
    unknown_zones: readonly string[];
    taken: readonly { readonly kind: string; readonly value: string }[];
  }>(
    `select
       exists (select from users u where u.external_id = $1 and u.id is distinct from $4) as external_id_taken,
       (select coalesce(array_agg(z), '{}') from unnest($2::text[]) z where z not in (select code from zones)) as unknown_zones,
       (
         select coalesce(jsonb_agg(jsonb_build_object('kind', c.kind, 'value', c.value)), '[]')
         from contacts c join jsonb_to_recordset($3::jsonb) as g(kind text, value text) using (kind, value)
         where c.is_active and c.user_id is distinct from $4
       ) as taken`,
    [
      fields.externalId,
      fields.zones,
      JSON.stringify(fields.contacts.filter((contact) => contact !== null)),
      fields.exceptId,
    ],
  );
  const [found] = rows;
  if (!found) throw new Error("Invariant broken: the check of a user is one row");
  return [
    ...(found.external_id_taken ? [{ path: "externalId", code: "taken" } as const] : []),
    ...fields.zones.flatMap((zone, index): UserConflict[] =>
      found.unknown_zones.includes(zone) ? [{ path: `zones.${index}`, code: "unknown" }] : [],
    ),
    ...fields.contacts.flatMap((contact, index): UserConflict[] =>
      found.taken.some(({ kind, value }) => kind === contact?.kind && value === contact.value)
        ? [{ path: `contacts.${index}.value`, code: "taken" }]
        : [],
    ),
  ];
}

export type NewUser = {
  readonly id: string;
  readonly externalId: string | null;
  readonly name: string | null;
  readonly role: Role;
  readonly zones: readonly string[];
  readonly locale: Locale;
  readonly timeZone: string | null;
};

/** False when the id is there already: an earlier try of the same request made it. */
export async function insertUser(
  client: pg.PoolClient,
  user: NewUser,
  nowMs: number,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `insert into users (id, external_id, name, role, zones, locale, time_zone, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $8) on conflict (id) do nothing`,
    [
      user.id,
      user.externalId,
      user.name,
      user.role,
      user.zones,
      user.locale,
      user.timeZone,
      new Date(nowMs),
    ],
  );
  return rowCount === 1;
}

export type UserFields = Omit<NewUser, "id"> & { readonly isActive: boolean };

/** Contacts follow: those of somebody who is switched off are free for others. */
export async function updateUser(
  client: pg.PoolClient,
  id: string,
  fields: UserFields,
  nowMs: number,
): Promise<void> {
  await client.query(
    `update users set external_id = $2, name = $3, role = $4, zones = $5, locale = $6, time_zone = $7, is_active = $8, updated_at = $9
     where id = $1`,
    [
      id,
      fields.externalId,
      fields.name,
      fields.role,
      fields.zones,
      fields.locale,
      fields.timeZone,
      fields.isActive,
      new Date(nowMs),
    ],
  );
  await client.query(
    "update contacts set is_active = $2 where user_id = $1 and is_active is distinct from $2",
    [id, fields.isActive],
  );
}

/** Plans made from what the person was before are not saved any more. */
export async function touchUser(client: pg.PoolClient, id: string): Promise<void> {
  await client.query("update users set version = version + 1 where id = $1", [id]);
}

/**
 * Makes the list the person's phones and addresses. Those that stay keep what is known about them; `vouchedBy` verifies
 * what nobody had verified.
 */
export async function replaceContacts(
  client: pg.PoolClient,
  userId: string,
  contacts: readonly ReadContact[],
  { vouchedBy, nowMs }: { readonly vouchedBy: Verification | null; readonly nowMs: number },
): Promise<void> {
  await client.query(
    `with gone as (
       delete from contacts c where c.user_id = $1 and c.kind in ('phone', 'email')
         and not exists (
           select from jsonb_to_recordset($2::jsonb) as g(kind text, value text) where g.kind = c.kind and g.value = c.value
         )
       returning c.kind
     )
     -- Aliases were learned with a number; with it they go, and come back with the next message of a number that stays.
     delete from contacts c where c.user_id = $1 and c.kind in ('lid', 'bsuid') and exists (select from gone where kind = 'phone')`,
    [userId, JSON.stringify(contacts)],
  );
  const at = new Date(nowMs);
  for (const { kind, value, isPrimary } of contacts) {
    const { rowCount } = await client.query(
      `update contacts set is_primary = $4,
         verified_at = coalesce(verified_at, case when $5::text is null then null else $6::timestamptz end),
         verified_by = case when verified_at is null then $5 else verified_by end
       where user_id = $1 and kind = $2 and value = $3`,
      [userId, kind, value, isPrimary, vouchedBy, at],
    );
    if (rowCount === 1) continue;
    await client.query(
      `insert into contacts (id, user_id, kind, value, is_primary, is_active, verified_at, verified_by, created_at)
       select $1, u.id, $3, $4, $5, u.is_active, $6, $7, $8 from users u where u.id = $2`,
      [
        newId("con", nowMs),
        userId,
        kind,
        value,
        isPrimary,
        vouchedBy === null ? null : at,
        vouchedBy,
        at,
      ],
    );
  }
}

/** Groups that the person is an active member of. */
export async function groupIdsOf(
  client: pg.PoolClient,
  userId: string,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ group_id: string }>(
    "select distinct group_id from whatsapp_group_members where user_id = $1 and is_active",
    [userId],
  );
  return rows.map(({ group_id }) => group_id);
}
