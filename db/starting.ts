import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { isOtp, OTP_TYPE } from "../domain/otp.ts";
import { PRIORITIES } from "../domain/priority.ts";
import type { Priority } from "../domain/priority.ts";

/**
 * Accepted notifications whose run has not been started. Whoever accepts one starts its run right behind; the sweep
 * starts what a process that died or lost Temporal has left.
 */

export interface UnstartedRow {
  readonly id: string;
  readonly workflowId: string;
  readonly type: string;
  readonly priority: Priority;
  readonly zone: string | null;
  readonly ticketId: string | null;
}

/** So that a day's backlog does not stand before the next alarm. */
export const SWEEP_STARTS_PER_SECOND = 20;
const CLAIM_ROWS_MAX = SWEEP_STARTS_PER_SECOND;

type Row = {
  readonly id: string;
  readonly workflow_id: string;
  readonly type: string;
  readonly priority: string;
  readonly zone: string | null;
  readonly ticket_id: string | null;
};

/**
 * Takes unstarted rows, most urgent first, then oldest; each goes to one caller, and to another one when it is still
 * unstarted after the same time.
 */
export async function claimUnstarted(
  pool: pg.Pool,
  options: {
    readonly limit: number;
    /** Rows accepted or taken within this time are left to whoever has them. 0: everything, as at a process's start. */
    readonly olderThanSeconds: number;
    /** Rows that this caller has tried in this round. */
    readonly except: readonly string[];
  },
): Promise<readonly UnstartedRow[]> {
  const { rows } = await pool.query<Row>({
    name: "claim-unstarted",
    text: `
      with taken as (
        select id from notifications
        where started_at is null and settled_at is null and not id = any($3)
          and accepted_at <= now() - make_interval(secs => $2)
          and (start_claimed_at is null or start_claimed_at <= now() - make_interval(secs => $2))
        order by type <> '${OTP_TYPE}', array_position(array['critical', 'high', 'medium', 'low'], priority), accepted_at
        limit $1
        for update skip locked
      )
      update notifications n set start_claimed_at = now() from taken where n.id = taken.id
      returning n.id, n.workflow_id, n.type, n.priority, n.zone, n.ticket_id`,
    values: [options.limit, options.olderThanSeconds, options.except],
  });
  return rows.map(toUnstarted).sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
}

function rank({ priority, type }: UnstartedRow): number {
  return isOtp(type) ? -1 : PRIORITIES.indexOf(priority);
}

function toUnstarted(row: Row): UnstartedRow {
  return {
    id: row.id,
    workflowId: row.workflow_id,
    type: row.type,
    priority: PRIORITIES.find((known) => known === row.priority) ?? "high",
    zone: row.zone,
    ticketId: row.ticket_id,
  };
}

/** `runId` null: the run was over before, nobody here knows its id. */
export async function markStarted(
  pool: pg.Pool,
  started: readonly { readonly id: string; readonly runId: string | null }[],
): Promise<void> {
  if (started.length === 0) return;
  await pool.query({
    name: "mark-started",
    text: `
      update notifications n set started_at = now(), run_id = coalesce(n.run_id, s.run_id)
      from unnest($1::text[], $2::text[]) as s(id, run_id)
      where n.id = s.id and n.started_at is null`,
    values: [started.map(({ id }) => id), started.map(({ runId }) => runId)],
  });
}

export interface SweepOptions {
  /** Starts one run; its error leaves the row for the next sweep. Answers the run's id, null if it was over before. */
  readonly start: (row: UnstartedRow) => Promise<string | null>;
  readonly olderThanSeconds: number;
  /** Stops taking more after this time, so that a sweep ends before the next is due. */
  readonly lastsMsMax: number;
  readonly onFailure: (row: UnstartedRow, error: unknown) => void;
}

/**
 * Starts what nobody has started, at most SWEEP_STARTS_PER_SECOND, and answers how many it started. It ends when there
 * is no more, when its time is over, or at a whole batch that failed: then Temporal is away.
 */
export async function sweepUnstarted(pool: pg.Pool, options: SweepOptions): Promise<number> {
  const endAtMs = Date.now() + options.lastsMsMax;
  const tried: string[] = [];
  let startedCount = 0;
  for (;;) {
    const batchAtMs = Date.now();
    const rows = await claimUnstarted(pool, {
      limit: CLAIM_ROWS_MAX,
      olderThanSeconds: options.olderThanSeconds,
      except: tried,
    });
    tried.push(...rows.map(({ id }) => id));
    const started = await startAll(rows, options);
    await markStarted(pool, started);
    startedCount += started.length;
    const isAway = rows.length > 0 && started.length === 0;
    if (rows.length < CLAIM_ROWS_MAX || isAway || Date.now() + 1_000 > endAtMs) return startedCount;
    await sleep(Math.max(0, batchAtMs + 1_000 - Date.now()));
  }
}

async function startAll(
  rows: readonly UnstartedRow[],
  { start, onFailure }: SweepOptions,
): Promise<readonly { readonly id: string; readonly runId: string | null }[]> {
  const started = await Promise.all(
    rows.map(async (row) => {
      try {
        return [{ id: row.id, runId: await start(row) }];
      } catch (error) {
        onFailure(row, error);
        return [];
      }
    }),
  );
  return started.flat();
}
