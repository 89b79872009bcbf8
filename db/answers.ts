import type pg from "pg";

import type { AnswerSituation } from "../domain/answer-situation.ts";
import type { Locale } from "../domain/locale.ts";
import type { AccountRow } from "./deliveries.ts";
import { loadAccount, lockMessage } from "./deliveries.ts";
import { gapSecondsOf, pairGapSecondsOf } from "./pace.ts";
import { mergeReceipt } from "../domain/delivery.ts";
import type { DeliveryStatus, ReceiptKind } from "../domain/delivery.ts";

/**
 * What is said to somebody who wrote: by Siaga itself, written with the message that it answers, or by a person. Sent by a short workflow. The automatic answer's id
 * is that of the message.
 */

export interface NewAnswer {
  readonly inboundMessageId: string;
  readonly deviceKey: string;
  readonly provider: string;
  /** What the account that carries it must be for. */
  readonly channel: string;
  readonly address: string;
  readonly locale: Locale;
  readonly timeZone: string;
  readonly toName: string | null;
  readonly situations: readonly AnswerSituation[];
  readonly isUnmatched: boolean;
  readonly now: number;
}

export interface AnswerToStart {
  /** The answer's id: that of the message where Siaga answers by itself. */
  readonly inboundMessageId: string;
  readonly accountId: string;
}

/** Two machines that answer each other are stopped by this; a person asks far less often. */
const ANSWERS_PER_HOUR_MAX = 20;

/** Null: no account can carry it, or this chat has had its share. */
export async function insertAnswer(
  client: pg.PoolClient,
  answer: NewAnswer,
): Promise<AnswerToStart | null> {
  if (answer.isUnmatched) {
    // Ordering: of two messages at once, the second sees that the first was answered.
    await client.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [
      `unmatched:${answer.deviceKey}:${answer.address}`,
    ]);
  }
  const { rows } = await client.query<{ account_id: string }>({
    name: "answer-insert",
    text: `
      insert into answers (id, inbound_message_id, account_id, device_key, address, locale, time_zone, to_name, situations, is_unmatched, created_at)
      select $1, $1, a.id, a.device_key, $5, $6, $7, $8, $9, $10, $11
      from provider_accounts a
      where a.device_key = $2 and a.provider = $3 and a.channel = $4 and a.enabled
        and (not $10 or not exists (
          select from answers o
          where o.device_key = $2 and o.address = $5 and o.written_text is null and o.is_unmatched
            and o.created_at > $11::timestamptz - interval '24 hours'
        ))
        and (
          select count(*) from answers o
          where o.device_key = $2 and o.address = $5 and o.written_text is null and o.created_at > $11::timestamptz - interval '1 hour'
        ) < ${ANSWERS_PER_HOUR_MAX}
      order by a.position, a.id limit 1
      returning account_id`,
    values: [
      answer.inboundMessageId,
      answer.deviceKey,
      answer.provider,
      answer.channel,
      answer.address,
      answer.locale,
      answer.timeZone,
      answer.toName,
      JSON.stringify(answer.situations),
      answer.isUnmatched,
      new Date(answer.now),
    ],
  });
  const row = rows[0];
  return row ? { inboundMessageId: answer.inboundMessageId, accountId: row.account_id } : null;
}

/** Null: no account can carry it. */
export async function insertWrittenAnswer(
  client: pg.PoolClient,
  answer: Pick<
    NewAnswer,
    | "inboundMessageId"
    | "deviceKey"
    | "provider"
    | "channel"
    | "address"
    | "locale"
    | "timeZone"
    | "now"
  > & { readonly id: string; readonly text: string },
): Promise<AnswerToStart | null> {
  const { rows } = await client.query<{ account_id: string }>({
    name: "answer-insert-written",
    text: `
      insert into answers (id, inbound_message_id, account_id, device_key, address, locale, time_zone, situations, written_text, created_at)
      select $1, $2, a.id, a.device_key, $6, $7, $8, '[]', $9, $10
      from provider_accounts a
      where a.device_key = $3 and a.provider = $4 and a.channel = $5 and a.enabled and a.health_state <> 'draining'
      order by a.position, a.id limit 1
      returning account_id`,
    values: [
      answer.id,
      answer.inboundMessageId,
      answer.deviceKey,
      answer.provider,
      answer.channel,
      answer.address,
      answer.locale,
      answer.timeZone,
      answer.text,
      new Date(answer.now),
    ],
  });
  const row = rows[0];
  return row ? { inboundMessageId: answer.id, accountId: row.account_id } : null;
}

export async function markAnswerStarted(pool: pg.Pool, answerId: string): Promise<void> {
  await pool.query({
    name: "answer-started",
    text: "update answers set started_at = coalesce(started_at, now()) where id = $1",
    values: [answerId],
  });
}

/** Answers whose start was lost, oldest first; for the sweep. */
export async function unstartedAnswers(
  pool: pg.Pool,
  filter: { readonly olderThan: Date; readonly limit: number },
): Promise<readonly AnswerToStart[]> {
  const { rows } = await pool.query<{ id: string; account_id: string }>(
    `select id, account_id from answers
     where started_at is null and status = 'intended' and created_at < $1 order by created_at limit $2`,
    [filter.olderThan, filter.limit],
  );
  return rows.map((row) => ({
    inboundMessageId: row.id,
    accountId: row.account_id,
  }));
}

export type AnswerStatus = "intended" | "sending" | "accepted" | "failed" | "unknown" | "dropped";

export interface LoadedAnswer {
  readonly status: AnswerStatus;
  readonly address: string;
  readonly isGroup: boolean;
  readonly locale: Locale;
  readonly timeZone: string;
  readonly toName: string | null;
  readonly situations: readonly AnswerSituation[];
  /** What a person wrote; null: made from the situations. */
  readonly writtenText: string | null;
  readonly messageId: string | null;
  readonly tries: number;
  readonly createdAt: number;
  /** Null: it was deleted since. */
  readonly account: AccountRow | null;
}

export async function loadAnswer(pool: pg.Pool, answerId: string): Promise<LoadedAnswer | null> {
  const { rows } = await pool.query<{
    account_id: string;
    status: AnswerStatus;
    address: string;
    locale: Locale;
    time_zone: string;
    to_name: string | null;
    situations: readonly AnswerSituation[];
    written_text: string | null;
    message_id: string | null;
    tries: number;
    created_at: Date;
    is_group: boolean;
  }>(
    `select a.account_id, a.status, a.address, a.locale, a.time_zone, a.to_name, a.situations, a.written_text, a.message_id, a.tries, a.created_at,
       i.group_chat_id is not null as is_group
     from answers a join inbound_messages i on i.id = a.inbound_message_id where a.id = $1`,
    [answerId],
  );
  const row = rows[0];
  if (!row) return null;
  return {
    status: row.status,
    address: row.address,
    isGroup: row.is_group,
    locale: row.locale,
    timeZone: row.time_zone,
    toName: row.to_name,
    situations: row.situations,
    writtenText: row.written_text,
    messageId: row.message_id,
    tries: row.tries,
    createdAt: row.created_at.getTime(),
    account: await loadAccount(pool, row.account_id),
  };
}

export type AnswerSlot =
  | { readonly kind: "send" }
  | { readonly kind: "wait" | "later"; readonly slotAt: number }
  | { readonly kind: "capped" | "not_intended" };

/** Takes the account's next slot and, when it is now, marks the answer `sending`. See `reserve_answer_slot` in the migrations. */
export async function reserveAnswerSlot(
  pool: pg.Pool,
  request: {
    readonly answerId: string;
    readonly isReserved: boolean;
    readonly account: AccountRow;
    readonly address: string;
    readonly aheadSeconds: number;
    readonly messageId: string;
    readonly body: string;
  },
): Promise<AnswerSlot> {
  const { account } = request;
  const { rows } = await pool.query<{
    verdict: "send" | "wait" | "later" | "capped" | "not_intended";
    slot_at: Date | null;
  }>({
    name: "reserve-answer-slot",
    text: `select verdict, slot_at from reserve_answer_slot($1, $2, $3, $4, $5, $6, $7, make_interval(secs => $8), make_interval(secs => $9),
      make_interval(secs => $10), $11, $12, $13)`,
    values: [
      request.answerId,
      request.isReserved,
      account.id,
      account.provider,
      account.channel,
      account.deviceKey,
      request.address,
      gapSecondsOf(account.pacing),
      pairGapSecondsOf(account.pacing),
      request.aheadSeconds,
      account.dailyCap,
      request.messageId,
      request.body,
    ],
  });
  const row = rows[0];
  if (!row) throw new Error("reserve_answer_slot gave no verdict");
  switch (row.verdict) {
    case "wait":
    case "later":
      return { kind: row.verdict, slotAt: row.slot_at?.getTime() ?? 0 };
    case "send":
    case "capped":
    case "not_intended":
      return { kind: row.verdict };
  }
}

/** The vendor took it; receipts that came before are applied. */
export async function recordAnswerAccepted(
  client: pg.PoolClient,
  send: {
    readonly answerId: string;
    readonly messageId: string;
    readonly accountId: string;
    readonly providerMessageId: string;
    readonly status: "accepted" | "sent";
    readonly segments: number | null;
    readonly providerResponse: unknown;
    readonly at: number;
  },
): Promise<void> {
  await lockMessage(client, send.accountId, send.providerMessageId);
  const { rows } = await client.query<{ status: ReceiptKind }>({
    name: "answer-accepted",
    text: `
      with device as (select device_key as key from messages where id = $2),
      answer as (
        update answers set status = 'accepted', reason = null where id = $1
      ),
      message as (
        update messages set provider_message_id = $3, provider_response = $6::jsonb, segments = $5, accepted_at = coalesce(accepted_at, $7),
          status = case when status = 'sending' then $4 else status end,
          sent_at = case when $4 = 'sent' then coalesce(sent_at, $7) else sent_at end
        where id = $2
      )
      update receipts r set message_id = $2, signalled_at = coalesce(signalled_at, $7)
      where r.device_key = (select key from device) and r.provider_message_id = $3 and r.message_id is null
      -- What a member of a group has proves no more than that it left.
      returning case when r.member is null then r.status else 'sent' end as status`,
    values: [
      send.answerId,
      send.messageId,
      send.providerMessageId,
      send.status,
      send.segments,
      JSON.stringify(send.providerResponse),
      new Date(send.at),
    ],
  });
  if (rows.length === 0) return;
  const status = rows.reduce<DeliveryStatus>(
    (before, receipt) => mergeReceipt(before, receipt.status).status,
    send.status,
  );
  await client.query("update messages set status = $2 where id = $1", [send.messageId, status]);
}

/**
 * It was not sent, or nobody knows whether it was. `intended`: surely not sent and to be tried again. A message whose answer a person had written and that surely
 * did not arrive is for people again.
 */
export async function recordAnswerNotSent(
  pool: pg.Pool,
  end: {
    readonly answerId: string;
    readonly status: Extract<AnswerStatus, "intended" | "failed" | "unknown" | "dropped">;
    readonly reason: string;
    readonly now: number;
  },
): Promise<void> {
  await pool.query({
    name: "answer-not-sent",
    text: `
      with answer as (
        update answers set status = $2, reason = $3 where id = $1 and status in ('intended', 'sending')
        returning message_id, inbound_message_id, written_text
      ),
      reopened as (
        update inbound_messages i set state = 'unmatched', handled_at = null, handled_by = null
        from answer a
        where $2 in ('failed', 'dropped') and a.written_text is not null and i.id = a.inbound_message_id and i.state = 'answered'
      )
      update messages m set status = case when $2 = 'unknown' then 'unknown' else 'failed' end,
        failed_at = case when $2 = 'unknown' then m.failed_at else $4 end
      from answer a where m.id = a.message_id and m.status = 'sending'`,
    values: [end.answerId, end.status, end.reason, new Date(end.now)],
  });
}
