import type pg from "pg";

/** A record as a busy installation has it after a year, written with statements instead of runs. */
export interface FilledRecord {
  readonly notificationId: string;
  readonly ticketId: string;
  /** Somebody who was told often. */
  readonly userId: string;
  readonly groupId: string;
  readonly accountId: string;
  /** ISO instants: a week in the middle, and the last day. */
  readonly times: { readonly from: string; readonly to: string; readonly day: string };
}

export const LARGE_TABLES = [
  "notifications",
  "notification_targets",
  "notification_events",
  "deliveries",
  "messages",
  "in_app_messages",
  "inbound_messages",
  "users",
  "contacts",
];

const PEOPLE = 20_000;
const YEAR = "365 days";

const ID_CHARS = 26;
/** Of the shape that the API expects, and before any id that the engine makes: those begin with the time. */
function sequentialId(prefix: string, number: number): string {
  return `${prefix}_${String(number).padStart(ID_CHARS, "0")}`;
}
/** The same as an SQL expression of a number. */
function idOf(prefix: string, number: string): string {
  return `'${prefix}_' || lpad((${number})::text, ${ID_CHARS}, '0')`;
}
const OWN = "like 'ntf_00000%'";
const NUMBER_OF_ID = "substr(id, 5)::int";
/** `n`: what a statement calls the numbered notifications of the record. */
const NUMBERED = `(select id, accepted_at, type, ${NUMBER_OF_ID} as i from notifications where id ${OWN}) n`;
/** Whom a notification tells. */
const USER_OF = [idOf("usr", `1 + n.i % ${PEOPLE}`), idOf("usr", `1 + (n.i * 7 + 1) % ${PEOPLE}`)];

/** Four attempts each: personal WhatsApp to two people, one SMS, one group. */
export async function fillRecord(pool: pg.Pool, notifications: number): Promise<FilledRecord> {
  await pool.query("/* bench */ select setseed(0.5)");
  await pool.query(
    `/* bench */ insert into users (id, name, role, zones)
     select ${idOf("usr", "i")}, 'Orang ' || i, case when i % 10 = 0 then 'technician' else 'customer' end,
       array[(array['karawang', 'bekasi', 'cikampek', 'purwakarta', 'subang', 'bandung'])[1 + i % 6]]
     from generate_series(1, $1::int) i`,
    [PEOPLE],
  );
  await pool.query(
    `/* bench */ insert into contacts (id, user_id, kind, value, verified_at)
     select ${idOf("con", "i")}, ${idOf("usr", "i")}, 'phone', '+6281234000' || lpad(i::text, 5, '0'), now() from generate_series(1, $1::int) i`,
    [PEOPLE],
  );
  await pool.query(
    `/* bench */ insert into notifications (id, ref, workflow_id, sender, body_hash, type, priority, zone, ticket_id, category, data, policy_id,
       policy_version, status, outcome, accepted_at, started_at, planned_at, settled_at)
     select ${idOf("ntf", "i")}, 'bench' || i, 'notification/bench/' || i, 'bench', '\\x00',
       (array['outage', 'ticket_status_changed', 'ticket_assigned', 'new_ticket', 'sla_warning', 'invoice_reminder'])[1 + (random() * 5)::int],
       (array['critical', 'high', 'medium', 'low'])[1 + (random() * 3)::int],
       (array['karawang', 'bekasi', 'cikampek', 'purwakarta', 'subang', 'bandung'])[1 + (random() * 5)::int],
       'TKT-' || (i / 5), 'repair',
       jsonb_build_object('location', 'POP ' || (i % 300), 'cause', case when i % 5000 = 0 then 'rectifier' else 'fiber' end),
       p.id, p.current_version, s.status, s.outcome, s.at, s.at, s.at, case when s.outcome is not null then s.at + interval '3 minutes' end
     from generate_series(1, $1::int) i,
       lateral (select now() - interval '${YEAR}' * (1 - i::float8 / $1) as at) t,
       lateral (
         select case when i % 500 = 0 then 'waiting' else 'settled' end as status, t.at,
           case when i % 500 <> 0 then (array['delivered', 'sent', 'acknowledged', 'exhausted', 'undeliverable'])[
             case when i % 97 = 0 then 5 when i % 31 = 0 then 4 else 1 + i % 3 end] end as outcome
       ) s,
       (select id, current_version from escalation_policies order by id limit 1) p`,
    [notifications],
  );
  await pool.query(
    `/* bench */ insert into notification_targets (notification_id, target, kind, user_id, group_id)
     select n.id, t.target, t.kind, case when t.kind = 'person' then t.target end, case when t.kind = 'group' then t.target end
     from ${NUMBERED},
       lateral (values (${USER_OF[0]}, 'person'), (${USER_OF[1]}, 'person'),
         ((select g.id from whatsapp_groups g order by g.id offset n.i % 10 limit 1), 'group')) t(target, kind)`,
  );
  await pool.query(
    `/* bench */ insert into messages (id, account_id, provider, channel, device_key, address, body, provider_message_id, status, created_at, accepted_at)
     select ${idOf("msg", "n.i * 4 + c.k")}, a.id, a.provider, a.channel, a.device_key, '+6281234000' || lpad((n.i % ${PEOPLE})::text, 5, '0'),
       'Gangguan di POP ' || (n.i % 300) || ', tiket TKT-' || (n.i / 5), 'bench-' || n.i || '-' || c.k, 'delivered', n.accepted_at, n.accepted_at
     from ${NUMBERED},
       (values (1, 'whatsapp_personal'), (2, 'whatsapp_personal'), (3, 'sms'), (4, 'whatsapp_group')) c(k, channel),
       lateral (select * from provider_accounts p where p.channel = c.channel order by p.position limit 1) a`,
  );
  await pool.query(
    `/* bench */ insert into deliveries (id, notification_id, pass, step, target, user_id, group_id, channel, attempt, hand_over, account_id, provider,
       message_id, address, status, order_reason, created_at, accepted_at, sent_at, delivered_at)
     select ${idOf("dlv", "n.i * 4 + k.k")}, n.id, 1, k.k, t.target, t.user_id, t.group_id, m.channel, 1, 0, m.account_id, m.provider, m.id, m.address,
       case when n.i % 50 = 0 then 'failed' else 'delivered' end, 'step', n.accepted_at + interval '1 second' * k.k, n.accepted_at, n.accepted_at,
       n.accepted_at
     from ${NUMBERED},
       generate_series(1, 4) k(k),
       lateral (select * from messages m where m.id = ${idOf("msg", "n.i * 4 + k.k")}) m,
       lateral (
         select t.* from (values
           (1, ${USER_OF[0]}, null), (2, ${USER_OF[1]}, null),
           (3, ${USER_OF[0]}, null),
           (4, null, (select g.id from whatsapp_groups g order by g.id offset n.i % 10 limit 1))
         ) v(k, user_id, group_id), lateral (select coalesce(v.user_id, v.group_id) as target, v.user_id, v.group_id) t
         where v.k = k.k
       ) t`,
  );
  await pool.query(
    `/* bench */ insert into notification_events (notification_id, entry_key, at, kind)
     select n.id, k.kind, n.accepted_at, k.kind
     from ${NUMBERED}, (values ('accepted'), ('planned'), ('settled')) k(kind)`,
  );
  await pool.query(
    `/* bench */ insert into in_app_messages (id, notification_id, user_id, title, body, created_at)
     select ${idOf("ina", "n.i")}, n.id, ${USER_OF[0]}, 'Gangguan', 'Gangguan di POP ' || (n.i % 300), n.accepted_at from ${NUMBERED}`,
  );
  await pool.query(
    `/* bench */ insert into inbound_messages (id, account_id, device_key, event_key, address, user_id, kind, body, state, notification_id, received_at)
     select ${idOf("inb", "n.i")}, a.id, a.device_key, 'bench-' || n.i, '+6281234000' || lpad((n.i % ${PEOPLE})::text, 5, '0'), ${USER_OF[0]}, 'text', 'siap',
       case when n.i % 200 = 0 then 'unmatched' else 'applied' end, n.id, n.accepted_at
     from ${NUMBERED}, (select * from provider_accounts where channel = 'whatsapp_personal' order by position limit 1) a`,
  );
  // The figure is promised for the default planner settings after an ANALYZE.
  await pool.query("/* bench */ vacuum analyze");
  const { rows } = await pool.query<{ account: string; group: string; now: Date }>(
    `/* bench */ select (select id from provider_accounts where channel = 'sms' limit 1) as account,
       (select id from whatsapp_groups order by id limit 1) as "group", now()`,
  );
  const [row] = rows;
  if (!row) throw new Error("the record was not filled");
  const daysAgo = (days: number): string =>
    new Date(row.now.getTime() - days * 86_400_000).toISOString();
  return {
    notificationId: sequentialId("ntf", Math.floor(notifications / 2)),
    ticketId: `TKT-${Math.floor(notifications / 10)}`,
    userId: sequentialId("usr", 71),
    groupId: row.group,
    accountId: row.account,
    times: { from: daysAgo(180), to: daysAgo(173), day: daysAgo(1) },
  };
}
