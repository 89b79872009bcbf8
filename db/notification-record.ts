import type pg from "pg";
import type { Channel } from "../domain/channel.ts";
import type { DeliveryStatus } from "../domain/delivery.ts";
import type { AttachmentShown } from "./deliveries.ts";
import { Parameters, toPage } from "./page.ts";
import type { Page, Position } from "./page.ts";

/** What happened to one notification: its timeline and its deliveries. */

export type TimelineRow = {
  readonly id: number;
  readonly at: Date;
  readonly kind: string;
  readonly pass: number | null;
  readonly step: number | null;
  readonly target: string | null;
  readonly channel: string | null;
  readonly account_id: string | null;
  readonly delivery_id: string | null;
  readonly reason: string | null;
  readonly detail: Readonly<Record<string, unknown>> | null;
  readonly at_us: number;
};

/** Oldest first: a timeline is read from its beginning. */
export async function listTimeline(
  pool: pg.Pool,
  input: {
    readonly notificationId: string;
    readonly limit: number;
    readonly after: Position | null;
  },
): Promise<Page<TimelineRow>> {
  const parameters = new Parameters();
  const notificationId = parameters.add(input.notificationId);
  const after =
    input.after === null
      ? ""
      : `and (e.at, e.id) > (timestamptz 'epoch' + ${parameters.add(input.after.order)}::bigint * interval '1 microsecond',
          ${parameters.add(input.after.id)}::bigint)`;
  const { rows } = await pool.query<TimelineRow>(
    `select e.id, e.at, e.kind, e.pass, e.step, e.target, e.channel, e.account_id, e.delivery_id, e.reason, e.detail,
       (extract(epoch from e.at) * 1000000)::bigint as at_us
     from notification_events e
     where e.notification_id = ${notificationId} ${after}
     order by e.at, e.id limit ${parameters.add(input.limit + 1)}`,
    parameters.values,
  );
  return toPage(
    rows,
    input.limit,
    (row) => ({ order: row.at_us, id: String(row.id) }),
    (row) => row,
  );
}

export type DeliveryRow = {
  readonly id: string;
  readonly notification_id: string;
  readonly purpose: "ladder" | "closing";
  readonly pass: number;
  readonly step: number;
  readonly attempt: number;
  readonly hand_over: number;
  readonly channel: Channel;
  readonly account_id: string | null;
  readonly provider: string | null;
  readonly user_id: string | null;
  readonly group_id: string | null;
  readonly address: string | null;
  readonly body: string | null;
  readonly status: DeliveryStatus;
  readonly provider_message_id: string | null;
  readonly provider_response: unknown;
  readonly error: {
    readonly kind: string;
    readonly scope: string;
    readonly message: string;
  } | null;
  readonly reason: string | null;
  readonly attachments: readonly AttachmentShown[] | null;
  readonly tries: number;
  readonly cost: number | null;
  readonly created_at: Date;
  readonly accepted_at: Date | null;
  readonly sent_at: Date | null;
  readonly delivered_at: Date | null;
  readonly read_at: Date | null;
  readonly failed_at: Date | null;
  /** Null on every channel but push; the one that speaks for the delivery first. */
  readonly devices: readonly DeviceOutcome[] | null;
  /** Null on every channel but group WhatsApp; who read it first comes first. */
  readonly members: readonly MemberReceipt[] | null;
  /** The reader is the person told, or a member of the group. */
  readonly is_own: boolean;
  readonly created_us: number;
};

/** One of the devices that a push went to. Times as JSON writes them. */
export type DeviceOutcome = {
  readonly subscriptionId: string;
  /** Null when the device has no name or is no longer subscribed. */
  readonly name: string | null;
  readonly isSubscribed: boolean;
  readonly status: DeliveryStatus;
  readonly reason: string | null;
  readonly error: DeliveryRow["error"];
  readonly acceptedAt: string | null;
  readonly sentAt: string | null;
  readonly deliveredAt: string | null;
  readonly readAt: string | null;
  readonly failedAt: string | null;
};

/** What the vendor says of one member of a group. Times as JSON writes them. */
export type MemberReceipt = {
  /** Null when nobody here is known by what the vendor calls the member. */
  readonly memberId: string | null;
  readonly userId: string | null;
  readonly name: string | null;
  /** A phone number, or an alias where the member hides it; null when the vendor names nobody. */
  readonly address: string | null;
  readonly sentAt: string | null;
  readonly deliveredAt: string | null;
  readonly readAt: string | null;
  readonly failedAt: string | null;
};

const DEVICES = `
  select coalesce(jsonb_agg(jsonb_build_object('subscriptionId', c.subscription_id, 'name', p.device_name,
    'isSubscribed', p.id is not null and p.expired_at is null, 'status', cm.status, 'reason', c.reason, 'error', c.error,
    'acceptedAt', cm.accepted_at, 'sentAt', cm.sent_at, 'deliveredAt', cm.delivered_at, 'readAt', cm.read_at, 'failedAt', cm.failed_at
  ) order by cm.id = d.message_id desc, c.subscription_id), '[]')
  from push_copies c join messages cm on cm.id = c.message_id left join push_subscriptions p on p.id = c.subscription_id
  where c.delivery_id = d.id`;

/** One row for each member, however many ids and reports there are. */
const MEMBERS = `
  select coalesce(jsonb_agg(to_jsonb(x) order by x."readAt", x."deliveredAt", x."memberId"), '[]') from (
    select max(r.member_id) as "memberId", max(r.member_user_id) as "userId", max(coalesce(u.name, gm.name)) as name,
      coalesce(max(r.member -> 0 ->> 'value') filter (where r.member -> 0 ->> 'kind' = 'phone'), max(r.member -> 0 ->> 'value')) as address,
      min(t.at) filter (where r.status = 'sent') as "sentAt", min(t.at) filter (where r.status in ('delivered', 'read')) as "deliveredAt",
      min(t.at) filter (where r.status = 'read') as "readAt", min(t.at) filter (where r.status = 'failed') as "failedAt"
    from receipts r
    cross join lateral (select coalesce(r.reported_at, r.received_at) as at) t
    left join users u on u.id = r.member_user_id
    left join whatsapp_group_members gm on gm.id = r.member_id
    where r.message_id = d.message_id and r.member is not null
    group by coalesce(r.member_user_id, r.member_id, r.member -> 0 ->> 'value')
  ) x`;

/** Of `deliveries d left join messages m`; `reader` is a placeholder of the reader's id or null. */
export function deliveryColumns(reader: string): string {
  return `
    d.id, d.notification_id, d.purpose, d.pass, d.step, d.attempt, d.hand_over, d.channel, d.account_id, d.provider,
    d.user_id, d.group_id, coalesce(d.address, m.address) as address, m.body, d.status, m.provider_message_id,
    m.provider_response, d.error, d.reason, d.attachments, d.tries, delivery_cost(d.id) as cost, d.created_at, d.accepted_at, d.sent_at, d.delivered_at,
    d.read_at, d.failed_at, case when d.channel = 'push' then (${DEVICES}) end as devices,
    case when d.channel = 'whatsapp_group' then (${MEMBERS}) end as members,
    coalesce(d.user_id = ${reader}::text or d.group_id in (
      select gm.group_id from whatsapp_group_members gm where gm.user_id = ${reader}::text and gm.is_active
    ), false) as is_own,
    (extract(epoch from d.created_at) * 1000000)::bigint as created_us`;
}

/** Newest first. `readerId` null: nobody's own. */
export async function listDeliveries(
  pool: pg.Pool,
  input: {
    readonly notificationId: string;
    readonly readerId: string | null;
    readonly limit: number;
    readonly after: Position | null;
  },
): Promise<Page<DeliveryRow>> {
  const parameters = new Parameters();
  const notificationId = parameters.add(input.notificationId);
  const reader = parameters.add(input.readerId);
  const after =
    input.after === null
      ? ""
      : `and (d.created_at, d.id) < (timestamptz 'epoch' + ${parameters.add(input.after.order)}::bigint * interval '1 microsecond',
          ${parameters.add(input.after.id)})`;
  const { rows } = await pool.query<DeliveryRow>(
    `select ${deliveryColumns(reader)}
     from deliveries d left join messages m on m.id = d.message_id
     where d.notification_id = ${notificationId} ${after}
     order by d.created_at desc, d.id desc limit ${parameters.add(input.limit + 1)}`,
    parameters.values,
  );
  return toPage(
    rows,
    input.limit,
    (row) => ({ order: row.created_us, id: row.id }),
    (row) => row,
  );
}
