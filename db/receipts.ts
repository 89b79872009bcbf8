import type pg from "pg";

import { mergeReceipt, type DeliveryStatus, type ReceiptKind } from "../domain/delivery.ts";
import type { Channel } from "../domain/channel.ts";
import type { ReceiptFact } from "../domain/run.ts";
import { aliasKey, lockMessageKeys } from "./deliveries.ts";
import { withTransaction } from "./transaction.ts";

/** A vendor's report about one message, already verified and translated. */
export interface ReportedReceipt {
  readonly receiptId: string;
  readonly accountId: string;
  /** The same for every repeat of one event. */
  readonly eventKey: string;
  readonly providerMessageId: string | null;
  /** A second id of the same message (Fonnte's stateid). */
  readonly alias: string | null;
  /** Our delivery's id, where the vendor gives it back: it finds a message whose send answer was lost. */
  readonly deliveryKey: string | null;
  readonly status: ReceiptKind;
  /** False for a failure that leaves the next attempt to the spacing (busy, no answer). */
  readonly final: boolean;
  readonly reason: string | null;
  readonly error: {
    readonly kind: string;
    readonly scope: string;
    readonly message: string;
  } | null;
  readonly reportedAt: number | null;
  readonly receivedAt: number;
}

/** A fact that a run waits for, ready to be signalled. */
export interface ReceiptSignal {
  readonly receiptId: string;
  readonly workflowId: string;
  readonly fact: ReceiptFact;
}

export type RecordReceiptAnswer =
  | { readonly kind: "recorded"; readonly signals: readonly ReceiptSignal[] }
  | { readonly kind: "duplicate" }
  /** No message has that id yet; the receipt is applied when one has. */
  | { readonly kind: "parked" };

/**
 * Stores a receipt and moves what it is about forward. Matches by the account's device and message id, never by phone: accounts that share a device share
 * its messages, because the vendor reports them all to one address.
 *
 * Ordering: `deliver` takes the same locks before it records the vendor's answer, so a receipt either finds the message or is found by it.
 * Idempotency: (device, event key) is unique; a repeat changes nothing.
 */
export async function recordReceipt(
  pool: pg.Pool,
  report: ReportedReceipt,
): Promise<RecordReceiptAnswer> {
  return withTransaction(pool, async (client) => {
    // Both ids are locked, always in this order; a report that knows one id only meets the report or answer that ties them.
    await lockMessageKeys(client, report.accountId, [
      ...(report.providerMessageId ? [report.providerMessageId] : []),
      ...(report.alias ? [aliasKey(report.alias)] : []),
    ]);
    const found = await storeAndFind(client, report);
    if (!found.isNew) return { kind: "duplicate" };
    if (!found.message) return { kind: "parked" };
    const signals = [...(await apply(client, report, found.message))];
    for (const parked of found.parked) {
      signals.push(...(await applyParked(client, { ...report, ...parked })));
    }
    return { kind: "recorded", signals };
  });
}

interface FoundMessage {
  readonly id: string;
  readonly status: DeliveryStatus;
  readonly deliveries: readonly FoundDelivery[];
}

interface FoundDelivery {
  readonly id: string;
  readonly notification_id: string;
  readonly workflow_id: string;
  readonly purpose: "ladder" | "closing";
  readonly pass: number;
  readonly step: number;
  readonly target: string;
  readonly channel: Channel;
  readonly attempt: number;
  readonly hand_over: number;
  readonly status: DeliveryStatus;
  readonly evidence: readonly string[];
  readonly is_replaced: boolean;
  readonly is_over: boolean;
}

/** The deliveries that share a message, as `FoundDelivery`s; the message is `m`. */
const DELIVERIES_OF_MESSAGE = `
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', d.id, 'notification_id', d.notification_id, 'workflow_id', n.workflow_id, 'purpose', d.purpose, 'pass', d.pass,
    'step', d.step, 'target', d.target, 'channel', d.channel, 'attempt', d.attempt, 'hand_over', d.hand_over,
    'status', d.status, 'evidence', d.evidence, 'is_over', n.stopped_at is not null or n.settled_at is not null,
    'is_replaced', exists (
      select from deliveries o where o.notification_id = d.notification_id and o.purpose = d.purpose and o.pass = d.pass
        and o.step = d.step and o.target = d.target and o.channel = d.channel and o.attempt = d.attempt
        and o.hand_over > d.hand_over
    )
  )), '[]'::jsonb)
  from deliveries d join notifications n on n.id = d.notification_id where d.message_id = m.id`;

async function storeAndFind(
  client: pg.PoolClient,
  report: ReportedReceipt,
): Promise<{
  readonly isNew: boolean;
  readonly message: FoundMessage | null;
  /** Reports that came under the second id alone, before this one tied it to the message. */
  readonly parked: readonly ParkedReport[];
}> {
  const { rows } = await client.query<{
    is_new: boolean;
    message: FoundMessage | null;
    parked: readonly ParkedJson[] | null;
  }>({
    name: "receipt-store",
    text: `
      with device as (
        select coalesce((select a.device_key from provider_accounts a where a.id = $2), $2) as key
      ),
      stored as (
        insert into receipts (id, account_id, device_key, provider_message_id, provider_alias, status, final, event_key, reason, error,
          reported_at, received_at)
        select $1, $2, device.key, $3, $4, $5, $6, $7, $8, $9, $10, $11 from device
        on conflict on constraint receipts_once do nothing
        returning id
      ),
      message as (
        select m.id, m.status from messages m
        where m.device_key = (select key from device) and (
          m.provider_message_id = $3
          or m.provider_alias = $4
          or (m.provider_message_id is null and m.id = (select d.message_id from deliveries d where d.id = $12))
        )
        order by (m.provider_message_id = $3) is true desc, (m.provider_alias = $4) is true desc
        limit 1
      )
      select
        exists (select from stored) as is_new,
        (
          select jsonb_build_object('id', m.id, 'status', m.status, 'deliveries', (${DELIVERIES_OF_MESSAGE}))
          from message m
        ) as message,
        (
          select jsonb_agg(jsonb_build_object('id', r.id, 'status', r.status, 'final', r.final, 'reason', r.reason, 'error', r.error,
            'reported_at', r.reported_at, 'received_at', r.received_at, 'message_id', m.id) order by r.received_at)
          from message m, receipts r
          where r.device_key = (select key from device) and r.provider_alias = $4 and r.message_id is null
            and exists (select from stored)
        ) as parked`,
    values: [
      report.receiptId,
      report.accountId,
      report.providerMessageId,
      report.alias,
      report.status,
      report.final,
      report.eventKey,
      report.reason,
      report.error,
      report.reportedAt === null ? null : new Date(report.reportedAt),
      new Date(report.receivedAt),
      report.deliveryKey,
    ],
  });
  const row = rows[0];
  return {
    isNew: row?.is_new ?? false,
    message: row?.message ?? null,
    parked: (row?.parked ?? []).map(fromJson),
  };
}

interface MovedDelivery {
  readonly delivery: FoundDelivery;
  readonly status: DeliveryStatus;
  readonly note: string | null;
  readonly signals: boolean;
}

async function apply(
  client: pg.PoolClient,
  report: AppliedReport,
  message: FoundMessage,
): Promise<readonly ReceiptSignal[]> {
  const moved = message.deliveries.map((delivery): MovedDelivery => {
    const merged = mergeReceipt(delivery.status, report.status, {
      isReplaced: delivery.is_replaced,
    });
    const isWanted = report.status === "failed" || delivery.evidence.includes(report.status);
    const isNews = merged.changed || (report.status === "failed" && !report.final);
    return {
      delivery,
      status: merged.status,
      note: merged.note,
      signals: isNews && isWanted && delivery.purpose === "ladder" && !delivery.is_over,
    };
  });
  const signals = moved.filter((one) => one.signals).map((one) => toSignal(report, one.delivery));
  const at = new Date(happenedAt(report));
  const heardAt = new Date(report.receivedAt);
  await client.query({
    name: "receipt-apply",
    text: `
      with receipt as (
        update receipts set message_id = $2, note = $8, signalled_at = case when $9 then null else $4::timestamptz end where id = $1
      ),
      message as (
        update messages set status = $3,
          provider_message_id = coalesce(provider_message_id, $6), provider_alias = coalesce(provider_alias, $7),
          accepted_at = coalesce(accepted_at, $4),
          sent_at = case when $5 in ('sent', 'delivered', 'read') then least(coalesce(sent_at, $4), $4) else sent_at end,
          delivered_at = case when $5 in ('delivered', 'read') then coalesce(delivered_at, $4) else delivered_at end,
          read_at = case when $5 = 'read' then coalesce(read_at, $4) else read_at end,
          failed_at = case when $5 = 'failed' then coalesce(failed_at, $4) else failed_at end
        where id = $2
      ),
      moved as (
        select * from jsonb_to_recordset($10::jsonb)
          as m(id text, notification_id text, status text, note text, pass int, step int, target text, channel text)
      ),
      event as (
        insert into notification_events (notification_id, entry_key, at, kind, pass, step, target, channel, account_id, delivery_id, reason, detail)
        select m.notification_id, 'r:' || $1 || ':' || m.id, $14, 'receipt', m.pass, m.step, m.target, m.channel, $11, m.id, $5,
          jsonb_strip_nulls(jsonb_build_object('status', $5::text, 'note', m.note, 'cause', $12::text))
        from moved m
        on conflict on constraint notification_events_once do nothing
      )
      update deliveries d set status = m.status, note = coalesce(m.note, d.note),
        accepted_at = coalesce(d.accepted_at, case when m.status <> 'failed' then $4::timestamptz end),
        sent_at = case when $5 in ('sent', 'delivered', 'read') then least(coalesce(d.sent_at, $4), $4) else d.sent_at end,
        delivered_at = case when $5 in ('delivered', 'read') then coalesce(d.delivered_at, $4) else d.delivered_at end,
        read_at = case when $5 = 'read' then coalesce(d.read_at, $4) else d.read_at end,
        failed_at = case when m.status = 'failed' then coalesce(d.failed_at, $4) else d.failed_at end,
        reason = case when m.status = 'failed' and d.status <> 'failed' then coalesce($12, d.reason) else d.reason end,
        error = case when m.status = 'failed' and $13::jsonb is not null then $13::jsonb else d.error end
      from moved m where d.id = m.id`,
    values: [
      report.receiptId,
      message.id,
      mergeReceipt(message.status, report.status).status,
      at,
      report.status,
      report.providerMessageId,
      report.alias,
      moved.find((one) => one.note)?.note ?? null,
      signals.length > 0,
      JSON.stringify(
        moved.map(({ delivery, status, note }) => ({
          id: delivery.id,
          notification_id: delivery.notification_id,
          status,
          note,
          pass: delivery.pass,
          step: delivery.step,
          target: delivery.target,
          channel: delivery.channel,
        })),
      ),
      report.accountId,
      report.reason,
      report.error === null ? null : JSON.stringify(report.error),
      heardAt,
    ],
  });
  return signals;
}

/** Vendors report whole seconds; a report that comes this soon after tells nothing that our own clock does not tell better. */
const REPORT_PRECISION_MS = 2_000;

/** When it happened, as well as we can know: by the vendor's clock when the report came late, else when we heard of it. */
function happenedAt({
  reportedAt,
  receivedAt,
}: Pick<ReportedReceipt, "reportedAt" | "receivedAt">): number {
  return reportedAt === null || receivedAt - reportedAt < REPORT_PRECISION_MS
    ? receivedAt
    : reportedAt;
}

function toSignal(report: AppliedReport, delivery: FoundDelivery): ReceiptSignal {
  return {
    receiptId: report.receiptId,
    workflowId: delivery.workflow_id,
    fact: {
      kind: "receipt",
      pass: delivery.pass,
      step: delivery.step,
      target: delivery.target,
      channel: delivery.channel,
      attempt: delivery.attempt,
      handOver: delivery.hand_over,
      status: report.status,
      final: report.final,
      // The ladder's clocks are ours: a vendor's may be wrong.
      at: report.receivedAt,
      reason: report.reason,
    },
  };
}

/**
 * Ties a vendor's second id to a message and applies receipts that came under that id alone. A report that carries both ids does the same by itself.
 * A tie that comes before the vendor's answer to the send is kept until then.
 */
export async function linkAlias(
  pool: pg.Pool,
  link: {
    readonly accountId: string;
    readonly providerMessageId: string;
    readonly alias: string;
  },
): Promise<readonly ReceiptSignal[]> {
  return withTransaction(pool, async (client) => {
    await lockMessageKeys(client, link.accountId, [link.providerMessageId, aliasKey(link.alias)]);
    const { rows } = await client.query<ParkedRow>({
      name: "receipt-link",
      text: `
        with device as (
          select coalesce((select a.device_key from provider_accounts a where a.id = $1), $1) as key
        ),
        link as (
          insert into message_links (device_key, provider_alias, provider_message_id) select device.key, $3, $2 from device
          where not exists (select from messages m where m.device_key = device.key and m.provider_message_id = $2)
          on conflict do nothing
        ),
        message as (
          update messages set provider_alias = $3
          where device_key = (select key from device) and provider_message_id = $2 and provider_alias is distinct from $3
          returning id
        )
        select r.id, r.status, r.final, r.reason, r.error, r.reported_at, r.received_at, m.id as message_id
        from receipts r, messages m
        where m.device_key = (select key from device) and m.provider_message_id = $2
          and r.device_key = (select key from device) and r.provider_alias = $3 and r.message_id is null
        order by r.received_at`,
      values: [link.accountId, link.providerMessageId, link.alias],
    });
    const signals: ReceiptSignal[] = [];
    for (const row of rows) {
      signals.push(...(await applyParked(client, { ...link, ...toParked(row) })));
    }
    return signals;
  });
}

/** What a receipt that waited for its message says. */
type ParkedReport = Omit<
  ReportedReceipt,
  "accountId" | "eventKey" | "providerMessageId" | "alias" | "deliveryKey"
> & { readonly messageId: string };

type AppliedReport = Omit<ReportedReceipt, "eventKey" | "deliveryKey">;

async function applyParked(
  client: pg.PoolClient,
  report: AppliedReport & ParkedReport,
): Promise<readonly ReceiptSignal[]> {
  const message = await messageById(client, report.messageId);
  return message ? apply(client, report, message) : [];
}

interface ParkedRow {
  readonly id: string;
  readonly status: ReceiptKind;
  readonly final: boolean;
  readonly reason: string | null;
  readonly error: ReportedReceipt["error"];
  readonly reported_at: Date | null;
  readonly received_at: Date;
  readonly message_id: string;
}

/** Dates inside JSON are texts. */
type ParkedJson = Omit<ParkedRow, "reported_at" | "received_at"> & {
  readonly reported_at: string | null;
  readonly received_at: string;
};

function fromJson(row: ParkedJson): ParkedReport {
  return toParked({
    ...row,
    reported_at: row.reported_at === null ? null : new Date(row.reported_at),
    received_at: new Date(row.received_at),
  });
}

function toParked(row: ParkedRow): ParkedReport {
  return {
    receiptId: row.id,
    messageId: row.message_id,
    status: row.status,
    final: row.final,
    reason: row.reason,
    error: row.error,
    reportedAt: row.reported_at?.getTime() ?? null,
    receivedAt: row.received_at.getTime(),
  };
}

async function messageById(client: pg.PoolClient, id: string): Promise<FoundMessage | null> {
  const { rows } = await client.query<FoundMessage>({
    name: "receipt-message",
    text: `
      select m.id, m.status, (${DELIVERIES_OF_MESSAGE}) as deliveries
      from messages m where m.id = $1`,
    values: [id],
  });
  return rows[0] ?? null;
}

export async function markReceiptsSignalled(
  db: pg.Pool | pg.PoolClient,
  receiptIds: readonly string[],
): Promise<void> {
  if (receiptIds.length === 0) return;
  await db.query({
    name: "receipts-signalled",
    text: "update receipts set signalled_at = now() where id = any($1) and signalled_at is null",
    values: [receiptIds],
  });
}

/** Receipts whose signal was lost, oldest first; for the sweep. Those of runs that are over need no signal any more. */
export async function unsignalledReceipts(
  db: pg.Pool | pg.PoolClient,
  filter: { readonly olderThan: Date; readonly limit: number },
): Promise<readonly ReceiptSignal[]> {
  const { rows } = await db.query<
    ParkedRow & Omit<FoundDelivery, "id" | "status"> & { readonly receipt_id: string }
  >(
    `select r.id as receipt_id, r.status, r.final, r.reason, r.reported_at, r.received_at, n.workflow_id,
       d.pass, d.step, d.target, d.channel, d.attempt, d.hand_over,
       n.stopped_at is not null or n.settled_at is not null as is_over, d.purpose
     from receipts r
     join deliveries d on d.message_id = r.message_id
     join notifications n on n.id = d.notification_id
     where r.signalled_at is null and r.message_id is not null and r.received_at < $1
     order by r.received_at limit $2`,
    [filter.olderThan, filter.limit],
  );
  const over = rows.filter((row) => row.is_over || row.purpose === "closing");
  await markReceiptsSignalled(
    db,
    over.map((row) => row.receipt_id),
  );
  return rows
    .filter((row) => !row.is_over && row.purpose === "ladder")
    .map((row) => ({
      receiptId: row.receipt_id,
      workflowId: row.workflow_id,
      fact: {
        kind: "receipt",
        pass: row.pass,
        step: row.step,
        target: row.target,
        channel: row.channel,
        attempt: row.attempt,
        handOver: row.hand_over,
        status: row.status,
        final: row.final,
        at: row.received_at.getTime(),
        reason: row.reason,
      },
    }));
}
