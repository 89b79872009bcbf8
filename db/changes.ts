import type pg from "pg";

import type { Channel } from "../domain/channel.ts";
import type { DeliveryStatus } from "../domain/delivery.ts";
import type { NotificationStatus, Outcome } from "../domain/notification.ts";
import { OTP_TYPE } from "../domain/otp.ts";
import { personRoom, roomsToldOf } from "../domain/room.ts";
import type { DeliveryKey } from "../domain/run.ts";

/** What has changed, named by what whoever changed it has at hand. */
export type Change =
  | { readonly kind: "notification"; readonly notificationId: string }
  /** The notification that an act is about. */
  | { readonly kind: "act"; readonly actId: string }
  | ({
      readonly kind: "delivery_key";
      readonly notificationId: string;
      readonly purpose: "ladder" | "closing";
    } & Omit<DeliveryKey, "channel"> & { readonly channel: Channel })
  /** The deliveries that a vendor's report moved. */
  | { readonly kind: "receipt"; readonly receiptId: string }
  /** Rows of a notification that came into inboxes from this instant on, epoch ms. */
  | { readonly kind: "inbox"; readonly notificationId: string; readonly since: number };

/** Ids and states only: what they mean is read over HTTP, by those who may. */
export type Announcement =
  | {
      readonly event: "notification.changed";
      readonly rooms: readonly string[];
      readonly payload: {
        readonly id: string;
        readonly status: NotificationStatus;
        readonly outcome: Outcome | null;
        readonly pass: number;
        readonly step: number;
      };
    }
  | {
      readonly event: "delivery.changed";
      readonly rooms: readonly string[];
      readonly payload: {
        readonly id: string;
        readonly notificationId: string;
        readonly channel: Channel;
        readonly status: DeliveryStatus;
      };
    }
  | {
      readonly event: "inbox.added";
      readonly rooms: readonly string[];
      readonly payload: { readonly id: string; readonly notificationId: string };
    };

interface ChangedRow {
  readonly notifications: readonly ({
    readonly zone: string | null;
    readonly isCustomer: boolean;
    readonly tellsCode: boolean;
    readonly persons: readonly string[];
    readonly isChanged: boolean;
  } & Extract<Announcement, { event: "notification.changed" }>["payload"])[];
  readonly deliveries: readonly ({
    readonly userId: string | null;
  } & Extract<Announcement, { event: "delivery.changed" }>["payload"])[];
  readonly inbox: readonly ({
    readonly userId: string;
  } & Extract<Announcement, { event: "inbox.added" }>["payload"])[];
}

/** How these things stand now, and to whom that is announced. One statement, however many they are. */
export async function readChanges(
  db: pg.Pool,
  changes: readonly Change[],
): Promise<readonly Announcement[]> {
  const { rows } = await db.query<{ changed: ChangedRow }>({
    name: "read-changes",
    text: READ_CHANGES,
    values: [JSON.stringify(changes)],
  });
  const changed = rows[0]?.changed;
  return changed === undefined ? [] : toAnnouncements(changed);
}

const READ_CHANGES = `
  with asked as (
    select * from jsonb_to_recordset($1::jsonb) as a(kind text, "notificationId" text, "actId" text, "receiptId" text, since float8,
      purpose text, pass integer, step integer, target text, channel text, attempt integer, "handOver" integer)
  ),
  deliveries as (
    select d.id, d.notification_id, d.user_id, d.channel, d.status from asked a
    join receipts r on r.id = a."receiptId" join deliveries d on d.message_id = r.message_id
    where a.kind = 'receipt'
    union
    select d.id, d.notification_id, d.user_id, d.channel, d.status from asked a join deliveries d
      on d.notification_id = a."notificationId" and d.purpose = a.purpose and d.pass = a.pass and d.step = a.step and d.target = a.target
        and d.channel = a.channel and d.attempt = a.attempt and d.hand_over = a."handOver"
    where a.kind = 'delivery_key'
  ),
  inbox as (
    select distinct i.id, i.notification_id, i.user_id from asked a join in_app_messages i
      on i.notification_id = a."notificationId" and i.created_at >= to_timestamp(a.since / 1000.0)
    where a.kind = 'inbox'
  ),
  named as (
    select x.id, bool_or(x.is_changed) as is_changed from (
      select a."notificationId" as id, true as is_changed from asked a where a.kind = 'notification'
      union all select c.notification_id, true from asked a join acts c on c.id = a."actId" where a.kind = 'act'
      union all select d.notification_id, false from deliveries d
    ) x group by x.id
  )
  select jsonb_build_object(
    'notifications', (
      select coalesce(jsonb_agg(jsonb_build_object('id', n.id, 'status', n.status, 'outcome', n.outcome, 'pass', n.pass, 'step', n.step,
        'zone', n.zone, 'isChanged', x.is_changed,
        'isCustomer', coalesce((select t.is_customer from notification_types t where t.code = n.type), false),
        'tellsCode', n.type = '${OTP_TYPE}',
        'persons', case when x.is_changed and n.type <> '${OTP_TYPE}' then (
          select coalesce(jsonb_agg(p.id), '[]') from (
            select t.user_id as id from notification_targets t where t.notification_id = n.id and t.user_id is not null
            union
            select m.user_id from notification_targets t join whatsapp_group_members m on m.group_id = t.group_id
            where t.notification_id = n.id and m.is_active and m.user_id is not null
            union
            select n.assignee_id where n.assignee_id is not null
          ) p
        ) else '[]' end)), '[]')
      from named x join notifications n on n.id = x.id
    ),
    'deliveries', (
      select coalesce(jsonb_agg(jsonb_build_object('id', d.id, 'notificationId', d.notification_id, 'userId', d.user_id, 'channel', d.channel,
        'status', d.status)), '[]')
      from deliveries d
    ),
    'inbox', (
      select coalesce(jsonb_agg(jsonb_build_object('id', i.id, 'notificationId', i.notification_id, 'userId', i.user_id)), '[]') from inbox i
    )
  ) as changed`;

function toAnnouncements({
  notifications,
  deliveries,
  inbox,
}: ChangedRow): readonly Announcement[] {
  const byId = new Map(notifications.map((notification) => [notification.id, notification]));
  return [
    ...notifications
      .filter(({ isChanged }) => isChanged)
      .map(({ id, status, outcome, pass, step, ...seen }): Announcement => ({
        event: "notification.changed",
        rooms: roomsToldOf(seen),
        payload: { id, status, outcome, pass, step },
      })),
    ...deliveries.flatMap(({ userId, ...payload }): Announcement[] => {
      const seen = byId.get(payload.notificationId);
      if (seen === undefined) return [];
      // Privacy: what tells a code is nobody's own (notification-list.ts).
      const persons = userId === null || seen.tellsCode ? [] : [userId];
      return [{ event: "delivery.changed", rooms: roomsToldOf({ ...seen, persons }), payload }];
    }),
    ...inbox.map(({ userId, ...payload }): Announcement => ({
      event: "inbox.added",
      rooms: [personRoom(userId)],
      payload,
    })),
  ];
}
