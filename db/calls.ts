import type pg from "pg";

import type { Locale } from "../domain/locale.ts";
import type { DeliveryKey } from "../domain/run.ts";
import { loadAccount, type AccountRow } from "./deliveries.ts";

export interface PlacedCall {
  readonly deliveryId: string;
  readonly providerMessageId: string;
  readonly account: AccountRow;
}

/** The call that this delivery placed; null when the vendor never took it. */
export async function callOf(
  db: pg.Pool | pg.PoolClient,
  notificationId: string,
  key: DeliveryKey,
): Promise<PlacedCall | null> {
  const { rows } = await db.query<{
    id: string;
    provider_message_id: string;
    account_id: string;
  }>(
    `select d.id, m.provider_message_id, m.account_id
     from deliveries d join messages m on m.id = d.message_id
     where d.notification_id = $1 and d.purpose = 'ladder' and d.pass = $2 and d.step = $3 and d.target = $4 and d.channel = $5
       and d.attempt = $6 and d.hand_over = $7 and m.provider_message_id is not null`,
    [notificationId, key.pass, key.step, key.target, key.channel, key.attempt, key.handOver],
  );
  const row = rows[0];
  const account = row && (await loadAccount(db, row.account_id));
  return account
    ? { deliveryId: row.id, providerMessageId: row.provider_message_id, account }
    : null;
}

export async function recordHangUp(
  db: pg.Pool | pg.PoolClient,
  notificationId: string,
  deliveryId: string,
  key: DeliveryKey,
  now: number,
): Promise<void> {
  await db.query(
    `insert into notification_events (notification_id, entry_key, at, kind, pass, step, target, channel, delivery_id)
     values ($1, 'd:' || $2 || ':hung_up', $3, 'call_hung_up', $4, $5, $6, $7, $2)
     on conflict on constraint notification_events_once do nothing`,
    [notificationId, deliveryId, new Date(now), key.pass, key.step, key.target, key.channel],
  );
}

/** A delivery whose call somebody answers, with who was called. */
export interface AnsweredCall {
  readonly deliveryId: string;
  readonly notificationId: string;
  readonly user: {
    readonly id: string;
    readonly name: string | null;
    readonly locale: Locale;
    readonly timeZone: string | null;
  } | null;
  /** What the call says. */
  readonly text: string;
}

/** By the vendor's id of the call, or by our delivery's where the vendor gives it back: the answer to the call may not be recorded yet. */
export async function findAnsweredCall(
  db: pg.Pool | pg.PoolClient,
  call: {
    readonly accountId: string;
    readonly callId: string | null;
    readonly deliveryKey: string | null;
  },
): Promise<AnsweredCall | null> {
  const { rows } = await db.query<{
    delivery_id: string;
    notification_id: string;
    user: AnsweredCall["user"];
    body: string;
  }>({
    name: "answered-call",
    text: `
      select d.id as delivery_id, d.notification_id, m.body,
        (
          select jsonb_build_object('id', u.id, 'name', u.name, 'locale', u.locale,
            'timeZone', coalesce(u.time_zone, (select z.time_zone from zones z where z.code = u.zones[1])))
          from users u where u.id = d.user_id
        ) as "user"
      from deliveries d join messages m on m.id = d.message_id
      where d.account_id = $1 and d.channel = 'call' and (
        d.id = $3
        or d.message_id = (
          select c.id from messages c
          where c.provider_message_id = $2 and c.device_key = (select a.device_key from provider_accounts a where a.id = $1)
        )
      )
      order by d.id = $3 desc limit 1`,
    values: [call.accountId, call.callId, call.deliveryKey],
  });
  const row = rows[0];
  return row
    ? {
        deliveryId: row.delivery_id,
        notificationId: row.notification_id,
        user: row.user,
        text: row.body,
      }
    : null;
}
