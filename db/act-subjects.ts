import type pg from "pg";
import type { Channel } from "../domain/channel.ts";
import type { DeliveryKey } from "../domain/run.ts";

/** Reads by which an act's arguments are judged before it is recorded. */

/** The active user that an id or `ext:<externalId>` names, with the name for "taken by …"; null: nobody. */
export async function findActiveUser(
  pool: pg.Pool,
  reference: string,
): Promise<{ readonly id: string; readonly name: string | null } | null> {
  const isExternal = reference.startsWith("ext:");
  const { rows } = await pool.query<{ id: string; name: string | null }>(
    `select id, name from users where ${isExternal ? "external_id" : "id"} = $1 and is_active`,
    [isExternal ? reference.slice("ext:".length) : reference],
  );
  return rows[0] ?? null;
}

/** What an act id stands for already; null: it is free. */
export async function findAct(
  pool: pg.Pool,
  actId: string,
): Promise<{ readonly notificationId: string; readonly kind: string } | null> {
  const { rows } = await pool.query<{ notification_id: string; kind: string }>(
    "select notification_id, kind from acts where id = $1",
    [actId],
  );
  const row = rows[0];
  return row ? { notificationId: row.notification_id, kind: row.kind } : null;
}

/** What names this delivery on the notification's ladder, which is what can be resent; null: there is no such one. An inbox holds its message already. */
export async function findLadderDelivery(
  pool: pg.Pool,
  notificationId: string,
  deliveryId: string,
): Promise<DeliveryKey | null> {
  const { rows } = await pool.query<{
    readonly pass: number;
    readonly step: number;
    readonly target: string;
    readonly channel: Channel;
    readonly attempt: number;
    readonly hand_over: number;
  }>(
    `select pass, step, target, channel, attempt, hand_over from deliveries
     where id = $1 and notification_id = $2 and purpose = 'ladder' and channel <> 'in_app'`,
    [deliveryId, notificationId],
  );
  const row = rows[0];
  if (!row) return null;
  const { pass, step, target, channel, attempt } = row;
  return { pass, step, target, channel, attempt, handOver: row.hand_over };
}

export async function hasPolicyVersion(
  pool: pg.Pool,
  policyId: string,
  version: number,
): Promise<boolean> {
  const { rowCount } = await pool.query(
    "select from escalation_policy_versions where policy_id = $1 and version = $2",
    [policyId, version],
  );
  return rowCount === 1;
}
