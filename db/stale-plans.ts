import type pg from "pg";

/**
 * Open targets whose plan a change of settings, zone, contact, holiday or membership has outdated. The change marks them in its own transaction, under the
 * lock that `plan` takes shared, and signals after its commit; a mark that is still there later is a signal that was lost.
 */
export interface StaleRun {
  readonly notificationId: string;
  readonly workflowId: string;
}

/** Marks what is open for this person or group and names the runs to be told, most urgent first. */
export async function markStale(
  client: pg.PoolClient,
  target: string,
  now: Date,
): Promise<readonly StaleRun[]> {
  const { rows } = await client.query<{ id: string; workflow_id: string }>({
    name: "mark-stale",
    text: `
      with marked as (
        update notification_targets t set plan_stale_at = $2
        from notifications n
        where t.target = $1 and t.state = 'open' and n.id = t.notification_id and n.settled_at is null and n.stopped_at is null
        returning n.id, n.workflow_id, n.priority, n.accepted_at
      )
      select id, workflow_id from marked
      order by array_position(array['critical', 'high', 'medium', 'low'], priority), accepted_at`,
    values: [target, now],
  });
  return rows.map((row) => ({ notificationId: row.id, workflowId: row.workflow_id }));
}

export async function staleRuns(
  db: pg.Pool | pg.PoolClient,
  filter: { readonly olderThan: Date; readonly limit: number },
): Promise<readonly StaleRun[]> {
  const { rows } = await db.query<{ id: string; workflow_id: string }>(
    `select n.id, n.workflow_id from notifications n
     where n.settled_at is null and exists (
       select from notification_targets t where t.notification_id = n.id and t.plan_stale_at < $1
     )
     order by array_position(array['critical', 'high', 'medium', 'low'], n.priority), n.accepted_at
     limit $2`,
    [filter.olderThan, filter.limit],
  );
  return rows.map((row) => ({ notificationId: row.id, workflowId: row.workflow_id }));
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
