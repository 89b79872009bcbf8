import type pg from "pg";

import type { ReceiptKind } from "../domain/delivery.ts";
import type { Channel } from "../domain/channel.ts";
import type { BillingClass } from "../domain/price.ts";
import type { ReceiptFact } from "../domain/run.ts";
import type { SenderAddress } from "./replies.ts";
import { RECEIPT_MERGES } from "./receipt-merges.ts";
import { withoutCollision } from "./transaction.ts";

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
  readonly bill?: ReportedBill;
  /** One member of a group, by every id that the vendor gives; null or absent: the message as a whole. */
  readonly member?: readonly SenderAddress[] | null;
}

/** What the vendor says of its bill for the message; null: nothing. */
export interface ReportedBill {
  readonly isBilled: boolean | null;
  readonly billingClass: BillingClass | null;
  readonly callSeconds: number | null;
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
 * Stores a receipt and moves what it is about forward; see `record_receipt` in the migrations. Matches by the account's device and message id, never by phone:
 * accounts that share a device share its messages, because the vendor reports them all to one address.
 *
 * Ordering: the record of the vendor's answer takes the same locks, so a receipt either finds the message or is found by it.
 * Idempotency: (device, event key) is unique; a repeat changes nothing.
 */
export async function recordReceipt(
  pool: pg.Pool,
  report: ReportedReceipt,
): Promise<RecordReceiptAnswer> {
  const { rows } = await withoutCollision(() =>
    pool.query<{ verdict: RecordReceiptAnswer["kind"]; signals: readonly ReceiptSignal[] }>({
      name: "record-receipt",
      text: "select * from record_receipt($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
      values: [
        report.receiptId,
        report.accountId,
        report.providerMessageId,
        report.alias,
        report.deliveryKey,
        report.status,
        report.final,
        report.eventKey,
        report.reason,
        report.error,
        report.reportedAt === null ? null : new Date(report.reportedAt),
        new Date(report.receivedAt),
        RECEIPT_MERGES,
        report.bill?.isBilled ?? null,
        report.bill?.billingClass ?? null,
        report.bill?.callSeconds ?? null,
        report.member ? JSON.stringify(report.member) : null,
      ],
    }),
  );
  const [row] = rows;
  if (!row) throw new Error("record_receipt gave no verdict");
  return row.verdict === "recorded"
    ? { kind: row.verdict, signals: row.signals }
    : { kind: row.verdict };
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
  const { rows } = await withoutCollision(() =>
    pool.query<{ signals: readonly ReceiptSignal[] }>({
      name: "link-alias",
      text: "select link_alias($1, $2, $3, $4) as signals",
      values: [link.accountId, link.providerMessageId, link.alias, RECEIPT_MERGES],
    }),
  );
  return rows[0]?.signals ?? [];
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

interface UnsignalledRow {
  readonly receipt_id: string;
  readonly status: ReceiptKind;
  readonly final: boolean;
  readonly reason: string | null;
  readonly received_at: Date;
  readonly workflow_id: string;
  readonly pass: number;
  readonly step: number;
  readonly target: string;
  readonly channel: Channel;
  readonly attempt: number;
  readonly hand_over: number;
  readonly is_over: boolean;
  readonly purpose: "ladder" | "closing";
}

/** Receipts whose signal was lost, oldest first; for the sweep. Those of runs that are over need no signal any more. */
export async function unsignalledReceipts(
  db: pg.Pool | pg.PoolClient,
  filter: { readonly olderThan: Date; readonly limit: number },
): Promise<readonly ReceiptSignal[]> {
  const { rows } = await db.query<UnsignalledRow>(
    `select r.id as receipt_id, case when r.member is null then r.status else 'sent' end as status, r.final, r.reason, r.received_at, n.workflow_id,
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
