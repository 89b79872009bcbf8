import { beforeAll, describe, expect, it } from "vitest";
import { newId } from "../../db/new-id.ts";
import { DEFAULT_POLICIES } from "../../domain/default-policies.ts";
import { insertAccount } from "../support/rows.ts";
import { objectAt, problemsOf, useApi } from "./harness.ts";
import type { Answer } from "./harness.ts";
import { idsOfAllPages } from "./pages.ts";

const api = useApi();

const STEP = { channels: ["whatsapp_personal", "in_app"], groups: "primary", windowSeconds: 300 };
const POLICY = {
  name: "Gangguan malam",
  priority: "high",
  settledBy: "acknowledged",
  quietHours: "next_awake",
  steps: [STEP],
};

const create = (body: object = {}, key?: string): Promise<Answer> =>
  api().request("POST", "/v1/policies", {
    body: { ...POLICY, ...body },
    ...(key === undefined ? {} : { key }),
  });

async function created(body: object = {}): Promise<string> {
  const answer = await create(body);
  expect(answer.status, answer.text).toBe(201);
  return String(answer.body["id"]);
}

describe("a policy that waits for evidence", () => {
  it("which no account of its channels can give is refused, and an account that takes it away says so", async () => {
    const { pool } = api();
    const telling = await insertAccount(pool, { provider: "fonnte" });
    const silent = await insertAccount(pool, { provider: "woowa" });
    const rules = { settledBy: "read", steps: [{ ...STEP, groups: "none" }] };
    const id = await created(rules);
    const off = await api().request("POST", `/v1/provider-accounts/${telling}/disable`);
    expect(off.body["warnings"]).toContainEqual({
      code: "evidence_never_comes",
      policyId: id,
      message: expect.stringContaining("read") as unknown,
    });
    const refused = await create(rules);
    expect(refused.status).toBe(422);
    expect(problemsOf(refused)).toEqual(["settledBy: evidence_never_comes"]);
    const changed = await api().request("PATCH", `/v1/policies/${id}`, { body: { passes: 2 } });
    expect(problemsOf(changed)).toEqual(["settledBy: evidence_never_comes"]);
    await pool.query("delete from provider_accounts where id = any($1)", [[telling, silent]]);
    expect((await create(rules)).status, "without accounts nothing can be said").toBe(201);
  });
});

describe("POST /v1/policies", () => {
  it("writes version 1, with the defaults of what was left out", async () => {
    const answer = await create();
    expect(answer.status, answer.text).toBe(201);
    expect(answer.headers.get("location")).toBe(`/v1/policies/${String(answer.body["id"])}`);
    expect(answer.body).toMatchObject({
      ...POLICY,
      version: 1,
      isCurrent: true,
      isDefault: false,
      isActive: true,
      whenAlwaysQuiet: "hold",
      acknowledgment: "any",
      passes: 1,
      lifetimeSeconds: 86_400,
      steps: [
        {
          ...STEP,
          attempts: 1,
          spacingSeconds: null,
          undeliveredAfterSeconds: null,
          roleUp: false,
          enabled: true,
        },
      ],
    });
  });

  it.each(Object.entries(DEFAULT_POLICIES))(
    "takes the default policy %s as it is",
    async (...row) => {
      const [, { name, priority, rules }] = row;
      const answer = await create({ name, priority, ...rules });
      expect(answer.status, answer.text).toBe(201);
      expect(answer.body).toMatchObject({ name, priority, ...rules });
    },
  );

  it.each([
    {
      body: { priority: "mild", settledBy: "magic", passes: 0, colour: "red" },
      problems: [
        "colour: unknown_field",
        "passes: too_small",
        "priority: invalid",
        "settledBy: invalid",
      ],
      reason: "every bad field of the policy",
    },
    {
      body: {
        steps: [
          { ...STEP, windowSeconds: 0, channels: ["pigeon"] },
          { ...STEP, attempts: 11 },
          { ...STEP, attempts: 3 },
        ],
      },
      problems: [
        "steps.0.channels.0: invalid",
        "steps.0.windowSeconds: too_small",
        "steps.1.attempts: too_large",
        "steps.2.spacingSeconds: invalid",
      ],
      reason: "every bad field of its steps, rules between fields included",
    },
    {
      body: { tracksResolution: true, steps: [{ ...STEP, attempts: 3, spacingSeconds: 200 }] },
      problems: ["resolutionSeconds: invalid", "steps.0.windowSeconds: invalid"],
      reason: "rules between fields alone",
    },
    { body: { steps: [] }, problems: ["steps: too_small"], reason: "no step" },
    {
      body: { name: "", steps: [{ ...STEP, groups: "none", channels: [] }] },
      problems: ["name: too_small", "steps.0.channels: invalid"],
      reason: "no name, and a step that tells nobody",
    },
  ])("names $reason and stores nothing", async ({ body, problems }) => {
    const before = await countVersions();
    const answer = await create(body);
    expect(answer.status).toBe(422);
    expect([...problemsOf(answer)].sort()).toEqual(problems);
    expect(await countVersions()).toBe(before);
  });
});

async function countVersions(): Promise<number> {
  const { rows } = await api().pool.query<{ count: number }>(
    "select count(*)::int as count from escalation_policy_versions",
  );
  return rows[0]?.count ?? -1;
}

describe("changing a policy", () => {
  const get = (id: string, query = "") => api().request("GET", `/v1/policies/${id}${query}`);

  it("writes the next version and leaves the earlier ones as they are", async () => {
    const id = await created();
    const first = await get(id);
    const second = await api().request("PATCH", `/v1/policies/${id}`, {
      body: { passes: 2, steps: [STEP, { ...STEP, channels: ["sms"], groups: "none" }] },
    });
    expect(second.status, second.text).toBe(200);
    expect(second.body).toMatchObject({ version: 2, passes: 2, settledBy: "acknowledged" });
    const third = await api().request("PUT", `/v1/policies/${id}`, {
      body: { ...POLICY, name: "Gangguan", quietHours: "hold" },
    });
    expect(third.body).toMatchObject({ version: 3, passes: 1, name: "Gangguan" });

    expect((await get(id)).body).toEqual(third.body);
    expect((await get(id, "?version=2")).body).toMatchObject({
      version: 2,
      passes: 2,
      isCurrent: false,
    });
    expect((await get(id, "?version=1")).body["steps"]).toEqual(first.body["steps"]);
    const versions = await api().request("GET", `/v1/policies/${id}/versions?limit=2`);
    const numbers = (page: Answer) =>
      (Array.isArray(page.body["items"]) ? page.body["items"] : []).map((item: unknown) =>
        objectAt(item, "version"),
      );
    expect(numbers(versions)).toEqual([3, 2]);
    const cursor = String(versions.body["nextCursor"]);
    const rest = await api().request("GET", `/v1/policies/${id}/versions?cursor=${cursor}`);
    expect(numbers(rest)).toEqual([1]);
  });

  it("keeps the version that a notification began with", async () => {
    const id = await created();
    const notificationId = await api().accept({ policyId: id });
    await api().request("PATCH", `/v1/policies/${id}`, { body: { passes: 3 } });
    const notification = await api().request("GET", `/v1/notifications/${notificationId}`);
    expect(notification.body).toMatchObject({ policyId: id, policyVersion: 1 });
    expect((await get(id, "?version=1")).body["passes"]).toBe(1);
  });

  it("gives each of many parallel edits a version of its own, or refuses it by its ETag", async () => {
    const id = await created();
    const etag = (await get(id)).headers.get("etag") ?? "";
    const guarded = await Promise.all(
      [2, 3, 4].map((passes) =>
        api().request("PATCH", `/v1/policies/${id}`, {
          body: { passes },
          headers: { "if-match": etag },
        }),
      ),
    );
    expect(guarded.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
    const free = await Promise.all(
      [5, 6].map((passes) => api().request("PATCH", `/v1/policies/${id}`, { body: { passes } })),
    );
    expect(free.map(({ body }) => body["version"]).sort()).toEqual([3, 4]);
  });

  it("refuses a change that contradicts what stays, and writes no version", async () => {
    const id = await created();
    const answer = await api().request("PATCH", `/v1/policies/${id}`, {
      body: { settledBy: "sent", acknowledgment: "all" },
    });
    expect(problemsOf(answer)).toEqual(["acknowledgment: invalid"]);
    const both = await api().request("PATCH", `/v1/policies/${id}`, {
      body: { settledBy: "sent", acknowledgment: "all", passes: 0, colour: "red" },
    });
    expect([...problemsOf(both)].sort()).toEqual([
      "acknowledgment: invalid",
      "colour: unknown_field",
      "passes: too_small",
    ]);
    expect((await get(id)).body["version"]).toBe(1);
  });

  it("answers 404 for a version or a policy that isn't there", async () => {
    const id = await created();
    expect((await get(id, "?version=2")).status).toBe(404);
    expect((await get(newId("pol", Date.now()))).status).toBe(404);
    const answer = await api().request("PATCH", `/v1/policies/${newId("pol", Date.now())}`, {
      body: { passes: 2 },
    });
    expect(answer.status).toBe(404);
  });
});

describe("switching a policy off", () => {
  it("keeps it from new notifications and can be taken back", async () => {
    const id = await created();
    const off = await api().request("POST", `/v1/policies/${id}/deactivate`);
    expect(off.body["isActive"]).toBe(false);
    const refused = await api().request("POST", "/v1/notifications", {
      body: { type: "outage", zone: "karawang", policyId: id },
    });
    expect(problemsOf(refused)).toEqual(["policyId: inactive"]);
    expect((await api().request("POST", `/v1/policies/${id}/activate`)).body["isActive"]).toBe(
      true,
    );
    await api().accept({ policyId: id });
  });

  it("is refused while the policy is a default or something names it", async () => {
    const { rows } = await api().pool.query<{ id: string }>(
      "select id from escalation_policies where code = 'high'",
    );
    const byDefault = await api().request("POST", `/v1/policies/${rows[0]?.id}/deactivate`);
    expect(byDefault.status).toBe(409);
    expect(byDefault.body["code"]).toBe("policy_in_use");
    const priority = await api().request("PATCH", `/v1/policies/${rows[0]?.id}`, {
      body: { priority: "low" },
    });
    expect(problemsOf(priority)).toEqual(["priority: is_default"]);

    const id = await created();
    await api().pool.query(
      "update notification_types set policy_id = $1 where code = 'promotion'",
      [id],
    );
    const named = await api().request("POST", `/v1/policies/${id}/deactivate`);
    expect(named.status).toBe(409);
    expect(named.body["detail"]).toContain("promotion");
  });
});

describe("POST /v1/policies/simulate", () => {
  const simulate = (body: object, key?: string) =>
    api().request("POST", "/v1/policies/simulate", {
      body,
      ...(key === undefined ? {} : { key }),
    });
  const { name: _name, priority: _priority, ...RULES } = POLICY;

  it("shows the ladder of a policy that isn't saved, to the second", async () => {
    const answer = await simulate({
      policy: {
        ...RULES,
        steps: [STEP, { channels: [], groups: "other", windowSeconds: 60 }],
      },
      startsAt: "2026-01-05T01:00:00Z",
      persons: 2,
      primaryGroups: 1,
      otherGroups: 1,
    });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({
      endsAt: "2026-01-05T01:06:00.000Z",
      outcome: "exhausted",
      steps: [
        { step: 1, pass: 1, startsAt: "2026-01-05T01:00:00.000Z", groups: "primary" },
        { step: 2, pass: 1, startsAt: "2026-01-05T01:05:00.000Z", groups: "other" },
      ],
    });
    const targets = objectAt(answer.body, "steps", 0, "targets");
    expect(Array.isArray(targets) ? targets.length : 0).toBe(5);
  });

  it("shows the same for a saved version", async () => {
    const id = await created();
    await api().request("PATCH", `/v1/policies/${id}`, { body: { passes: 2 } });
    const at = { startsAt: "2026-01-05T01:00:00Z" };
    const first = await simulate({ policyId: id, version: 1, ...at });
    expect(first.body).toEqual((await simulate({ policy: RULES, ...at })).body);
    const current = await simulate({ policyId: id, ...at });
    expect(objectAt(current.body, "steps", 1, "pass")).toBe(2);
  });

  it.each([
    {
      body: { policy: { ...RULES, steps: [{ ...STEP, attempts: 2 }] } },
      problems: ["policy.steps.0.spacingSeconds: invalid"],
      reason: "a rule between fields",
    },
    { body: {}, problems: ["policy: invalid"], reason: "nothing to show" },
    {
      body: { policy: RULES, version: 1 },
      problems: ["version: invalid"],
      reason: "a version of nothing",
    },
    { body: { policy: RULES, persons: 101 }, problems: ["persons: too_large"], reason: "a crowd" },
  ])("refuses $reason", async ({ body, problems }) => {
    const answer = await simulate(body);
    expect(answer.status).toBe(422);
    expect(problemsOf(answer)).toEqual(problems);
  });

  it("answers 404 for a policy that isn't there", async () => {
    expect((await simulate({ policyId: newId("pol", Date.now()) })).status).toBe(404);
  });
});

describe("GET /v1/policies", () => {
  it("lists by priority and state, and neither skips nor repeats under concurrent inserts", async () => {
    const before: string[] = [];
    for (let index = 0; index < 7; index += 1) before.push(await created({ priority: "low" }));
    const seen = await idsOfAllPages(
      (cursor) => api().request("GET", `/v1/policies?priority=low&isActive=true&limit=3${cursor}`),
      () => Promise.all([created({ priority: "low" }), created({ priority: "low" })]),
    );
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((id) => before.includes(id))).toEqual(before.toReversed());
  });
});

describe("invariant 38: policies by role", () => {
  let id: string;
  beforeAll(async () => {
    id = await created();
  });

  it.each([
    { role: "admin", read: 200, create: 201, change: 200 },
    { role: "manager", read: 200, create: 403, change: 403 },
    { role: "supervisor", read: 200, create: 403, change: 403 },
    { role: "noc", read: 200, create: 403, change: 403 },
    { role: "customer_service", read: 403, create: 403, change: 403 },
    { role: "technician", read: 403, create: 403, change: 403 },
    { role: "customer", read: 403, create: 403, change: 403 },
  ] as const)("$role", async ({ role, ...cells }) => {
    const { key } = await api().person(role, ["karawang"]);
    const ask = async (method: string, path: string, body?: object) =>
      (await api().request(method, path, { key, ...(body === undefined ? {} : { body }) })).status;
    for (const path of ["", `/${id}`, `/${id}?version=1`, `/${id}/versions`]) {
      expect(await ask("GET", `/v1/policies${path}`), path).toBe(cells.read);
    }
    expect(await ask("POST", "/v1/policies/simulate", { policyId: id })).toBe(cells.read);
    expect(await ask("POST", "/v1/policies", POLICY)).toBe(cells.create);
    expect(await ask("PUT", `/v1/policies/${id}`, POLICY)).toBe(cells.change);
    expect(await ask("PATCH", `/v1/policies/${id}`, { passes: 1 })).toBe(cells.change);
    expect(await ask("POST", `/v1/policies/${id}/deactivate`)).toBe(cells.change);
    expect(await ask("POST", `/v1/policies/${id}/activate`)).toBe(cells.change);
  });
});
