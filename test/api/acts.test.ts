import { describe, expect, it } from "vitest";
import { newId } from "../../db/new-id.ts";
import { insertTarget } from "../support/rows.ts";
import { objectAt, problemsOf, useApi } from "./harness.ts";
import type { Answer } from "./harness.ts";

const api = useApi();

function act(id: string, verb: string, body?: object, key?: string): Promise<Answer> {
  return api().request("POST", `/v1/notifications/${id}/${verb}`, {
    ...(body === undefined ? {} : { body }),
    ...(key === undefined ? {} : { key }),
  });
}

const inMinutes = (minutes: number): string =>
  new Date(Date.now() + minutes * 60_000).toISOString();

describe("stop-acts", () => {
  it.each([
    { verb: "acknowledge", status: "acknowledged", why: "somebody has it" },
    { verb: "cancel", status: "accepted", why: "the run settles it" },
    { verb: "resolve", status: "accepted", why: "the run settles it" },
  ])("$verb is applied, without a body too, and tells the run: $why", async ({ verb, status }) => {
    const id = await api().accept();
    const answer = await act(id, verb);
    await api().background.idle();

    expect(answer.status, answer.text).toBe(200);
    expect(answer.body["applied"]).toBe(true);
    expect(objectAt(answer.body, "notification", "id")).toBe(id);
    expect(objectAt(answer.body, "notification", "status")).toBe(status);
    const told = api().temporal.signals.filter(({ workflowId }) => workflowId.endsWith(id));
    expect(told.map(({ name }) => name)).toEqual(["fact"]);
    expect(objectAt(told[0]?.fact, "act", "kind")).toBe(verb);
    expect(await unsignalled(id)).toBe(0);
  });

  it("invariant 10: of many acknowledgments one is applied and the others are told who was first", async () => {
    const id = await api().accept();
    const people = await Promise.all(Array.from({ length: 6 }, () => api().person("noc")));
    const answers = await Promise.all(people.map(({ key }) => act(id, "acknowledge", {}, key)));

    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    const winners = people.filter((_, index) => answers[index]?.body["applied"] === true);
    expect(winners).toHaveLength(1);
    for (const answer of answers.filter(({ body }) => body["applied"] === false)) {
      expect(answer.body["reason"]).toBe("already_acknowledged");
      expect(objectAt(answer.body, "by", "userId")).toBe(winners[0]?.id);
      expect(answer.body["at"]).toMatch(/^\d{4}-.*Z$/);
    }
    const shown = await api().request("GET", `/v1/notifications/${id}`);
    expect(objectAt(shown.body, "acknowledgedBy", "userId")).toBe(winners[0]?.id);
  });

  it("invariant 10: acknowledge and cancel at once leave what one of them in front of the other leaves", async () => {
    for (let round = 0; round < 10; round += 1) {
      const id = await api().accept();
      const [acknowledged, cancelled] = await Promise.all([
        act(id, "acknowledge"),
        act(id, "cancel"),
      ]);
      const pair = [acknowledged.body, cancelled.body].map(
        ({ applied, reason }) => reason ?? applied,
      );
      expect([
        ["true", "already_acknowledged"].join(),
        ["already_cancelled", "true"].join(),
      ]).toContain(pair.map(String).join());
    }
  });

  it("invariant 11: is final while Temporal is away, and is told to the run later", async () => {
    const id = await api().accept();
    api().temporal.mode = "away";
    try {
      const answer = await act(id, "acknowledge");
      await api().background.idle();
      expect(answer.status).toBe(200);
      expect(answer.body["applied"]).toBe(true);
      expect(await unsignalled(id)).toBe(1);
    } finally {
      api().temporal.mode = "up";
    }
  });

  it("invariant 11: cancel right behind the POST cancels that run, started or not", async () => {
    api().temporal.mode = "away";
    try {
      const id = await api().accept();
      expect((await act(id, "cancel")).body["applied"]).toBe(true);
      expect((await act(id, "acknowledge")).body).toMatchObject({
        applied: false,
        reason: "already_cancelled",
      });
    } finally {
      api().temporal.mode = "up";
    }
  });

  it("invariant 11: after the end is refused with the reason, never with an error", async () => {
    const id = await api().accept();
    await settle(id, "exhausted");
    for (const verb of ["acknowledge", "cancel", "resolve", "escalate", "refuse"]) {
      const answer = await act(id, verb);
      expect(answer.status, verb).toBe(200);
      expect(answer.body, verb).toEqual({
        applied: false,
        reason: "already_settled",
        by: null,
        at: null,
      });
    }
  });

  it("answers a repeat with the same actId as the first time", async () => {
    const id = await api().accept();
    const actId = newId("act", Date.now());
    const first = await act(id, "acknowledge", { actId });
    const again = await act(id, "acknowledge", { actId });
    expect(again.body["applied"]).toBe(true);
    expect(again.status).toBe(first.status);
    expect((await act(id, "acknowledge")).body["applied"]).toBe(false);
  });

  it.each([
    { other: "notification", why: "another notification" },
    { other: "kind", why: "another act" },
  ])("refuses an actId that stands for $why", async ({ other }) => {
    const [one, two] = [await api().accept(), await api().accept()];
    const actId = newId("act", Date.now());
    await act(one, "acknowledge", { actId });
    const answer =
      other === "kind"
        ? await act(one, "cancel", { actId })
        : await act(two, "acknowledge", { actId });
    expect(answer.status).toBe(422);
    expect(problemsOf(answer)).toEqual(["actId: act_id_reused"]);
  });
});

it("one actId for several notifications at the same moment is one act", async () => {
  const ids = await Promise.all(Array.from({ length: 8 }, () => api().accept()));
  const actId = newId("act", Date.now());
  const answers = await Promise.all(ids.map((id) => act(id, "acknowledge", { actId })));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(7).fill(422)]);
});

describe("on whose behalf", () => {
  it("a system acts for a user, who is recorded as the one", async () => {
    const id = await api().accept();
    const { id: userId } = await api().person("technician");
    await api().pool.query("update users set external_id = 'T-17' where id = $1", [userId]);
    await act(id, "acknowledge", { by: "ext:T-17" });
    const shown = await api().request("GET", `/v1/notifications/${id}`);
    expect(shown.body["acknowledgedBy"]).toEqual({
      kind: "user",
      userId,
      groupId: null,
      name: "A technician",
      via: "api",
    });
  });

  it("an unknown user is refused", async () => {
    const id = await api().accept();
    const answer = await act(id, "acknowledge", { by: "ext:nobody" });
    expect(problemsOf(answer)).toEqual(["by: unknown"]);
  });

  it("a person acts in their own name only", async () => {
    const id = await api().accept();
    const [me, somebody] = [await api().person("noc"), await api().person("noc")];
    expect((await act(id, "acknowledge", { by: somebody.id }, me.key)).status).toBe(403);
    expect((await act(id, "acknowledge", { by: me.id }, me.key)).status).toBe(200);
  });
});

describe("steering acts", () => {
  it("are carried out by the run, whose answer is the answer", async () => {
    const id = await api().accept();
    const answer = await act(id, "escalate");
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body["applied"]).toBe(true);
    expect(api().temporal.updates.some(({ workflowId }) => workflowId.endsWith(id))).toBe(true);
    expect(await unsignalled(id)).toBe(0);
  });

  it("pass on the run's no", async () => {
    const id = await api().accept();
    api().temporal.steerAnswer = { applied: false, reason: "not_possible" };
    try {
      expect((await act(id, "escalate")).body).toEqual({
        applied: false,
        reason: "not_possible",
        by: null,
        at: null,
      });
    } finally {
      api().temporal.steerAnswer = { applied: true, reason: null };
    }
  });

  it("are pending after two seconds without an answer, and signalled", async () => {
    const id = await api().accept();
    api().temporal.steerAnswer = null;
    try {
      const actId = newId("act", Date.now());
      const startedAt = Date.now();
      const answer = await act(id, "escalate", { actId });
      expect(answer.status).toBe(202);
      expect(answer.body).toEqual({ applied: null, pending: true, actId });
      expect(Date.now() - startedAt).toBeLessThan(3_000);
      await api().background.idle();
      const told = api().temporal.signals.filter(({ workflowId }) => workflowId.endsWith(id));
      expect(told.map(({ fact }) => objectAt(fact, "act", "actId"))).toEqual([actId]);
    } finally {
      api().temporal.steerAnswer = { applied: true, reason: null };
    }
  });

  it("are pending, not failed, while Temporal is away", async () => {
    const id = await api().accept();
    api().temporal.mode = "away";
    try {
      const answer = await act(id, "escalate");
      await api().background.idle();
      expect(answer.status).toBe(202);
      expect(await unsignalled(id)).toBe(1);
    } finally {
      api().temporal.mode = "up";
    }
  });
});

describe("snooze", () => {
  it.each([
    { type: "outage", minutes: 14.9, status: 200, why: "critical, within 15 minutes" },
    { type: "outage", minutes: 15.1, status: 422, why: "critical, beyond 15 minutes" },
    { type: "ticket_urgent", minutes: 119.9, status: 200, why: "high, within 2 hours" },
    { type: "ticket_urgent", minutes: 120.1, status: 422, why: "high, beyond 2 hours" },
    { type: "ticket_urgent", minutes: -0.1, status: 422, why: "in the past" },
  ])("$type for $minutes minutes answers $status: $why", async ({ type, minutes, status }) => {
    const { id: assigneeId } = await api().person("technician");
    const id = await api().accept({ type, assigneeId });
    const answer = await act(id, "snooze", { until: inMinutes(minutes) });
    expect(answer.status, answer.text).toBe(status);
  });

  it("needs a time", async () => {
    const id = await api().accept();
    expect(problemsOf(await act(id, "snooze", {}))).toEqual(["until: required"]);
    expect(problemsOf(await act(id, "snooze", { until: "soon" }))).toEqual(["until: invalid"]);
  });
});

describe("reassign", () => {
  it("replaces the assignee when nobody is named", async () => {
    const [old, next] = [await api().person("technician"), await api().person("technician")];
    const id = await api().accept({ assigneeId: old.id });
    const answer = await act(id, "reassign", { userId: next.id });
    expect(answer.body["applied"]).toBe(true);
    const { rows } = await api().pool.query(
      "select params from acts where notification_id = $1 and kind = 'reassign'",
      [id],
    );
    expect(rows[0]).toMatchObject({ params: { userId: next.id, fromUserId: old.id } });
  });

  it.each([
    { body: { userId: "next" }, expected: ["fromUserId: required"], why: "there is no assignee" },
    {
      body: { userId: "usr_nobody", fromUserId: "next" },
      expected: ["userId: unknown"],
      why: "nobody takes it",
    },
    {
      body: { userId: "usr_nobody", fromUserId: "usr_no" },
      expected: ["userId: unknown", "fromUserId: unknown"],
      why: "both are unknown",
    },
    {
      body: { userId: "next", fromUserId: "next" },
      expected: ["userId: same_user"],
      why: "nothing changes",
    },
  ])("is refused when $why", async ({ body, expected }) => {
    const next = await api().person("technician");
    const id = await api().accept();
    const named = Object.fromEntries(
      Object.entries(body).map(([name, value]) => [name, value === "next" ? next.id : value]),
    );
    const answer = await act(id, "reassign", named);
    expect(answer.status).toBe(422);
    expect(problemsOf(answer)).toEqual(expected);
  });
});

describe("resend, move, reprioritise", () => {
  it("resends a delivery of this notification's ladder only", async () => {
    const [one, two] = [await api().accept(), await api().accept()];
    const deliveryId = await insertDelivery(one);
    expect(problemsOf(await act(two, "resend", { deliveryId }))).toEqual(["deliveryId: unknown"]);
    expect((await act(one, "resend", { deliveryId })).body["applied"]).toBe(true);
    const { rows } = await api().pool.query(
      "select params -> 'resend' as resend from acts where notification_id = $1",
      [one],
    );
    expect(rows).toEqual([
      {
        resend: {
          pass: 1,
          step: 1,
          target: "usr_a",
          channel: "whatsapp_personal",
          attempt: 1,
          handOver: 0,
        },
      },
    ]);
  });

  it("moves to a version that the policy has, or to the current one", async () => {
    const id = await api().accept();
    expect(problemsOf(await act(id, "move", { policyVersion: 99 }))).toEqual([
      "policyVersion: unknown",
    ]);
    expect((await act(id, "move", { policyVersion: 1 })).status).toBe(200);
    expect((await act(id, "move")).status).toBe(200);
  });

  it("reprioritises to a priority that there is", async () => {
    const id = await api().accept();
    expect((await act(id, "reprioritise", { priority: "high" })).status).toBe(200);
    expect(problemsOf(await act(id, "reprioritise", { priority: "urgent" }))).toEqual([
      "priority: invalid",
    ]);
  });
});

describe("rate and close", () => {
  it.each([
    { rating: 0, status: 422 },
    { rating: 1, status: 200 },
    { rating: 5, status: 200 },
    { rating: 6, status: 422 },
    { rating: 4.5, status: 422 },
  ])("a rating of $rating answers $status, also after the end", async ({ rating, status }) => {
    const id = await api().accept();
    await settle(id, "delivered");
    const answer = await act(id, "rate", { rating });
    expect(answer.status).toBe(status);
    if (status === 200) expect(objectAt(answer.body, "notification", "rating")).toBe(rating);
  });

  it("closes an unanswered one with a note, once", async () => {
    const id = await api().accept();
    expect((await act(id, "close", { note: "seen" })).body).toMatchObject({
      applied: false,
      reason: "not_possible",
    });
    await settle(id, "exhausted");
    expect(problemsOf(await act(id, "close", {}))).toEqual(["note: required"]);
    const closed = await act(id, "close", { note: "Called them by hand." });
    expect(closed.body["applied"]).toBe(true);
    expect(objectAt(closed.body, "notification", "closeNote")).toBe("Called them by hand.");
    expect((await act(id, "close", { note: "again" })).body["applied"]).toBe(false);
  });
});

describe("acknowledge many", () => {
  it("says of each what became of it", async () => {
    const [open, taken, unknown] = [
      await api().accept(),
      await api().accept(),
      newId("ntf", Date.now()),
    ];
    await act(taken, "acknowledge");
    const answer = await api().request("POST", "/v1/notifications/acknowledge", {
      body: { ids: [open, taken, unknown, open], note: "all mine" },
    });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body["acknowledged"]).toBe(1);
    const results = [0, 1, 2, 3].map((index) => [
      objectAt(answer.body, "results", index, "id"),
      objectAt(answer.body, "results", index, "reason"),
    ]);
    expect(results).toEqual([
      [open, null],
      [taken, "already_acknowledged"],
      [unknown, "not_found"],
      [undefined, undefined],
    ]);
  });

  it("takes the open ones of a filter that the actor may answer, and no others", async () => {
    const ticketId = "TKT-MANY";
    const mine = await api().accept({ ticketId, zone: "bekasi" });
    const others = await api().accept({ ticketId, zone: "karawang" });
    const { key } = await api().person("supervisor", ["bekasi"]);
    const answer = await api().request("POST", "/v1/notifications/acknowledge", {
      key,
      body: { filter: { ticketId } },
    });
    expect(answer.body).toMatchObject({ acknowledged: 1, hasMore: false });
    expect(objectAt(answer.body, "results", 0, "id")).toBe(mine);
    expect((await act(others, "acknowledge")).body["applied"]).toBe(true);
  });

  it.each([
    { body: {}, why: "neither ids nor filter" },
    { body: { ids: [], filter: {} }, why: "both" },
    { body: { ids: ["ntf_x"] }, why: "an id that is none" },
    { body: { filter: { colour: "red" } }, why: "an unknown filter" },
  ])("refuses $why", async ({ body }) => {
    const answer = await api().request("POST", "/v1/notifications/acknowledge", { body });
    expect(answer.status).toBe(422);
  });
});

describe("what somebody may not see", () => {
  it.each([
    "acknowledge",
    "refuse",
    "escalate",
    "snooze",
    "cancel",
    "resolve",
    "rate",
    "reprioritise",
    "reassign",
    "resend",
    "move",
    "close",
  ])("%s of a hidden notification answers as for an unknown one", async (verb) => {
    const id = await api().accept({ zone: "karawang" });
    const { key } = await api().person("technician", ["karawang"]);
    const bodies: Record<string, object> = {
      snooze: { until: inMinutes(5) },
      rate: { rating: 5 },
      reprioritise: { priority: "low" },
      reassign: { userId: "usr_a" },
      resend: { deliveryId: "dlv_a" },
      close: { note: "a note" },
    };
    const body = bodies[verb] ?? {};
    const hidden = await act(id, verb, body, key);
    const unknown = await act(newId("ntf", Date.now()), verb, body, key);
    expect(hidden.status).toBe(404);
    expect({ ...hidden.body, requestId: "" }).toEqual({ ...unknown.body, requestId: "" });
    expect(await actsOf(id)).toBe(0);
  });

  it("a technician who was told may answer but not steer, and is told so", async () => {
    const id = await api().accept();
    const { id: userId, key } = await api().person("technician");
    await insertTarget(api().pool, id, { target: userId });
    expect((await act(id, "cancel", {}, key)).status).toBe(403);
    expect((await act(id, "acknowledge", {}, key)).body["applied"]).toBe(true);
  });

  it.each([
    { scopes: ["acts:write"], verb: "acknowledge", status: 200, why: "acts are given" },
    { scopes: ["notifications:read"], verb: "acknowledge", status: 403, why: "reading only" },
    { scopes: ["master:write"], verb: "acknowledge", status: 404, why: "nothing of notifications" },
  ] as const)("a key with $scopes gets $status: $why", async ({ scopes, verb, status }) => {
    const id = await api().accept();
    const key = await api().systemKey(...scopes);
    expect((await act(id, verb, {}, key)).status).toBe(status);
  });
});

async function settle(id: string, outcome: string): Promise<void> {
  await api().pool.query(
    "update notifications set status = 'settled', outcome = $2, settled_at = now() where id = $1",
    [id, outcome],
  );
}

async function unsignalled(id: string): Promise<number> {
  const { rows } = await api().pool.query<{ count: number }>(
    "select count(*) from acts where notification_id = $1 and signalled_at is null",
    [id],
  );
  return rows[0]?.count ?? -1;
}

async function actsOf(id: string): Promise<number> {
  const { rows } = await api().pool.query<{ count: number }>(
    "select count(*) from acts where notification_id = $1",
    [id],
  );
  return rows[0]?.count ?? -1;
}

async function insertDelivery(notificationId: string): Promise<string> {
  const id = newId("dlv", Date.now());
  await api().pool.query(
    `insert into deliveries (id, notification_id, pass, step, target, user_id, channel, attempt, hand_over, status)
     values ($1, $2, 1, 1, 'usr_a', 'usr_a', 'whatsapp_personal', 1, 0, 'accepted')`,
    [id, notificationId],
  );
  return id;
}
