import type pg from "pg";

/** Words of the installation: its zones and notification types. Few, and changed by people, so read whole. */

export type ZoneRow = { readonly code: string; readonly name: string; readonly time_zone: string };

export type TypeRow = {
  readonly code: string;
  readonly name_id: string;
  readonly name_en: string;
  readonly priority: "critical" | "high" | "medium" | "low";
  readonly policy_id: string | null;
  readonly answers: "none" | "acknowledge" | "accept" | "claim" | "rate";
  readonly is_customer: boolean;
  readonly is_operational: boolean;
  readonly send_window: { readonly from: string; readonly to: string } | null;
  readonly consent_class: string | null;
  readonly preference_class: string | null;
  /** What somebody opts out of who wants to hear no more like it. */
  readonly message_class: string;
  readonly is_active: boolean;
};

export async function readZones(pool: pg.Pool): Promise<readonly ZoneRow[]> {
  const { rows } = await pool.query<ZoneRow>(
    "select code, name, time_zone from zones order by code",
  );
  return rows;
}

const TYPE_COLUMNS =
  "code, name_id, name_en, priority, policy_id, answers, is_customer, is_operational, send_window, consent_class, preference_class, message_class, is_active";

export async function readTypes(pool: pg.Pool): Promise<readonly TypeRow[]> {
  const { rows } = await pool.query<TypeRow>(
    `select ${TYPE_COLUMNS} from notification_types order by code`,
  );
  return rows;
}

export async function readType(pool: pg.Pool, code: string): Promise<TypeRow | null> {
  const { rows } = await pool.query<TypeRow>({
    name: "read-type",
    text: `select ${TYPE_COLUMNS} from notification_types where code = $1`,
    values: [code],
  });
  return rows[0] ?? null;
}
