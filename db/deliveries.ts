import type pg from "pg";

import type { HealthState } from "../domain/account.ts";
import type { StoredAttachment } from "../domain/attachment.ts";
import type { ShownAs } from "../domain/attachment-carriage.ts";
import type { Channel } from "../domain/channel.ts";
import { CLOSING_TYPE } from "../domain/closing-message.ts";
import type { DeliveryStatus } from "../domain/delivery.ts";
import type { Locale } from "../domain/locale.ts";
import type { AnswerKind } from "../domain/notification.ts";
import type { DayCaps, WarmUp } from "../domain/number-protection.ts";
import type { Priority } from "../domain/priority.ts";
import type { TemplateMapping, VendorTemplate } from "../domain/provider-template.ts";
import type { DeliveryKey } from "../domain/run.ts";
import { gapSecondsOf, pairGapSecondsOf } from "./pace.ts";
import { VENDOR_TEMPLATE_JSON } from "./provider-templates.ts";
import { violatedUnique } from "./violations.ts";
import { RECEIPT_MERGES } from "./receipt-merges.ts";

/** Everything that a delivery needs, loaded together: the row, what it is about, whom it tells and by which account. */
export interface DeliveryContext {
  readonly delivery: {
    readonly id: string;
    readonly status: DeliveryStatus;
    readonly messageId: string | null;
    readonly tries: number;
    readonly reason: string | null;
    readonly error: { readonly kind: string; readonly scope: string } | null;
    readonly createdAt: number;
    readonly firstSendingAt: number | null;
    /** The same attempt by the account before this one has left towards the recipient. */
    readonly hasLeftBefore: boolean;
    /** How an earlier try showed what is attached; null: there was none, or nothing is attached. */
    readonly attachments: readonly AttachmentShown[] | null;
  };
  readonly notification: {
    readonly id: string;
    readonly type: string;
    readonly typeNames: { readonly id: string; readonly en: string };
    readonly priority: Priority;
    readonly zone: {
      readonly code: string;
      readonly name: string;
      readonly timeZone: string;
    } | null;
    readonly category: string | null;
    readonly ticketId: string | null;
    readonly ticket: TicketFacts | null;
    readonly answers: AnswerKind;
    readonly data: Readonly<Record<string, unknown>>;
    readonly attachments: readonly StoredAttachment[];
    readonly stopKind: string | null;
    readonly acknowledgedByName: string | null;
    readonly stoppedByName: string | null;
    readonly assigneeName: string | null;
    readonly customer: {
      readonly name: string | null;
      readonly externalId: string | null;
      readonly phone: string | null;
    } | null;
    /** Names of persons told in person before who have not answered; filled for role-up persons. */
    readonly toldBefore: readonly string[];
    readonly targetOrigin: string | null;
    /** Earlier attempts on phones and groups that a vendor accepted for this target; other channels and accounts of this very attempt are no reminders. */
    readonly toldTimes: number;
    readonly hasUnknown: boolean;
  };
  /** Null: the person or group was deleted since. */
  readonly recipient: {
    readonly kind: "person" | "group";
    readonly id: string;
    readonly name: string | null;
    readonly locale: Locale;
    readonly timeZone: string | null;
    readonly address: string | null;
    readonly isActive: boolean;
    readonly windowOpen: boolean;
  } | null;
  readonly account: AccountRow | null;
  /** Of a delivery of channel push: where the account reaches this person, the device used last first. */
  readonly devices: readonly PushDevice[];
  /** The type's current texts, every channel and language; those for closing messages where this is one. */
  readonly templates: readonly TemplateRow[];
  /** As the account's vendor has them, of those that the texts name. */
  readonly vendorTemplates: readonly VendorTemplate[];
  /** The code that this notification has on the account's device already. */
  readonly replyCode: string | null;
  /** While the account is ill: another one of its channel, for one of its purposes, is well and could carry this. */
  readonly hasHealthier: boolean;
}

/** `reason`: why it isn't seen in the message, where the channel could have shown it. */
export interface AttachmentShown {
  readonly as: ShownAs;
  readonly reason: string | null;
}

/** Privacy: sealed; opened only where it is handed to the provider. */
export interface PushDevice {
  readonly subscriptionId: string;
  readonly destinationEncrypted: Buffer;
  /** The message of an earlier try of this delivery. */
  readonly messageId: string | null;
}

export interface TemplateRow {
  readonly channel: Channel;
  readonly locale: Locale;
  readonly subject: string | null;
  readonly body: string;
  readonly providerTemplate: TemplateMapping | null;
}

export interface TicketFacts {
  readonly id: string;
  readonly title: string | null;
  readonly category: string | null;
  readonly priority: string | null;
  readonly status: string | null;
  readonly slaHours: number | null;
  /** Epoch ms. */
  readonly deadlineAt: number | null;
  readonly locationText: string | null;
  readonly latitude: number | null;
  readonly longitude: number | null;
  readonly url: string | null;
}

export interface AccountRow {
  readonly id: string;
  readonly provider: string;
  readonly channel: string;
  readonly baseUrl: string | null;
  readonly sender: string;
  readonly deviceKey: string;
  readonly credentialsEncrypted: Buffer;
  readonly webhookTokenEncrypted: Buffer;
  readonly settings: Record<string, unknown>;
  readonly pacing: {
    readonly perSecond: number;
    readonly minGapSeconds: number;
    readonly pairGapSeconds?: number;
  };
  readonly dailyCap: number | null;
  readonly newContactCap: number | null;
  readonly warmUp: WarmUp | null;
  readonly receiptDeadlineSeconds: number;
  readonly enabled: boolean;
  readonly healthState: HealthState;
  readonly consecutiveFailures: number;
}

export interface DeliveryRequest extends DeliveryKey {
  readonly deliveryId: string;
  readonly notificationId: string;
  readonly purpose: "ladder" | "closing";
  /** Empty for the inbox, which no account carries. */
  readonly accountId: string;
  readonly orderReason: string | null;
  readonly because: string | null;
  readonly evidence: readonly string[];
  readonly now: number;
}

interface ContextRow {
  readonly delivery: {
    id: string;
    status: DeliveryStatus;
    message_id: string | null;
    tries: number;
    reason: string | null;
    error: { kind: string; scope: string } | null;
    attachments: readonly AttachmentShown[] | null;
    created_at: string;
    sending_at: string | null;
  } | null;
  readonly notification: DeliveryContext["notification"];
  readonly recipient: DeliveryContext["recipient"];
  readonly account: AccountJson | null;
  readonly devices: readonly (Omit<PushDevice, "destinationEncrypted"> & {
    readonly destinationEncrypted: string;
  })[];
  readonly templates: DeliveryContext["templates"];
  readonly vendor_templates: DeliveryContext["vendorTemplates"];
  readonly reply_code: string | null;
  readonly has_left_before: boolean;
  readonly has_healthier: boolean;
}

/**
 * Makes the delivery's row if it is not there (its unique key makes a second run find the first's) and loads what sending it takes. One statement.
 * Returns null when the notification is gone.
 */
export async function openDelivery(
  db: pg.Pool | pg.PoolClient,
  request: DeliveryRequest,
): Promise<DeliveryContext | null> {
  const { rows } = await db.query<ContextRow>({
    name: "open-delivery",
    text: OPEN_DELIVERY,
    values: [
      request.deliveryId,
      request.notificationId,
      request.purpose,
      request.pass,
      request.step,
      request.target,
      request.channel,
      request.attempt,
      request.handOver,
      request.accountId,
      request.orderReason,
      request.because,
      request.evidence,
      new Date(request.now),
    ],
  });
  const row = rows[0];
  return row ? toContext(row) : null;
}

/** An `AccountRow` from provider_accounts `a`; bytes travel as base64. */
const ACCOUNT_JSON = `jsonb_build_object('id', a.id, 'provider', a.provider, 'channel', a.channel, 'baseUrl', a.base_url, 'sender', a.sender,
        'deviceKey', a.device_key, 'credentialsEncrypted', encode(a.credentials_encrypted, 'base64'),
        'webhookTokenEncrypted', encode(a.webhook_token_encrypted, 'base64'), 'settings', a.settings, 'pacing', a.pacing,
        'dailyCap', a.daily_cap, 'newContactCap', a.new_contact_cap, 'warmUp', a.warm_up, 'receiptDeadlineSeconds', a.receipt_deadline_seconds,
        'enabled', a.enabled, 'healthState', a.health_state, 'consecutiveFailures', a.consecutive_failures)`;

/** More devices than this are not told; their messages leave one gap apart, within the time that a send may take. */
const PUSH_DEVICES_MAX = 10;

/** A closing message is worded by Siaga; its own type's texts name the vendors' templates for it. */
const TEXTS_OF = `case when $3 = 'closing' then '${CLOSING_TYPE}' else n.type end`;

const OPEN_DELIVERY = `
  with opened as (
    insert into deliveries (id, notification_id, purpose, pass, step, target, user_id, group_id, channel, attempt, hand_over,
      account_id, provider, status, order_reason, reason, evidence, created_at)
    select $1, n.id, $3, $4, $5, $6,
      case when $6 like 'usr\\_%' then $6 end, case when $6 like 'grp\\_%' then $6 end,
      $7, $8, $9, nullif($10, ''), (select a.provider from provider_accounts a where a.id = $10), 'intended', $11, $12, $13::text[], $14
    -- A task that is done again may order what the record no longer wants: the run had settled in it.
    from notifications n where n.id = $2 and not ($3 = 'ladder' and n.settled_at is not null)
    on conflict on constraint deliveries_once do nothing
    returning id, status, message_id, tries, reason, error, attachments, created_at, sending_at
  ),
  delivery as (
    select * from opened
    union all
    select d.id, d.status, d.message_id, d.tries, d.reason, d.error, d.attachments, d.created_at, d.sending_at from deliveries d
    where d.notification_id = $2 and d.purpose = $3 and d.pass = $4 and d.step = $5 and d.target = $6 and d.channel = $7
      and d.attempt = $8 and d.hand_over = $9
      and not exists (select from opened)
  ),
  account as (select * from provider_accounts where id = $10),
  recipient as (
    select 'person' as kind, u.id, u.name, u.locale, u.is_active,
      coalesce(u.time_zone, (select z.time_zone from zones z where z.code = u.zones[1])) as time_zone,
      (
        select c.value from contacts c
        where c.user_id = u.id and c.is_active and c.kind = case when $7 = 'email' then 'email' else 'phone' end
        order by c.is_primary desc, c.created_at limit 1
      ) as address
    from users u where u.id = $6
    union all
    select 'group', g.id, g.name, g.locale, g.is_active,
      coalesce(g.time_zone, (select z.time_zone from zones z where z.code = g.work_zone)), g.group_chat_id
    from whatsapp_groups g where g.id = $6
  ),
  devices as (
    select p.id, p.destination_encrypted, coalesce(p.last_used_at, p.created_at) as used_at from push_subscriptions p
    where $7 = 'push' and p.user_id = $6 and p.account_id = $10 and p.expired_at is null
    order by used_at desc, p.id limit ${PUSH_DEVICES_MAX}
  )
  select
    (select to_jsonb(d) from delivery d) as delivery,
    jsonb_build_object(
      'id', n.id, 'type', n.type,
      'typeNames', (select jsonb_build_object('id', t.name_id, 'en', t.name_en) from notification_types t where t.code = n.type),
      'priority', n.priority,
      'zone', (select jsonb_build_object('code', z.code, 'name', z.name, 'timeZone', z.time_zone) from zones z where z.code = n.zone),
      'category', n.category, 'ticketId', n.ticket_id, 'answers', n.answers, 'data', n.data, 'attachments', n.attachments, 'stopKind', n.stop_kind,
      'acknowledgedByName', n.acknowledged_by ->> 'name',
      'stoppedByName', (select a.by ->> 'name' from acts a where a.id = n.stop_act_id),
      'assigneeName', (select u.name from users u where u.id = coalesce(n.assignee_id, ticket.assignee_id)),
      'customer', (
        select jsonb_build_object('name', u.name, 'externalId', u.external_id, 'phone', (
          select c.value from contacts c where c.user_id = u.id and c.kind = 'phone' and c.is_active
          order by c.is_primary desc, c.created_at limit 1
        ))
        from users u where u.id = coalesce(n.customer_id, ticket.customer_id)
      ),
      'ticket', case when ticket.id is not null then jsonb_build_object(
        'id', ticket.id, 'title', ticket.title, 'category', ticket.category, 'priority', ticket.priority, 'status', ticket.status,
        'slaHours', ticket.sla_hours, 'deadlineAt', floor(extract(epoch from ticket.deadline_at) * 1000),
        'locationText', ticket.location_text, 'latitude', ticket.latitude, 'longitude', ticket.longitude, 'url', ticket.url
      ) end,
      'targetOrigin', target.origin,
      'toldTimes', (
        select count(distinct (d.pass, d.step, d.attempt)) from deliveries d
        where d.notification_id = n.id and d.target = $6 and d.purpose = 'ladder' and d.accepted_at is not null and d.status <> 'failed'
          and d.channel in ('whatsapp_personal', 'whatsapp_group', 'sms', 'call') and (d.pass, d.step, d.attempt) <> ($4, $5, $8)
      ),
      'hasUnknown', exists (
        select from deliveries d where d.notification_id = n.id and d.target = $6 and d.status = 'unknown'
      ),
      'toldBefore', case when target.origin = 'role_up' then (
        select coalesce(jsonb_agg(distinct coalesce(u.name, u.role)), '[]'::jsonb)
        from deliveries d join users u on u.id = d.user_id
        join notification_targets t on t.notification_id = d.notification_id and t.target = d.user_id
        where d.notification_id = n.id and d.user_id <> $6 and d.accepted_at is not null and t.state = 'open'
          and d.channel in ('whatsapp_personal', 'sms', 'call')
      ) else '[]'::jsonb end
    ) as notification,
    (
      select jsonb_build_object('kind', r.kind, 'id', r.id, 'name', r.name, 'locale', r.locale, 'isActive', r.is_active,
        'timeZone', r.time_zone, 'address', r.address,
        'windowOpen', exists (
          select from contact_windows w, account a
          where w.device_key = a.device_key and w.address = r.address and w.last_inbound_at > $14::timestamptz - interval '24 hours'
        ))
      from recipient r
    ) as recipient,
    (
      select ${ACCOUNT_JSON}
      from account a
    ) as account,
    (
      select coalesce(jsonb_agg(jsonb_build_object(
        'subscriptionId', v.id, 'destinationEncrypted', encode(v.destination_encrypted, 'base64'), 'messageId', c.message_id
      ) order by v.used_at desc, v.id), '[]'::jsonb)
      from devices v left join push_copies c on c.subscription_id = v.id and c.delivery_id = (select d.id from delivery d)
    ) as devices,
    (
      select coalesce(jsonb_agg(jsonb_build_object(
        'channel', t.channel, 'locale', t.locale, 'subject', t.subject, 'body', t.body, 'providerTemplate', t.provider_template
      )), '[]'::jsonb)
      from templates t where t.type = ${TEXTS_OF} and t.is_current
    ) as templates,
    (
      select coalesce(jsonb_agg(${VENDOR_TEMPLATE_JSON}), '[]'::jsonb) from provider_templates p
      where p.account_id = $10 and p.name in (
        select t.provider_template ->> 'name' from templates t where t.type = ${TEXTS_OF} and t.is_current
      )
    ) as vendor_templates,
    (
      select c.code from reply_codes c, account a
      where c.notification_id = n.id and c.device_key = a.device_key and c.released_at is null
    ) as reply_code,
    $9 > 0 and coalesce((
      select d.status in ('sent', 'delivered', 'read', 'superseded') from deliveries d
      where d.notification_id = $2 and d.purpose = $3 and d.pass = $4 and d.step = $5 and d.target = $6 and d.channel = $7
        and d.attempt = $8 and d.hand_over < $9 and d.status <> 'skipped'
      order by d.hand_over desc limit 1
    ), false) as has_left_before,
    exists (
      select from account a join provider_accounts o on o.channel = a.channel and o.id <> a.id and o.purposes && a.purposes
      where a.health_state in ('out', 'probing') and o.enabled and o.health_state = 'healthy'
        and ($7 <> 'whatsapp_group' or exists (select from provider_account_groups x where x.account_id = o.id and x.group_id = $6))
        and ($7 <> 'push' or exists (
          select from push_subscriptions x where x.account_id = o.id and x.user_id = $6 and x.expired_at is null
        ))
    ) as has_healthier
  from notifications n
  left join tickets ticket on ticket.id = n.ticket_id
  left join notification_targets target on target.notification_id = n.id and target.target = $6
  where n.id = $2 and (not ($3 = 'ladder' and n.settled_at is not null) or exists (select from delivery))`;

function toContext(row: ContextRow): DeliveryContext {
  const { account, delivery } = row;
  // Two executions at once: the other's row is not visible to this statement yet. The next try finds it.
  if (!delivery) throw new Error("the delivery is being opened by another execution");
  return {
    delivery: {
      id: delivery.id,
      status: delivery.status,
      messageId: delivery.message_id,
      tries: delivery.tries,
      reason: delivery.reason,
      error: delivery.error,
      attachments: delivery.attachments,
      createdAt: Date.parse(delivery.created_at),
      firstSendingAt: delivery.sending_at === null ? null : Date.parse(delivery.sending_at),
      hasLeftBefore: row.has_left_before,
    },
    notification: row.notification,
    recipient: row.recipient,
    account: account && toAccount(account),
    devices: row.devices.map((device) => ({
      ...device,
      destinationEncrypted: Buffer.from(device.destinationEncrypted, "base64"),
    })),
    templates: row.templates,
    vendorTemplates: row.vendor_templates,
    replyCode: row.reply_code,
    hasHealthier: row.has_healthier,
  };
}

/** Keeps how the message shows what is attached to its notification. */
export async function recordAttachments(
  db: pg.Pool | pg.PoolClient,
  deliveryId: string,
  shown: readonly AttachmentShown[],
): Promise<void> {
  await db.query({
    name: "record-attachments",
    text: "update deliveries set attachments = $2 where id = $1",
    values: [deliveryId, JSON.stringify(shown)],
  });
}

export type SlotVerdict =
  | { readonly kind: "send"; readonly messageId: string }
  | { readonly kind: "wait" | "later"; readonly slotAt: number }
  | { readonly kind: "capped" | "capped_new_contact" | "stopped" | "not_intended" };

export interface SlotRequest {
  readonly notificationId: string;
  readonly purpose: "ladder" | "closing";
  readonly deliveryId: string;
  /** The slot was taken by an earlier call; only the last checks are left. */
  readonly isReserved: boolean;
  readonly account: AccountRow;
  readonly address: string;
  /** How far ahead a slot may be taken, in seconds; beyond it nothing is taken. */
  readonly aheadSeconds: number;
  readonly caps: DayCaps;
  readonly messageId: string;
  readonly body: string;
  readonly replyCode: string | null;
  readonly answerable: boolean;
}

/** Takes the account's next slot and, when it is now, marks the delivery `sending`. See `reserve_slot` in the migrations. */
export async function reserveSlot(
  db: pg.Pool | pg.PoolClient,
  request: SlotRequest,
): Promise<SlotVerdict> {
  const { account } = request;
  const { rows } = await db.query<SlotRow>({
    name: "reserve-slot",
    text: `select * from reserve_slot($1, $2, $3, $4, $5, $6, $7, $8, $9, make_interval(secs => $10), make_interval(secs => $11),
      make_interval(secs => $12), $13, $14, $15, $16, $17, $18)`,
    values: [
      request.notificationId,
      request.purpose === "ladder",
      request.deliveryId,
      request.isReserved,
      account.id,
      account.provider,
      account.channel,
      account.deviceKey,
      request.address,
      gapSecondsOf(account.pacing),
      pairGapSecondsOf(account.pacing),
      request.aheadSeconds,
      request.caps.daily,
      request.caps.newContacts,
      request.messageId,
      request.body,
      request.replyCode,
      request.answerable,
    ],
  });
  return toSlotVerdict(rows[0], request.messageId);
}

export interface SlotRow {
  readonly verdict: SlotVerdict["kind"];
  readonly slot_at: Date | null;
  readonly message_id: string | null;
}

export function toSlotVerdict(row: SlotRow | undefined, messageId: string): SlotVerdict {
  if (!row) throw new Error("a slot was asked for and there is no verdict");
  switch (row.verdict) {
    case "send":
      return { kind: "send", messageId: row.message_id ?? messageId };
    case "wait":
    case "later":
      return { kind: row.verdict, slotAt: row.slot_at?.getTime() ?? 0 };
    case "capped":
    case "capped_new_contact":
    case "stopped":
    case "not_intended":
      return { kind: row.verdict };
  }
}

/**
 * One key per message of a sending device: whoever records a vendor's answer takes it before, as reports about the message do. Accounts that share a device
 * share its messages' keys, because the vendor reports both accounts' messages to one address.
 */
export async function lockMessage(
  client: pg.PoolClient,
  accountId: string,
  providerMessageId: string,
): Promise<void> {
  await client.query({
    name: "lock-message",
    text: `select lock_message(coalesce((select a.device_key from provider_accounts a where a.id = $1), $1), array[$2])`,
    values: [accountId, providerMessageId],
  });
}

export interface AcceptedSend {
  readonly notificationId: string;
  readonly deliveryId: string;
  readonly messageId: string;
  readonly accountId: string;
  readonly providerMessageId: string;
  readonly status: "accepted" | "sent";
  readonly segments: number | null;
  readonly providerResponse: unknown;
  readonly at: number;
  readonly event: DeliveryEvent;
}

export interface DeliveryEvent {
  readonly pass: number;
  readonly step: number;
  readonly target: string;
  readonly channel: string;
  readonly attempt: number;
  readonly purpose: "ladder" | "closing";
}

/**
 * Records that the vendor took the message and applies receipts that came before this answer; see `record_accepted` in the migrations. Returns the delivery's
 * status after those, and how a failure among them was meant.
 */
export async function recordAccepted(
  db: pg.Pool | pg.PoolClient,
  send: AcceptedSend,
): Promise<{ readonly status: DeliveryStatus; readonly final: boolean }> {
  const { event } = send;
  const { rows } = await db.query<{ status: DeliveryStatus | null; final: boolean }>({
    name: "record-accepted",
    text: `select * from record_accepted($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
    values: [
      send.notificationId,
      send.deliveryId,
      send.messageId,
      send.accountId,
      send.providerMessageId,
      send.status,
      send.segments,
      new Date(send.at),
      JSON.stringify(send.providerResponse),
      event.pass,
      event.step,
      event.target,
      event.channel,
      event.attempt,
      event.purpose,
      RECEIPT_MERGES,
    ],
  });
  const [row] = rows;
  if (!row || row.status === null) throw new Error("an accepted message lost its delivery");
  return { status: row.status, final: row.final };
}

export interface RefusedSend {
  readonly notificationId: string;
  readonly deliveryId: string;
  readonly accountId: string;
  /** `intended`: surely not sent and to be tried again inside the attempt. */
  readonly status: Extract<DeliveryStatus, "intended" | "failed" | "unknown" | "skipped">;
  readonly reason: string;
  readonly error: {
    readonly kind: string;
    readonly scope: string;
    readonly message: string;
  } | null;
  readonly at: number;
  readonly event: DeliveryEvent & {
    readonly kind: "delivery_failed" | "delivery_unknown" | "delivery_skipped";
  };
}

/** Records a send that was not accepted. A delivery that has evidence by now (a receipt came for the lost answer) keeps it. */
export async function recordRefused(
  db: pg.Pool | pg.PoolClient,
  send: RefusedSend,
): Promise<DeliveryStatus> {
  const { rows } = await db.query<{ status: DeliveryStatus }>({
    name: "record-refused",
    text: `
      with delivery as (
        update deliveries set status = $3, reason = coalesce($4, reason), error = $5::jsonb,
          failed_at = case when $3 = 'failed' then $6 else failed_at end
        where id = $2 and status in ('intended', 'sending')
        returning id, status, message_id, tries
      ),
      message as (
        update messages m set status = case when $3 = 'intended' then 'failed' else $3 end,
          failed_at = case when $3 in ('failed', 'intended') then $6 else failed_at end
        from delivery d where m.id = d.message_id
      ),
      -- Of a push whose sender died: what became of the other devices is as unknown.
      copies as (
        update messages m set status = 'unknown' from delivery d join push_copies c on c.delivery_id = d.id
        where m.id = c.message_id and c.message_id <> d.message_id and m.status = 'sending'
      ),
      event as (
        insert into notification_events (notification_id, entry_key, at, kind, pass, step, target, channel, account_id, delivery_id, reason, detail)
        select $1, 'd:' || $2 || ':' || d.tries || ':' || k.kind, $6, k.kind, $7, $8, $9, $10, $11, $2, k.reason,
          jsonb_build_object('attempt', $12::integer, 'try', d.tries, 'error', $5::jsonb)
        from delivery d, (values ('delivery_attempted', null), ($13, $4)) as k(kind, reason)
        where not (k.kind = 'delivery_attempted' and d.message_id is null)
        on conflict on constraint notification_events_once do nothing
      )
      select coalesce((select status from delivery), (select d.status from deliveries d where d.id = $2)) as status`,
    values: [
      send.notificationId,
      send.deliveryId,
      send.status,
      send.reason,
      send.error === null ? null : JSON.stringify(send.error),
      new Date(send.at),
      send.event.pass,
      send.event.step,
      send.event.target,
      send.event.channel,
      send.accountId,
      send.event.attempt,
      send.event.kind,
    ],
  });
  const row = rows[0];
  if (!row) throw new Error("a refused message lost its delivery");
  return row.status;
}

/** Why a delivery was skipped whose account was asked for want of `sent`, when `sent` had come for the one before. */
export const NOT_NEEDED = "not_needed";

/** Decides against a delivery that is surely not sent. False: an earlier execution has decided otherwise. */
export async function spareDelivery(
  db: pg.Pool | pg.PoolClient,
  deliveryId: string,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: "spare-delivery",
    text: `update deliveries set status = 'skipped', reason = $2 where id = $1 and status = 'intended'`,
    values: [deliveryId, NOT_NEEDED],
  });
  return rowCount === 1;
}

/** How many digits of a reply code can be given out on one device before the search for a free one gives up. */
const CODE_TRIES_MAX = 50;
/** A code rests this long after its notification settled, so that a late answer does not meet a new notification. */
const CODE_REST = "1 hour";

/** Deliveries that race for one code all end with it: the second try finds what the first one ran into. */
const CODE_RACES_MAX = 3;

/**
 * The notification's four-digit code on this device; the same one for every message of it there. Codes of settled notifications are given out again
 * after a rest. Null when the device has no free code: the message then goes without one.
 */
export async function takeReplyCode(
  db: pg.Pool,
  input: {
    readonly deviceKey: string;
    readonly notificationId: string;
    readonly random: () => number;
  },
): Promise<string | null> {
  for (let race = 1; ; race += 1) {
    try {
      const code = await findOrTakeCode(db, input);
      if (code !== null || race >= CODE_RACES_MAX) return code;
    } catch (error) {
      if (violatedUnique(error) === null || race >= CODE_RACES_MAX) throw error;
    }
  }
}

async function findOrTakeCode(
  db: pg.Pool,
  input: Parameters<typeof takeReplyCode>[1],
): Promise<string | null> {
  const candidates = Array.from({ length: CODE_TRIES_MAX }, () =>
    String(1000 + Math.floor(input.random() * 9000)),
  );
  const { rows } = await db.query<{ code: string }>({
    name: "take-reply-code",
    text: `
      with existing as (
        select code from reply_codes where notification_id = $2 and device_key = $1 and released_at is null
      ),
      free as (
        select c.code from unnest($3::text[]) with ordinality as c(code, place)
        where not exists (
          select from reply_codes r where r.device_key = $1 and r.code = c.code
            and (r.released_at is null or r.released_at > now() - interval '${CODE_REST}')
        )
        order by c.place limit 1
      ),
      taken as (
        insert into reply_codes (device_key, code, notification_id)
        select $1, free.code, $2 from free where not exists (select from existing)
        on conflict (device_key, code) do update set notification_id = excluded.notification_id, created_at = now(), released_at = null
        where reply_codes.released_at is not null
        returning code
      )
      select code from existing union all select code from taken limit 1`,
    values: [input.deviceKey, input.notificationId, candidates],
  });
  return rows[0]?.code ?? null;
}

/** The vendor says that the contact's 24 hours are over, whatever we had noted. */
export async function forgetWindow(
  db: pg.Pool | pg.PoolClient,
  deviceKey: string,
  address: string,
): Promise<void> {
  await db.query("delete from contact_windows where device_key = $1 and address = $2", [
    deviceKey,
    address,
  ]);
}

/** As `forgetWindow`, of whom this message was for. A word of the person's that came after the message keeps the window open. */
export async function forgetWindowOf(
  db: pg.Pool | pg.PoolClient,
  accountId: string,
  providerMessageId: string,
): Promise<void> {
  await db.query({
    name: "forget-window-of",
    text: `
      delete from contact_windows w using messages m
      where m.account_id = $1 and m.provider_message_id = $2 and w.device_key = m.device_key and w.address = m.address
        and w.last_inbound_at < m.created_at`,
    values: [accountId, providerMessageId],
  });
}

type AccountJson = Omit<AccountRow, "credentialsEncrypted" | "webhookTokenEncrypted"> & {
  readonly credentialsEncrypted: string;
  readonly webhookTokenEncrypted: string;
};

function toAccount(account: AccountJson): AccountRow {
  return {
    ...account,
    credentialsEncrypted: Buffer.from(account.credentialsEncrypted, "base64"),
    webhookTokenEncrypted: Buffer.from(account.webhookTokenEncrypted, "base64"),
  };
}

/** One account, enabled or not; null when it was deleted. */
export async function loadAccount(
  db: pg.Pool | pg.PoolClient,
  accountId: string,
): Promise<AccountRow | null> {
  const { rows } = await db.query<{ account: AccountJson }>({
    name: "load-account",
    text: `select ${ACCOUNT_JSON} as account from provider_accounts a where a.id = $1`,
    values: [accountId],
  });
  return rows[0] ? toAccount(rows[0].account) : null;
}
