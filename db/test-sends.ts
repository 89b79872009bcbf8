import type pg from "pg";

import type { DeliveryStatus } from "../domain/delivery.ts";

/** Every account but these: whoever avoids them sends by these alone. */
export async function otherAccountIds(
  pool: pg.Pool,
  accountIds: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>(
    "select id from provider_accounts where not (id = any($1)) order by id",
    [accountIds],
  );
  return rows.map(({ id }) => id);
}

/** The first account that would carry a group, as `routeFor` orders them; null: no account's number is a proven member. */
export async function firstAccountOfGroup(pool: pg.Pool, groupId: string): Promise<string | null> {
  const { rows } = await pool.query<{ id: string }>(
    `select a.id from provider_accounts a
     join provider_account_groups x on x.account_id = a.id and x.group_id = $1
     where a.enabled and a.channel = 'whatsapp_group' and a.health_state <> 'draining'
     order by (a.health_state = 'out')::integer, a.is_standby::integer, a.position, a.id limit 1`,
    [groupId],
  );
  return rows[0]?.id ?? null;
}

export type TestSendState = {
  readonly isSettled: boolean;
  /** Why the notification ended, when it ended without a delivery. */
  readonly reason: string | null;
  readonly delivery: {
    readonly id: string;
    readonly accountId: string | null;
    readonly channel: string;
    readonly status: DeliveryStatus;
    readonly reason: string | null;
    readonly error: {
      readonly kind: string;
      readonly scope: string;
      readonly message: string;
    } | null;
  } | null;
};

/** How far a test message is: its one delivery, as the record shows it. */
export async function readTestSend(pool: pg.Pool, notificationId: string): Promise<TestSendState> {
  const { rows } = await pool.query<TestSendState>({
    name: "test-send-state",
    text: `
      select n.settled_at is not null as "isSettled", n.reason,
        (
          select jsonb_build_object('id', d.id, 'accountId', d.account_id, 'channel', d.channel, 'status', d.status, 'reason', d.reason, 'error', d.error)
          from deliveries d where d.notification_id = n.id and d.purpose = 'ladder'
          order by d.created_at desc, d.id desc limit 1
        ) as delivery
      from notifications n where n.id = $1`,
    values: [notificationId],
  });
  return rows[0] ?? { isSettled: true, reason: "gone", delivery: null };
}
