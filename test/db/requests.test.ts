import { describe, expect, test } from "vitest";

import { explainRequest } from "../../db/explain.ts";
import { findOrMakeUsers, insertNotification } from "../../db/notifications-insert.ts";
import type { NewNotification } from "../../db/notifications-insert.ts";
import { newId } from "../../db/new-id.ts";
import { loadRequest } from "../../db/plan-snapshot.ts";
import { checkRequest } from "../../db/requests.ts";
import { readRequest } from "../../domain/request-check.ts";
import type { CheckedRequest, NotificationRequest } from "../../domain/request.ts";
import { assertDefined } from "../support/assert-defined.ts";
import { jakarta, NIGHTS } from "../support/plan-snapshot.ts";
import { counting, plannedRun, RUN, usePlanning } from "../support/planning.ts";

const NOON = jakarta("2026-03-02T12:00");
const PHONE = "+6281234000095";

const planning = usePlanning(NOON);

async function check(request: NotificationRequest) {
  const { pool, context } = planning();
  return checkRequest(pool, request, { ...context, now: NOON });
}

async function accepted(request: NotificationRequest): Promise<CheckedRequest> {
  const answer = await check(request);
  if (!answer.ok) throw new Error(JSON.stringify(answer.problems));
  return answer.request;
}

async function problemsOf(request: NotificationRequest): Promise<readonly string[]> {
  const answer = await check(request);
  return answer.ok ? [] : answer.problems.map(({ path, code }) => `${path} ${code}`);
}

describe("the check of a request", () => {
  test("costs one statement where the installation is known, and writes nothing", async () => {
    const { pool, context } = planning();
    const counted = counting(pool);
    const request = {
      type: "outage",
      zone: "karawang",
      data: { location: "x" },
      recipients: { phones: [PHONE] },
    };
    await checkRequest(pool, { type: "outage" }, { ...context, now: NOON });
    await checkRequest(counted.pool, request, { ...context, now: NOON });
    expect(counted.count()).toBe(1);
    const { rowCount } = await pool.query("select from contacts where value = $1", [PHONE]);
    expect(rowCount).toBe(0);
  });

  test("resolves external ids and pins the policy of the type", async () => {
    const { idOf, pool } = planning();
    const request = await accepted({
      type: "ticket_assigned",
      ticketId: "ext:TKT-1042",
      assigneeId: "ext:T-1",
      customerId: "ext:C-1",
      actorId: "ext:S-1",
      recipients: { userIds: ["ext:T-2", idOf("T-2")], groupIds: ["ext:G-NOC"], roles: ["noc"] },
    });
    const { rows } = await pool.query<{ id: string }>(
      "select id from escalation_policies where code = 'assignment'",
    );
    expect(request).toMatchObject({
      ticketId: "TKT-1042",
      assigneeId: idOf("T-1"),
      customerId: idOf("C-1"),
      actorId: idOf("S-1"),
      recipients: { userIds: [idOf("T-2")], groupIds: [idOf("G-NOC")], roles: ["noc"] },
      policyId: rows[0]?.id,
      policyVersion: 1,
      priority: "medium",
      answers: "accept",
    });
  });

  test("names everything that PostgreSQL doesn't know", async () => {
    expect(
      await problemsOf({
        type: "outage",
        zone: "atlantis",
        assigneeId: "ext:T-99",
        recipients: { userIds: ["usr_x"], groupIds: ["ext:G-9"] },
        policyId: "pol_x",
        avoidAccountIds: ["acc_x"],
        data: { location: "x" },
      }),
    ).toEqual([
      "zone unknown",
      "assigneeId unknown",
      "recipients.userIds.0 unknown",
      "recipients.groupIds.0 unknown",
      "avoidAccountIds.0 unknown",
      "policyId unknown",
    ]);
    expect(await problemsOf({ type: "nothing" })).toEqual(["type unknown"]);
  });

  test("sees the variables that the ticket brings, and asks for those that nothing brings", async () => {
    expect(await problemsOf({ type: "ticket_assigned", ticketId: "TKT-1042" })).toEqual([]);
    const problems = await problemsOf({ type: "ticket_assigned" });
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.every((problem) => problem.endsWith("missing_variable"))).toBe(true);
  });

  test("refuses a hundred and one, in whatever way they are named", async () => {
    const { pool } = planning();
    const client = await pool.connect();
    try {
      await client.query("begin");
      await client.query(
        `insert into users (id, role, zones) select 'usr_crowd' || lpad(n::text, 3, '0'), 'customer_service', '{karawang}' from generate_series(1, 99) n`,
      );
      const { context } = planning();
      const ask = async (request: NotificationRequest) =>
        checkRequest(client, request, { ...context, now: NOON });
      // Two are seeded: 101 of the role, and 100 when one of them caused it.
      const recipients = { roles: ["customer_service"] };
      const request = {
        type: "ticket_status_changed",
        ticketId: "TKT-1042",
        data: { status: "x", previous_status: "y" },
        recipients,
      };
      expect(await ask(request)).toMatchObject({
        ok: false,
        problems: [{ path: "recipients", code: "too_many_recipients" }],
      });
      expect(await ask({ ...request, actorId: "ext:CS-1" })).toMatchObject({ ok: true });
    } finally {
      await client.query("rollback");
      client.release();
    }
  });

  test("takes text as data, whatever it holds", async () => {
    const evil = "'; drop table users; --";
    const data = { location: evil, "data.zone": evil };
    expect(await problemsOf({ type: "outage", zone: "karawang", category: evil, data })).toEqual(
      [],
    );
    expect(await problemsOf({ type: evil, zone: evil })).toEqual(["type unknown", "zone unknown"]);
  });
});

describe("what is loaded for a plan", () => {
  test("is what can matter: persons of the rules' roles and zone, groups that match, no strangers", async () => {
    const { pool, context, idOf } = planning();
    const { raw } = readRequest({ type: "ticket_urgent", ticketId: "TKT-1042" }, NOON);
    const facts = await loadRequest(pool, raw, context, { now: NOON });
    expect(facts.persons.map(({ id }) => id).sort()).toEqual(
      ["T-1", "C-1", "S-1"].map(idOf).sort(),
    );
    expect(facts.groups.map(({ id }) => id)).toEqual([idOf("G-SUPERVISOR")]);
    expect(facts.holidays).toEqual({});
  });

  test("has the persons of role-up where they are wanted and the policy climbs", async () => {
    const { pool, context } = planning();
    const load = async (type: string) => {
      const { raw } = readRequest({ type, zone: "karawang" }, NOON);
      const facts = await loadRequest(pool, raw, context, { now: NOON, withRoleUp: true });
      return [...new Set(facts.persons.map(({ role }) => role))].sort();
    };
    expect(await load("ticket_urgent")).toEqual(["manager", "supervisor"]);
    expect(await load("ticket_status_changed")).toEqual([]);
  });

  test("has a role's members everywhere when the zone has none", async () => {
    const { pool, context } = planning();
    await pool.query(
      "insert into zones (code, name, time_zone) values ('jayapura', 'Jayapura', 'Asia/Jayapura') on conflict do nothing",
    );
    const { raw } = readRequest({ type: "sla_breach", zone: "jayapura" }, NOON);
    const facts = await loadRequest(pool, raw, context, { now: NOON });
    expect(facts.persons.filter(({ role }) => role === "supervisor")).toHaveLength(3);
  });

  test("has holidays only where somebody's quiet hours ask for them", async () => {
    const { pool, context, changeSettings } = planning();
    await pool.query(
      "insert into holidays (date, zone, name) values ('2026-03-19', '*', 'Nyepi'), ('2026-03-19', 'karawang', 'Nyepi'), ('2028-01-01', '*', 'far')",
    );
    await changeSettings("T-1", { quietHours: { ...NIGHTS, days: ["holiday"] } });
    const { raw } = readRequest({ type: "ticket_urgent", ticketId: "TKT-1042" }, NOON);
    const facts = await loadRequest(pool, raw, context, { now: NOON });
    await pool.query("delete from holidays");
    await pool.query("delete from notification_settings");
    expect(facts.holidays).toEqual({ "*": ["2026-03-19"], karawang: ["2026-03-19"] });
  });

  test("has the state of the contact that a message would go to", async () => {
    const { pool, context, idOf } = planning();
    await pool.query(
      "update contacts set verified_at = null where user_id = $1 and kind = 'phone'",
      [idOf("T-4")],
    );
    await pool.query(
      "insert into contacts (id, user_id, kind, value, verified_at, is_primary) values ($1, $2, 'phone', $3, now(), false)",
      [newId("con", NOON), idOf("T-4"), "+6281234000098"],
    );
    const { raw } = readRequest({ type: "outage", recipients: { userIds: ["ext:T-4"] } }, NOON);
    const facts = await loadRequest(pool, raw, context, { now: NOON });
    expect(facts.persons.find(({ id }) => id === idOf("T-4"))).toMatchObject({
      phone: "unverified",
      email: "verified",
    });
  });
});

describe("storing a request", () => {
  async function row(over: Partial<NewNotification> = {}): Promise<NewNotification> {
    const id = newId("ntf", NOON);
    return {
      id,
      ref: id,
      workflowId: `notification/outage/${id}`,
      sender: "test",
      apiKeyId: null,
      idempotencyKey: null,
      bodyHash: Buffer.alloc(32, 1),
      request: await accepted({ type: "outage", zone: "karawang", data: { location: "x" } }),
      acceptedAt: NOON,
      vouchesForPhones: true,
      ...over,
    };
  }

  test("writes the row and its first entry in one statement", async () => {
    const counted = counting(planning().pool);
    const given = await row();
    expect(await insertNotification(counted.pool, given)).toEqual({ inserted: true });
    expect(counted.count()).toBe(1);
    const { rows } = await planning().pool.query("select * from notifications where id = $1", [
      given.id,
    ]);
    expect(rows[0]).toMatchObject({
      type: "outage",
      zone: "karawang",
      status: "accepted",
      recipients: null,
      data: { location: "x" },
      avoid_account_ids: [],
      body_hash: given.bodyHash,
      accepted_at: new Date(NOON),
      started_at: null,
      outcome: null,
      outcome_detail: null,
    });
    const events = await planning().pool.query(
      "select * from notification_events where notification_id = $1",
      [given.id],
    );
    expect(events.rows).toMatchObject([
      { entry_key: "accepted", kind: "accepted", at: new Date(NOON) },
    ]);
  });

  test("with a ref that was used stores nothing and answers whose it is", async () => {
    const first = await row();
    await insertNotification(planning().pool, first);
    const second = await row({ ref: first.ref, bodyHash: Buffer.alloc(32, 2) });
    expect(await insertNotification(planning().pool, second)).toEqual({
      inserted: false,
      existing: {
        id: first.id,
        workflowId: first.workflowId,
        bodyHash: first.bodyHash,
        status: "accepted",
        outcome: null,
      },
    });
    const { rowCount } = await planning().pool.query(
      "select from notification_events where notification_id = $1",
      [second.id],
    );
    expect(rowCount).toBe(0);
  });

  test("many times at once stores one, and every answer names it", async () => {
    const boring = await row();
    // Which of the two unique indexes meets the other insert first is chance.
    for (let round = 0; round < 100; round += 1) {
      const ref = newId("ntf", NOON);
      const given = Array.from({ length: 8 }, () => {
        return { ...boring, id: newId("ntf", NOON), ref, workflowId: `notification/outage/${ref}` };
      });
      const answers = await Promise.all(
        given.map((each) => insertNotification(planning().pool, each)),
      );
      expect(answers.filter(({ inserted }) => inserted)).toHaveLength(1);
      const winner = given[answers.findIndex(({ inserted }) => inserted)];
      for (const answer of answers) {
        if (!answer.inserted) expect(answer.existing.id).toBe(winner?.id);
      }
    }
  });

  test("turns phones into users, each into the same one ever after", async () => {
    const { pool } = planning();
    const request = await accepted({
      type: "outage",
      zone: "karawang",
      data: { location: "x" },
      recipients: { phones: [PHONE], userIds: ["ext:T-1"] },
    });
    const first = await row({ request });
    const second = await row({ request });
    await insertNotification(pool, first);
    await insertNotification(pool, second);
    const { rows } = await pool.query<{ recipients: { userIds: string[] } }>(
      "select recipients from notifications where id = any($1)",
      [[first.id, second.id]],
    );
    expect(rows[0]?.recipients).toEqual(rows[1]?.recipients);
    expect(rows[0]?.recipients.userIds).toHaveLength(2);
    const user = await pool.query(
      `select u.role, u.name, c.verified_by, c.verified_at from users u join contacts c on c.user_id = u.id where c.value = $1`,
      [PHONE],
    );
    expect(user.rows).toEqual([
      { role: "customer", name: null, verified_by: "api", verified_at: new Date(NOON) },
    ]);
  });
});

describe("users by their phones", () => {
  const phone = (lastTwo: number): string => `+62812340001${String(lastTwo).padStart(2, "0")}`;

  test("a number given by a person's session is not vouched for", async () => {
    const { pool } = planning();
    await findOrMakeUsers(pool, [phone(1)], { vouches: false, now: NOON });
    const { rows } = await pool.query(
      "select verified_at, verified_by from contacts where value = $1",
      [phone(1)],
    );
    expect(rows).toEqual([{ verified_at: null, verified_by: null }]);
  });

  test("a system's key vouches for a number that nobody had verified, which changes that person", async () => {
    const { pool } = planning();
    const { userIds } = await findOrMakeUsers(pool, [phone(2)], { vouches: false, now: NOON });
    expect(await findOrMakeUsers(pool, [phone(2)], { vouches: true, now: NOON + 1 })).toEqual({
      userIds,
      stale: [],
    });
    const { rows } = await pool.query(
      "select c.verified_by, u.version from contacts c join users u on u.id = c.user_id where c.value = $1",
      [phone(2)],
    );
    expect(rows).toEqual([{ verified_by: "api", version: 2 }]);
  });

  test("answers in the order given, each person once", async () => {
    const { pool, idOf } = planning();
    const given = ["+6281234000002", phone(3), "+6281234000001", "+6281234000002"];
    const { userIds } = await findOrMakeUsers(pool, given, { vouches: true, now: NOON });
    expect(userIds).toHaveLength(3);
    expect([userIds[0], userIds[2]]).toEqual([idOf("T-2"), idOf("T-1")]);
  });

  test("asked for at once by many becomes one user", async () => {
    const { pool } = planning();
    const before = await pool.query<{ count: number }>("select count(*)::int as count from users");
    const answers = await Promise.all(
      Array.from({ length: 6 }, () =>
        findOrMakeUsers(pool, [phone(4)], { vouches: true, now: NOON }),
      ),
    );
    expect(new Set(answers.flatMap(({ userIds }) => userIds)).size).toBe(1);
    const after = await pool.query<{ count: number }>("select count(*)::int as count from users");
    expect(assertDefined(after.rows[0]).count).toBe(assertDefined(before.rows[0]).count + 1);
  });
});

describe("an explanation", () => {
  const request = { type: "outage", zone: "karawang", data: { location: "x" } } as const;
  const explain = async (asked: NotificationRequest, now = NOON) =>
    explainRequest(planning().pool, asked, { ...planning().context, now });

  test("is the plan that the run then has", async () => {
    const { accept, activities, pool } = planning();
    const explanation = await explain(request);
    const { id, workflowId } = await accept(request);
    plannedRun(await activities.planNotification({ workflowId, runId: RUN, direct: null }));
    const { rows } = await pool.query<{ plan: unknown }>(
      "select plan from notifications where id = $1",
      [id],
    );
    expect(explanation).toEqual({ ok: true, plan: rows[0]?.plan });
  });

  test("costs one statement, and takes and writes nothing", async () => {
    const { pool, context, changeSettings } = planning();
    await changeSettings("T-1", { quietHours: NIGHTS });
    const counted = counting(pool);
    const asked = { type: "ticket_urgent", ticketId: "TKT-1042" };
    const answer = await explainRequest(counted.pool, asked, {
      ...context,
      now: jakarta("2026-03-02T23:00"),
    });
    await pool.query("delete from notification_settings");
    expect(counted.count()).toBe(1);
    expect(answer).toMatchObject({ ok: true });
    expect(JSON.stringify(answer)).toContain(new Date(jakarta("2026-03-03T06:00")).toISOString());
    const { rowCount } = await pool.query("select from wake_places");
    expect(rowCount).toBe(0);
  });

  test("of bad input names every bad field", async () => {
    expect(await explain({ type: "nothing", zone: "atlantis" })).toMatchObject({
      ok: false,
      problems: [{ path: "type" }, { path: "zone" }],
    });
  });

  test("shows a phone that nobody has yet by its place, not by its number", async () => {
    const answer = await explain({
      ...request,
      recipients: { phones: ["+6281234000096", "+6281234000001"] },
    });
    expect(answer).toMatchObject({
      ok: true,
      plan: { recipients: [{ userId: planning().idOf("T-1") }, { userId: "phone_0" }] },
    });
    expect(JSON.stringify(answer)).not.toContain("62812");
  });
});
