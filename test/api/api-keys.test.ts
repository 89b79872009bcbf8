import { beforeAll, describe, expect, it } from "vitest";
import { newId } from "../../db/new-id.ts";
import { problemsOf, useApi } from "./harness.ts";
import type { Answer } from "./harness.ts";
import { idsOf, idsOfAllPages } from "./pages.ts";

const api = useApi();

const KEY = { name: "Ticket system", sender: "ticket-system", scopes: ["notifications:write"] };

const create = (body: object = KEY, key?: string): Promise<Answer> =>
  api().request("POST", "/v1/api-keys", { body, ...(key === undefined ? {} : { key }) });

describe("POST /v1/api-keys", () => {
  it("shows the key once, and the key does what its scopes say", async () => {
    const answer = await create({ ...KEY, scopes: ["notifications:write", "notifications:read"] });
    expect(answer.status, answer.text).toBe(201);
    const key = String(answer.body["key"]);
    expect(key).toMatch(/^sg_live_[\w-]{43}$/);
    expect(answer.body).toMatchObject({
      name: "Ticket system",
      sender: "ticket-system",
      userId: null,
      prefix: key.slice(0, 12),
      lastUsedAt: null,
      revokedAt: null,
    });
    expect((await api().request("GET", "/v1/notifications", { key })).status).toBe(200);
    expect((await api().request("GET", "/v1/users", { key })).status).toBe(403);
    const listed = await api().request("GET", "/v1/api-keys?limit=200");
    expect(idsOf(listed)).toContain(answer.body["id"]);
    expect(listed.text).not.toContain(key);
  });

  it("makes a key that acts as one person", async () => {
    const { id } = await api().person("technician", ["karawang"]);
    const answer = await create({ name: "Phone of T-1", userId: id });
    expect(answer.status, answer.text).toBe(201);
    expect(answer.body).toMatchObject({ userId: id, scopes: [], sender: `user:${id}` });
    const me = await api().request("GET", "/v1/me", { key: String(answer.body["key"]) });
    expect(me.body["id"]).toBe(id);
  });

  it("hides the key from a repeat of the request, and keeps it nowhere", async () => {
    const request = () =>
      api().request("POST", "/v1/api-keys", {
        body: KEY,
        headers: { "idempotency-key": "key-once" },
      });
    const [first, second] = [await request(), await request()];
    const key = String(first.body["key"]);
    expect(second.headers.get("idempotent-replayed")).toBe("true");
    expect(second.body).toEqual({ ...first.body, key: "***" });
    const { rows } = await api().pool.query<{ text: string }>(
      `select jsonb_agg(response_body)::text as text from idempotency_keys
       union all select jsonb_agg(a)::text from audit_log a
       union all select jsonb_agg(k)::text from api_keys k`,
    );
    expect(rows).toHaveLength(3);
    for (const { text } of rows) expect(text).not.toContain(key);
    expect(api().logged.join("\n")).not.toContain(key);
  });

  it.each([
    { body: { name: "" }, problems: ["name: too_small", "scopes: invalid"], reason: "nothing" },
    {
      body: { name: "x", scopes: ["everything"] },
      problems: ["scopes.0: invalid"],
      reason: "no such scope",
    },
    { body: { name: "x", scopes: [] }, problems: ["scopes: too_small"], reason: "no scope" },
    {
      body: { name: "x", scopes: ["admin"], userId: "ext:T-1" },
      problems: ["scopes: invalid"],
      reason: "a system and a person at once",
    },
    {
      body: { name: "x", userId: "ext:nobody" },
      problems: ["userId: unknown"],
      reason: "nobody's key",
    },
  ])("refuses $reason", async ({ body, problems }) => {
    const answer = await create(body);
    expect(answer.status).toBe(422);
    expect([...problemsOf(answer)].sort()).toEqual(problems);
  });

  it("makes no key for somebody who is switched off", async () => {
    const { id } = await api().person("technician");
    await api().request("POST", `/v1/users/${id}/deactivate`);
    expect(problemsOf(await create({ name: "x", userId: id }))).toEqual(["userId: unknown"]);
  });
});

describe("POST /v1/api-keys/{id}/revoke", () => {
  it("ends the key at once, is the same a second time, and is recorded once", async () => {
    const made = await create({ ...KEY, scopes: ["master:read"] });
    const [id, key] = [String(made.body["id"]), String(made.body["key"])];
    expect((await api().request("GET", "/v1/zones", { key })).status).toBe(200);
    const revoke = () => api().request("POST", `/v1/api-keys/${id}/revoke`);
    const first = await revoke();
    expect(first.status, first.text).toBe(200);
    expect(first.body["revokedAt"]).toMatch(/Z$/);
    expect((await api().request("GET", "/v1/zones", { key })).status).toBe(401);
    expect((await revoke()).body).toEqual(first.body);
    const { rows } = await api().pool.query<{ action: string }>(
      "select action from audit_log where subject = $1 order by at, id",
      [id],
    );
    expect(rows.map(({ action }) => action)).toEqual(["api_key.created", "api_key.revoked"]);
  });

  it("answers 404 for a key that isn't there", async () => {
    const answer = await api().request("POST", `/v1/api-keys/${newId("key", Date.now())}/revoke`);
    expect(answer.status).toBe(404);
  });
});

describe("GET /v1/api-keys", () => {
  it("neither skips nor repeats under concurrent inserts", async () => {
    const before: string[] = [];
    for (let index = 0; index < 7; index += 1) before.push(String((await create()).body["id"]));
    const seen = await idsOfAllPages(
      (cursor) => api().request("GET", `/v1/api-keys?limit=3${cursor}`),
      () => Promise.all([create(), create()]),
    );
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((id) => before.includes(id))).toEqual(before.toReversed());
  });
});

describe("invariant 38: API keys are an administrator's", () => {
  let id: string;
  beforeAll(async () => {
    id = String((await create()).body["id"]);
  });

  const statuses = async (key: string): Promise<readonly number[]> => [
    (await api().request("GET", "/v1/api-keys", { key })).status,
    (await create(KEY, key)).status,
    (await api().request("POST", `/v1/api-keys/${id}/revoke`, { key })).status,
  ];

  it.each([
    { role: "admin", expected: [200, 201, 200] },
    { role: "manager", expected: [403, 403, 403] },
    { role: "supervisor", expected: [403, 403, 403] },
    { role: "noc", expected: [403, 403, 403] },
    { role: "customer_service", expected: [403, 403, 403] },
    { role: "technician", expected: [403, 403, 403] },
    { role: "customer", expected: [403, 403, 403] },
  ] as const)("$role", async ({ role, expected }) => {
    expect(await statuses((await api().person(role, ["karawang"])).key)).toEqual(expected);
  });

  it("gives a system's key no more keys than its scopes say", async () => {
    const key = await api().systemKey("master:write", "accounts:read", "notifications:write");
    expect(await statuses(key)).toEqual([403, 403, 403]);
  });
});
