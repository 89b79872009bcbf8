import type pg from "pg";
import type { SettingsPatch } from "../domain/effective-settings.ts";
import type { PolicyRules } from "../domain/escalation-policy.ts";
import type { Priority } from "../domain/priority.ts";

/** What people chose of their notification settings; what they did not choose is not stored. */

export async function readChoice(
  db: pg.Pool | pg.PoolClient,
  userId: string,
): Promise<SettingsPatch> {
  const { rows } = await db.query<{ settings: SettingsPatch }>(
    "select settings from notification_settings where user_id = $1",
    [userId],
  );
  // Written by `saveChoice` alone, which takes nothing else.
  return rows[0]?.settings ?? {};
}

/** Under the lock of the person's row. */
export async function saveChoice(
  client: pg.PoolClient,
  userId: string,
  choice: SettingsPatch,
  nowMs: number,
): Promise<void> {
  await client.query(
    `insert into notification_settings (user_id, settings, updated_at) values ($1, $2, $3)
     on conflict (user_id) do update set settings = excluded.settings, version = notification_settings.version + 1,
       updated_at = excluded.updated_at`,
    [userId, choice, new Date(nowMs)],
  );
}

/** Which of these are codes of no notification type. */
export async function unknownTypes(
  db: pg.Pool | pg.PoolClient,
  codes: readonly string[],
): Promise<readonly string[]> {
  if (codes.length === 0) return [];
  const { rows } = await db.query<{ code: string }>(
    "select code from unnest($1::text[]) code where code not in (select t.code from notification_types t)",
    [codes],
  );
  return rows.map(({ code }) => code);
}

export type PolicyInForce = {
  readonly id: string;
  readonly version: number;
  readonly rules: PolicyRules;
};

/** The policy that a request of this type and priority follows when neither it nor a rule names one; null: there is none. */
export async function readPolicyInForce(
  db: pg.Pool | pg.PoolClient,
  typePolicyId: string | null,
  priority: Priority,
): Promise<PolicyInForce | null> {
  const { rows } = await db.query<PolicyInForce>(
    `select p.id, v.version, v.rules
     from escalation_policies p join escalation_policy_versions v on v.policy_id = p.id and v.version = p.current_version
     where p.is_active and (p.id = $1 or (p.is_default and p.priority = $2))
     order by p.id = $1 desc nulls last limit 1`,
    [typePolicyId, priority],
  );
  return rows[0] ?? null;
}

/** Time zone of a work zone, and the dates that are holidays there, from a day back to a year ahead. */
export async function readCalendar(
  db: pg.Pool | pg.PoolClient,
  zone: string | null,
  nowMs: number,
): Promise<{ readonly timeZone: string | null; readonly holidays: readonly string[] }> {
  const { rows } = await db.query<{ time_zone: string | null; holidays: readonly string[] }>(
    `select (select time_zone from zones where code = $1) as time_zone,
       (
         select coalesce(array_agg(distinct to_char(date, 'YYYY-MM-DD')), '{}') from holidays
         where zone in ('*', $1) and date between $2::date - 2 and $2::date + 370
       ) as holidays`,
    [zone, new Date(nowMs).toISOString().slice(0, 10)],
  );
  return { timeZone: rows[0]?.time_zone ?? null, holidays: rows[0]?.holidays ?? [] };
}
