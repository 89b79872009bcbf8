import type pg from "pg";

import type { Named } from "../domain/notice.ts";
import type { OptOutEndBasis } from "../domain/opt-out.ts";
import { newId } from "./new-id.ts";
import { toPage } from "./page.ts";
import type { Page, Position } from "./page.ts";
import { markStale } from "./stale-plans.ts";
import type { StaleRun } from "./stale-plans.ts";
import { withTransaction } from "./transaction.ts";
import { touchUser } from "./users.ts";

/**
 * Withdrawn consent, by person (or by a number that nobody has), channel and class of message. `notification_types.message_class` says what a type's class is.
 * Plans read it (plan-snapshot.ts); a change of it is a change of the person, with version and marks as users.ts says.
 */

export interface ConsentHolder {
  readonly userId: string | null;
  /** E.164; counts where there is no user. */
  readonly address: string | null;
}

/**
 * Withdraws consent. What was withdrawn before stands as it was. The runs are to be told to plan again.
 *
 * Ordering: the person's row is locked here until the end of the transaction.
 */
export async function recordOptOuts(
  client: pg.PoolClient,
  optOut: ConsentHolder & {
    readonly channel: string;
    readonly classes: readonly string[];
    readonly inboundMessageId: string | null;
    readonly deliveryId: string | null;
    readonly now: number;
  },
): Promise<readonly StaleRun[]> {
  const holder = await ownerOf(client, optOut);
  if (holder.userId === null && holder.address === null) return [];
  let recorded = 0;
  for (const messageClass of optOut.classes.toSorted()) {
    const { rowCount } = await client.query({
      name: "opt-out-record",
      text: `
        insert into opt_outs (id, user_id, address, message_class, channel, since, inbound_message_id, delivery_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (holder, channel, message_class) where ended_at is null do nothing`,
      values: [
        newId("out", optOut.now),
        holder.userId,
        holder.userId === null ? holder.address : null,
        messageClass,
        optOut.channel,
        new Date(optOut.now),
        optOut.inboundMessageId,
        optOut.deliveryId,
      ],
    });
    recorded += rowCount ?? 0;
  }
  return recorded === 0 ? [] : outdate(client, holder.userId, optOut.now);
}

/** Gives consent again, for the person and each of the person's numbers. */
export async function endOptOuts(
  client: pg.PoolClient,
  optIn: ConsentHolder & {
    readonly channel: string;
    readonly classes: readonly string[];
    readonly inboundMessageId: string;
    readonly now: number;
  },
): Promise<readonly StaleRun[]> {
  const holder = await ownerOf(client, optIn);
  const { rowCount } = await client.query({
    name: "opt-out-end",
    text: `
      update opt_outs set ended_at = $5, ended_by_inbound_message_id = $6
      where ended_at is null and channel = $3 and message_class = any($4)
        and (holder in ($1, $2) or holder in (select c.value from contacts c where c.user_id = $1 and c.kind = 'phone' and c.is_active))`,
    values: [
      holder.userId,
      holder.address,
      optIn.channel,
      optIn.classes,
      new Date(optIn.now),
      optIn.inboundMessageId,
    ],
  });
  return rowCount === 0 ? [] : outdate(client, holder.userId, optIn.now);
}

/**
 * What a person's agreement to be written to gives back on a channel: everything stopped there but what needs a consent of its own (promotion, survey), to which
 * nobody agrees by the way.
 */
export async function classesToGiveBack(
  client: pg.PoolClient,
  { userId, channel }: { readonly userId: string; readonly channel: string },
): Promise<readonly string[]> {
  const { rows } = await client.query<{ message_class: string }>({
    name: "opt-outs-give-back",
    text: `
      select distinct o.message_class from opt_outs o
      where o.ended_at is null and o.channel = $2
        and o.holder in (select $1 union all select c.value from contacts c where c.user_id = $1 and c.kind = 'phone' and c.is_active)
        and not exists (select from notification_types t where t.consent_class = o.message_class)`,
    values: [userId, channel],
  });
  return rows.map(({ message_class }) => message_class);
}

/** What a class needs beside nobody's STOP: a consent of its own. */
export async function needsOwnConsent(
  client: pg.PoolClient,
  messageClass: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    "select from notification_types where consent_class = $1 limit 1",
    [messageClass],
  );
  return (rowCount ?? 0) > 0;
}

/** Ends one by hand, for the person and each of the person's numbers; null: there is none. The caller holds the person's row. */
export async function endOptOutByHand(
  client: pg.PoolClient,
  end: {
    readonly userId: string;
    readonly channel: string;
    readonly messageClass: string;
    readonly by: {
      readonly kind: string;
      readonly userId: string | null;
      readonly name: string | null;
    };
    readonly basis: OptOutEndBasis;
    readonly note: string;
    readonly now: number;
  },
): Promise<readonly StaleRun[] | null> {
  const { rowCount } = await client.query({
    name: "opt-out-end-by-hand",
    text: `
      update opt_outs set ended_at = $4, ended_by = $5, ended_basis = $6, ended_note = $7
      where ended_at is null and channel = $2 and message_class = $3
        and holder in (select $1 union all select c.value from contacts c where c.user_id = $1 and c.kind = 'phone' and c.is_active)`,
    values: [
      end.userId,
      end.channel,
      end.messageClass,
      new Date(end.now),
      end.by,
      end.basis,
      end.note,
    ],
  });
  return rowCount === 0 ? null : outdate(client, end.userId, end.now);
}

export interface RecordedOptOut {
  readonly id: string;
  readonly messageClass: string;
  readonly channel: string;
  readonly since: Date;
  /** What said so: the person's message, or the vendor that refused. */
  readonly source: "message" | "vendor";
  readonly endedAt: Date | null;
  /** Null: it stands, or the person's own word ended it. */
  readonly endedBasis: OptOutEndBasis | null;
  readonly endedNote: string | null;
  readonly endedByName: string | null;
}

/** Everything that a person, or a number of the person's, has opted out of, what was ended too; newest first. */
export async function listOptOuts(
  pool: pg.Pool,
  list: { readonly userId: string; readonly limit: number; readonly after: Position | null },
): Promise<Page<RecordedOptOut>> {
  const { rows } = await pool.query<RecordedOptOut & { readonly since_us: number }>(
    `select o.id, o.message_class as "messageClass", o.channel, o.since, o.ended_at as "endedAt", o.ended_basis as "endedBasis",
       case when o.inbound_message_id is null then 'vendor' else 'message' end as source, o.ended_note as "endedNote",
       o.ended_by ->> 'name' as "endedByName", (extract(epoch from o.since) * 1000000)::bigint as since_us
     from opt_outs o
     where o.holder in (select $1 union all select c.value from contacts c where c.user_id = $1 and c.kind = 'phone' and c.is_active)
       and ($3::bigint is null or (o.since, o.id) < (timestamptz 'epoch' + $3 * interval '1 microsecond', $4))
     order by o.since desc, o.id desc limit $2`,
    [list.userId, list.limit + 1, list.after?.order ?? null, list.after?.id ?? null],
  );
  return toPage(
    rows,
    list.limit,
    (row) => ({ order: row.since_us, id: row.id }),
    ({ since_us: _order, ...row }) => row,
  );
}

/** A number that somebody has is that person's. */
async function ownerOf(
  client: pg.PoolClient,
  { userId, address }: ConsentHolder,
): Promise<ConsentHolder> {
  if (userId !== null || address === null) return { userId, address };
  const { rows } = await client.query<{ user_id: string }>(
    "select user_id from contacts where kind = 'phone' and value = $1 and is_active",
    [address],
  );
  return { userId: rows[0]?.user_id ?? null, address };
}

async function outdate(
  client: pg.PoolClient,
  userId: string | null,
  now: number,
): Promise<readonly StaleRun[]> {
  if (userId === null) return [];
  await touchUser(client, userId);
  return markStale(client, [userId], new Date(now));
}

/**
 * A vendor refuses to tell somebody who has told the vendor to stop: consent is withdrawn for messages of that delivery's class on its channel. Idempotency: once
 * for a person, channel and class.
 */
export async function recordVendorOptOut(
  pool: pg.Pool,
  refused: { readonly deliveryIds: readonly string[]; readonly now: number },
): Promise<readonly StaleRun[]> {
  return withTransaction(pool, async (client) => {
    const { rows } = await client.query<{
      id: string;
      user_id: string;
      channel: string;
      message_class: string;
    }>({
      name: "opt-out-refused",
      text: `
        select d.id, d.user_id, d.channel, coalesce(t.message_class, 'type:' || n.type) as message_class
        from deliveries d join notifications n on n.id = d.notification_id left join notification_types t on t.code = n.type
        where d.id = any($1) and d.user_id is not null order by d.user_id, d.id`,
      values: [refused.deliveryIds],
    });
    const stale = new Map<string, StaleRun>();
    for (const row of rows) {
      const outdated = await recordOptOuts(client, {
        userId: row.user_id,
        address: null,
        channel: row.channel,
        classes: [row.message_class],
        inboundMessageId: null,
        deliveryId: row.id,
        now: refused.now,
      });
      for (const run of outdated) stale.set(run.notificationId, run);
    }
    return [...stale.values()];
  });
}

/**
 * As `recordVendorOptOut`, for a delivery that failed before its message was known by the vendor's id: the report found no message then, and what it said
 * stands in the record now.
 */
export async function recordEarlyOptOut(
  pool: pg.Pool,
  failed: { readonly deliveryId: string; readonly kinds: readonly string[]; readonly now: number },
): Promise<readonly StaleRun[]> {
  const { rows } = await pool.query<{ id: string }>({
    name: "opt-out-early",
    text: `
      select d.id from deliveries d
      where d.status = 'failed' and d.error ->> 'kind' = any($2) and d.error ->> 'scope' = 'recipient'
        and d.message_id = (select f.message_id from deliveries f where f.id = $1)`,
    values: [failed.deliveryId, failed.kinds],
  });
  if (rows.length === 0) return [];
  return recordVendorOptOut(pool, { deliveryIds: rows.map(({ id }) => id), now: failed.now });
}

/** Deliveries that the vendor's message stands for. */
export async function deliveriesOfMessage(
  pool: pg.Pool,
  message: { readonly deviceKey: string; readonly providerIds: readonly string[] },
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select d.id from messages m join deliveries d on d.message_id = m.id
     where m.device_key = $1 and (m.provider_message_id = any($2) or m.provider_alias = any($2))`,
    [message.deviceKey, message.providerIds],
  );
  return rows.map(({ id }) => id);
}

export interface StandingOptOut {
  readonly messageClass: string;
  readonly channel: string;
  /** Epoch ms. */
  readonly since: number;
}

/** What stands for a person, the person's numbers included, oldest first. */
export async function standingOptOuts(
  pool: pg.Pool,
  userId: string,
): Promise<readonly StandingOptOut[]> {
  const { rows } = await pool.query<{ message_class: string; channel: string; since: Date }>({
    name: "opt-outs-standing",
    text: `
      select o.message_class, o.channel, min(o.since) as since from opt_outs o
      where o.ended_at is null
        and o.holder in (select $1 union all select c.value from contacts c where c.user_id = $1 and c.kind = 'phone' and c.is_active)
      group by o.message_class, o.channel order by since, o.channel, o.message_class`,
    values: [userId],
  });
  return rows.map(({ message_class, channel, since }) => ({
    messageClass: message_class,
    channel,
    since: since.getTime(),
  }));
}

/** Channels that these numbers have opted out of for messages of a type's class, by number. */
export async function optedOutNumbers(
  db: pg.Pool | pg.PoolClient,
  type: string,
  numbers: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await db.query<{ holder: string; channels: readonly string[] }>({
    name: "opt-outs-of-numbers",
    text: `
      select o.holder, array_agg(o.channel) as channels from opt_outs o
      where o.ended_at is null and o.holder = any($2)
        and o.message_class = (select t.message_class from notification_types t where t.code = $1)
      group by o.holder`,
    values: [type, numbers],
  });
  return new Map(rows.map(({ holder, channels }) => [holder, channels]));
}

/** A member of staff who has withdrawn consent, and of whom the operators have not been told. */
export interface UntoldOptOut {
  /** The same for everything that one message withdrew. */
  readonly ref: string;
  readonly ids: readonly string[];
  readonly userId: string;
  readonly name: string | null;
  readonly zone: string | null;
  readonly channel: string;
  /** What the classes are called: a type's own name where it is a class of its own. */
  readonly classNames: readonly (string | Named)[];
}

const UNTOLD_MAX = 50;

export async function untoldOptOuts(pool: pg.Pool): Promise<readonly UntoldOptOut[]> {
  const { rows } = await pool.query<UntoldOptOut>({
    name: "opt-outs-untold",
    text: `
      select coalesce(o.inbound_message_id, min(o.id)) as ref, array_agg(o.id) as ids, u.id as "userId", u.name, u.zones[1] as zone, o.channel,
        jsonb_agg(
          coalesce((
            select jsonb_build_object('id', t.name_id, 'en', t.name_en) from notification_types t where 'type:' || t.code = o.message_class
          ), to_jsonb(o.message_class)) order by o.message_class
        ) as "classNames"
      from opt_outs o join users u on u.id = o.user_id
      where o.noticed_at is null and o.ended_at is null and u.role <> 'customer' and u.is_active
      group by u.id, o.channel, o.inbound_message_id, case when o.inbound_message_id is null then o.id end
      order by min(o.since) limit ${UNTOLD_MAX}`,
  });
  return rows;
}

export async function markOptOutsTold(
  pool: pg.Pool,
  ids: readonly string[],
  now: Date,
): Promise<void> {
  await pool.query({
    name: "opt-outs-told",
    text: "update opt_outs set noticed_at = $2 where id = any($1)",
    values: [ids, now],
  });
}
