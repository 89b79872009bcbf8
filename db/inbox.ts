import type pg from "pg";
import type { Priority } from "../domain/priority.ts";
import type { ReceiptFact } from "../domain/run.ts";
import { Parameters, toPage } from "./page.ts";
import type { Page, Position } from "./page.ts";

/** A person's in-app messages. */

export type InboxRow = {
  readonly id: string;
  readonly notification_id: string;
  readonly type: string;
  readonly priority: Priority;
  readonly purpose: "ladder" | "closing";
  readonly title: string;
  readonly body: string;
  readonly created_at: Date;
  readonly read_at: Date | null;
  readonly created_us: number;
};

const COLUMNS = `
  i.id, i.notification_id, n.type, n.priority, i.purpose, i.title, i.body, i.created_at, i.read_at,
  (extract(epoch from i.created_at) * 1000000)::bigint as created_us`;

/** Newest first. */
export async function listInbox(
  pool: pg.Pool,
  input: {
    readonly userId: string;
    readonly isUnread: boolean | undefined;
    readonly limit: number;
    readonly after: Position | null;
  },
): Promise<Page<InboxRow>> {
  const parameters = new Parameters();
  const conditions = [`i.user_id = ${parameters.add(input.userId)}`];
  if (input.isUnread !== undefined) {
    conditions.push(`i.read_at is ${input.isUnread ? "null" : "not null"}`);
  }
  if (input.after !== null) {
    conditions.push(
      `(i.created_at, i.id) < (timestamptz 'epoch' + ${parameters.add(input.after.order)}::bigint * interval '1 microsecond',
        ${parameters.add(input.after.id)})`,
    );
  }
  const { rows } = await pool.query<InboxRow>(
    `select ${COLUMNS} from in_app_messages i join notifications n on n.id = i.notification_id
     where ${conditions.join(" and ")}
     order by i.created_at desc, i.id desc limit ${parameters.add(input.limit + 1)}`,
    parameters.values,
  );
  return toPage(
    rows,
    input.limit,
    (row) => ({ order: row.created_us, id: row.id }),
    (row) => row,
  );
}

export async function countUnread(pool: pg.Pool, userId: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    "select count(*)::integer as count from in_app_messages where user_id = $1 and read_at is null",
    [userId],
  );
  return rows[0]?.count ?? 0;
}

export type MarkedRead = {
  readonly row: InboxRow;
  /** The run that may wait for it; null: it was read before, the run is over, or it asks for nothing of the kind. */
  readonly tell: { readonly workflowId: string; readonly fact: ReceiptFact } | null;
};

type MarkedRow = InboxRow & {
  readonly workflow_id: string;
  readonly waits: boolean;
  readonly pass: number | null;
  readonly step: number | null;
  readonly attempt: number | null;
  readonly hand_over: number | null;
};

/**
 * Null: this person has no such message. One statement: message, delivery and timeline change together or not at all.
 *
 * Idempotency: the first reading counts; a second one changes nothing.
 */
export async function markRead(
  pool: pg.Pool,
  { userId, id, nowMs }: { readonly userId: string; readonly id: string; readonly nowMs: number },
): Promise<MarkedRead | null> {
  const { rows } = await pool.query<MarkedRow>({
    name: "mark-inbox-read",
    text: `
      with first as (
        update in_app_messages set read_at = $3 where id = $1 and user_id = $2 and read_at is null
        returning notification_id, user_id, purpose, purpose_key, read_at
      ),
      told as (
        update deliveries d set status = 'read', delivered_at = coalesce(d.delivered_at, $3), read_at = coalesce(d.read_at, $3)
        from first f
        where d.notification_id = f.notification_id and d.target = f.user_id and d.channel = 'in_app' and d.purpose = f.purpose
          and (d.purpose = 'closing' or d.pass || '/' || d.step = f.purpose_key) and d.status in ('accepted', 'sent', 'delivered')
        returning d.id, d.notification_id, d.target, d.pass, d.step, d.attempt, d.hand_over
      ),
      event as (
        insert into notification_events (notification_id, entry_key, at, kind, pass, step, target, channel, delivery_id, reason, detail)
        select t.notification_id, 'd:' || t.id || ':read', $3, 'receipt', t.pass, t.step, t.target, 'in_app', t.id, 'read', '{"status": "read"}'
        from told t
        on conflict on constraint notification_events_once do nothing
      )
      select i.id, i.notification_id, n.type, n.priority, i.purpose, i.title, i.body, i.created_at,
        coalesce(i.read_at, (select f.read_at from first f)) as read_at,
        (extract(epoch from i.created_at) * 1000000)::bigint as created_us,
        n.workflow_id,
        n.settled_at is null and n.stopped_at is null and i.purpose = 'ladder'
          and n.run_plan -> 'rules' ->> 'settledBy' in ('delivered', 'read') as waits,
        t.pass, t.step, t.attempt, t.hand_over
      from in_app_messages i join notifications n on n.id = i.notification_id left join told t on t.notification_id = i.notification_id
      where i.id = $1 and i.user_id = $2`,
    values: [id, userId, new Date(nowMs)],
  });
  const marked = rows[0];
  if (!marked) return null;
  const { workflow_id: workflowId, waits, pass, step, attempt, hand_over, ...row } = marked;
  const isTold = pass !== null && step !== null && attempt !== null && hand_over !== null;
  return {
    row,
    tell:
      waits && isTold
        ? {
            workflowId,
            fact: {
              kind: "receipt",
              pass,
              step,
              target: userId,
              channel: "in_app",
              attempt,
              handOver: hand_over,
              status: "read",
              final: true,
              at: nowMs,
              reason: null,
            },
          }
        : null,
  };
}
