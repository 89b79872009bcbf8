import type pg from "pg";

import type { WrittenOpening } from "../activities/contract.ts";
import type { Exclusion } from "../domain/routing.ts";
import type { Plan, Planned, Wake } from "../domain/planner.ts";
import type { PlanSnapshot } from "../domain/plan-snapshot.ts";
import type { RunPerson, RunPlan, TimelineEntry, Todo } from "../domain/run.ts";
import type { WakePlace } from "../domain/wake-place.ts";
import { newId } from "./new-id.ts";

/**
 * Writes plans. A plan is made from a snapshot and may be outdated when it is written: every statement here first takes the planned persons' and groups' rows FOR SHARE
 * and compares their versions with the snapshot's.
 *
 * Ordering: whoever changes a person, their settings or contacts raises `users.version` (of a group, its own) and marks the open targets in one transaction. Either that
 * transaction comes first and the plan is stale, or the plan comes first and its targets are marked. Nothing falls between.
 */

/** `stale`: planned from facts that have changed since, or another execution was faster. Load again. */
export type SaveAnswer = "saved" | "stale";

/** One inbox row that is written together with the plan. */
export interface InboxRow {
  readonly userId: string;
  readonly title: string;
  readonly body: string;
}

export interface PlanToSave {
  readonly notificationId: string;
  readonly runId: string;
  readonly snapshot: PlanSnapshot;
  readonly planned: Planned;
  /** The referee's row as the snapshot saw it: a stop in between makes the plan stale. */
  readonly isStopped: boolean;
  /** An act waits for the run: what the ladder would do first is not known. */
  readonly hasActs: boolean;
  readonly inbox: readonly InboxRow[];
  /** Epoch ms. */
  readonly at: number;
}

/** Takes the planned persons and groups, in the order of their ids, and says whether they are still those that the plan was made from. */
const LOCKED = `
  expected as (
    select * from jsonb_to_recordset($2::jsonb -> 'versions') as e(id text, version integer)
  ),
  locked_persons as (
    select u.id, u.version from users u where u.id in (select id from expected) order by u.id for share
  ),
  locked_groups as (
    select g.id, g.version from whatsapp_groups g where g.id in (select id from expected) order by g.id for share
  ),
  fresh as (
    select not exists (
      select from expected e
      left join (select * from locked_persons union all select * from locked_groups) l on l.id = e.id
      where l.version is distinct from e.version
    ) as is_fresh
  )`;

const SAVE_PLAN = `
  with ${LOCKED},
  noted as (
    update notifications n set
      run_id = $3, started_at = coalesce(n.started_at, $4), planned_at = $4, plan = $2::jsonb -> 'plan', run_plan = $2::jsonb -> 'runPlan',
      status = case when n.stopped_at is null then $5 else n.status end,
      pass = $6, step = $7, next_step_at = case when n.stopped_at is null then $8::timestamptz end,
      waiting_for = nullif($2::jsonb -> 'waitingFor', 'null')
    from fresh
    where n.id = $1 and fresh.is_fresh and n.planned_at is null and n.settled_at is null
      and (n.run_id is null or n.run_id = $3) and (n.stopped_at is not null) = $9
    returning n.id
  ),
  targets as (
    insert into notification_targets (notification_id, target, kind, user_id, group_id, origin, first_asked, state, resume_at)
    select noted.id, t.target, t.kind, t.user_id, t.group_id, t.origin, t.first_asked, t.state, t.resume_at
    from noted, jsonb_to_recordset($2::jsonb -> 'targets')
      as t(target text, kind text, user_id text, group_id text, origin text, first_asked boolean, state text, resume_at timestamptz)
    on conflict (notification_id, target) do nothing
  ),
  inbox as (
    select m.* from noted, jsonb_to_recordset($2::jsonb -> 'inbox')
      as m(id text, delivery_id text, user_id text, title text, body text, step integer)
  ),
  messages as (
    insert into in_app_messages (id, notification_id, user_id, purpose, purpose_key, title, body, created_at)
    select m.id, $1, m.user_id, 'ladder', '1/' || m.step, m.title, m.body, $4 from inbox m
    on conflict on constraint in_app_messages_once do nothing
  ),
  deliveries as (
    insert into deliveries (id, notification_id, purpose, pass, step, target, user_id, channel, attempt, hand_over, status, order_reason,
      created_at, accepted_at, sent_at)
    select m.delivery_id, $1, 'ladder', 1, m.step, m.user_id, m.user_id, 'in_app', 1, 0, 'sent', 'step', $4, $4, $4 from inbox m
    on conflict on constraint deliveries_once do nothing
  ),
  events as (
    insert into notification_events (notification_id, entry_key, at, kind, pass, step, target, channel, delivery_id, reason, detail)
    select $1, e.key, $4, e.kind, e.pass, e.step, e.target, e.channel, e.delivery_id, e.reason, e.detail
    from noted, jsonb_to_recordset($2::jsonb -> 'events')
      as e(key text, kind text, pass integer, step integer, target text, channel text, delivery_id text, reason text, detail jsonb)
    on conflict on constraint notification_events_once do nothing
  )
  select exists (select from noted) as saved`;

/**
 * Where the run will stand at once and what it will write of it, known before it can write it itself. Null: a waiting act decides whether it sends, or it is
 * over at once and says so when it settles.
 */
export function openingToWrite({
  planned: { run, opening },
  hasActs,
}: Pick<PlanToSave, "planned" | "hasActs">): {
  readonly todo: Todo;
  readonly entries: readonly TimelineEntry[];
} | null {
  if (run.suppressed !== null) return null;
  if (opening.hasOrders) {
    const { first } = opening;
    const isKnown = !hasActs && first.deliveries.length > 0;
    return isKnown ? { todo: first, entries: first.events } : null;
  }
  if (opening.todo.end !== null) return null;
  return { todo: opening.todo, entries: hasActs ? [] : opening.entries };
}

/**
 * Stores the plan of a run that begins, its targets, its first inbox rows and its first entries of the timeline. One statement.
 *
 * Idempotency: only a row without a plan takes one; a second execution finds it and returns it.
 */
export async function savePlan(
  client: pg.Pool | pg.PoolClient,
  toSave: PlanToSave,
): Promise<SaveAnswer> {
  const { planned, at } = toSave;
  const { plan, run } = planned;
  const begun = openingToWrite(toSave);
  const step = run.rules.steps.findIndex(({ enabled }) => enabled) + 1;
  const inbox = toSave.inbox.map((row) => ({
    id: newId("ina", at),
    delivery_id: newId("dlv", at),
    user_id: row.userId,
    title: row.title,
    body: row.body,
    step,
  }));
  const { rows } = await client.query<{ saved: boolean }>({
    name: "save-plan",
    text: SAVE_PLAN,
    values: [
      toSave.notificationId,
      JSON.stringify({
        plan,
        runPlan: run,
        versions: versionsOf(toSave.snapshot, namesOf(planned)),
        targets: targetRows(planned),
        inbox,
        waitingFor: begun?.todo.waitingFor ?? null,
        events: [
          plannedEvent(planned),
          ...(run.suppressed === null ? [] : [suppressedEvent(run)]),
          ...(begun?.entries ?? []).map(runEvent),
          ...inbox.map(inboxEvent),
        ],
      }),
      toSave.runId,
      new Date(at),
      begun?.todo.status ?? "planned",
      begun?.todo.pass ?? 0,
      begun?.todo.step ?? 0,
      toTime(begun?.todo.nextStepAt ?? null),
      toSave.isStopped,
    ],
  });
  return rows[0]?.saved === true ? "saved" : "stale";
}

/** Where the stored plan says that its run begins, as its own execution wrote it; for one that comes after. */
export async function readOpening(
  pool: pg.Pool,
  notificationId: string,
): Promise<WrittenOpening | null> {
  const { rows } = await pool.query<WrittenOpening>({
    name: "read-opening",
    text: `
      select n.status, n.pass, n.step, (
        select coalesce(jsonb_agg(e.kind order by substr(e.entry_key, 2)::integer), '[]') from notification_events e
        where e.notification_id = n.id and e.entry_key ~ '^r[0-9]+$'
      ) as entries
      from notifications n where n.id = $1 and n.planned_at is not null`,
    values: [notificationId],
  });
  return rows[0] ?? null;
}

export interface ReplanToSave {
  readonly notificationId: string;
  readonly snapshot: PlanSnapshot;
  readonly planned: Planned;
  /** The steps ahead are those of a run that has begun: they were foreseen when it did, and stay. */
  readonly keepsSteps: boolean;
  /** An act asks for it, which a stop in between has overtaken: the plan is stale then. */
  readonly unlessStopped: boolean;
  /** Epoch ms at which the snapshot was asked for: marks made later belong to a newer change. */
  readonly at: number;
}

const SAVE_REPLAN = `
  with ${LOCKED},
  noted as (
    update notifications n set
      plan = case when $3 and n.plan is not null then n.plan || (($2::jsonb -> 'plan') - 'steps') else $2::jsonb -> 'plan' end,
      run_plan = $2::jsonb -> 'runPlan',
      priority = $4, policy_id = $5, policy_version = $6,
      next_step_at = case when n.status = 'holding' and $7 then $8::timestamptz else n.next_step_at end,
      waiting_for = case when n.status = 'holding' and $7 then $2::jsonb -> 'waitingFor' else n.waiting_for end
    from fresh
    where n.id = $1 and fresh.is_fresh and n.settled_at is null and not ($10 and n.stopped_at is not null)
    returning n.id
  ),
  wanted as (
    select t.* from noted, jsonb_to_recordset($2::jsonb -> 'targets')
      as t(target text, kind text, user_id text, group_id text, origin text, first_asked boolean, state text, resume_at timestamptz)
  ),
  targets as (
    insert into notification_targets (notification_id, target, kind, user_id, group_id, origin, first_asked, state, resume_at)
    select $1, t.target, t.kind, t.user_id, t.group_id, t.origin, t.first_asked, t.state, t.resume_at from wanted t
    on conflict (notification_id, target) do update set
      resume_at = excluded.resume_at,
      first_asked = notification_targets.first_asked or excluded.first_asked,
      plan_stale_at = case when notification_targets.plan_stale_at > $9 then notification_targets.plan_stale_at end,
      state = case when notification_targets.state in ('open', 'left_out') then excluded.state else notification_targets.state end
  ),
  -- Whom the new plan does not name and nothing but a row in the inbox has told: not asked any more, but looked at again when something changes.
  gone as (
    update notification_targets t set
      state = case when t.state = 'open' and not exists (
        select from deliveries d
        where d.notification_id = t.notification_id and d.target = t.target and d.channel <> 'in_app' and d.accepted_at is not null
      ) then 'left_out' else t.state end,
      plan_stale_at = case when t.plan_stale_at > $9 then t.plan_stale_at end
    from noted
    where t.notification_id = noted.id and t.target not in (select w.target from wanted w)
  )
  select exists (select from noted) as saved`;

/** Stores the plan of a run that goes on. One statement; a second execution writes the same. */
export async function saveReplan(
  client: pg.Pool | pg.PoolClient,
  toSave: ReplanToSave,
): Promise<SaveAnswer> {
  const { planned, snapshot } = toSave;
  const { plan, run } = planned;
  const { todo } = planned.opening;
  const { rows } = await client.query<{ saved: boolean }>({
    name: "save-replan",
    text: SAVE_REPLAN,
    values: [
      toSave.notificationId,
      JSON.stringify({
        plan,
        runPlan: run,
        versions: versionsOf(snapshot, namesOf(planned)),
        targets: targetRows(planned),
        waitingFor: todo.waitingFor,
      }),
      toSave.keepsSteps,
      run.priority,
      run.policyId,
      run.policyVersion,
      todo.status === "holding",
      todo.nextStepAt === null ? null : new Date(todo.nextStepAt),
      new Date(toSave.at),
      toSave.unlessStopped,
    ],
  });
  return rows[0]?.saved === true ? "saved" : "stale";
}

export interface ReassignmentToSave {
  readonly notificationId: string;
  readonly snapshot: PlanSnapshot;
  /** Out of the run from now on. */
  readonly from: string | null;
  readonly person: RunPerson;
  readonly recipient: Plan["recipients"][number];
  readonly replacesAssignee: boolean;
}

const SAVE_REASSIGNMENT = `
  with ${LOCKED},
  noted as (
    update notifications n set
      assignee_id = case when $5 then $4 else n.assignee_id end,
      plan = jsonb_set(jsonb_set(n.plan, '{recipients}', (
        select coalesce(jsonb_agg(r), '[]') from (
          select r from jsonb_array_elements(n.plan -> 'recipients') r where coalesce(r ->> 'userId', '') not in (coalesce($3, ''), $4)
          union all select $2::jsonb -> 'recipient'
        ) kept
      )), '{excluded}', (
        select coalesce(jsonb_agg(e), '[]') from (
          select e from jsonb_array_elements(n.plan -> 'excluded') e where coalesce(e ->> 'userId', '') not in (coalesce($3, ''), $4)
          union all select jsonb_build_object('userId', $3, 'reason', 'reassigned') where $3 is not null
        ) kept
      )),
      run_plan = jsonb_set(n.run_plan, '{persons}', (
        select coalesce(jsonb_agg(p), '[]') from (
          select p from jsonb_array_elements(n.run_plan -> 'persons') p where p ->> 'key' not in (coalesce($3, ''), $4)
          union all select $2::jsonb -> 'person'
        ) kept
      ))
    from fresh
    where n.id = $1 and fresh.is_fresh and n.settled_at is null and n.stopped_at is null and n.run_plan is not null
    returning n.id
  ),
  replaced as (
    update notification_targets t set state = 'out' from noted
    where t.notification_id = noted.id and t.target = $3 and t.state in ('open', 'left_out')
  ),
  successor as (
    insert into notification_targets (notification_id, target, kind, user_id, origin, first_asked, resume_at)
    select noted.id, $4, 'person', $4, 'reassigned', true, ($2::jsonb ->> 'resumeAt')::timestamptz from noted
    on conflict (notification_id, target) do update set
      origin = 'reassigned', first_asked = true, resume_at = excluded.resume_at, plan_stale_at = null,
      state = case when notification_targets.state = 'answered' then 'answered' else 'open' end
  )
  select exists (select from noted) as saved`;

export async function saveReassignment(
  client: pg.Pool | pg.PoolClient,
  toSave: ReassignmentToSave,
): Promise<SaveAnswer> {
  const { person } = toSave;
  const { rows } = await client.query<{ saved: boolean }>({
    name: "save-reassignment",
    text: SAVE_REASSIGNMENT,
    values: [
      toSave.notificationId,
      JSON.stringify({
        versions: versionsOf(toSave.snapshot, [person.key]),
        person,
        recipient: toSave.recipient,
        resumeAt: toTime(person.asleepUntil),
      }),
      toSave.from,
      person.key,
      toSave.replacesAssignee,
    ],
  });
  return rows[0]?.saved === true ? "saved" : "stale";
}

const SAVE_ROLE_UP = `
  with ${LOCKED},
  noted as (select n.id from notifications n, fresh where n.id = $1 and fresh.is_fresh),
  targets as (
    insert into notification_targets (notification_id, target, kind, user_id, origin, first_asked, resume_at)
    select noted.id, t.target, 'person', t.target, 'role_up', false, t.resume_at
    from noted, jsonb_to_recordset($2::jsonb -> 'targets') as t(target text, resume_at timestamptz)
    on conflict (notification_id, target) do update set
      -- Known so far by a row in the inbox alone: from now on told in person, as one of the next role.
      origin = case when exists (
        select from deliveries d where d.notification_id = excluded.notification_id and d.target = excluded.target
          and d.channel in ('whatsapp_personal', 'sms', 'call') and d.accepted_at is not null
      ) then notification_targets.origin else 'role_up' end,
      resume_at = excluded.resume_at, plan_stale_at = null,
      state = case when notification_targets.state = 'left_out' then 'open' else notification_targets.state end
  )
  select exists (select from noted) as saved`;

export async function saveRoleUp(
  client: pg.Pool | pg.PoolClient,
  toSave: {
    readonly notificationId: string;
    readonly snapshot: PlanSnapshot;
    readonly persons: readonly RunPerson[];
  },
): Promise<SaveAnswer> {
  const { persons } = toSave;
  const { rows } = await client.query<{ saved: boolean }>({
    name: "save-role-up",
    text: SAVE_ROLE_UP,
    values: [
      toSave.notificationId,
      JSON.stringify({
        versions: versionsOf(
          toSave.snapshot,
          persons.map(({ key }) => key),
        ),
        targets: persons.map(({ key, asleepUntil }) => ({
          target: key,
          resume_at: toTime(asleepUntil),
        })),
      }),
    ],
  });
  return rows[0]?.saved === true ? "saved" : "stale";
}

/** Window ends this old have no sleepers left. */
const PLACES_KEPT = "1 day";
/** Enough to keep up, few enough to cost nothing. */
const PLACES_FORGOTTEN_MAX = 5;

/**
 * Takes one place for each of the run's wake-ups, behind those taken before. One statement, on its own: a place that is taken twice (a second execution, a stale
 * plan) only leaves a gap of a tenth of a second.
 */
export async function takeWakePlaces(
  client: pg.Pool | pg.PoolClient,
  wakes: readonly Wake[],
  now: number,
): Promise<readonly WakePlace[]> {
  if (wakes.length === 0) return [];
  const { rows } = await client.query<{ window_end: Date; band: Wake["band"]; place: number }>({
    name: "take-wake-places",
    text: `
      with old as (
        delete from wake_places w using (
          select window_end, band from wake_places where window_end < $2::timestamptz - interval '${PLACES_KEPT}'
          limit ${PLACES_FORGOTTEN_MAX} for update skip locked
        ) o where w.window_end = o.window_end and w.band = o.band
      )
      insert into wake_places (window_end, band, taken)
      select w.window_end, w.band, 1 from jsonb_to_recordset($1::jsonb) as w(window_end timestamptz, band text)
      order by w.window_end, w.band
      on conflict (window_end, band) do update set taken = wake_places.taken + 1
      returning window_end, band, taken - 1 as place`,
    values: [
      JSON.stringify(wakes.map(({ windowEnd, band }) => ({ window_end: toTime(windowEnd), band }))),
      new Date(now),
    ],
  });
  return rows.map((row) => ({
    windowEnd: row.window_end.getTime(),
    band: row.band,
    place: row.place,
  }));
}

/** Everybody whom the plan tells or names as left out. */
function namesOf({ plan, run }: Planned): readonly string[] {
  return [
    ...run.persons.map(({ key }) => key),
    ...run.groups.map(({ key }) => key),
    ...plan.excluded.flatMap(({ userId, groupId }) => userId ?? groupId ?? []),
  ];
}

function versionsOf(
  { persons, groups }: PlanSnapshot,
  names: readonly string[],
): readonly { readonly id: string; readonly version: number }[] {
  const wanted = new Set(names);
  return [...persons, ...groups]
    .filter(({ id }) => wanted.has(id))
    .map(({ id, version }) => ({ id, version }));
}

interface TargetRow {
  readonly target: string;
  readonly kind: "person" | "group";
  readonly user_id: string | null;
  readonly group_id: string | null;
  readonly origin: RunPerson["origin"];
  readonly first_asked: boolean;
  readonly state: "open" | "left_out";
  readonly resume_at: string | null;
}

function targetRows({ plan, run }: Planned): readonly TargetRow[] {
  const persons = run.persons.map(({ key, origin, asleepUntil }): TargetRow => ({
    target: key,
    kind: "person",
    user_id: key,
    group_id: null,
    origin,
    first_asked: origin !== "role_up",
    state: "open",
    resume_at: toTime(asleepUntil),
  }));
  const groups = run.groups.map(({ key, primary, asleepUntil }): TargetRow => ({
    target: key,
    kind: "group",
    user_id: null,
    group_id: key,
    origin: "audience",
    first_asked: primary,
    state: "open",
    resume_at: toTime(asleepUntil),
  }));
  return [...persons, ...groups, ...leftOut(plan.excluded, run)];
}

/** Persons whom a change of their own may bring back: everybody left out but the one who caused it and those replaced. */
function leftOut(excluded: readonly Exclusion[], run: RunPlan): readonly TargetRow[] {
  const told = new Set(run.persons.map(({ key }) => key));
  const ids = excluded.flatMap(({ userId, reason }) =>
    userId === undefined || told.has(userId) || reason === "actor" || reason === "reassigned"
      ? []
      : [userId],
  );
  return [...new Set(ids)].map((target) => ({
    target,
    kind: "person",
    user_id: target,
    group_id: null,
    origin: "audience",
    first_asked: false,
    state: "left_out",
    resume_at: null,
  }));
}

interface EventRow {
  readonly key: string;
  readonly kind: TimelineEntry["kind"];
  readonly pass?: number | null;
  readonly step?: number | null;
  readonly target?: string | null;
  readonly channel?: string | null;
  readonly delivery_id?: string | null;
  readonly reason?: string | null;
  readonly detail?: unknown;
}

function plannedEvent({ plan, run }: Planned): EventRow {
  return {
    key: "planned",
    kind: "planned",
    detail: {
      policyId: run.policyId,
      policyVersion: run.policyVersion,
      persons: run.persons.length,
      groups: run.groups.length,
      excluded: plan.excluded,
      warnings: plan.warnings,
    },
  };
}

function suppressedEvent(run: RunPlan): EventRow {
  return { key: "suppressed", kind: "suppressed", reason: run.suppressed };
}

/** As an inbox row that is written later has it. */
function inboxEvent(row: {
  readonly delivery_id: string;
  readonly user_id: string;
  readonly step: number;
}): EventRow {
  return {
    key: `d:${row.delivery_id}:accepted`,
    kind: "delivery_accepted",
    pass: 1,
    step: row.step,
    target: row.user_id,
    channel: "in_app",
    delivery_id: row.delivery_id,
  };
}

/** By the run's own number, so that the run's own writing of it later changes nothing. */
function runEvent(entry: TimelineEntry, index: number): EventRow {
  const { kind, pass, step, target, channel, reason, detail } = entry;
  return { key: `r${index + 1}`, kind, pass, step, target, channel, reason, detail };
}

function toTime(instant: number | null): string | null {
  return instant === null ? null : new Date(instant).toISOString();
}
