import type pg from "pg";
import { contentTag } from "./content-tag.ts";
import { Parameters, toPage } from "./page.ts";
import type { Page, Position } from "./page.ts";

/** Members of WhatsApp groups, as the installation knows them: users, or numbers that are nobody's here. */

export type MemberRow = {
  readonly id: string;
  readonly group_id: string;
  readonly user_id: string | null;
  readonly phone_number: string | null;
  readonly name: string | null;
  readonly role: string | null;
  readonly is_active: boolean;
  readonly joined_at: Date;
  readonly joined_us: number;
};

const COLUMNS = `
  m.id, m.group_id, m.user_id, m.phone_number, m.name, m.role, m.is_active, m.joined_at,
  (extract(epoch from m.joined_at) * 1000000)::bigint as joined_us`;

export function memberTag({ joined_us: _order, ...content }: MemberRow): string {
  return contentTag(content);
}

/** Who joined last comes first. */
export async function listMembers(
  pool: pg.Pool,
  input: {
    readonly groupId: string;
    readonly isActive: boolean | undefined;
    readonly limit: number;
    readonly after: Position | null;
  },
): Promise<Page<MemberRow>> {
  const parameters = new Parameters();
  const conditions = [`m.group_id = ${parameters.add(input.groupId)}`];
  if (input.isActive !== undefined) {
    conditions.push(`m.is_active = ${parameters.add(input.isActive)}`);
  }
  if (input.after !== null) {
    conditions.push(
      `(m.joined_at, m.id) < (timestamptz 'epoch' + ${parameters.add(input.after.order)}::bigint * interval '1 microsecond',
        ${parameters.add(input.after.id)})`,
    );
  }
  const { rows } = await pool.query<MemberRow>(
    `select ${COLUMNS} from whatsapp_group_members m where ${conditions.join(" and ")}
     order by m.joined_at desc, m.id desc limit ${parameters.add(input.limit + 1)}`,
    parameters.values,
  );
  return toPage(
    rows,
    input.limit,
    (row) => ({ order: row.joined_us, id: row.id }),
    (row) => row,
  );
}

export async function readMember(
  db: pg.Pool | pg.PoolClient,
  groupId: string,
  id: string,
): Promise<MemberRow | null> {
  const { rows } = await db.query<MemberRow>(
    `select ${COLUMNS} from whatsapp_group_members m where m.group_id = $1 and m.id = $2`,
    [groupId, id],
  );
  return rows[0] ?? null;
}

/** The active user who has this number; null: nobody here. */
export async function findPhoneOwner(client: pg.PoolClient, phone: string): Promise<string | null> {
  const { rows } = await client.query<{ user_id: string }>(
    "select user_id from contacts where kind = 'phone' and value = $1 and is_active",
    [phone],
  );
  return rows[0]?.user_id ?? null;
}

/** Whoever is this person or has this number in the group already, switched off or not. Under the group's lock. */
export async function findSameMember(
  client: pg.PoolClient,
  groupId: string,
  { userId, phone }: { readonly userId: string | null; readonly phone: string | null },
): Promise<MemberRow | null> {
  const { rows } = await client.query<MemberRow>(
    `select ${COLUMNS} from whatsapp_group_members m
     where m.group_id = $1 and (m.user_id = $2 or (m.phone_number = $3 and ($2::text is null or m.user_id is null)))
     order by m.is_active desc, m.joined_at desc limit 1`,
    [groupId, userId, phone],
  );
  return rows[0] ?? null;
}

export type MemberFields = {
  readonly userId: string | null;
  readonly phone: string | null;
  readonly name: string | null;
  readonly role: string | null;
  readonly isActive: boolean;
};

export async function insertMember(
  client: pg.PoolClient,
  member: MemberFields & { readonly id: string; readonly groupId: string },
  nowMs: number,
): Promise<void> {
  await client.query(
    `insert into whatsapp_group_members (id, group_id, user_id, phone_number, name, role, is_active, joined_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      member.id,
      member.groupId,
      member.userId,
      member.phone,
      member.name,
      member.role,
      member.isActive,
      new Date(nowMs),
    ],
  );
}

export async function updateMember(
  client: pg.PoolClient,
  id: string,
  fields: MemberFields & { readonly joinedAt: Date },
): Promise<void> {
  await client.query(
    `update whatsapp_group_members set user_id = $2, phone_number = $3, name = $4, role = $5, is_active = $6, joined_at = $7
     where id = $1`,
    [id, fields.userId, fields.phone, fields.name, fields.role, fields.isActive, fields.joinedAt],
  );
}

export async function deleteMember(client: pg.PoolClient, id: string): Promise<void> {
  await client.query("delete from whatsapp_group_members where id = $1", [id]);
}
