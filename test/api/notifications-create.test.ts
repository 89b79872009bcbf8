import { describe, expect, it } from "vitest";
import { insertTarget } from "../support/rows.ts";
import { objectAt, problemsOf, useApi } from "./harness.ts";

const api = useApi();

const REQUEST = { type: "outage", zone: "karawang", data: { location: "POP Klari" } };

describe("POST /v1/notifications", () => {
  it("answers 202 with the id, the workflow and where to look", async () => {
    const answer = await api().request("POST", "/v1/notifications", { body: REQUEST });

    expect(answer.status, answer.text).toBe(202);
    const id = String(answer.body["id"]);
    expect(id).toMatch(/^ntf_/);
    expect(answer.headers.get("location")).toBe(`/v1/notifications/${id}`);
    expect(answer.body).toEqual({
      id,
      status: "accepted",
      workflowId: `notification/outage/${id}`,
      links: {
        self: `/v1/notifications/${id}`,
        timeline: `/v1/notifications/${id}/timeline`,
        temporal: `http://temporal.test/namespaces/default/workflows/notification%2Foutage%2F${id}`,
      },
    });
  });

  it("starts the run right behind the answer and marks the row", async () => {
    const id = await api().accept();
    await api().starter.idle();

    expect(api().temporal.started.map(({ workflowId }) => workflowId)).toContain(
      `notification/outage/${id}`,
    );
    const { rows } = await api().pool.query<{ started: boolean; run_id: string | null }>(
      "select started_at is not null as started, run_id from notifications where id = $1",
      [id],
    );
    expect(rows[0]?.started).toBe(true);
    expect(rows[0]?.run_id).toMatch(/^run-/);
  });

  it("shows what was asked for", async () => {
    const id = await api().accept({
      ticketId: "TKT-1042",
      category: "repair",
      data: { location: "POP Klari" },
    });

    const answer = await api().request("GET", `/v1/notifications/${id}`);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({
      id,
      type: "outage",
      priority: "critical",
      zone: "karawang",
      ticketId: "TKT-1042",
      category: "repair",
      data: { location: "POP Klari" },
      status: "accepted",
      outcome: null,
      sender: "ticket-system",
    });
  });

  it("makes a customer without a name of a bare phone, vouched for by the key", async () => {
    const phone = "+6281234000001";
    const answer = await api().request("POST", "/v1/notifications", {
      body: { type: "service_update", recipients: { phones: [phone, "0812-3400-0001"] } },
    });

    expect(answer.status, answer.text).toBe(202);
    const { rows } = await api().pool.query(
      `select u.role, u.name, c.verified_by, c.verified_at is not null as verified
       from contacts c join users u on u.id = c.user_id where c.value = $1`,
      [phone],
    );
    expect(rows).toEqual([{ role: "customer", name: null, verified_by: "api", verified: true }]);
  });

  it("plans open runs of a person again whose unverified number a system's key gives, once", async () => {
    const phone = "+6281234000004";
    const { key } = await api().person("manager");
    const give = (by: string) =>
      api().request("POST", "/v1/notifications", {
        key: by,
        body: { type: "service_update", recipients: { phones: [phone] } },
      });
    const first = await give(key);
    expect(first.status, first.text).toBe(202);
    const { rows } = await api().pool.query<{ user_id: string }>(
      "select user_id from contacts where value = $1",
      [phone],
    );
    await insertTarget(api().pool, String(first.body["id"]), { target: rows[0]?.user_id ?? "" });
    const told = () =>
      api().temporal.signals.filter(({ workflowId }) => workflowId === first.body["workflowId"]);
    expect((await give(api().admin)).status).toBe(202);
    expect((await give(api().admin)).status).toBe(202);
    await api().background.idle();
    expect(told().map(({ fact }) => fact)).toEqual([
      { kind: "replan", reason: "contact_verified" },
    ]);
  });

  it("does not vouch for a phone that a person gives", async () => {
    const { key } = await api().person("manager");
    const phone = "+6281234000002";
    const answer = await api().request("POST", "/v1/notifications", {
      key,
      body: { type: "service_update", recipients: { phones: [phone] } },
    });

    expect(answer.status, answer.text).toBe(202);
    const { rows } = await api().pool.query("select verified_at from contacts where value = $1", [
      phone,
    ]);
    expect(rows).toEqual([{ verified_at: null }]);
  });

  it("makes one customer of a phone that many requests bring at once", async () => {
    const phone = "+6281234000003";
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        api().request("POST", "/v1/notifications", {
          body: { type: "service_update", recipients: { phones: [phone] } },
        }),
      ),
    );

    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(202));
    const { rows } = await api().pool.query(
      "select count(distinct user_id) as users from contacts where value = $1",
      [phone],
    );
    expect(rows).toEqual([{ users: 1 }]);
    const orphans = await api().pool.query(
      "select count(*) as users from users u where role = 'customer' and not exists (select from contacts c where c.user_id = u.id)",
    );
    expect(orphans.rows).toEqual([{ users: 0 }]);
  });
});

describe("a request that can't be accepted", () => {
  it("is told every bad field at once, of the schema and of the record alike, and stores nothing", async () => {
    const before = await countNotifications();
    const answer = await api().request("POST", "/v1/notifications", {
      body: {
        type: "no_such_type",
        zone: "atlantis",
        priority: "urgent",
        notBefore: "tomorrow",
        recipients: { userIds: ["usr_nobody"], phones: ["12"] },
        recipient: "mistyped",
      },
    });

    expect(answer.status).toBe(422);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    const paths = problemsOf(answer).map((problem) => problem.split(":", 1)[0]);
    expect(new Set(paths)).toEqual(
      new Set([
        "type",
        "zone",
        "priority",
        "notBefore",
        "recipients.userIds.0",
        "recipients.phones.0",
        "recipient",
      ]),
    );
    expect(await countNotifications()).toBe(before);
  });

  it.each([
    { why: "nothing at all", body: {}, expected: ["type: required"] },
    { why: "a type of another kind", body: { type: 7 }, expected: ["type: invalid_type"] },
    {
      why: "an unknown field",
      body: { ...REQUEST, prioritty: "low" },
      expected: ["prioritty: unknown_field"],
    },
    {
      why: "recipients that name nobody",
      body: { ...REQUEST, recipients: {} },
      expected: ["recipients: required"],
    },
  ])("is refused with the field for $why", async ({ body, expected }) => {
    const answer = await api().request("POST", "/v1/notifications", { body });
    expect(answer.status, answer.text).toBe(422);
    expect(problemsOf(answer)).toEqual(expected);
  });

  it.each([
    { count: 100, status: 202, why: "as many as one notification has" },
    { count: 101, status: 422, why: "one more than a notification has: a broadcast" },
  ])("is $status for $count recipients: $why", async ({ count, status }) => {
    const phones = Array.from(
      { length: count },
      (_, index) => `+6281234000${String(index).padStart(3, "0")}`,
    );
    const answer = await api().request("POST", "/v1/notifications", {
      body: { type: "service_update", recipients: { phones } },
    });
    expect(answer.status, answer.text).toBe(status);
  });

  it("never repeats a number or a text in its answer", async () => {
    const answer = await api().request("POST", "/v1/notifications", {
      body: { ...REQUEST, assigneeId: "+6281234000004", recipients: { phones: ["0812-not-one"] } },
    });
    expect(answer.status).toBe(422);
    expect(answer.text).not.toContain("6281234000004");
    expect(answer.text).not.toContain("not-one");
  });
});

describe("who may create", () => {
  it.each([
    { role: "admin", zones: [], body: REQUEST, status: 202, why: "everything" },
    { role: "manager", zones: [], body: REQUEST, status: 202, why: "everything" },
    { role: "supervisor", zones: ["karawang"], body: REQUEST, status: 202, why: "own zone" },
    { role: "supervisor", zones: ["bekasi"], body: REQUEST, status: 403, why: "another zone" },
    {
      role: "supervisor",
      zones: ["karawang"],
      body: { ...REQUEST, type: "promotion" },
      status: 403,
      why: "promotion is not theirs",
    },
    { role: "noc", zones: [], body: REQUEST, status: 202, why: "operational type" },
    {
      role: "noc",
      zones: [],
      body: { type: "promotion", recipients: { phones: ["+6281234000005"] } },
      status: 403,
      why: "not operational",
    },
    {
      role: "customer_service",
      zones: [],
      body: { type: "service_update", recipients: { phones: ["+6281234000005"] } },
      status: 202,
      why: "customer type",
    },
    { role: "customer_service", zones: [], body: REQUEST, status: 403, why: "not a customer type" },
    { role: "technician", zones: ["karawang"], body: REQUEST, status: 403, why: "nothing" },
    { role: "customer", zones: [], body: REQUEST, status: 403, why: "nothing" },
  ] as const)("$role gets $status: $why", async ({ role, zones, body, status }) => {
    const before = await countNotifications();
    const { key } = await api().person(role, zones);
    const answer = await api().request("POST", "/v1/notifications", { key, body });
    expect(answer.status, answer.text).toBe(status);
    expect((await countNotifications()) - before).toBe(status === 202 ? 1 : 0);
  });

  it("needs the scope notifications:write of a system's key", async () => {
    const reader = await api().systemKey("notifications:read", "acts:write", "master:write");
    const writer = await api().systemKey("notifications:write");
    expect(
      (await api().request("POST", "/v1/notifications", { key: reader, body: REQUEST })).status,
    ).toBe(403);
    expect(
      (await api().request("POST", "/v1/notifications", { key: writer, body: REQUEST })).status,
    ).toBe(202);
  });
});

describe("what it costs", () => {
  it("keeps the record of an answer free of the request's personal data in the log", async () => {
    await api().accept({ data: { location: "RumahRahasia" } });
    const log = api().logged.join("\n");
    expect(log).toContain('"route":"/v1/notifications"');
    expect(log).not.toContain("RumahRahasia");
    expect(objectAt(JSON.parse(api().logged.at(-1) ?? "{}"), "requestId")).toMatch(/^req_/);
  });
});

async function countNotifications(): Promise<number> {
  const { rows } = await api().pool.query<{ count: number }>("select count(*) from notifications");
  return rows[0]?.count ?? -1;
}
