import type pg from "pg";

import type { InboundState } from "../domain/inbound.ts";
import type { Locale } from "../domain/locale.ts";

/** What people do about messages that nobody had understood. The message's row is the referee: of two who answer it, one does. */

export interface Handler {
  readonly userId: string | null;
  readonly name: string | null;
}

export interface HandledInbound {
  readonly id: string;
  readonly state: InboundState;
  readonly isGroup: boolean;
  readonly deviceKey: string;
  readonly provider: string | null;
  readonly channel: string | null;
  readonly accountId: string;
  /** Where the writer can be told something, E.164; null: nobody knows. */
  readonly answerTo: string | null;
  readonly locale: Locale | null;
  readonly timeZone: string | null;
  /** Epoch ms of the last message from there to this number of ours; null: none. */
  readonly lastInboundAt: number | null;
  readonly handledBy: Handler | null;
  readonly handledAt: Date | null;
}

/** Locks the message against others who handle it. */
export async function lockInbound(
  client: pg.PoolClient,
  id: string,
): Promise<HandledInbound | null> {
  const { rowCount } = await client.query(
    "select from inbound_messages where id = $1 and address <> '' for update",
    [id],
  );
  if (rowCount === 0) return null;
  // A statement of its own: it sees what whoever held the lock before has committed.
  const { rows } = await client.query<HandledInbound>({
    name: "inbound-handled",
    text: `
      with message as (
        select i.*, case when i.address like '+%' then i.address else coalesce(
          (
            select c.value from contacts c where c.user_id = i.user_id and c.kind = 'phone' and c.is_active
            order by c.is_primary desc, c.created_at limit 1
          ),
          (
            select m.address from messages m
            where m.device_key = i.device_key and m.provider_message_id = i.quoted_provider_message_id and m.address like '+%'
          )
        ) end as answer_to
        from inbound_messages i where i.id = $1
      )
      select i.id, i.state, i.group_chat_id is not null as "isGroup", i.device_key as "deviceKey", i.account_id as "accountId",
        a.provider, a.channel, i.answer_to as "answerTo", u.locale,
        coalesce(u.time_zone, (select z.time_zone from zones z where z.code = u.zones[1])) as "timeZone",
        (
          select floor(extract(epoch from w.last_inbound_at) * 1000)::bigint from contact_windows w
          where w.device_key = i.device_key and w.address = i.answer_to
        ) as "lastInboundAt",
        i.handled_by as "handledBy", i.handled_at as "handledAt"
      from message i left join provider_accounts a on a.id = i.account_id left join users u on u.id = i.user_id`,
    values: [id],
  });
  const row = rows[0];
  if (!row) throw new Error("Invariant broken: a locked message is there");
  return row;
}

/** An answer that an earlier try of the same request has written. */
export async function isAnsweredBy(
  client: pg.PoolClient,
  inboundMessageId: string,
  answerId: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    "select from answers where id = $1 and inbound_message_id = $2",
    [answerId, inboundMessageId],
  );
  return rowCount === 1;
}

/** Under the message's lock. */
export async function markHandled(
  client: pg.PoolClient,
  handled: {
    readonly id: string;
    readonly state: Extract<InboundState, "answered" | "closed">;
    readonly by: Handler;
    readonly note: string | null;
    readonly at: Date;
  },
): Promise<void> {
  await client.query({
    name: "inbound-mark-handled",
    text: "update inbound_messages set state = $2, handled_by = $3, handling_note = $4, handled_at = $5 where id = $1",
    values: [handled.id, handled.state, handled.by, handled.note, handled.at],
  });
}
