import type pg from "pg";
import type { PolicyRules } from "../domain/escalation-policy.ts";
import type { Priority } from "../domain/priority.ts";
import { contentTag } from "./content-tag.ts";
import { Parameters, toPage } from "./page.ts";
import type { Page, Position } from "./page.ts";

/** Escalation policies. A version is written once: runs that began with it keep it. */

export type PolicyRow = {
  readonly id: string;
  /** Of the defaults: low, medium, high, critical, assignment, claim, notice. */
  readonly code: string | null;
  readonly name: string;
  readonly priority: Priority;
  readonly is_default: boolean;
  readonly is_active: boolean;
  readonly current_version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  /** Of the version that was asked for. */
  readonly version: number;
  readonly rules: PolicyRules;
  readonly version_created_at: Date;
  readonly version_created_by: string | null;
  readonly created_us: number;
};

const COLUMNS = `
  p.id, p.code, p.name, p.priority, p.is_default, p.is_active, p.current_version, p.created_at, p.updated_at,
  v.version, v.rules, v.created_at as version_created_at, v.created_by as version_created_by,
  (extract(epoch from p.created_at) * 1000000)::bigint as created_us`;

export function policyTag(row: PolicyRow): string {
  return contentTag([row.id, row.current_version, row.name, row.priority, row.is_active]);
}

/** The current version, or the one that is named; null: there is none. */
export async function readPolicy(
  db: pg.Pool | pg.PoolClient,
  id: string,
  version: number | null = null,
): Promise<PolicyRow | null> {
  const { rows } = await db.query<PolicyRow>(
    `select ${COLUMNS} from escalation_policies p
     join escalation_policy_versions v on v.policy_id = p.id and v.version = coalesce($2, p.current_version)
     where p.id = $1`,
    [id, version],
  );
  return rows[0] ?? null;
}

/** The current version, held until the transaction ends: of two edits the second meets the first one's version. */
export async function lockPolicy(client: pg.PoolClient, id: string): Promise<PolicyRow | null> {
  const { rowCount } = await client.query(
    "select from escalation_policies where id = $1 for update",
    [id],
  );
  return rowCount === 1 ? readPolicy(client, id) : null;
}

export type PolicyFilter = {
  readonly priority?: Priority | undefined;
  readonly isActive?: boolean | undefined;
};

/** Newest first, each with its current version. */
export async function listPolicies(
  pool: pg.Pool,
  input: {
    readonly filter: PolicyFilter;
    readonly limit: number;
    readonly after: Position | null;
  },
): Promise<Page<PolicyRow>> {
  const { filter, after } = input;
  const parameters = new Parameters();
  const conditions = ["true"];
  if (filter.priority !== undefined) {
    conditions.push(`p.priority = ${parameters.add(filter.priority)}`);
  }
  if (filter.isActive !== undefined) {
    conditions.push(`p.is_active = ${parameters.add(filter.isActive)}`);
  }
  if (after !== null) {
    conditions.push(
      `(p.created_at, p.id) < (timestamptz 'epoch' + ${parameters.add(after.order)}::bigint * interval '1 microsecond',
        ${parameters.add(after.id)})`,
    );
  }
  const { rows } = await pool.query<PolicyRow>(
    `select ${COLUMNS} from escalation_policies p
     join escalation_policy_versions v on v.policy_id = p.id and v.version = p.current_version
     where ${conditions.join(" and ")}
     order by p.created_at desc, p.id desc limit ${parameters.add(input.limit + 1)}`,
    parameters.values,
  );
  return toPage(
    rows,
    input.limit,
    (row) => ({ order: row.created_us, id: row.id }),
    (row) => row,
  );
}

/** All versions of one policy, newest first. */
export async function listPolicyVersions(
  pool: pg.Pool,
  input: {
    readonly id: string;
    readonly limit: number;
    readonly after: Position | null;
  },
): Promise<Page<PolicyRow>> {
  const { rows } = await pool.query<PolicyRow>(
    `select ${COLUMNS} from escalation_policies p join escalation_policy_versions v on v.policy_id = p.id
     where p.id = $1 and ($2::bigint is null or v.version < $2)
     order by v.version desc limit $3`,
    [input.id, input.after?.order ?? null, input.limit + 1],
  );
  return toPage(
    rows,
    input.limit,
    (row) => ({ order: row.version, id: row.id }),
    (row) => row,
  );
}

export type PolicyHead = { readonly name: string; readonly priority: Priority };

export async function insertPolicy(
  client: pg.PoolClient,
  policy: PolicyHead & { readonly id: string },
  nowMs: number,
): Promise<void> {
  // Its first version follows in the same transaction.
  await client.query(
    `insert into escalation_policies (id, name, priority, current_version, created_at, updated_at)
     values ($1, $2, $3, 0, $4, $4)`,
    [policy.id, policy.name, policy.priority, new Date(nowMs)],
  );
}

/** Writes the next version and makes it the current one. Under the policy's lock. */
export async function addPolicyVersion(
  client: pg.PoolClient,
  policy: PolicyHead & {
    readonly id: string;
    readonly rules: PolicyRules;
    readonly createdBy: string;
  },
  nowMs: number,
): Promise<void> {
  const at = new Date(nowMs);
  await client.query(
    `insert into escalation_policy_versions (policy_id, version, rules, created_at, created_by)
     select p.id, p.current_version + 1, $2, $3, $4 from escalation_policies p where p.id = $1`,
    [policy.id, policy.rules, at, policy.createdBy],
  );
  await client.query(
    `update escalation_policies set current_version = current_version + 1, name = $2, priority = $3, updated_at = $4 where id = $1`,
    [policy.id, policy.name, policy.priority, at],
  );
}

export async function setPolicyActive(
  client: pg.PoolClient,
  id: string,
  isActive: boolean,
  nowMs: number,
): Promise<void> {
  await client.query(
    "update escalation_policies set is_active = $2, updated_at = $3 where id = $1",
    [id, isActive, new Date(nowMs)],
  );
}

/** Active types and enabled rules that name this policy. */
export async function findPolicyUses(
  client: pg.PoolClient,
  id: string,
): Promise<{ readonly types: readonly string[]; readonly ruleIds: readonly string[] }> {
  const { rows } = await client.query<{ types: readonly string[]; rule_ids: readonly string[] }>(
    `select
       (select coalesce(array_agg(code order by code), '{}') from notification_types where policy_id = $1 and is_active) as types,
       (select coalesce(array_agg(id order by id), '{}') from notification_group_rules where policy_id = $1 and enabled) as rule_ids`,
    [id],
  );
  return { types: rows[0]?.types ?? [], ruleIds: rows[0]?.rule_ids ?? [] };
}

/** The current rules of every policy in use. */
export async function listActivePolicyRules(
  db: pg.Pool | pg.PoolClient,
): Promise<readonly { readonly id: string; readonly name: string; readonly rules: PolicyRules }[]> {
  const { rows } = await db.query<{ id: string; name: string; rules: PolicyRules }>(
    `select p.id, p.name, v.rules from escalation_policies p
     join escalation_policy_versions v on v.policy_id = p.id and v.version = p.current_version
     where p.is_active order by p.id`,
  );
  return rows;
}
