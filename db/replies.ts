import type pg from "pg";

import type { Locale } from "../domain/locale.ts";
import type { AnswerKind } from "../domain/notification.ts";
import type { Priority } from "../domain/priority.ts";
import type { Meaning, WordRow } from "../domain/reply.ts";
import type { Role } from "../domain/role.ts";
import { newId } from "./new-id.ts";

/** Who wrote, and what in the record a reply can be about. Everything is read and written in the transaction that stores the message. */

export interface SenderAddress {
  readonly kind: "phone" | "lid" | "bsuid";
  readonly value: string;
}

export interface ReplyWriter {
  readonly user: {
    readonly id: string;
    readonly name: string | null;
    readonly role: Role;
    readonly zones: readonly string[];
    readonly locale: Locale;
    readonly timeZone: string | null;
    /** E.164, the primary one first. */
    readonly phones: readonly string[];
    readonly aliases: readonly string[];
  } | null;
  /** The group that was written into; null: a personal chat, or a group that nobody registered. */
  readonly group: {
    readonly id: string;
    readonly locale: Locale;
    readonly timeZone: string | null;
  } | null;
  /** Registered in that group, with or without a user. */
  readonly member: { readonly name: string | null } | null;
}

export async function findWriter(
  client: pg.PoolClient,
  from: readonly SenderAddress[],
  groupChatId: string | null,
): Promise<ReplyWriter> {
  const { rows } = await client.query<ReplyWriter>({
    name: "reply-writer",
    text: `
      with sender as (select * from unnest($1::text[], $2::text[]) as s(kind, value)),
      chat as (
        select g.id, g.locale, coalesce(g.time_zone, (select z.time_zone from zones z where z.code = g.work_zone)) as time_zone
        from whatsapp_groups g where g.group_chat_id = $3
      ),
      contact as (
        select c.user_id from contacts c join sender s on s.kind = c.kind and s.value = c.value join users u on u.id = c.user_id
        where c.is_active and u.is_active order by c.kind = 'phone' desc limit 1
      ),
      member as (
        select m.name, m.user_id from whatsapp_group_members m, chat
        where m.group_id = chat.id and m.is_active
          and (
            m.user_id = (select user_id from contact) or m.phone_number in (select value from sender where kind = 'phone')
            or m.aliases && array(select value from sender where kind <> 'phone')
          )
        order by m.user_id is not null desc limit 1
      ),
      person as (
        select u.* from users u where u.is_active and u.id = coalesce((select user_id from contact), (select user_id from member))
      )
      select
        (
          select jsonb_build_object('id', u.id, 'name', u.name, 'role', u.role, 'zones', u.zones, 'locale', u.locale,
            'timeZone', coalesce(u.time_zone, (select z.time_zone from zones z where z.code = u.zones[1])),
            'phones', (
              select coalesce(jsonb_agg(c.value order by c.is_primary desc, c.created_at), '[]') from contacts c
              where c.user_id = u.id and c.kind = 'phone' and c.is_active
            ),
            'aliases', (
              select coalesce(jsonb_agg(c.value), '[]') from contacts c
              where c.user_id = u.id and c.kind in ('lid', 'bsuid') and c.is_active
            ))
          from person u
        ) as "user",
        (select jsonb_build_object('id', id, 'locale', locale, 'timeZone', time_zone) from chat) as "group",
        (select jsonb_build_object('name', name) from member) as member`,
    values: [from.map(({ kind }) => kind), from.map(({ value }) => value), groupChatId],
  });
  return rows[0] ?? { user: null, group: null, member: null };
}

/**
 * The vendor names one person by number and alias together: from now on the alias alone will do. Whoever had the alias before had the number, too, and has it no
 * more.
 */
export async function rememberAliases(
  client: pg.PoolClient,
  userId: string,
  aliases: readonly SenderAddress[],
  now: number,
): Promise<void> {
  for (const { kind, value } of aliases) {
    await client.query(
      `insert into contacts (id, user_id, kind, value, verified_at, verified_by, is_primary) values ($1, $2, $3, $4, $5, 'inbound', false)
       on conflict (kind, value) where is_active do update set user_id = excluded.user_id, verified_at = excluded.verified_at`,
      [newId("con", now), userId, kind, value, new Date(now)],
    );
  }
}

/** The same for a member of a group who has no user. */
export async function rememberMemberAliases(
  client: pg.PoolClient,
  groupId: string,
  phones: readonly string[],
  aliases: readonly string[],
): Promise<void> {
  if (phones.length === 0 || aliases.length === 0) return;
  await client.query({
    name: "member-aliases",
    text: `
      update whatsapp_group_members m set aliases = array(select distinct unnest(m.aliases || $3::text[]))
      where m.group_id = $1 and m.user_id is null and m.phone_number = any($2) and not m.aliases @> $3::text[]`,
    values: [groupId, phones, aliases],
  });
}

/** The person wrote to this number: what that opens lasts from now. */
export async function openWindow(
  client: pg.PoolClient,
  deviceKey: string,
  addresses: readonly string[],
  at: number,
): Promise<void> {
  await client.query({
    name: "open-window",
    text: `
      insert into contact_windows (device_key, address, last_inbound_at)
      select $1, address, $3 from (select distinct address from unnest($2::text[]) as a(address) order by address) as chats
      on conflict (device_key, address) do update
        set last_inbound_at = greatest(contact_windows.last_inbound_at, excluded.last_inbound_at)`,
    values: [deviceKey, addresses, new Date(at)],
  });
}

/** Two of our numbers in one group hear every word of it. One writer's words are taken one after the other, so that the second copy meets the first. */
export async function isEcho(
  client: pg.PoolClient,
  message: {
    readonly id: string;
    readonly deviceKey: string;
    readonly groupChatId: string;
    readonly address: string;
    readonly body: string;
    readonly receivedAt: number;
  },
): Promise<boolean> {
  await client.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [
    `group:${message.groupChatId}:${message.address}`,
  ]);
  const { rowCount } = await client.query({
    name: "reply-echo",
    text: `
      select from inbound_messages i
      where i.group_chat_id = $1 and i.address = $2 and i.body = $3 and i.device_key <> $4 and i.id <> $5
        and i.received_at > $6::timestamptz - interval '${ECHO_WITHIN}' and i.interpretation ->> 'echo' is null
      limit 1`,
    values: [
      message.groupChatId,
      message.address,
      message.body,
      message.deviceKey,
      message.id,
      new Date(message.receivedAt),
    ],
  });
  return rowCount === 1;
}

/** Gateways hear the same group within seconds of each other; a minute also covers one that was offline for a moment. */
const ECHO_WITHIN = "1 minute";

export interface FoundNotification {
  readonly id: string;
  readonly priority: Priority;
  readonly answers: AnswerKind;
  readonly isOpen: boolean;
  readonly zone: string | null;
  readonly type: {
    readonly code: string;
    readonly isCustomer: boolean;
    readonly isOperational: boolean;
  };
  /** It told or concerns the writer, or told the group that was written into. */
  readonly isOwn: boolean;
  readonly countsStrangers: boolean;
  readonly messageClass: string;
}

export interface FoundFacts {
  /** Null: nothing was quoted, or nothing that we sent. */
  readonly quoted: readonly FoundNotification[] | null;
  readonly coded: readonly FoundNotification[] | null;
  /** The last two messages sent to this personal chat, newest first; `notifications` is null for what is no ladder message. */
  readonly last: readonly {
    readonly at: number;
    readonly notifications: readonly FoundNotification[] | null;
  }[];
  readonly open: readonly FoundNotification[];
  /** Messages of this writer in the last hour that led to nothing. */
  readonly recentMisses: number;
  readonly prompt: {
    readonly kind: "confirm_all" | "which_one";
    readonly meaning: Meaning | null;
    readonly notificationIds: readonly string[];
  } | null;
  /** The number that the quoted message was sent to: in a personal chat the writer's, even where the vendor hides it. */
  readonly quotedTo: string | null;
  /** Looked up for a word about consent alone. Null: nothing was told there. */
  readonly lastTold: readonly FoundNotification[] | null;
  /** Classes that the writer has opted out of on this channel. */
  readonly optedOut: readonly string[];
}

/** More than anybody can have open; a list of codes ends long before. */
const OPEN_MAX = 50;

/** A `FoundNotification` from notifications `n`; the writer is $1, the group $2. */
const NOTIFICATION = `
  jsonb_build_object('id', n.id, 'priority', n.priority, 'answers', n.answers, 'zone', n.zone,
    'isOpen', n.stopped_at is null and n.settled_at is null,
    'type', jsonb_build_object('code', n.type,
      'isCustomer', coalesce((select y.is_customer from notification_types y where y.code = n.type), false),
      'isOperational', coalesce((select y.is_operational from notification_types y where y.code = n.type), false)),
    'isOwn', coalesce(n.assignee_id = $1, false) or coalesce(n.customer_id = $1, false) or exists (
      select from notification_targets t
      where t.notification_id = n.id and (t.user_id = $1 or t.group_id = $2 or t.group_id in (
        select m.group_id from whatsapp_group_members m where m.user_id = $1 and m.is_active
      ))
    ),
    'messageClass', coalesce((select y.message_class from notification_types y where y.code = n.type), 'type:' || n.type),
    'countsStrangers', coalesce((
      select (v.rules ->> 'countsStrangers')::boolean from escalation_policy_versions v
      where v.policy_id = n.policy_id and v.version = n.policy_version
    ), false))`;

/** What message \`m\` told, as an array; null where it told nothing. */
const TOLD_BY_MESSAGE = `
  (select jsonb_agg(distinct ${NOTIFICATION}) from deliveries d join notifications n on n.id = d.notification_id where d.message_id = m.id`;

/**
 * A code is looked for in the chat first, where the newest message that carries it says what it meant there; then among the device's open codes. In a group the
 * same code may have come from another number of ours.
 */
const FACTS = `
  with quoted_message as (
    select m.id, m.address from messages m
    where m.device_key = $3 and (m.provider_message_id = $6 or m.provider_alias = $6) limit 1
  )
  select
    (select ${TOLD_BY_MESSAGE}) from quoted_message m) as quoted,
    (select m.address from quoted_message m where $2::text is null and m.address like '+%') as "quotedTo",
    case when $10 then (
      select ${TOLD_BY_MESSAGE}) from messages m where m.id = (
        select l.id from messages l
        where l.device_key = $3 and l.address = any($4) and l.status <> 'failed' and l.created_at <= $8
          and exists (select from deliveries d where d.message_id = l.id)
        order by l.created_at desc limit 1
      )
    ) end as "lastTold",
    case when $10 then (
      select coalesce(jsonb_agg(distinct o.message_class), '[]') from opt_outs o
      where o.ended_at is null and o.channel = $11 and o.holder in (
        select $1 union all select unnest($4::text[])
        union all select coalesce(c.user_id, m.address) from quoted_message m
          left join contacts c on c.kind = 'phone' and c.value = m.address and c.is_active
          where $1 is null and cardinality($4::text[]) = 0 and $2::text is null
      )
    ) else '[]'::jsonb end as "optedOut",
    coalesce(
      (
        select ${TOLD_BY_MESSAGE}) from messages m
        where m.address = any($4) and m.reply_code = $5 and (m.device_key = $3 or $2::text is not null)
        order by m.created_at desc limit 1
      ),
      (
        select jsonb_agg(${NOTIFICATION}) from reply_codes c join notifications n on n.id = c.notification_id
        where c.device_key = $3 and c.code = $5 and c.released_at is null
      )
    ) as coded,
    case when $2::text is null then (
      select coalesce(jsonb_agg(l order by l.at desc), '[]') from (
        select floor(extract(epoch from m.created_at) * 1000) as at, ${TOLD_BY_MESSAGE} and d.purpose = 'ladder') as notifications
        from messages m where m.device_key = $3 and m.address = any($4) and m.status <> 'failed'
        order by m.created_at desc limit 2
      ) as l
    ) else '[]'::jsonb end as last,
    (
      select coalesce(jsonb_agg(o.notification order by o.rank, o.accepted_at, o.id), '[]') from (
        select ${NOTIFICATION} as notification, n.accepted_at, n.id,
          array_position(array['critical', 'high', 'medium', 'low'], n.priority) as rank
        from notification_targets t join notifications n on n.id = t.notification_id
        where t.user_id = $1 and t.state = 'open' and n.stopped_at is null and n.settled_at is null and n.answers <> 'none'
          and (
            exists (select from deliveries d where d.notification_id = n.id and d.user_id = $1 and d.accepted_at is not null)
            or exists (select from in_app_messages i where i.notification_id = n.id and i.user_id = $1)
          )
        order by rank, n.accepted_at limit ${OPEN_MAX}
      ) as o
    ) as open,
    (
      select count(*) from inbound_messages i
      where i.device_key = $3 and i.address = $9 and i.received_at > $7::timestamptz - interval '1 hour' and i.state in ('asked', 'unmatched')
    ) as "recentMisses",
    (
      select jsonb_build_object('kind', p.kind, 'meaning', p.meaning, 'notificationIds', p.notification_ids)
      from reply_prompts p
      where $2::text is null and p.device_key = $3 and p.address = any($4) and p.expires_at > $7 and p.asked_at <= $8
        and not exists (
          select from messages m join deliveries d on d.message_id = m.id
          where m.device_key = $3 and m.address = any($4) and m.created_at > p.asked_at and m.status <> 'failed'
        )
      limit 1
    ) as prompt`;

export async function loadReplyFacts(
  client: pg.PoolClient,
  reply: {
    readonly deviceKey: string;
    readonly userId: string | null;
    /** Set in a group, whether or not it is registered. */
    readonly groupChatId: string | null;
    readonly groupId: string | null;
    /** Of the personal chat. */
    readonly addresses: readonly string[];
    readonly code: string | null;
    readonly quotedProviderMessageId: string | null;
    readonly now: number;
    /** By the vendor's clock, with what that may be wrong by. */
    readonly writtenBy: number;
    /** As the vendor names the writer. */
    readonly address: string;
    /** The personal channel that was written on, where the message is about consent. */
    readonly consentChannel: string | null;
  },
): Promise<FoundFacts> {
  const { rows } = await client.query<FoundFacts>({
    name: "reply-facts",
    text: FACTS,
    values: [
      reply.userId,
      // An unregistered group has no id, and is a group all the same.
      reply.groupId ?? (reply.groupChatId === null ? null : ""),
      reply.deviceKey,
      reply.groupChatId === null ? reply.addresses : [reply.groupChatId],
      reply.code,
      reply.quotedProviderMessageId,
      new Date(reply.now),
      new Date(reply.writtenBy),
      reply.address,
      reply.consentChannel !== null,
      reply.consentChannel,
    ],
  });
  const row = rows[0];
  if (!row) throw new Error("a statement without a source gives one row");
  return row;
}

/** How long a question of ours waits for its answer. */
const PROMPT_LASTS_MS = 600_000;

export async function askPrompt(
  client: pg.PoolClient,
  prompt: {
    readonly deviceKey: string;
    readonly address: string;
    readonly kind: "confirm_all" | "which_one";
    readonly meaning: Meaning | null;
    readonly notificationIds: readonly string[];
    readonly now: number;
  },
): Promise<void> {
  await client.query({
    name: "prompt-ask",
    text: `
      insert into reply_prompts (device_key, address, kind, meaning, notification_ids, asked_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)
      on conflict (device_key, address) do update set kind = excluded.kind, meaning = excluded.meaning,
        notification_ids = excluded.notification_ids, asked_at = excluded.asked_at, expires_at = excluded.expires_at`,
    values: [
      prompt.deviceKey,
      prompt.address,
      prompt.kind,
      prompt.meaning,
      prompt.notificationIds,
      new Date(prompt.now),
      new Date(prompt.now + PROMPT_LASTS_MS),
    ],
  });
}

export async function endPrompt(
  client: pg.PoolClient,
  deviceKey: string,
  addresses: readonly string[],
): Promise<void> {
  await client.query({
    name: "prompt-end",
    text: "delete from reply_prompts where device_key = $1 and address = any($2)",
    values: [deviceKey, addresses],
  });
}

export async function readReplyWords(pool: pg.Pool): Promise<readonly WordRow[]> {
  const { rows } = await pool.query<WordRow>("select locale, word, meaning from reply_words");
  return rows;
}
