import type pg from "pg";

import type { Priority } from "../domain/priority.ts";

/**
 * Open targets whose plan a change of settings, zone, contact, holiday or membership has outdated. The change marks them in its own transaction, under the
 * lock that `plan` takes shared, and signals after its commit; a mark that is still there later is a signal that was lost.
 */
export interface StaleRun {
  readonly notificationId: string;
  readonly workflowId: string;
  readonly priority: Priority;
  /** Epoch ms. */
  readonly acceptedAt: number;
}

interface StaleRow {
  readonly id: string;
  readonly workflow_id: string;
  readonly priority: Priority;
  readonly accepted_at: Date;
}

/**
 * Marks what is open for these persons and groups, and who was left out of what is still going on, and names the runs to be told, most urgent first, each once.
 */
export async function markStale(
  client: pg.Pool | pg.PoolClient,
  targets: readonly string[],
  now: Date,
): Promise<readonly StaleRun[]> {
  if (targets.length === 0) return [];
  const { rows } = await client.query<StaleRow>({
    name: "mark-stale",
    text: `
      with marked as (
        update notification_targets t set plan_stale_at = $2
        from notifications n
        where t.target = any($1) and t.state in ('open', 'left_out') and n.id = t.notification_id
          and n.settled_at is null and n.stopped_at is null
        returning n.id, n.workflow_id, n.priority, n.accepted_at
      )
      select distinct id, workflow_id, priority, accepted_at, array_position(array['critical', 'high', 'medium', 'low'], priority) as urgency
      from marked order by urgency, accepted_at, id`,
    values: [targets, now],
  });
  return rows.map(toStaleRun);
}

export async function staleRuns(
  db: pg.Pool | pg.PoolClient,
  filter: { readonly olderThan: Date; readonly limit: number },
): Promise<readonly StaleRun[]> {
  const { rows } = await db.query<StaleRow>(
    `select n.id, n.workflow_id, n.priority, n.accepted_at from notifications n
     where n.settled_at is null and exists (
       select from notification_targets t where t.notification_id = n.id and t.plan_stale_at < $1
     )
     order by array_position(array['critical', 'high', 'medium', 'low'], n.priority), n.accepted_at
     limit $2`,
    [filter.olderThan, filter.limit],
  );
  return rows.map(toStaleRun);
}

/** The run was told; marks made after `before` belong to a newer change. */
export async function clearStaleMarks(
  db: pg.Pool | pg.PoolClient,
  notificationId: string,
  before: Date,
): Promise<void> {
  await db.query(
    "update notification_targets set plan_stale_at = null where notification_id = $1 and plan_stale_at <= $2",
    [notificationId, before],
  );
}

function toStaleRun(row: StaleRow): StaleRun {
  return {
    notificationId: row.id,
    workflowId: row.workflow_id,
    priority: row.priority,
    acceptedAt: row.accepted_at.getTime(),
  };
}
