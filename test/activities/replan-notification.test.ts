import { beforeEach, describe, expect, test } from "vitest";

import type { ReplanAnswer } from "../../activities/contract.ts";
import { newId } from "../../db/new-id.ts";
import type { NotificationRequest } from "../../domain/request.ts";
import type { RunPlan } from "../../domain/run.ts";
import { assertDefined } from "../support/assert-defined.ts";
import { jakarta, NIGHTS } from "../support/plan-snapshot.ts";
import { plannedRun, RUN, usePlanning } from "../support/planning.ts";

const NOON = jakarta("2026-03-02T12:00");
const NIGHT = jakarta("2026-03-02T23:00");
const SIX = jakarta("2026-03-03T06:00");
const ACT = newId("act", NOON);

const planning = usePlanning(NOON);
beforeEach(async () => {
  planning().now = NOON;
  await planning().pool.query("delete from notification_settings");
});

const URGENT = { type: "ticket_urgent", ticketId: "TKT-1045" } as const;

async function planned(
  request: NotificationRequest,
): Promise<{ readonly id: string; readonly plan: RunPlan }> {
  const { accept, activities } = planning();
  const { id, workflowId } = await accept(request);
  return {
    id,
    plan: plannedRun(await activities.planNotification({ workflowId, runId: RUN, direct: null })),
  };
}

function replanned(answer: ReplanAnswer): RunPlan {
  if (answer.kind !== "replanned") throw new Error(`expected a plan: ${answer.kind}`);
  return answer.plan;
}

async function row(id: string): Promise<Record<string, unknown>> {
  const { rows } = await planning().pool.query("select * from notifications where id = $1", [id]);
  return assertDefined(rows[0] as Record<string, unknown> | undefined);
}

async function target(
  id: string,
  externalId: string,
): Promise<Record<string, unknown> | undefined> {
  const { rows } = await planning().pool.query(
    "select * from notification_targets where notification_id = $1 and target = $2",
    [id, planning().idOf(externalId)],
  );
  return rows[0] as Record<string, unknown> | undefined;
}

function personOf(plan: RunPlan, externalId: string): RunPlan["persons"][number] | undefined {
  return plan.persons.find(({ key }) => key === planning().idOf(externalId));
}

describe("after a change", () => {
  const why = { kind: "reason", reason: "settings" } as const;

  test("sleep times are decided anew, marks are taken off, the pinned policy stays", async () => {
    const { activities, changeSettings, pool } = planning();
    await changeSettings("T-3", { quietHours: NIGHTS });
    planning().now = NIGHT;
    const { id, plan } = await planned(URGENT);
    expect(personOf(plan, "T-3")?.asleepUntil).toBe(SIX);

    await changeSettings("T-3", { quietHours: { ...NIGHTS, to: "05:00" } });
    await pool.query(
      "update notification_targets set plan_stale_at = $2 where notification_id = $1",
      [id, new Date(NIGHT)],
    );
    await pool.query("update escalation_policies set current_version = 2 where code = 'high'");
    await pool.query(
      `insert into escalation_policy_versions (policy_id, version, rules)
       select policy_id, 2, jsonb_set(rules, '{passes}', '3') from escalation_policy_versions where policy_id = $1 and version = 1
       on conflict do nothing`,
      [plan.policyId],
    );
    planning().now = NIGHT + 1_000;
    const again = replanned(await activities.replanNotification({ notificationId: id, why }));
    await pool.query("update escalation_policies set current_version = 1 where code = 'high'");
    const five = jakarta("2026-03-03T05:00");
    expect(personOf(again, "T-3")?.asleepUntil).toBe(five);
    expect(again).toMatchObject({
      policyVersion: 1,
      rules: { passes: 1 },
      inAppWritten: plan.inAppWritten,
    });
    expect(await target(id, "T-3")).toMatchObject({
      resume_at: new Date(five),
      plan_stale_at: null,
      state: "open",
    });
    expect(await row(id)).toMatchObject({ run_plan: again });
  });

  test("a mark made after the question stays for the next one", async () => {
    const { activities, pool } = planning();
    const { id } = await planned(URGENT);
    const later = new Date(NOON + 5);
    await pool.query(
      "update notification_targets set plan_stale_at = $2 where notification_id = $1",
      [id, later],
    );
    await activities.replanNotification({ notificationId: id, why });
    expect(await target(id, "T-3")).toMatchObject({ plan_stale_at: later });
  });

  test("a held run says in the record until when it now waits", async () => {
    const { activities, changeSettings, pool } = planning();
    await changeSettings("T-3", { quietHours: NIGHTS });
    await changeSettings("S-1", { quietHours: NIGHTS });
    planning().now = NIGHT;
    const { id } = await planned({
      type: "ticket_assigned",
      ticketId: "TKT-1045",
      recipients: { userIds: ["ext:T-3"] },
    });
    expect(await row(id)).toMatchObject({ status: "holding" });
    await changeSettings("T-3", { quietHours: { ...NIGHTS, to: "07:00" } });
    await pool.query("delete from wake_places");
    await activities.replanNotification({ notificationId: id, why });
    const seven = SIX + 3_600_000 + 60_000;
    expect(await row(id)).toMatchObject({
      status: "holding",
      next_step_at: new Date(seven),
      waiting_for: { kind: "quiet_hours", until: seven },
      plan: { recipients: [{ asleepUntil: new Date(seven).toISOString(), wakePlace: 0 }] },
    });
  });

  test("whom it leaves nothing is left out, and comes back with the next one", async () => {
    const { activities, changeSettings } = planning();
    const off = { channels: { whatsapp: false, email: false } };
    const { id } = await planned({
      type: "service_update",
      customerId: "ext:C-1",
      recipients: { userIds: ["ext:C-1", "ext:C-5"] },
      data: { message: "x" },
    });
    await changeSettings("C-1", off);
    const without = replanned(await activities.replanNotification({ notificationId: id, why }));
    expect(personOf(without, "C-1")).toBeUndefined();
    expect(await target(id, "C-1")).toMatchObject({ state: "left_out" });
    expect(await row(id)).toMatchObject({
      plan: { excluded: [{ userId: planning().idOf("C-1"), reason: "channel_off" }] },
    });

    await changeSettings("C-1", {});
    const back = replanned(await activities.replanNotification({ notificationId: id, why }));
    expect(personOf(back, "C-1")).toMatchObject({ origin: "audience" });
    expect(await target(id, "C-1")).toMatchObject({ state: "open" });
  });

  test("a closed ticket leaves nobody", async () => {
    const { activities, pool } = planning();
    const { id } = await planned({ ...URGENT, ticketId: "TKT-1048" });
    await pool.query(
      "update tickets set status = 'resolved', updated_at = $1 where id = 'TKT-1048'",
      [new Date(NOON + 1)],
    );
    const plan = replanned(await activities.replanNotification({ notificationId: id, why }));
    expect(plan).toMatchObject({ suppressed: "ticket_closed", persons: [], groups: [] });
  });

  test("a ticket that was given to somebody else tells the new one and leaves out the old", async () => {
    const { activities, pool, idOf } = planning();
    const { id } = await planned({ ...URGENT, ticketId: "TKT-1044", assigneeId: "ext:T-2" });
    await pool.query("update tickets set assignee_id = $1, updated_at = $2 where id = 'TKT-1044'", [
      idOf("T-1"),
      new Date(NOON + 1),
    ]);
    const plan = replanned(await activities.replanNotification({ notificationId: id, why }));
    expect(personOf(plan, "T-1")).toMatchObject({ origin: "added" });
    expect(personOf(plan, "T-2")).toBeUndefined();
    expect(await row(id)).toMatchObject({
      plan: {
        excluded: expect.arrayContaining([
          expect.objectContaining({ userId: idOf("T-2"), reason: "reassigned" }),
        ]) as unknown,
      },
    });
  });

  test("what was foreseen stays in the plan of a run that has begun", async () => {
    const { activities, changeSettings, pool, idOf } = planning();
    const { id } = await planned(URGENT);
    const before = (await row(id))["plan"] as { readonly steps: unknown };
    await pool.query(
      `insert into deliveries (id, notification_id, pass, step, target, user_id, channel, attempt, hand_over, status)
       values ($1, $2, 1, 1, $3, $3, 'whatsapp_personal', 1, 0, 'accepted')`,
      [newId("dlv", NOON), id, idOf("T-3")],
    );
    await changeSettings("T-3", { quietHours: { ...NIGHTS, from: "11:00", to: "13:00" } });
    planning().now = NOON + 60_000;
    await activities.replanNotification({ notificationId: id, why });
    const after = (await row(id))["plan"] as {
      readonly steps: unknown;
      readonly recipients: readonly object[];
    };
    expect(after.steps).toEqual(before.steps);
    expect(after.recipients).toContainEqual(
      expect.objectContaining({
        userId: idOf("T-3"),
        asleepUntil: new Date(jakarta("2026-03-02T13:00")).toISOString(),
      }),
    );
  });

  test("writes nothing into the timeline, however often it runs: the run does", async () => {
    const { activities, pool } = planning();
    const { id } = await planned(URGENT);
    const events = async () =>
      (await pool.query("select * from notification_events where notification_id = $1", [id]))
        .rows as unknown;
    const before = await events();
    const first = await activities.replanNotification({ notificationId: id, why });
    expect(await activities.replanNotification({ notificationId: id, why })).toEqual(first);
    expect(await events()).toEqual(before);
  });

  test("of a settled notification is refused", async () => {
    const { activities, pool } = planning();
    const { id } = await planned(URGENT);
    await pool.query(
      "update notifications set status = 'settled', outcome = 'cancelled', settled_at = now() where id = $1",
      [id],
    );
    expect(await activities.replanNotification({ notificationId: id, why })).toEqual({
      kind: "refused",
      reason: "already_settled",
    });
  });
});

describe("another policy", () => {
  test("by reprioritise is that of the priority; the row takes both", async () => {
    const { activities, pool } = planning();
    const { id } = await planned(URGENT);
    const why = { kind: "reprioritise", priority: "critical", actId: ACT } as const;
    const plan = replanned(await activities.replanNotification({ notificationId: id, why }));
    const { rows } = await pool.query<{ id: string }>(
      "select id from escalation_policies where code = 'critical'",
    );
    expect(plan).toMatchObject({
      priority: "critical",
      policyId: rows[0]?.id,
      rules: { passes: 2 },
    });
    expect(await row(id)).toMatchObject({
      priority: "critical",
      policy_id: rows[0]?.id,
      policy_version: 1,
    });
    expect(await activities.replanNotification({ notificationId: id, why })).toEqual({
      kind: "replanned",
      plan,
    });
  });

  test("is for the run's own persons: those of role-up are not made part of it", async () => {
    const { activities } = planning();
    const { id } = await planned({ ...URGENT, recipients: { userIds: ["ext:T-3"] } });
    await activities.planRoleUp({ notificationId: id, role: "supervisor", known: [] });
    const why = { kind: "reprioritise", priority: "medium", actId: ACT } as const;
    const plan = replanned(await activities.replanNotification({ notificationId: id, why }));
    expect(plan.persons.map(({ key }) => key)).toEqual([planning().idOf("T-3")]);
    const reason = { kind: "reason", reason: "settings" } as const;
    const kept = replanned(
      await activities.replanNotification({ notificationId: id, why: reason }),
    );
    expect(personOf(kept, "S-1")).toMatchObject({ origin: "role_up" });
  });

  test.each([
    [null, 2, "the newest"],
    [1, 1, "an older one"],
    [2, 2, "the newest by its number"],
  ])("by move to version %j is version %d: %s", async (policyVersion, version, _why) => {
    const { activities, pool } = planning();
    const { id, plan } = await planned({
      type: "system_alert",
      zone: "karawang",
      data: { message: "x" },
    });
    await pool.query(
      `insert into escalation_policy_versions (policy_id, version, rules)
       select policy_id, 2, jsonb_set(rules, '{lifetimeSeconds}', '3600') from escalation_policy_versions where policy_id = $1 and version = 1
       on conflict do nothing`,
      [plan.policyId],
    );
    await pool.query("update escalation_policies set current_version = 2 where id = $1", [
      plan.policyId,
    ]);
    const why = { kind: "move", policyVersion, actId: ACT } as const;
    const moved = replanned(await activities.replanNotification({ notificationId: id, why }));
    await pool.query("update escalation_policies set current_version = 1 where id = $1", [
      plan.policyId,
    ]);
    expect(moved).toMatchObject({ policyId: plan.policyId, policyVersion: version });
    expect(await row(id)).toMatchObject({ policy_version: version });
  });

  test.each([
    [{ kind: "reprioritise", priority: "urgent", actId: ACT }, "no such priority"],
    [{ kind: "move", policyVersion: 99, actId: ACT }, "no such version"],
  ] as const)("%j is refused: %s", async (why, _why) => {
    const { activities } = planning();
    const { id } = await planned(URGENT);
    const before = await row(id);
    expect(await activities.replanNotification({ notificationId: id, why })).toEqual({
      kind: "refused",
      reason: "not_possible",
    });
    expect(await row(id)).toEqual(before);
  });
});

describe("another assignee", () => {
  function to(userId: string, fromUserId: string | null = null) {
    const { idOf } = planning();
    return {
      kind: "reassign",
      userId: idOf(userId),
      fromUserId: fromUserId === null ? null : idOf(fromUserId),
      actId: ACT,
    } as const;
  }

  test("takes the place of the one before, who is out", async () => {
    const { activities, idOf } = planning();
    const { id } = await planned(URGENT);
    const answer = await activities.replanNotification({ notificationId: id, why: to("T-2") });
    expect(answer).toMatchObject({
      kind: "reassigned",
      from: idOf("T-3"),
      person: { key: idOf("T-2"), origin: "reassigned" },
    });
    expect(await row(id)).toMatchObject({ assignee_id: idOf("T-2") });
    expect(await target(id, "T-3")).toMatchObject({ state: "out" });
    expect(await target(id, "T-2")).toMatchObject({
      state: "open",
      origin: "reassigned",
      first_asked: true,
    });
    const plan = (await row(id))["plan"] as {
      readonly recipients: readonly { readonly userId?: string }[];
      readonly excluded: readonly object[];
    };
    const ids = plan.recipients.map(({ userId }) => userId);
    expect(ids).toContain(idOf("T-2"));
    expect(ids).not.toContain(idOf("T-3"));
    expect(plan.excluded).toContainEqual({ userId: idOf("T-3"), reason: "reassigned" });
    expect(
      await activities.replanNotification({ notificationId: id, why: to("T-2", "T-3") }),
    ).toEqual(answer);
  });

  test("stays the assignee in every later plan, and the one before stays out", async () => {
    const { activities } = planning();
    const { id } = await planned(URGENT);
    await activities.replanNotification({ notificationId: id, why: to("T-2") });
    const why = { kind: "reason", reason: "settings" } as const;
    const plan = replanned(await activities.replanNotification({ notificationId: id, why }));
    expect(personOf(plan, "T-2")).toMatchObject({ origin: "reassigned" });
    expect(personOf(plan, "T-3")).toBeUndefined();
  });

  test("of somebody who is not the assignee leaves the assignee", async () => {
    const { activities, idOf } = planning();
    const { id } = await planned({ ...URGENT, recipients: { userIds: ["ext:T-3", "ext:T-1"] } });
    await activities.replanNotification({ notificationId: id, why: to("T-2", "T-1") });
    expect(await row(id)).toMatchObject({ assignee_id: null });
    expect(await target(id, "T-3")).toMatchObject({ state: "open" });
    expect(await target(id, "T-1")).toMatchObject({ state: "out" });
    expect(await target(id, "T-2")).toMatchObject({ target: idOf("T-2"), state: "open" });
  });

  test.each([
    ["inactive", "who has left"],
    ["same", "who has it already"],
  ])("%s is refused: %s", async (what, _why) => {
    const { activities, pool, idOf } = planning();
    const { id } = await planned(URGENT);
    if (what === "inactive")
      await pool.query("update users set is_active = false where id = $1", [idOf("T-13")]);
    const why = to(what === "inactive" ? "T-13" : "T-3");
    expect(await activities.replanNotification({ notificationId: id, why })).toEqual({
      kind: "refused",
      reason: "not_possible",
    });
  });
});

describe("the next role up", () => {
  test("is named, stored as such, and named again by a second execution", async () => {
    const { activities, idOf } = planning();
    const { id } = await planned({
      type: "system_alert",
      zone: "karawang",
      data: { message: "x" },
    });
    const input = { notificationId: id, role: "supervisor", known: [] } as const;
    const answer = await activities.planRoleUp(input);
    expect(answer).toMatchObject({
      role: "supervisor",
      reason: "no_duty_roster",
      persons: [
        {
          key: idOf("S-1"),
          origin: "role_up",
          routes: { whatsapp_personal: expect.any(Array) as unknown },
        },
      ],
    });
    expect(await target(id, "S-1")).toMatchObject({
      origin: "role_up",
      first_asked: false,
      state: "open",
    });
    expect(await activities.planRoleUp(input)).toEqual(answer);
  });

  test("names whom the run knows by the inbox alone, now with every channel", async () => {
    const { activities, idOf } = planning();
    const { id, plan } = await planned(URGENT);
    expect(personOf(plan, "S-1")).toMatchObject({ only: ["in_app"] });
    const { persons } = await activities.planRoleUp({
      notificationId: id,
      role: "supervisor",
      known: [idOf("S-1")],
    });
    expect(persons).toMatchObject([{ key: idOf("S-1"), only: null }]);
    expect(await target(id, "S-1")).toMatchObject({ origin: "role_up", first_asked: true });
  });

  test("that nobody has is empty, with the reason", async () => {
    const { activities, pool } = planning();
    const { id } = await planned(URGENT);
    await pool.query("update users set is_active = false where role = 'manager'");
    expect(await activities.planRoleUp({ notificationId: id, role: "manager", known: [] })).toEqual(
      {
        role: "manager",
        persons: [],
        reason: "role_empty",
      },
    );
    await pool.query("update users set is_active = true where role = 'manager'");
  });

  test("sleeps in its own quiet hours, with a place", async () => {
    const { activities, changeSettings, pool } = planning();
    const { id } = await planned(URGENT);
    await changeSettings("S-1", { quietHours: NIGHTS });
    await pool.query("delete from wake_places");
    planning().now = NIGHT;
    const { persons } = await activities.planRoleUp({
      notificationId: id,
      role: "supervisor",
      known: [],
    });
    expect(persons[0]?.asleepUntil).toBe(SIX);
    expect(await target(id, "S-1")).toMatchObject({ resume_at: new Date(SIX) });
    const { rows } = await pool.query("select taken from wake_places");
    expect(rows).toEqual([{ taken: 1 }]);
  });
});
