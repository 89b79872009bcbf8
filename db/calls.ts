import type pg from "pg";

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
