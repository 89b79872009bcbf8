import type pg from "pg";

import type { Progress } from "../activities/contract.ts";
import type { Channel } from "../domain/channel.ts";
import type { PolicyRules } from "../domain/escalation-policy.ts";
import type { Outcome, StopAct } from "../domain/notification.ts";
import type { LadderEnd } from "../domain/run.ts";
import { insertEntries } from "./progress.ts";

/** The row under its lock: what the referee has decided. */
export interface SettleSubject {
  readonly id: string;
  readonly type: string;
  readonly status: string;
  readonly outcome: Outcome | null;
  readonly reason: string | null;
  readonly stopKind: StopAct | null;
  readonly stopActId: string | null;
  readonly acknowledgedAt: number | null;
  readonly acknowledgedByUserId: string | null;
  readonly resolvedAt: number | null;
  readonly priority: string;
  readonly rules: PolicyRules;
  /** Applied acts that stopped the run: counts its closings. */
  readonly stops: number;
}

/**
 * The common end: nobody stopped the run. One statement, with the run's last entries in it; false, and nothing is written, when somebody has, or it had settled
 * before.
 */
export async function settleUnstopped(
  db: pg.Pool | pg.PoolClient,
  notificationId: string,
  end: LadderEnd,
  last: Pick<Progress, "sequence" | "pass" | "step" | "events"> | null,
  now: number,
): Promise<boolean> {
  const { rows } = await db.query<{ settled: boolean }>({
    name: "settle-unstopped",
    text: `
      with settled as (
        update notifications set status = 'settled', outcome = $2, reason = $3, outcome_detail = $4, settled_at = $5,
          next_step_at = null, waiting_for = null,
          progress_sequence = greatest(progress_sequence, coalesce($6, 0)), pass = coalesce($7, pass), step = coalesce($8, step)
        where id = $1 and stopped_at is null and settled_at is null
        returning id
      ),
      entries as (
        ${insertEntries("settled", "$9")}
      ),
      ${releasedCodes("settled", "$5")}
      event as (
        insert into notification_events (notification_id, entry_key, at, kind, reason, detail)
        select id, 'settled', $5, 'settled', $3, $4::jsonb || jsonb_build_object('outcome', $2::text) from settled
        on conflict on constraint notification_events_once do nothing
      )
      select exists (select from settled) as settled, ${endDeliveries("settled", "$5")}`,
    values: [
      notificationId,
      end.outcome,
      end.reason,
      { unreached: end.unreached, unanswered: end.unanswered },
      new Date(now),
      last?.sequence ?? null,
      last?.pass ?? null,
      last?.step ?? null,
      JSON.stringify(last?.events ?? []),
    ],
  });
  return rows[0]?.settled ?? false;
}

/** What a settled run leaves behind: no reply code taken and, by `endDeliveries`, no delivery that may still be sent. */
function releasedCodes(settled: string, at: string): string {
  return `
      codes as (
        update reply_codes c set released_at = ${at} from ${settled} s where c.notification_id = s.id and c.released_at is null
      ),`;
}

/** See `end_deliveries` in the migrations; hardly a run leaves any. */
function endDeliveries(settled: string, at: string): string {
  return `(
        select end_deliveries(array_agg(d.id) filter (where d.status = 'intended'), array_agg(d.id) filter (where d.status = 'sending'), ${at})
        from ${settled} s join deliveries d on d.notification_id = s.id
        where d.purpose = 'ladder' and d.status in ('intended', 'sending')
        having count(*) > 0
      )`;
}

export async function lockSettleSubject(
  client: pg.PoolClient,
  notificationId: string,
): Promise<SettleSubject | null> {
  const locked = await client.query("select from notifications where id = $1 for update", [
    notificationId,
  ]);
  if (locked.rowCount === 0) return null;
  const { rows } = await client.query<{
    type: string;
    status: string;
    outcome: Outcome | null;
    reason: string | null;
    stop_kind: StopAct | null;
    stop_act_id: string | null;
    acknowledged_at: Date | null;
    acknowledged_by: { userId?: string | null } | null;
    resolved_at: Date | null;
    priority: string;
    rules: PolicyRules;
    stops: number;
  }>({
    name: "settle-subject",
    text: `
      select n.type, n.status, n.outcome, n.reason, n.stop_kind, n.stop_act_id, n.acknowledged_at, n.acknowledged_by, n.resolved_at,
        n.priority, v.rules,
        (
          select count(*) from acts a
          where a.notification_id = n.id and a.applied and a.kind in ('acknowledge', 'resolve') and a.params ->> 'stops' = 'true'
        ) as stops
      from notifications n
      join escalation_policy_versions v on v.policy_id = n.policy_id and v.version = n.policy_version
      where n.id = $1`,
    values: [notificationId],
  });
  const row = rows[0];
  if (!row) return null;
  return {
    id: notificationId,
    type: row.type,
    status: row.status,
    outcome: row.outcome,
    reason: row.reason,
    stopKind: row.stop_kind,
    stopActId: row.stop_act_id,
    acknowledgedAt: row.acknowledged_at?.getTime() ?? null,
    acknowledgedByUserId: row.acknowledged_by?.userId ?? null,
    resolvedAt: row.resolved_at?.getTime() ?? null,
    priority: row.priority,
    rules: row.rules,
    stops: row.stops,
  };
}

/** Who has answered; nobody else can until the transaction is over. */
export async function lockAnswered(
  client: pg.PoolClient,
  notificationId: string,
): Promise<readonly string[]> {
  await client.query("select from notifications where id = $1 for update", [notificationId]);
  // A second statement, so that what the lock waited for is seen.
  const { rows } = await client.query<{ target: string }>({
    name: "answered-targets",
    text: "select target from notification_targets where notification_id = $1 and state = 'answered'",
    values: [notificationId],
  });
  return rows.map(({ target }) => target);
}

/** Settles a stopped row with the act's outcome. To be called under `lockSettleSubject`. */
export async function settleStopped(
  client: pg.PoolClient,
  notificationId: string,
  settled: {
    readonly outcome: Outcome;
    readonly reason: string | null;
    readonly unresolved: boolean;
    readonly end: LadderEnd | null;
    readonly now: number;
  },
): Promise<void> {
  await client.query({
    name: "settle-stopped",
    text: `
      with settled as (
        update notifications set status = 'settled', outcome = $2, reason = $3, unresolved = $4, settled_at = $5,
          outcome_detail = coalesce($6::jsonb, outcome_detail), next_step_at = null, waiting_for = null
        where id = $1 and settled_at is null
        returning id
      ),
      ${releasedCodes("settled", "$5")}
      event as (
        insert into notification_events (notification_id, entry_key, at, kind, reason, detail)
        select id, 'settled', $5, 'settled', $3, jsonb_build_object('outcome', $2::text, 'unresolved', $4::boolean) from settled
        on conflict on constraint notification_events_once do nothing
      )
      select ${endDeliveries("settled", "$5")}`,
    values: [
      notificationId,
      settled.outcome,
      settled.reason,
      settled.unresolved,
      new Date(settled.now),
      settled.end === null
        ? null
        : JSON.stringify({
            unreached: settled.end.unreached,
            unanswered: settled.end.unanswered,
          }),
    ],
  });
}

/** `reopenAfter`: from acknowledged back to open. To be called under `lockSettleSubject`. */
export async function reopen(client: pg.PoolClient, notificationId: string): Promise<void> {
  // The run notes it in the timeline, with its pass.
  await client.query({
    name: "reopen",
    text: `
      with reopened as (
        update notifications set stopped_at = null, stop_kind = null, stop_act_id = null, status = 'notifying', acknowledged_at = null,
          acknowledged_by = null, answer = null
        where id = $1 and stop_kind = 'acknowledge' and settled_at is null
        returning id
      )
      update notification_targets t set state = 'open', answered_at = null, answer_act_id = null
      from reopened r where t.notification_id = r.id and t.state = 'answered'`,
    values: [notificationId],
  });
}

/** Who acknowledged at that instant, epoch ms; at last if none is given. A row that was reopened no longer says it. Null: nobody known to us. */
export async function acknowledgerAt(
  client: pg.PoolClient,
  notificationId: string,
  at: number | undefined,
): Promise<string | null> {
  const { rows } = await client.query<{ user_id: string | null }>({
    name: "acknowledger-at",
    text: `
      select a.by ->> 'userId' as user_id from acts a
      where a.notification_id = $1 and a.kind = 'acknowledge' and a.applied and a.params ->> 'stops' = 'true'
        and ($2::timestamptz is null or a.at < $2::timestamptz + interval '1 millisecond')
      order by a.at desc limit 1`,
    values: [notificationId, at === undefined ? null : new Date(at)],
  });
  return rows[0]?.user_id ?? null;
}

/** Somebody who was told, with the chat by which a closing message reaches them. */
export interface ToldTarget {
  readonly target: string;
  readonly kind: "person" | "group";
  /** Null: reached only by SMS, call or in-app; the closing message is in-app then. */
  readonly chat: { readonly channel: Channel; readonly accountId: string } | null;
  readonly quiet: {
    readonly timeZone: string | null;
    readonly settings: unknown;
    readonly role: string;
    readonly zones: readonly string[];
  } | null;
}

/** Exactly those to whom a vendor took a message of the ladder, or whose inbox holds one. */
export async function toldTargets(
  client: pg.Pool | pg.PoolClient,
  notificationId: string,
): Promise<readonly ToldTarget[]> {
  const { rows } = await client.query<{
    target: string;
    user_id: string | null;
    chat: { channel: Channel; accountId: string } | null;
    quiet: ToldTarget["quiet"];
  }>({
    name: "told-targets",
    text: `
      with told as (
        select distinct on (target, channel in ('whatsapp_personal', 'whatsapp_group')) target, user_id, channel, account_id
        from deliveries
        where notification_id = $1 and purpose = 'ladder' and status in ('accepted', 'sent', 'delivered', 'read', 'superseded')
        order by target, channel in ('whatsapp_personal', 'whatsapp_group'), created_at desc
      )
      select t.target, max(t.user_id) as user_id,
        (array_agg(jsonb_build_object('channel', t.channel, 'accountId', t.account_id))
          filter (where t.channel in ('whatsapp_personal', 'whatsapp_group')))[1] as chat,
        coalesce(
          (
            select jsonb_build_object('timeZone', u.time_zone, 'role', u.role, 'zones', u.zones,
              'settings', coalesce((select s.settings from notification_settings s where s.user_id = u.id), '{}'::jsonb))
            from users u where u.id = t.target
          ),
          (
            select jsonb_build_object('timeZone', g.time_zone, 'role', 'group', 'zones', array[g.work_zone],
              'settings', jsonb_build_object('quietHours', g.quiet_hours))
            from whatsapp_groups g where g.id = t.target
          )
        ) as quiet
      from told t group by t.target`,
    values: [notificationId],
  });
  return rows.map((row) => ({
    target: row.target,
    kind: row.user_id === null ? "group" : "person",
    chat: row.chat,
    quiet: row.quiet,
  }));
}

/** Time zones of work zones and the dates of holidays, for quiet hours at the end of a run. */
export async function zonesAndHolidays(client: pg.Pool | pg.PoolClient): Promise<{
  readonly timeZones: ReadonlyMap<string, string>;
  readonly holidays: readonly { readonly zone: string; readonly date: string }[];
}> {
  const { rows } = await client.query<{
    zones: Record<string, string> | null;
    holidays: readonly { zone: string; date: string }[] | null;
  }>({
    name: "zones-and-holidays",
    text: `
      select (select jsonb_object_agg(code, time_zone) from zones) as zones,
        (select jsonb_agg(jsonb_build_object('zone', zone, 'date', date)) from holidays where date > current_date - 3) as holidays`,
  });
  return {
    timeZones: new Map(Object.entries(rows[0]?.zones ?? {})),
    holidays: rows[0]?.holidays ?? [],
  };
}

/**
 * A message into a person's inbox, with its delivery: stored is `sent`, because that is all that is known until it is read.
 *
 * Idempotency: unique per notification, person and purpose key.
 */
export async function writeInApp(
  client: pg.Pool | pg.PoolClient,
  message: {
    readonly id: string;
    readonly notificationId: string;
    readonly userId: string;
    readonly purpose: "ladder" | "closing";
    readonly purposeKey: string;
    readonly deliveryId: string;
    readonly title: string;
    readonly body: string;
    readonly now: number;
  },
): Promise<void> {
  await client.query({
    name: "write-in-app",
    text: `
      with written as (
        insert into in_app_messages (id, notification_id, user_id, purpose, purpose_key, title, body, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict on constraint in_app_messages_once do nothing
        returning id
      ),
      delivery as (
        update deliveries set status = 'sent', accepted_at = $8, sent_at = $8 where id = $9 and status = 'intended'
        returning id, pass, step
      )
      insert into notification_events (notification_id, entry_key, at, kind, pass, step, target, channel, delivery_id)
      select $2, 'd:' || d.id || ':accepted', $8, case when $4 = 'closing' then 'closing_sent' else 'delivery_accepted' end,
        d.pass, d.step, $3, 'in_app', d.id
      from delivery d
      on conflict on constraint notification_events_once do nothing`,
    values: [
      message.id,
      message.notificationId,
      message.userId,
      message.purpose,
      message.purposeKey,
      message.title,
      message.body,
      new Date(message.now),
      message.deliveryId,
    ],
  });
}
