import type pg from "pg";

import type { RecordedAct } from "../activities/contract.ts";
import { decideAct, decideEarlyAnswer, type ActDecision, type ActSubject } from "../domain/act.ts";
import type {
  ActKind,
  ActRefusal,
  Answer,
  AnswerKind,
  StopAct,
  TimelineKind,
} from "../domain/notification.ts";
import { isOtp } from "../domain/otp.ts";
import { withTransaction } from "./transaction.ts";

/** Who acts. Names stay in PostgreSQL; they are for the record and for "taken by …". */
export interface ActBy {
  readonly kind: "user" | "api_key" | "group" | "stranger" | "link" | "temporal_ui" | "system";
  readonly userId: string | null;
  readonly groupId?: string | null;
  readonly apiKeyId?: string | null;
  readonly name: string | null;
}

export interface RecordActInput {
  readonly actId: string;
  readonly notificationId: string;
  readonly kind: ActKind;
  readonly by: ActBy;
  /** Where the act came in: api, reply, reaction, button, keypress, link, in_app, temporal_ui, system. */
  readonly via: string;
  readonly note: string | null;
  readonly params: RecordedAct["params"] & { readonly rating?: number };
  /** Epoch milliseconds. */
  readonly now: number;
}

export type RecordActAnswer =
  | {
      readonly kind: "applied";
      readonly act: RecordedAct;
      readonly answer: Answer | null;
      readonly workflowId: string;
    }
  /** A domain "no": who was first, and when, where somebody was. */
  | {
      readonly kind: "refused";
      readonly reason: ActRefusal;
      readonly by: ActBy | null;
      readonly at: number | null;
    }
  /** A steering act is stored; the run carries it out and answers. */
  | { readonly kind: "pending"; readonly act: RecordedAct; readonly workflowId: string }
  | { readonly kind: "unknown_notification" };

/**
 * Stores an act and decides it on the locked notification row. Needs neither worker nor Temporal, and its answer is final.
 *
 * Idempotency: an actId that is known gets the answer it got the first time.
 * Ordering: the row lock is what puts acknowledge, cancel, resolve and the send statement of `deliver` into one serial order.
 */
export async function recordAct(pool: pg.Pool, input: RecordActInput): Promise<RecordActAnswer> {
  return withTransaction(pool, (client) => recordActWithin(client, input));
}

/** The same inside a transaction of the caller's: what else it writes stands or falls with the act. */
export async function recordActWithin(
  client: pg.PoolClient,
  input: RecordActInput,
): Promise<RecordActAnswer> {
  const subject = await lockSubject(client, input);
  if (!subject) return { kind: "unknown_notification" };
  const known = await knownAct(client, input.actId, subject);
  if (known) return known;
  const decision = decideAct(input.kind, subject.rules);
  await writeAct(client, input, decision);
  return carryOut(client, input, decision, subject);
}

interface LockedSubject {
  readonly notificationId: string;
  readonly rules: ActSubject;
  readonly workflowId: string;
  readonly acknowledgedBy: ActBy | null;
  readonly acknowledgedAt: Date | null;
  readonly stopActId: string | null;
}

interface SubjectRow {
  readonly type: string;
  readonly status: string;
  readonly outcome: string | null;
  readonly answers: AnswerKind;
  readonly stop_kind: StopAct | null;
  readonly stop_act_id: string | null;
  readonly workflow_id: string;
  readonly acknowledged_by: ActBy | null;
  readonly acknowledged_at: Date | null;
  readonly closed: boolean;
  readonly unanswered: boolean;
  readonly acknowledgment: "any" | "all" | null;
  readonly planned: boolean;
  readonly answered_early: boolean;
  readonly tracks_resolution: boolean | null;
  readonly actor_target: {
    readonly first_asked: boolean;
    readonly origin: "audience" | "role_up" | "reassigned" | "added";
    readonly state: "open" | "answered" | "refused" | "out";
    readonly kind: "person" | "group";
  } | null;
  readonly others_open: number;
}

async function lockSubject(
  client: pg.PoolClient,
  input: Pick<RecordActInput, "notificationId" | "by">,
): Promise<LockedSubject | null> {
  const locked = await client.query("select from notifications where id = $1 for update", [
    input.notificationId,
  ]);
  // A second statement, so that what the lock waited for is seen.
  return locked.rowCount === 0 ? null : readSubject(client, input);
}

/** Under the notification's lock. */
async function readSubject(
  client: pg.PoolClient,
  input: Pick<RecordActInput, "notificationId" | "by">,
): Promise<LockedSubject | null> {
  const { rows } = await client.query<SubjectRow>({
    name: "act-subject",
    text: `
      select n.type, n.status, n.outcome, n.answers, n.stop_kind, n.stop_act_id, n.workflow_id, n.acknowledged_by, n.acknowledged_at,
        n.closed_at is not null as closed, n.planned_at is not null as planned,
        n.planned_at is null and exists (
          select from acts a
          where a.notification_id = n.id and a.kind = 'acknowledge' and a.applied and a.by ->> 'userId' = $2
        ) as answered_early,
        coalesce(n.outcome in ('undeliverable', 'exhausted', 'expired'), false) as unanswered,
        v.rules ->> 'acknowledgment' as acknowledgment,
        (v.rules ->> 'tracksResolution')::boolean as tracks_resolution,
        (
          select jsonb_build_object('first_asked', t.first_asked, 'origin', t.origin, 'state', t.state, 'kind', t.kind)
          from notification_targets t
          where t.notification_id = n.id
            and (t.target in ($2, $3) or t.group_id in (
              select m.group_id from whatsapp_group_members m where m.user_id = $2 and m.is_active
            ))
          order by t.kind = 'person' desc, t.first_asked desc
          limit 1
        ) as actor_target,
        (
          select count(*) filter (
            where t.state = 'open' and t.target is distinct from $2 and (t.is_asked or not t.is_anybody_asked)
          )
          from (
            select t.target, t.state, asked.is_asked, bool_or(asked.is_asked) over () as is_anybody_asked
            from notification_targets t, lateral (
              select t.target not in (
                select p ->> 'key' from jsonb_array_elements(n.run_plan -> 'persons') p where p ->> 'only' is not null
              ) as is_asked
            ) asked
            where t.notification_id = n.id and t.kind = 'person' and t.origin <> 'role_up' and t.state in ('open', 'answered')
          ) t
        ) as others_open
      from notifications n
      left join escalation_policy_versions v on v.policy_id = n.policy_id and v.version = n.policy_version
      where n.id = $1`,
    values: [input.notificationId, input.by.userId, input.by.groupId ?? null],
  });
  const row = rows[0];
  if (!row) return null;
  return {
    notificationId: input.notificationId,
    workflowId: row.workflow_id,
    acknowledgedBy: row.acknowledged_by,
    acknowledgedAt: row.acknowledged_at,
    stopActId: row.stop_act_id,
    rules: {
      status: row.status,
      outcome: row.outcome,
      answers: row.answers,
      tellsCode: isOtp(row.type),
      acknowledgment: row.acknowledgment ?? "any",
      isPlanned: row.planned,
      isByPerson: input.by.userId !== null,
      hasAnswered:
        row.answered_early ||
        (row.actor_target?.kind === "person" && row.actor_target.state === "answered"),
      tracksResolution: row.tracks_resolution ?? false,
      stopKind: row.stop_kind,
      closed: row.closed,
      unanswered: row.unanswered,
      actorTarget: row.actor_target && {
        firstAsked: row.actor_target.first_asked,
        origin: row.actor_target.origin,
        state: row.actor_target.state,
        isPerson: row.actor_target.kind === "person",
      },
      othersOpen: row.others_open,
    },
  };
}

async function knownAct(
  client: pg.PoolClient,
  actId: string,
  subject: LockedSubject,
): Promise<RecordActAnswer | null> {
  const { rows } = await client.query<ActRow>("select * from acts where id = $1", [actId]);
  const row = rows[0];
  if (!row) return null;
  // Somebody reused another notification's act id: nothing of that one is told here.
  if (row.notification_id !== subject.notificationId) return refusal("not_possible", subject);
  const act = toRecordedAct(row, row.applied === true && row.params.stops === true);
  if (row.applied === null) return { kind: "pending", act, workflowId: subject.workflowId };
  if (row.applied) {
    return { kind: "applied", act, answer: row.answer, workflowId: subject.workflowId };
  }
  return refusal(row.reason ?? "not_possible", subject);
}

function refusal(
  reason: ActRefusal,
  subject: LockedSubject,
): Extract<RecordActAnswer, { kind: "refused" }> {
  const wasAnswered = reason === "already_acknowledged" || reason === "already_claimed";
  return {
    kind: "refused",
    reason,
    by: wasAnswered ? subject.acknowledgedBy : null,
    at: wasAnswered ? (subject.acknowledgedAt?.getTime() ?? null) : null,
  };
}

async function writeAct(
  client: pg.PoolClient,
  input: RecordActInput,
  decision: ActDecision,
): Promise<void> {
  const applied = decision.kind === "steer" ? null : decision.kind !== "refused";
  const stops = decision.kind === "stop";
  // An act that the run need not learn of is born signalled, so that the sweep leaves it alone.
  const runMustLearn =
    decision.kind === "stop" || decision.kind === "answer_person" || decision.kind === "steer";
  await client.query({
    name: "act-insert",
    text: `
      insert into acts (id, notification_id, kind, at, by, via, note, params, applied, reason, answer, signalled_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    values: [
      input.actId,
      input.notificationId,
      input.kind,
      new Date(input.now),
      input.by,
      input.via,
      input.note,
      { ...input.params, stops },
      applied,
      decision.kind === "refused" ? decision.reason : null,
      "answer" in decision ? decision.answer : null,
      runMustLearn ? null : new Date(input.now),
    ],
  });
}

async function carryOut(
  client: pg.PoolClient,
  input: RecordActInput,
  decision: ActDecision,
  subject: LockedSubject,
): Promise<RecordActAnswer> {
  const { workflowId } = subject;
  const act = (stops: boolean): RecordedAct => ({
    actId: input.actId,
    kind: input.kind,
    at: input.now,
    userId: input.by.userId,
    stops,
    params: input.params,
  });
  switch (decision.kind) {
    case "refused":
      return refusal(decision.reason, subject);
    case "steer":
      return { kind: "pending", act: act(false), workflowId };
    case "stop":
      await stop(client, input, decision.stop, decision.answer);
      await writeEvent(client, input, STOP_EVENTS[decision.stop], decision.answer);
      return { kind: "applied", act: act(true), answer: decision.answer, workflowId };
    case "answer_person":
      await answerTarget(client, input);
      await writeEvent(client, input, "acknowledged", decision.answer);
      return { kind: "applied", act: act(false), answer: decision.answer, workflowId };
    case "rate":
      await client.query(
        "update notifications set rating = $2, answer = coalesce(answer, 'rated') where id = $1",
        [input.notificationId, input.params.rating ?? null],
      );
      await writeEvent(client, input, "rated", "rated");
      return { kind: "applied", act: act(false), answer: "rated", workflowId };
    case "close":
      await client.query(
        "update notifications set closed_at = $2, closed_by = $3, close_note = $4 where id = $1",
        [input.notificationId, new Date(input.now), input.by, input.note],
      );
      await writeEvent(client, input, "closed", null);
      return { kind: "applied", act: act(false), answer: null, workflowId };
  }
}

const STOP_EVENTS: Readonly<Record<StopAct, TimelineKind>> = {
  acknowledge: "acknowledged",
  cancel: "cancelled",
  resolve: "resolved",
};

async function stop(
  client: pg.PoolClient,
  input: RecordActInput,
  kind: StopAct,
  answer: Answer | null,
): Promise<void> {
  if (kind === "acknowledge") await answerTarget(client, input);
  await client.query({
    name: `act-stop-${kind}`,
    text: `
      update notifications set
        stopped_at = coalesce(stopped_at, $2), stop_kind = $3, stop_act_id = $4, next_step_at = null,
        ${
          kind === "acknowledge"
            ? "status = 'acknowledged', acknowledged_at = $2, acknowledged_by = $5, answer = $6"
            : kind === "resolve"
              ? "resolved_at = $2, closed_by = coalesce(closed_by, $5), answer = coalesce(answer, $6)"
              : "closed_by = $5, answer = coalesce(answer, $6)"
        }
      where id = $1`,
    values: [
      input.notificationId,
      new Date(input.now),
      kind,
      input.actId,
      { ...input.by, via: input.via },
      answer,
    ],
  });
}

async function answerTarget(client: pg.PoolClient, input: RecordActInput): Promise<void> {
  if (!input.by.userId) return;
  await client.query(
    `update notification_targets set state = 'answered', answer_act_id = $3, answered_at = $4
     where notification_id = $1 and target = $2 and state <> 'answered'`,
    [input.notificationId, input.by.userId, input.actId, new Date(input.now)],
  );
}

async function writeEvent(
  client: pg.PoolClient,
  input: RecordActInput,
  kind: TimelineKind,
  answer: Answer | null,
): Promise<void> {
  await client.query({
    name: "act-event",
    text: `
      insert into notification_events (notification_id, entry_key, at, kind, target, reason, detail)
      values ($1, $2, $3, $4, $5, $6, $7)
      on conflict on constraint notification_events_once do nothing`,
    values: [
      input.notificationId,
      `act:${input.actId}`,
      new Date(input.now),
      kind,
      input.by.userId,
      input.via,
      { actId: input.actId, by: input.by, answer, note: input.note, ...input.params },
    ],
  });
}

interface ActRow {
  readonly id: string;
  readonly notification_id: string;
  readonly kind: ActKind;
  readonly at: Date;
  readonly by: ActBy;
  readonly params: RecordedAct["params"] & { readonly stops?: boolean };
  readonly applied: boolean | null;
  readonly reason: ActRefusal | null;
  readonly answer: Answer | null;
}

interface ActSource {
  readonly via: string;
  readonly note: string | null;
}

/** The act as it was recorded. */
function inputOf(row: ActRow & ActSource): RecordActInput {
  const { id, notification_id, kind, by, via, note, at } = row;
  return {
    actId: id,
    notificationId: notification_id,
    kind,
    by,
    via,
    note,
    params: {},
    now: at.getTime(),
  };
}

function toRecordedAct(row: ActRow, stops: boolean): RecordedAct {
  const { stops: _stops, ...params } = row.params;
  return {
    actId: row.id,
    kind: row.kind,
    at: row.at.getTime(),
    userId: row.by.userId,
    stops,
    params,
  };
}

/**
 * With `all`: what acknowledgments were that came before anybody knew who is asked, now that the plan is stored. Somebody who is asked has answered for
 * themselves; anybody else's stops the run, and so does the last answer that was missing. Returns them as the run is to learn them.
 *
 * Ordering: to be called in the transaction that stores the plan. An answer that finds the plan but not these would leave it to one of them to be the last.
 * Idempotency: an act that has answered a target, or has stopped the run, is left alone.
 */
export async function settleEarlyAnswers(
  client: pg.PoolClient,
  notificationId: string,
): Promise<readonly RecordedAct[]> {
  // Weaker than an act's own lock, so that a transaction that has changed the row never waits for those who only refer to it.
  await client.query("select from notifications where id = $1 for no key update", [notificationId]);
  const { rows } = await client.query<ActRow & ActSource>(
    `select a.* from acts a
     where a.notification_id = $1 and a.kind = 'acknowledge' and a.applied and a.params ->> 'stops' is distinct from 'true'
       and not exists (select from notification_targets t where t.notification_id = $1 and t.answer_act_id = a.id)
     order by a.at, a.id`,
    [notificationId],
  );
  const settled: RecordedAct[] = [];
  for (const row of rows) settled.push(await settleEarlyAnswer(client, row));
  return settled;
}

async function settleEarlyAnswer(
  client: pg.PoolClient,
  row: ActRow & ActSource,
): Promise<RecordedAct> {
  const input = inputOf(row);
  const subject = await readSubject(client, input);
  const decision = subject && decideEarlyAnswer(subject.rules);
  if (decision?.kind === "answer_person") await answerTarget(client, input);
  if (decision?.kind === "stop") {
    await client.query(
      `update acts set params = params || '{"stops": true}', answer = $2 where id = $1`,
      [row.id, decision.answer],
    );
    await stop(client, input, decision.stop, decision.answer);
  }
  return toRecordedAct(row, decision?.kind === "stop");
}

/** Answers by which persons have spoken for themselves alone, oldest first. */
export async function personAnswers(
  pool: pg.Pool,
  notificationId: string,
): Promise<readonly RecordedAct[]> {
  const { rows } = await pool.query<ActRow>(
    `select * from acts
     where notification_id = $1 and kind = 'acknowledge' and applied and params ->> 'stops' is distinct from 'true'
     order by at, id`,
    [notificationId],
  );
  return rows.map((row) => toRecordedAct(row, false));
}

/**
 * Nobody's act stopped the run, and yet everybody who is asked has answered: who was missing has refused, or another policy asks for less. The last answer was the
 * one that was enough, and stops the run. To be called under the notification's lock; false when there is none.
 */
export async function stopByLastAnswer(
  client: pg.PoolClient,
  notificationId: string,
): Promise<boolean> {
  const { rows } = await client.query<ActRow & ActSource>(
    `update acts set params = params || '{"stops": true}'
     where id = (
       select id from acts where notification_id = $1 and kind = 'acknowledge' and applied order by at desc, id desc limit 1
     )
     returning *`,
    [notificationId],
  );
  const [row] = rows;
  if (!row) return false;
  await stop(client, inputOf(row), "acknowledge", row.answer);
  return true;
}

/** Acts that the run has not been told of, oldest first; for a run's first activity and for the sweep. */
export async function unsignalledActs(
  client: pg.Pool | pg.PoolClient,
  filter:
    { readonly notificationId: string } | { readonly olderThan: Date; readonly limit: number },
): Promise<readonly { readonly workflowId: string; readonly act: RecordedAct }[]> {
  const one = "notificationId" in filter;
  const { rows } = await client.query<ActRow & { readonly workflow_id: string }>({
    text: `
      select a.*, n.workflow_id from acts a join notifications n on n.id = a.notification_id
      where a.signalled_at is null and a.applied is distinct from false
        ${one ? "" : "and n.started_at is not null -- before that the first activity reads them"}
        and ${one ? "a.notification_id = $1" : "a.created_at < $1"}
      order by a.at limit ${one ? "1000" : "$2"}`,
    values: one ? [filter.notificationId] : [filter.olderThan, filter.limit],
  });
  return rows.map((row) => ({
    workflowId: row.workflow_id,
    act: toRecordedAct(row, row.params.stops === true),
  }));
}

export async function markActsSignalled(
  client: pg.Pool | pg.PoolClient,
  actIds: readonly string[],
): Promise<void> {
  if (actIds.length === 0) return;
  await client.query(
    "update acts set signalled_at = now() where id = any($1) and signalled_at is null",
    [actIds],
  );
}

/**
 * What the record says of a steering act to which the run had no answer, or a no: that it was carried out, because a task that is done again has forgotten it; or
 * that it came too late, with who was first. Null: neither, or it may still be carried out. A run that is over carries nothing out any more: what it left
 * unanswered gets its "no" here.
 */
export async function lateAnswer(
  pool: pg.Pool,
  actId: string,
): Promise<
  { readonly kind: "applied" } | Extract<RecordActAnswer, { readonly kind: "refused" }> | null
> {
  return withTransaction(pool, async (client) => {
    const { rows } = await client.query<ActRow>("select * from acts where id = $1", [actId]);
    const row = rows[0];
    if (!row) return null;
    if (row.applied === true) return { kind: "applied" };
    const subject = await lockSubject(client, {
      notificationId: row.notification_id,
      by: row.by,
    });
    if (!subject) return null;
    const isOver = subject.rules.status === "settled";
    if (row.applied === null && !isOver) return null;
    const decision = decideAct(row.kind, subject.rules);
    if (decision.kind !== "refused") return null;
    await client.query(
      `update acts set applied = false, reason = $2, signalled_at = coalesce(signalled_at, now())
       where id = $1 and applied is distinct from true`,
      [actId, decision.reason],
    );
    return refusal(decision.reason, subject);
  });
}

/** The "no" to every act that a settled notification's run has left without an answer. */
export async function refuseOpenActs(pool: pg.Pool, notificationId: string): Promise<void> {
  await pool.query(
    `update acts a set applied = false, signalled_at = coalesce(a.signalled_at, now()),
       reason = case n.stop_kind
         when 'acknowledge' then case n.answers when 'claim' then 'already_claimed' else 'already_acknowledged' end
         when 'cancel' then 'already_cancelled' when 'resolve' then 'already_resolved' else 'already_settled'
       end
     from notifications n
     where n.id = $1 and n.settled_at is not null and a.notification_id = n.id and a.applied is null`,
    [notificationId],
  );
}

/** The run's answer to a steering act. The first answer stays. */
export async function answerActs(
  client: pg.Pool | pg.PoolClient,
  answers: readonly {
    readonly actId: string;
    readonly applied: boolean;
    readonly reason: string | null;
  }[],
): Promise<void> {
  if (answers.length === 0) return;
  await client.query(
    `update acts a set applied = x.applied, reason = x.reason, signalled_at = coalesce(a.signalled_at, now())
     from jsonb_to_recordset($1::jsonb) as x("actId" text, applied boolean, reason text)
     where a.id = x."actId" and a.applied is null`,
    [JSON.stringify(answers)],
  );
}

/**
 * The run's answer to one steering act, before whoever asked is told: who has refused is not waited for by the referee from then on. The run writes the same with
 * its next progress.
 *
 * Ordering: the notification's row comes first, as wherever more than one row of a run is written.
 */
export async function answerSteering(
  pool: pg.Pool,
  act: { readonly actId: string; readonly applied: boolean; readonly reason: string | null },
): Promise<void> {
  await withTransaction(pool, async (client) => {
    await client.query(
      `select from notifications
       where id = (select notification_id from acts where id = $1) for no key update`,
      [act.actId],
    );
    if (act.applied) {
      await client.query(
        `update notification_targets t
         set state = 'refused', answered_at = coalesce(t.answered_at, now()), answer_act_id = a.id
         from acts a
         where a.id = $1 and a.kind = 'refuse' and t.notification_id = a.notification_id and t.target = a.by ->> 'userId' and t.state = 'open'`,
        [act.actId],
      );
    }
    await answerActs(client, [act]);
  });
}
