/** Messages whose fate no receipt has told: which of them to ask the vendor about, and what it takes to ask. */
import type pg from "pg";

import type { DeliveryStatus } from "../domain/delivery.ts";
import type { Locale } from "../domain/locale.ts";
import type { Carrier } from "./account-health.ts";
import type { DeliveryEvent } from "./deliveries.ts";

/** So soon a receipt may still come by itself; each question doubles the distance to the next. */
const ASK_AFTER_SECONDS = 15;
const ASKS_MAX = 6;
/** What is older settles nothing any more. */
const ASK_WITHIN = "1 hour";

export interface DueQuestion {
  readonly deliveryId: string;
  readonly accountId: string;
}

/**
 * Deliveries in doubt whose vendor can look for them, and those taken without a word since, past their account's deadline, whose vendor can tell: of
 * notifications that still wait. Oldest question first.
 */
export async function dueQuestions(
  pool: pg.Pool,
  input: {
    /** Who can look for a message whose answer was lost. */
    readonly finders: readonly Carrier[];
    /** Who can tell a message's status by its id. */
    readonly tellers: readonly Carrier[];
    readonly now: Date;
    readonly limit: number;
  },
): Promise<readonly DueQuestion[]> {
  const { rows } = await pool.query<DueQuestion>({
    name: "questions-due",
    text: `
      with carriers as (
        select 'finder' as kind, f.provider, f.channel from jsonb_to_recordset($1::jsonb) as f(provider text, channel text)
        union all
        select 'teller', t.provider, t.channel from jsonb_to_recordset($2::jsonb) as t(provider text, channel text)
      )
      select d.id as "deliveryId", d.account_id as "accountId"
      from notifications n
      -- By the notification, of which few are open: an index that names the status would be written anew with every report.
      cross join lateral (select o.* from deliveries o where o.notification_id = n.id offset 0) d
      join provider_accounts a on a.id = d.account_id and a.enabled
      join carriers c on c.provider = d.provider and c.channel = d.channel
      where n.settled_at is null and d.created_at > $3::timestamptz - interval '${ASK_WITHIN}' and d.message_id is not null and d.asks < ${ASKS_MAX}
        and (
          (c.kind = 'finder' and d.status = 'unknown')
          or (c.kind = 'teller' and d.status in ('accepted', 'sent')
            and d.accepted_at < $3::timestamptz - make_interval(secs => a.receipt_deadline_seconds))
        )
        and coalesce(d.asked_at, d.sending_at) < $3::timestamptz - make_interval(secs => ${ASK_AFTER_SECONDS} * 2 ^ d.asks)
      order by d.asked_at nulls first, d.created_at limit $4`,
    values: [JSON.stringify(input.finders), JSON.stringify(input.tellers), input.now, input.limit],
  });
  return rows;
}

/** A message that the vendor is asked about. Privacy: holds an address and a text. */
export interface Question {
  readonly notificationId: string;
  readonly accountId: string;
  readonly messageId: string;
  readonly providerMessageId: string | null;
  readonly status: DeliveryStatus;
  readonly isGroup: boolean;
  readonly address: string;
  readonly body: string;
  readonly locale: Locale;
  /** Epoch ms: when the request that got no answer had not begun yet. */
  readonly sentAfter: number;
  /** Another message went from this number to this address since: what the vendor finds may be that one. */
  readonly isAmbiguous: boolean;
  readonly event: DeliveryEvent;
}

/** Counts the question and loads what it takes to ask it; null when it has been answered meanwhile. */
export async function beginQuestion(
  pool: pg.Pool,
  deliveryId: string,
  now: Date,
): Promise<Question | null> {
  const { rows } = await pool.query<Omit<Question, "sentAfter"> & { sentAfter: Date }>({
    name: "question-begin",
    text: `
      with asked as (
        update deliveries d set asks = d.asks + 1, asked_at = $2
        where d.id = $1 and d.status in ('unknown', 'accepted', 'sent') and d.message_id is not null
        returning d.*
      )
      select d.notification_id as "notificationId", d.account_id as "accountId", m.id as "messageId",
        m.provider_message_id as "providerMessageId", d.status, d.group_id is not null as "isGroup", m.address, m.body,
        coalesce((select u.locale from users u where u.id = d.user_id), (select g.locale from whatsapp_groups g where g.id = d.group_id), 'id') as locale,
        coalesce(d.sending_at, d.created_at) - interval '5 seconds' as "sentAfter",
        exists (
          select from messages o where o.device_key = m.device_key and o.address = m.address and o.id <> m.id and o.body = m.body
            and o.provider_message_id is null and o.created_at > d.created_at - interval '1 hour'
        ) as "isAmbiguous",
        jsonb_build_object('pass', d.pass, 'step', d.step, 'target', d.target, 'channel', d.channel, 'attempt', d.attempt, 'purpose', d.purpose) as event
      from asked d join messages m on m.id = d.message_id`,
    values: [deliveryId, now],
  });
  const row = rows[0];
  return row ? { ...row, sentAfter: row.sentAfter.getTime() } : null;
}

/** Whether a message that the vendor names is one that we know already under that id. */
export async function isKnownMessage(
  pool: pg.Pool,
  accountId: string,
  providerMessageId: string,
): Promise<boolean> {
  const { rows } = await pool.query<{ known: boolean }>({
    name: "question-known",
    text: `
      select exists (
        select from messages m join provider_accounts a on a.device_key = m.device_key
        where a.id = $1 and m.provider_message_id = $2
      ) as known`,
    values: [accountId, providerMessageId],
  });
  return rows[0]?.known ?? false;
}
