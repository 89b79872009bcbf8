import type pg from "pg";

import type { Progress } from "../activities/contract.ts";

/** Inserts the run's own entries, TimelineEntry[] as JSON, for the notification `id` of the row source. */
export function insertEntries(source: string, entries: string): string {
  return `
    insert into notification_events (notification_id, entry_key, at, kind, pass, step, target, channel, account_id, reason, detail)
    select s.id, 'r' || e.sequence, to_timestamp(e.at / 1000.0), e.kind, e.pass, e.step, e.target, e.channel, e."accountId", e.reason, e.detail
    from ${source} s, jsonb_to_recordset(${entries}::jsonb)
      as e(sequence int, at float8, kind text, pass int, step int, target text, channel text, "accountId" text, reason text, detail jsonb)
    on conflict on constraint notification_events_once do nothing`;
}

/**
 * Writes what the run itself did: where it stands, its timeline entries, its answers to acts. One statement.
 *
 * Idempotency: entries are unique by the run's sequence, and the row is moved only by a newer progress, so that a rerun or a late one changes nothing. Settling
 * is not progress: the status `settled` is written with its outcome, by settle alone.
 */
export async function writeProgress(
  db: pg.Pool | pg.PoolClient,
  notificationId: string,
  progress: Progress,
): Promise<void> {
  await db.query({
    name: "write-progress",
    text: `
      with run as (select $1 as id),
      entries as (
        ${insertEntries("run", "$2")}
      ),
      answered as (
        update acts a set applied = x.applied, reason = x.reason, signalled_at = coalesce(a.signalled_at, now())
        from jsonb_to_recordset($3::jsonb) as x("actId" text, applied boolean, reason text)
        where a.id = x."actId" and a.applied is null
      ),
      refused as (
        update notification_targets t set state = 'refused', answered_at = coalesce(t.answered_at, now()), answer_act_id = a.id
        from jsonb_to_recordset($3::jsonb) as x("actId" text, applied boolean, reason text)
        join acts a on a.id = x."actId" and a.kind = 'refuse'
        where x.applied and t.notification_id = $1 and t.target = a.by ->> 'userId' and t.state = 'open'
      )
      update notifications set progress_sequence = $4, pass = $5, step = $6, waiting_for = $9,
        next_step_at = case when stopped_at is null then $7::timestamptz end,
        status = case when stopped_at is null and settled_at is null and $8 <> 'settled' then $8 else status end
      where id = $1 and progress_sequence < $4`,
    values: [
      notificationId,
      JSON.stringify(progress.events),
      JSON.stringify(progress.actAnswers),
      progress.sequence,
      progress.pass,
      progress.step,
      progress.nextStepAt === null ? null : new Date(progress.nextStepAt),
      progress.status,
      progress.waitingFor,
    ],
  });
}
