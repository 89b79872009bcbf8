import { beforeEach, describe, expect, test } from "vitest";

import type { DirectRequest } from "../../activities/contract.ts";
import { createPlanActivities } from "../../activities/plan-activities.ts";
import { recordAct } from "../../db/acts.ts";
import { newId } from "../../db/new-id.ts";
import { bodyHashOf, refOfKey } from "../../db/notification-ref.ts";
import { beginRun, next } from "../../domain/ladder.ts";
import type { Plan } from "../../domain/planner.ts";
import { assertDefined } from "../support/assert-defined.ts";
import { jakarta, NIGHTS } from "../support/plan-snapshot.ts";
import { insertPolicy, insertUser } from "../support/rows.ts";
import { counting, plannedRun, RUN, usePlanning } from "../support/planning.ts";

const NOON = jakarta("2026-03-02T12:00");
const NIGHT = jakarta("2026-03-02T23:00");
const SIX = jakarta("2026-03-03T06:00");

const planning = usePlanning(NOON);
beforeEach(async () => {
  planning().now = NOON;
  await planning().pool.query("delete from notification_settings");
  await planning().pool.query("delete from wake_places");
});

const STATUS = {
  type: "ticket_status_changed",
  ticketId: "TKT-1042",
  data: { status: "in_progress", previous_status: "assigned" },
} as const;
const OUTAGE = { type: "outage", zone: "karawang", data: { location: "POP Klari" } } as const;

async function row(id: string): Promise<Record<string, unknown>> {
  const { rows } = await planning().pool.query("select * from notifications where id = $1", [id]);
  return assertDefined(rows[0] as Record<string, unknown> | undefined);
}

async function rowsOf(table: string, id: string): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await planning().pool.query(
    `select * from ${table} where notification_id = $1 order by 1, 2`,
    [id],
  );
  return rows as readonly Record<string, unknown>[];
}

async function everything(id: string): Promise<unknown> {
  return {
    notification: await row(id),
    targets: await rowsOf("notification_targets", id),
    events: await rowsOf("notification_events", id),
    deliveries: await rowsOf("deliveries", id),
    inbox: await rowsOf("in_app_messages", id),
  };
}

describe("an accepted notification", () => {
  test("that can reach nobody has a plan too; how it ends is the run's to settle", async () => {
    const { accept, activities, pool } = planning();
    const nobody = await insertUser(pool, { phone: null });
    const { id, workflowId } = await accept({
      ...OUTAGE,
      priority: "medium",
      recipients: { userIds: [nobody.id], groupIds: [], roles: [] },
    });
    const plan = plannedRun(
      await activities.planNotification({ workflowId, runId: RUN, direct: null }),
    );
    expect(next(beginRun(plan, NOON), NOON).todo.end).toMatchObject({ outcome: "undeliverable" });
    expect(await row(id)).toMatchObject({ status: "planned", outcome: null });
  });

  test("is planned with its targets, its first inbox rows and its timeline", async () => {
    const { accept, activities, idOf } = planning();
    const { id, workflowId } = await accept(OUTAGE);
    const answer = await activities.planNotification({ workflowId, runId: RUN, direct: null });
    const plan = plannedRun(answer);
    expect(answer).toMatchObject({ acts: [] });
    expect(plan).toMatchObject({
      notificationId: id,
      priority: "critical",
      zone: "karawang",
      suppressed: null,
    });

    // Where it stands at once is written with the plan, so that the first message carries nothing.
    expect(answer).toMatchObject({
      opening: { status: "notifying", pass: 1, step: 1, entries: ["step_started"] },
    });
    expect(await row(id)).toMatchObject({
      status: "notifying",
      pass: 1,
      step: 1,
      run_id: RUN,
      started_at: new Date(NOON),
      planned_at: new Date(NOON),
      run_plan: plan,
      plan: { policy: { id: plan.policyId, version: 1 }, cost: expect.any(Number) as unknown },
    });
    const targets = await rowsOf("notification_targets", id);
    const noc = ["N-1", "N-2", "A-1"].map(idOf);
    expect(
      targets
        .filter(({ kind }) => kind === "person")
        .map(({ target }) => target)
        .sort(),
    ).toEqual([...noc].sort());
    expect(targets.find(({ target }) => target === idOf("G-NOC"))).toMatchObject({
      kind: "group",
      group_id: idOf("G-NOC"),
      first_asked: true,
      state: "open",
    });
    expect(targets.find(({ target }) => target === idOf("G-SUPERVISOR"))).toMatchObject({
      first_asked: false,
    });

    const inbox = await rowsOf("in_app_messages", id);
    expect(inbox.map(({ user_id }) => user_id).sort()).toEqual([...noc].sort());
    expect(inbox[0]).toMatchObject({ purpose: "ladder", purpose_key: "1/1" });
    expect(inbox[0]?.["title"]).toContain("POP Klari");
    expect(plan.inAppWritten).toHaveLength(3);
    for (const delivery of await rowsOf("deliveries", id)) {
      expect(delivery).toMatchObject({
        channel: "in_app",
        status: "sent",
        pass: 1,
        step: 1,
        attempt: 1,
        hand_over: 0,
        purpose: "ladder",
        sent_at: new Date(NOON),
      });
    }
    const events = await rowsOf("notification_events", id);
    expect(events.map(({ kind }) => kind)).toEqual([
      "accepted",
      "planned",
      "step_started",
      "delivery_accepted",
      "delivery_accepted",
      "delivery_accepted",
    ]);
    expect(events[1]?.["detail"]).toMatchObject({ persons: 3, groups: 3, policyId: plan.policyId });
  });

  test("has in its plan what the messages would cost by the price book", async () => {
    const { accept, activities } = planning();
    const { id, workflowId } = await accept(OUTAGE);
    await activities.planNotification({ workflowId, runId: RUN, direct: null });
    const { plan } = (await row(id)) as { readonly plan: Plan };
    const targets = plan.steps.flatMap((step) => step.targets);
    const costs = new Map(
      targets.map(({ channel, attempts, cost }) => [
        channel,
        cost === null ? null : cost / attempts,
      ]),
    );
    expect(Object.fromEntries(costs)).toMatchObject({
      in_app: 0,
      whatsapp_personal: 200,
      whatsapp_group: 200,
      call: 1_000,
    });
    // By the prefix of Indonesia, for each part of the text.
    expect(costs.get("sms")).toBeGreaterThanOrEqual(500);
    expect((costs.get("sms") ?? 0) % 500).toBe(0);
    expect(plan.cost).toBe(targets.reduce((sum, { cost }) => sum + (cost ?? 0), 0));
    expect(plan.warnings.filter(({ code }) => code === "unpriced")).toEqual([]);
  });

  test("costs two statements to plan", async () => {
    const { accept, deps } = planning();
    const { workflowId } = await accept(STATUS);
    const counted = counting(deps.pool);
    await createPlanActivities({ ...deps, pool: counted.pool }).planNotification({
      workflowId,
      runId: RUN,
      direct: null,
    });
    expect(counted.count()).toBe(2);
  });

  test("carries no number, name or text into Temporal's history", async () => {
    const { accept, activities, pool } = planning();
    const { workflowId } = await accept({ ...STATUS, recipients: { phones: ["+6281234000066"] } });
    const text = JSON.stringify(
      await activities.planNotification({ workflowId, runId: RUN, direct: null }),
    );
    expect(text).not.toMatch(/\+?62812|Contoh|in_progress/);
    expect(text).not.toContain("POP");
    const { rows } = await pool.query<{ plan: unknown }>(
      "select plan from notifications where workflow_id = $1",
      [workflowId],
    );
    expect(JSON.stringify(rows)).not.toMatch(/\+?62812|Contoh/);
  });

  test("names who is left out, and why, in the timeline; a change of theirs can bring them back", async () => {
    const { accept, activities, idOf, changeSettings } = planning();
    await changeSettings("C-3", { channels: { whatsapp: false } });
    const { id, workflowId } = await accept({ ...STATUS, customerId: "ext:C-3", recipients: null });
    await activities.planNotification({ workflowId, runId: RUN, direct: null });
    const [, planned] = await rowsOf("notification_events", id);
    expect(planned?.["detail"]).toMatchObject({
      excluded: [{ userId: idOf("C-3"), reason: "channel_off" }],
    });
    const targets = await rowsOf("notification_targets", id);
    expect(targets.find(({ target }) => target === idOf("C-3"))).toMatchObject({
      state: "left_out",
      first_asked: false,
    });
  });
});

describe("a second execution", () => {
  test("returns the stored plan and writes nothing", async () => {
    const { accept, activities, changeSettings } = planning();
    const { id, workflowId } = await accept(OUTAGE);
    const input = { workflowId, runId: RUN, direct: null };
    const first = await activities.planNotification(input);
    const before = await everything(id);
    planning().now = NOON + 60_000;
    await changeSettings("N-1", { enabled: false });
    expect(await activities.planNotification(input)).toEqual(first);
    expect(await everything(id)).toEqual(before);
  });

  test("says what the first wrote of the run's beginning, also when an act came in between", async () => {
    const { accept, activities, pool } = planning();
    const { id, workflowId } = await accept(OUTAGE);
    const input = { workflowId, runId: RUN, direct: null };
    await activities.planNotification(input);
    await recordAct(pool, cancelOf(id, newId("act", NOON)));
    expect(await activities.planNotification(input)).toMatchObject({
      acts: [{ kind: "cancel" }],
      opening: { pass: 1, step: 1, entries: ["step_started"] },
    });
  });

  test("at the same time ends with the same plan and one record", async () => {
    const { accept, activities } = planning();
    const { id, workflowId } = await accept(OUTAGE);
    const input = { workflowId, runId: RUN, direct: null };
    const answers = await Promise.all([1, 2, 3].map(() => activities.planNotification(input)));
    const [one, ...others] = answers;
    expect(others).toEqual([one, one]);
    expect(await rowsOf("in_app_messages", id)).toHaveLength(3);
    const events = await rowsOf("notification_events", id);
    expect(events.filter(({ kind }) => kind === "planned")).toHaveLength(1);
  });
});

describe("a change that comes between loading and storing", () => {
  test("is in the plan: the outdated one is not stored", async () => {
    const { accept, activities, pool, idOf } = planning();
    const { id, workflowId } = await accept(STATUS);
    const change = await pool.connect();
    try {
      await change.query("begin");
      await change.query("update users set version = version + 1 where id = $1", [idOf("T-1")]);
      const planned = activities.planNotification({ workflowId, runId: RUN, direct: null });
      await waitForLock(id);
      await change.query("insert into notification_settings (user_id, settings) values ($1, $2)", [
        idOf("T-1"),
        { channels: { whatsapp: false } },
      ]);
      await change.query("commit");
      const person = plannedRun(await planned).persons.find(({ key }) => key === idOf("T-1"));
      expect(person?.routes).toEqual({});
    } finally {
      change.release();
    }
  });

  test("and that stops the run leaves nobody told", async () => {
    const { accept, activities, pool, idOf } = planning();
    const { id, workflowId } = await accept(STATUS);
    const change = await pool.connect();
    try {
      await change.query("begin");
      // Holds the plan's statement at the person's row while the run is cancelled.
      await change.query("update users set updated_at = now() where id = $1", [idOf("T-1")]);
      const planned = activities.planNotification({ workflowId, runId: RUN, direct: null });
      await waitForLock(id);
      const actId = newId("act", NOON);
      await recordAct(pool, cancelOf(id, actId));
      await change.query("commit");
      expect(await planned).toMatchObject({
        kind: "planned",
        acts: [{ actId, kind: "cancel", stops: true }],
      });
      expect(await rowsOf("in_app_messages", id)).toEqual([]);
    } finally {
      change.release();
    }
  });

  test("and that is the last answer of all that were asked for is the one that counts", async () => {
    const { accept, activities, pool } = planning();
    const [first, last] = [await insertUser(pool), await insertUser(pool)];
    const policyId = await insertPolicy(pool, {
      rules: { settledBy: "acknowledged", acknowledgment: "all" },
    });
    const recipients = { userIds: [first.id, last.id], groupIds: [], roles: [] };
    const { id, workflowId } = await accept({ ...OUTAGE, policyId, recipients });
    const actIds = [newId("act", NOON), newId("act", NOON + 1)] as const;
    await recordAct(pool, acknowledgmentOf(id, actIds[0], first.id));
    const change = await pool.connect();
    try {
      await change.query("begin");
      await change.query("select from notifications where id = $1 for update", [id]);
      const planned = activities.planNotification({ workflowId, runId: RUN, direct: null });
      await waitForLock(id);
      // Behind the plan's statement, and before any other that the plan needs.
      const answered = recordAct(pool, acknowledgmentOf(id, actIds[1], last.id));
      await waitForLock(id, 2);
      await change.query("commit");
      expect(await planned).toMatchObject({ acts: [{ actId: actIds[0], stops: false }] });
      expect(await answered).toMatchObject({ kind: "applied", act: { stops: true } });
      expect(await row(id)).toMatchObject({
        acknowledged_by: { userId: last.id },
        stop_act_id: actIds[1],
      });
    } finally {
      change.release();
    }
  });

  /** Until the plan's statement, and as many others as belong to the test, wait for a row. */
  async function waitForLock(id: string, statements = 1): Promise<void> {
    await expect
      .poll(
        async () => {
          const { rows } = await planning().pool.query<{ waiting: number }>(
            "select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
          );
          return rows[0]?.waiting;
        },
        { timeout: 10_000 },
      )
      .toBe(statements);
    expect(await row(id)).toMatchObject({ planned_at: null });
  }
});

function acknowledgmentOf(notificationId: string, actId: string, userId: string) {
  return {
    ...cancelOf(notificationId, actId),
    kind: "acknowledge" as const,
    by: { kind: "user" as const, userId, name: "Contoh" },
  };
}

function cancelOf(notificationId: string, actId: string) {
  return {
    actId,
    notificationId,
    kind: "cancel" as const,
    by: { kind: "system" as const, userId: null, name: null },
    via: "api",
    note: null,
    params: {},
    now: NOON,
  };
}

describe("a run that was acted on before it existed", () => {
  test("learns of the acts, oldest first, and tells nobody when it was stopped", async () => {
    const { accept, activities, pool } = planning();
    const { id, workflowId } = await accept(OUTAGE);
    const escalate = newId("act", NOON);
    const cancel = newId("act", NOON + 1);
    await recordAct(pool, { ...cancelOf(id, escalate), kind: "escalate" });
    await recordAct(pool, { ...cancelOf(id, cancel), now: NOON + 1 });
    const answer = await activities.planNotification({ workflowId, runId: RUN, direct: null });
    expect(answer).toMatchObject({
      kind: "planned",
      plan: { inAppWritten: [] },
      acts: [
        { actId: escalate, kind: "escalate", at: NOON, stops: false, userId: null, params: {} },
        { actId: cancel, kind: "cancel", at: NOON + 1, stops: true },
      ],
    });
    expect(await rowsOf("in_app_messages", id)).toEqual([]);
    expect(await row(id)).toMatchObject({ stop_kind: "cancel", status: "accepted" });
  });

  test("is not told of acts that were refused or that are not its business", async () => {
    const { accept, activities, pool } = planning();
    const { id, workflowId } = await accept(OUTAGE);
    await recordAct(pool, { ...cancelOf(id, newId("act", NOON)), kind: "close" });
    await recordAct(pool, {
      ...cancelOf(id, newId("act", NOON)),
      kind: "rate",
      params: { rating: 5 },
    });
    const answer = await activities.planNotification({ workflowId, runId: RUN, direct: null });
    expect(answer).toMatchObject({ acts: [] });
  });
});

describe("a record that is not this run's", () => {
  test("of another run is left alone", async () => {
    const { accept, activities } = planning();
    const { id, workflowId } = await accept(STATUS);
    await activities.planNotification({ workflowId, runId: RUN, direct: null });
    const before = await everything(id);
    const answer = await activities.planNotification({ workflowId, runId: "run-2", direct: null });
    expect(answer).toEqual({ kind: "not_ours", outcome: null, reason: "another_run" });
    expect(await everything(id)).toEqual(before);
  });

  test("that is settled answers how", async () => {
    const { accept, activities, pool } = planning();
    const { id, workflowId } = await accept(STATUS);
    await pool.query(
      "update notifications set status = 'settled', outcome = 'cancelled', settled_at = now() where id = $1",
      [id],
    );
    expect(await activities.planNotification({ workflowId, runId: RUN, direct: null })).toEqual({
      kind: "not_ours",
      outcome: "cancelled",
      reason: "already_settled",
    });
  });

  test("that does not exist, without a request to store, is nobody's", async () => {
    const workflowId = "notification/outage/ntf_missing";
    expect(
      await planning().activities.planNotification({ workflowId, runId: RUN, direct: null }),
    ).toEqual({
      kind: "not_ours",
      outcome: null,
      reason: "no_record",
    });
  });

  test("started by the API under its own run id is adopted", async () => {
    const { accept, activities, pool } = planning();
    const { id, workflowId } = await accept(STATUS);
    await pool.query("update notifications set run_id = $2, started_at = $3 where id = $1", [
      id,
      RUN,
      new Date(NOON - 5),
    ]);
    await activities.planNotification({ workflowId, runId: RUN, direct: null });
    expect(await row(id)).toMatchObject({
      run_id: RUN,
      started_at: new Date(NOON - 5),
      status: "notifying",
    });
  });
});

describe("a direct start", () => {
  const request = { type: "ticket_urgent", ticketId: "TKT-1045" } as const;

  function direct(
    key: string,
    over: Partial<DirectRequest> = {},
  ): {
    readonly workflowId: string;
    readonly runId: string;
    readonly direct: DirectRequest;
  } {
    const body = { ...request, ...over };
    return {
      workflowId: `notification/${body.type}/${refOfKey("tickets", key)}`,
      runId: RUN,
      direct: {
        sender: "tickets",
        key,
        bodyHash: Buffer.from(bodyHashOf(body)).toString("hex"),
        ...body,
      },
    };
  }

  test("stores its request and plans it", async () => {
    const { activities, pool, idOf } = planning();
    const input = direct("k-1");
    const plan = plannedRun(await activities.planNotification(input));
    expect(plan.persons.map(({ key }) => key)).toContain(idOf("T-3"));
    const { rows } = await pool.query("select * from notifications where id = $1", [
      plan.notificationId,
    ]);
    expect(rows[0]).toMatchObject({
      ref: refOfKey("tickets", "k-1"),
      sender: "tickets",
      idempotency_key: "k-1",
      ticket_id: "TKT-1045",
      status: "notifying",
      run_id: RUN,
    });
    expect(await activities.planNotification(input)).toMatchObject({ kind: "planned", plan });
  });

  test("executed twice at once stores one record", async () => {
    const { activities, pool } = planning();
    const input = direct("k-2");
    const [one, two] = await Promise.all([
      activities.planNotification(input),
      activities.planNotification(input),
    ]);
    expect(two).toEqual(one);
    const { rowCount } = await pool.query("select from notifications where workflow_id = $1", [
      input.workflowId,
    ]);
    expect(rowCount).toBe(1);
  });

  test("meets the record of the same request over HTTP", async () => {
    const { accept, activities } = planning();
    const input = direct("k-3");
    const ref = refOfKey("tickets", "k-3");
    const { id } = await accept(request, {
      ref,
      workflowId: input.workflowId,
      sender: "tickets",
      idempotencyKey: "k-3",
    });
    const plan = plannedRun(await activities.planNotification(input));
    expect(plan.notificationId).toBe(id);
  });

  test("with the key of another request ends without touching that one's record", async () => {
    const { accept, activities } = planning();
    const input = direct("k-4", { zone: "karawang" });
    const ref = refOfKey("tickets", "k-4");
    const { id } = await accept(request, { ref, workflowId: input.workflowId });
    const before = await everything(id);
    expect(await activities.planNotification(input)).toEqual({
      kind: "not_ours",
      outcome: "rejected",
      reason: "key_reused",
    });
    expect(await everything(id)).toEqual(before);
  });

  test("that can't be carried out settles as rejected, with everything that is wrong", async () => {
    const { activities, pool } = planning();
    const input = direct("k-5", {
      ticketId: "TKT-9",
      assigneeId: "ext:T-99",
      priority: "urgent",
      data: { location: "x" },
      attachments: [{ kind: "location", latitude: 1, longitude: 1 }],
    });
    expect(await activities.planNotification(input)).toEqual({
      kind: "not_ours",
      outcome: "rejected",
      reason: "invalid_request",
    });
    const { rows } = await pool.query("select * from notifications where workflow_id = $1", [
      input.workflowId,
    ]);
    const rejected = rows[0] as {
      id: string;
      outcome_detail: { problems: { path: string; code: string }[] };
    };
    expect(rejected).toMatchObject({
      status: "settled",
      outcome: "rejected",
      reason: "invalid_request",
      run_id: RUN,
    });
    expect(rejected.outcome_detail.problems.map(({ path, code }) => `${path} ${code}`)).toEqual(
      expect.arrayContaining([
        "data not_available",
        "attachments not_available",
        "priority invalid",
        "ticketId unknown",
        "assigneeId unknown",
      ]),
    );
    const events = await rowsOf("notification_events", rejected.id);
    expect(events.map(({ kind }) => kind)).toEqual(["accepted", "settled"]);
    expect(await activities.planNotification(input)).toMatchObject({
      kind: "not_ours",
      outcome: "rejected",
    });
  });

  test("may bring data where the payload codec hides it", async () => {
    const { deps } = planning();
    const activities = createPlanActivities({ ...deps, acceptsDirectData: true });
    const answer = await activities.planNotification(direct("k-6", { data: { note: "x" } }));
    expect(answer.kind).toBe("planned");
  });

  test("under an id that is not its own is nobody's", async () => {
    const input = { ...direct("k-7"), workflowId: "notification/outage/elsewhere" };
    expect(await planning().activities.planNotification(input)).toMatchObject({
      kind: "not_ours",
      reason: "malformed_workflow_id",
    });
  });
});

describe("quiet hours", () => {
  const sleeping = { quietHours: NIGHTS };
  const assigned = { type: "ticket_assigned", ticketId: "TKT-1045" } as const;

  async function planAtNight(): Promise<{
    readonly id: string;
    readonly plan: ReturnType<typeof plannedRun>;
  }> {
    const { accept, activities, pool } = planning();
    // Without the zone's group everybody of the run sleeps.
    await pool.query(
      "update whatsapp_groups set is_active = false where external_id = 'G-TEKNISI-KARAWANG'",
    );
    await planning().changeSettings("T-3", sleeping);
    planning().now = NIGHT;
    const { id, workflowId } = await accept(assigned);
    const plan = plannedRun(
      await activities.planNotification({ workflowId, runId: RUN, direct: null }),
    );
    await pool.query(
      "update whatsapp_groups set is_active = true where external_id = 'G-TEKNISI-KARAWANG'",
    );
    return { id, plan };
  }

  test("hold a run whose targets all sleep: the record says so until when", async () => {
    const { id, plan } = await planAtNight();
    const wakesAt = SIX + 60_000;
    expect(plan.persons[0]?.asleepUntil).toBe(wakesAt);
    expect(await row(id)).toMatchObject({
      status: "holding",
      pass: 1,
      step: 1,
      next_step_at: new Date(wakesAt),
      waiting_for: { kind: "quiet_hours", until: wakesAt, asleep: 1 },
    });
    const [target] = await rowsOf("notification_targets", id);
    expect(target).toMatchObject({ resume_at: new Date(wakesAt) });
    const events = await rowsOf("notification_events", id);
    expect(events.find(({ kind }) => kind === "held")).toMatchObject({
      entry_key: "r1",
      reason: "quiet_hours",
      detail: { until: wakesAt, asleep: 1 },
    });
  });

  test("are written as the run's own first entries", async () => {
    const { id, plan } = await planAtNight();
    const { todo } = next(beginRun(plan, NIGHT), NIGHT);
    const written = (await rowsOf("notification_events", id)).filter(({ entry_key }) =>
      String(entry_key).startsWith("r"),
    );
    const facts = written.map(({ entry_key, kind, reason, detail }) => ({
      entry_key,
      kind,
      reason,
      detail,
    }));
    expect(facts).toEqual(
      todo.events.map(({ sequence, kind, reason, detail }) => ({
        entry_key: `r${sequence}`,
        kind,
        reason,
        detail,
      })),
    );
  });

  test("let runs wake one after the other, recorded in the plan", async () => {
    const wakes: number[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      const { id, plan } = await planAtNight();
      wakes.push(assertDefined(plan.persons[0]?.asleepUntil) - SIX);
      expect(await row(id)).toMatchObject({ plan: { recipients: [{ wakePlace: turn }] } });
    }
    expect(wakes).toEqual([60_000, 60_100, 60_200]);
  });

  test("don't keep a silent row from the inbox", async () => {
    const { id } = await planAtNight();
    expect(await rowsOf("in_app_messages", id)).toHaveLength(1);
  });

  test("forget places that nobody waits for any more", async () => {
    const { pool } = planning();
    await pool.query("insert into wake_places values ($1, 'other', 4)", [
      new Date(NIGHT - 2 * 86_400_000),
    ]);
    await planAtNight();
    const { rows } = await pool.query<{ window_end: Date }>("select window_end from wake_places");
    expect(rows.map(({ window_end }) => window_end.getTime())).toEqual([SIX]);
  });
});

test("a request that waits for its time tells nobody before, not even the inbox", async () => {
  const { accept, activities } = planning();
  const notBefore = NOON + 3_600_000;
  const { id, workflowId } = await accept({
    ...OUTAGE,
    notBefore: new Date(notBefore).toISOString(),
  });
  await activities.planNotification({ workflowId, runId: RUN, direct: null });
  expect(await row(id)).toMatchObject({
    status: "holding",
    next_step_at: new Date(notBefore),
    waiting_for: { kind: "not_before", until: notBefore },
  });
  expect(await rowsOf("in_app_messages", id)).toEqual([]);
});

test("whom settings, mutes or a closed ticket leave without anybody is suppressed, with the reason in the timeline", async () => {
  const { accept, activities } = planning();
  const { id, workflowId } = await accept({ type: "ticket_assigned", ticketId: "TKT-1053" });
  const plan = plannedRun(
    await activities.planNotification({ workflowId, runId: RUN, direct: null }),
  );
  expect(plan).toMatchObject({ suppressed: "ticket_closed", persons: [], groups: [] });
  const events = await rowsOf("notification_events", id);
  expect(events.at(-1)).toMatchObject({ kind: "suppressed", reason: "ticket_closed" });
  expect(await row(id)).toMatchObject({ status: "planned", settled_at: null });
  expect(next(beginRun(plan, NOON), NOON).todo.end).toMatchObject({
    outcome: "suppressed",
    reason: "ticket_closed",
  });
});

test("a plan that was made while a policy was deleted goes on under its priority's default", async () => {
  const { accept, activities, pool } = planning();
  const policyId = newId("pol", NOON);
  await pool.query(
    "insert into escalation_policies (id, name, priority) values ($1, 'own', 'medium')",
    [policyId],
  );
  await pool.query(
    `insert into escalation_policy_versions (policy_id, version, rules)
     select $1, 1, rules from escalation_policy_versions v join escalation_policies p on p.id = v.policy_id where p.code = 'medium'`,
    [policyId],
  );
  const { workflowId } = await accept({ ...STATUS, policyId });
  await pool.query("delete from escalation_policies where id = $1", [policyId]);
  const plan = plannedRun(
    await activities.planNotification({ workflowId, runId: RUN, direct: null }),
  );
  const { rows } = await pool.query<{ id: string }>(
    "select id from escalation_policies where code = 'medium'",
  );
  expect(plan.policyId).toBe(rows[0]?.id);
});
