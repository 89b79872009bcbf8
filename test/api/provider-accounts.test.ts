import { beforeAll, describe, expect, it } from "vitest";
import { findRealAccounts } from "../../db/provider-accounts.ts";
import { openCredentials, openWebhookToken } from "../../db/sealed-secret.ts";
import { newId } from "../../db/new-id.ts";
import { insertType, SECRET_KEY } from "../support/rows.ts";
import { PUBLIC_URL, problemsOf, useApi } from "./harness.ts";
import type { Answer } from "./harness.ts";
import { idsOfAllPages } from "./pages.ts";

const TOKEN = "fonnte-token-of-nobody";
const ACCOUNT = {
  provider: "fonnte",
  channel: "whatsapp_personal",
  name: "Fonnte utama",
  sender: "0812-3400-0091",
  credentials: { token: TOKEN },
};
const TWILIO = {
  provider: "twilio-sms",
  channel: "sms",
  name: "Twilio",
  sender: "+6281234000094",
  credentials: { accountSid: "ACnobody", authToken: "twilio-token-of-nobody" },
};
const SECRETS = [TOKEN, "twilio-token-of-nobody", "ACnobody", "webhook-secret-of-nobody"];

const api = useApi();

const create = (body: object = ACCOUNT, key?: string): Promise<Answer> =>
  api().request("POST", "/v1/provider-accounts", {
    body,
    ...(key === undefined ? {} : { key }),
  });

async function created(body: object = {}): Promise<string> {
  const answer = await create({ ...ACCOUNT, ...body });
  expect(answer.status, answer.text).toBe(201);
  return String(answer.body["id"]);
}

const get = (id: string, key?: string) =>
  api().request("GET", `/v1/provider-accounts/${id}`, key === undefined ? {} : { key });
const patch = (id: string, body: object, headers: Record<string, string> = {}) =>
  api().request("PATCH", `/v1/provider-accounts/${id}`, { body, headers });

async function sealed(id: string) {
  const { rows } = await api().pool.query<{
    credentials_encrypted: Buffer;
    webhook_token_encrypted: Buffer;
    device_key: string;
  }>(
    "select credentials_encrypted, webhook_token_encrypted, device_key from provider_accounts where id = $1",
    [id],
  );
  const [row] = rows;
  if (!row) throw new Error("no such account");
  return row;
}

describe("POST /v1/provider-accounts", () => {
  it("adds an account with the vendor's documented limits, and shows its webhook address", async () => {
    const answer = await create({
      ...ACCOUNT,
      credentials: { token: TOKEN, webhookSecret: "webhook-secret-of-nobody" },
    });
    expect(answer.status, answer.text).toBe(201);
    const id = String(answer.body["id"]);
    expect(answer.headers.get("location")).toBe(`/v1/provider-accounts/${id}`);
    expect(answer.body).toMatchObject({
      provider: "fonnte",
      channel: "whatsapp_personal",
      name: "Fonnte utama",
      baseUrl: null,
      sender: "+6281234000091",
      credentials: { token: "***", webhookSecret: "***" },
      areSecretsReadable: true,
      settings: {},
      purposes: ["critical", "operational"],
      pacing: { perSecond: 1, minGapSeconds: 1, pairGapSeconds: 0 },
      dailyCap: null,
      receiptDeadlineSeconds: 30,
      enabled: true,
      health: { state: "healthy", reason: null },
      groupIds: [],
    });
    const row = await sealed(id);
    expect(openCredentials(row.credentials_encrypted, SECRET_KEY, id)).toEqual({
      token: TOKEN,
      webhookSecret: "webhook-secret-of-nobody",
    });
    const token = openWebhookToken(row.webhook_token_encrypted, SECRET_KEY, id);
    expect(Buffer.from(token, "base64url")).toHaveLength(32);
    expect(answer.body["webhookUrl"]).toBe(`${PUBLIC_URL}/webhooks/fonnte/${id}/${token}`);
  });

  it.each([
    {
      body: {
        provider: "waha",
        credentials: { apiKey: "nobodys-key", webhookHmacKey: "nobodys-hmac-key" },
        settings: { session: "default", engine: "NOWEB" },
      },
      problems: ["baseUrl: required"],
      reason: "a gateway of the installation's own, without its address",
    },
    {
      body: { provider: "pigeon" },
      problems: ["provider: unknown"],
      reason: "a provider of no release",
    },
    {
      body: { channel: "sms" },
      problems: ["channel: unsupported"],
      reason: "a channel that it doesn't carry",
    },
    {
      body: { credentials: { tokn: TOKEN } },
      problems: ["credentials.token: required", "credentials.tokn: unknown_field"],
      reason: "a misspelt credential",
    },
    {
      body: { credentials: {}, baseUrl: "https://user:pass@fonnte.test", purposes: ["party"] },
      problems: ["baseUrl: invalid_url", "credentials.token: required", "purposes.0: invalid"],
      reason: "what the schema and what the provider say, at once",
    },
    {
      body: { ...TWILIO, credentials: { accountSid: "nobody", authToken: "t", apiKeySid: "SK1" } },
      problems: ["credentials.accountSid: invalid", "credentials: invalid"],
      reason: "a credential of another shape, and one without its other half",
    },
    {
      body: { ...TWILIO, credentials: { ...TWILIO.credentials, apiKeySid: "SK1" } },
      problems: ["credentials: invalid"],
      reason: "credentials that belong together",
    },
    {
      body: {
        ...TWILIO,
        provider: "twilio-voice",
        channel: "call",
        settings: { ringSeconds: 3, volume: 11 },
      },
      problems: ["settings.ringSeconds: invalid", "settings.volume: unknown_field"],
      reason: "settings that the provider doesn't have",
    },
    {
      body: { pacing: { perSecond: 0 }, dailyCap: 0, order: 0 },
      problems: ["dailyCap: too_small", "order: too_small", "pacing.perSecond: too_small"],
      reason: "numbers out of bounds",
    },
  ])("refuses $reason, naming each field and no value", async ({ body, problems }) => {
    const answer = await create({ ...ACCOUNT, ...body });
    expect(answer.status).toBe(422);
    expect([...problemsOf(answer)].sort()).toEqual(problems);
    for (const secret of SECRETS) expect(answer.text).not.toContain(secret);
  });

  it.each([
    { baseUrl: "https://api.fonnte.test/", stored: "https://api.fonnte.test", reason: "no slash" },
    { baseUrl: "http://10.0.0.7:3000/wa", stored: "http://10.0.0.7:3000/wa", reason: "a gateway" },
    { baseUrl: "ftp://fonnte.test", stored: null, reason: "not http" },
    { baseUrl: "https://fonnte.test/?token=x", stored: null, reason: "a query holds secrets" },
    { baseUrl: "https://fonnte.test/#x", stored: null, reason: "a fragment is never sent" },
    { baseUrl: "fonnte.test", stored: null, reason: "no scheme" },
  ])("reads baseUrl $baseUrl: $reason", async ({ baseUrl, stored }) => {
    const answer = await create({ ...ACCOUNT, baseUrl });
    expect(answer.status).toBe(stored === null ? 422 : 201);
    if (stored !== null) expect(answer.body["baseUrl"]).toBe(stored);
  });

  it("paces accounts of one number at one provider together, and others apart", async () => {
    const personal = await created();
    const group = await created({ channel: "whatsapp_group", sender: "+62 812-3400-0091" });
    const other = await created({ sender: "+6281234000092" });
    const meta = await created({
      provider: "meta",
      sender: "100000000000093",
      credentials: { accessToken: "a", appSecret: "b", verifyToken: "c" },
    });
    const keys = await Promise.all(
      [personal, group, other, meta].map(async (id) => (await sealed(id)).device_key),
    );
    expect(keys).toEqual([
      "fonnte:+6281234000091",
      "fonnte:+6281234000091",
      "fonnte:+6281234000092",
      "meta:100000000000093",
    ]);
  });

  it("puts an account behind the last of its channel unless told otherwise", async () => {
    const { rows } = await api().pool.query<{ last: number }>(
      "select coalesce(max(position), 0) as last from provider_accounts where channel = 'sms'",
    );
    const last = rows[0]?.last ?? 0;
    const [first, second] = [await create(TWILIO), await create(TWILIO)];
    expect([first.body["order"], second.body["order"]]).toEqual([last + 1, last + 2]);
    expect((await create({ ...TWILIO, order: 1 })).body["order"]).toBe(1);
  });
});

describe("PATCH /v1/provider-accounts/{id}", () => {
  it("keeps every field and secret that isn't named", async () => {
    const id = await created({ credentials: { token: TOKEN, webhookSecret: "old" } });
    const before = await get(id);
    const answer = await patch(id, { pacing: { minGapSeconds: 4 }, dailyCap: 500 });
    expect(answer.status, answer.text).toBe(200);
    const { updatedAt: _at, ...kept } = before.body;
    expect(answer.body).toMatchObject({
      ...kept,
      pacing: { perSecond: 1, minGapSeconds: 4, pairGapSeconds: 0 },
      dailyCap: 500,
    });
    expect(openCredentials((await sealed(id)).credentials_encrypted, SECRET_KEY, id)).toEqual({
      token: TOKEN,
      webhookSecret: "old",
    });
  });

  it.each([
    {
      credentials: { token: "new" },
      expected: { token: "new", webhookSecret: "old" },
      reason: "one",
    },
    {
      credentials: { token: "***", webhookSecret: "new" },
      expected: { token: TOKEN, webhookSecret: "new" },
      reason: "what an answer showed is what is there",
    },
    {
      credentials: { webhookSecret: null },
      expected: { token: TOKEN },
      reason: "null takes one away",
    },
  ])("changes credentials: $reason", async ({ credentials, expected }) => {
    const id = await created({ credentials: { token: TOKEN, webhookSecret: "old" } });
    expect((await patch(id, { credentials })).status).toBe(200);
    expect(openCredentials((await sealed(id)).credentials_encrypted, SECRET_KEY, id)).toEqual(
      expected,
    );
  });

  it.each([
    { body: { credentials: { token: null } }, problems: ["credentials.token: required"] },
    { body: { credentials: { extra: "x" } }, problems: ["credentials.extra: unknown_field"] },
    { body: { provider: "meta" }, problems: ["provider: unknown_field"] },
    { body: { baseUrl: "nowhere" }, problems: ["baseUrl: invalid_url"] },
    {
      body: { baseUrl: "nowhere", order: 0, credentials: { extra: "x" } },
      problems: ["order: too_small", "credentials.extra: unknown_field", "baseUrl: invalid_url"],
    },
  ])("refuses $body", async ({ body, problems }) => {
    const id = await created();
    const answer = await patch(id, body);
    expect(answer.status).toBe(422);
    expect(problemsOf(answer)).toEqual(problems);
  });

  it("refuses the second of two edits from one state; health is no edit", async () => {
    const id = await created();
    const etag = (await get(id)).headers.get("etag") ?? "";
    await api().pool.query(
      "update provider_accounts set health_state = 'probing', consecutive_failures = 3 where id = $1",
      [id],
    );
    const answers = await Promise.all(
      ["A", "B"].map((name) => patch(id, { name }, { "if-match": etag })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
  });

  it("moves an account to another device with its number", async () => {
    const id = await created();
    await patch(id, { sender: "0812-3400-0092" });
    expect((await sealed(id)).device_key).toBe("fonnte:+6281234000092");
  });

  it("repairs an account whose secrets another key sealed", async () => {
    const id = await created();
    await api().pool.query(
      "update provider_accounts set credentials_encrypted = '\\x00', webhook_token_encrypted = '\\x00' where id = $1",
      [id],
    );
    expect((await get(id)).body).toMatchObject({
      areSecretsReadable: false,
      credentials: {},
      webhookUrl: null,
    });
    expect(problemsOf(await patch(id, { name: "Baru" }))).toEqual(["credentials.token: required"]);
    const repaired = await patch(id, { credentials: { token: "new" } });
    expect(repaired.body).toMatchObject({
      areSecretsReadable: true,
      credentials: { token: "***" },
    });
    expect(repaired.body["webhookUrl"]).toMatch(/^https:\/\/siaga\.test\/webhooks\/fonnte\//);
  });
});

describe("steering an account", () => {
  const act = (id: string, verb: string, key?: string) =>
    api().request("POST", `/v1/provider-accounts/${id}/${verb}`, key === undefined ? {} : { key });

  it("switches it off and on", async () => {
    const id = await created();
    expect((await act(id, "disable")).body["enabled"]).toBe(false);
    expect((await act(id, "enable")).body["enabled"]).toBe(true);
  });

  it("drains and resumes it, and tells the workers what shapes its queue", async () => {
    const id = await created();
    const client = await api().pool.connect();
    const heard: string[] = [];
    try {
      client.on("notification", ({ payload }) => heard.push(payload ?? ""));
      await client.query("listen provider_accounts");
      const drained = await act(id, "drain");
      expect(drained.body["health"]).toMatchObject({ state: "draining", reason: "by_hand" });
      // Again is the same.
      const again = await act(id, "drain");
      expect(again.body["health"]).toEqual(drained.body["health"]);
      expect((await act(id, "resume")).body["health"]).toMatchObject({ state: "healthy" });
      await client.query("select 1");
      expect(heard.filter((payload) => payload === id)).toEqual([]);
      await patch(id, { pacing: { perSecond: 2 } });
      await client.query("select 1");
      expect(heard.filter((payload) => payload === id)).toHaveLength(1);
    } finally {
      client.release(true);
    }
  });

  it("keeps the caps that protect its number, and says of what they are wrong", async () => {
    const warmUp = { startedOn: "2026-09-01", caps: [20, 40, 80] };
    const id = await created({
      sender: "+6281234000097",
      newContactCap: 10,
      warmUp,
      standby: true,
    });
    const shown = { newContactCap: 10, warmUp, standby: true };
    expect((await get(id)).body).toMatchObject(shown);
    expect((await patch(id, { dailyCap: 500 })).body).toMatchObject({ ...shown, dailyCap: 500 });
    expect((await patch(id, { warmUp: null, newContactCap: null })).body).toMatchObject({
      warmUp: null,
      newContactCap: null,
      standby: true,
    });
    const wrong = await patch(id, { warmUp: { startedOn: "soon", caps: [] }, newContactCap: -1 });
    expect(wrong.status).toBe(422);
    expect((wrong.body["errors"] as { path: string }[]).map(({ path }) => path).sort()).toEqual([
      "newContactCap",
      "warmUp.caps",
      "warmUp.startedOn",
    ]);
  });

  it("shows how it is, and its number's pace", async () => {
    const id = await created({ sender: "+6281234000095", dailyCap: 100 });
    const fresh = await api().request("GET", `/v1/provider-accounts/${id}/health`);
    expect(fresh.status, fresh.text).toBe(200);
    expect(fresh.body).toMatchObject({
      state: "healthy",
      enabled: true,
      consecutiveFailures: 0,
      sentToday: 0,
      dailyCap: 100,
      nextFreeAt: null,
    });
    await api().pool.query(
      `insert into device_pace (device_key, next_free_at, sent_on, sent_today)
       values ('fonnte:+6281234000095', '2026-01-05T01:00:00Z', (now() at time zone 'UTC')::date, 7)`,
    );
    const used = await api().request("GET", `/v1/provider-accounts/${id}/health`);
    expect(used.body).toMatchObject({ sentToday: 7, nextFreeAt: "2026-01-05T01:00:00.000Z" });
  });

  it("records the groups that its number is in, by id and by external id", async () => {
    const group = await api().request("POST", "/v1/groups", {
      body: { name: "NOC", category: "noc", externalId: "G-PROVEN" },
    });
    const groupId = String(group.body["id"]);
    const id = await created({ channel: "whatsapp_group" });
    const path = (reference: string) => `/v1/provider-accounts/${id}/groups/${reference}`;
    const proven = await api().request("PUT", path("ext:G-PROVEN"));
    expect(proven.status, proven.text).toBe(200);
    expect(proven.body["groupIds"]).toEqual([groupId]);
    expect((await api().request("PUT", path(groupId))).body["groupIds"]).toEqual([groupId]);
    expect((await api().request("DELETE", path(groupId))).body["groupIds"]).toEqual([]);
    expect((await api().request("PUT", path(newId("grp", Date.now())))).status).toBe(404);
  });

  it("refuses groups for an account that carries none", async () => {
    const group = await api().request("POST", "/v1/groups", {
      body: { name: "NOC", category: "noc" },
    });
    const id = await created();
    const answer = await api().request(
      "PUT",
      `/v1/provider-accounts/${id}/groups/${String(group.body["id"])}`,
    );
    expect(answer.status).toBe(422);
  });
});

describe("GET /v1/provider-accounts", () => {
  it("lists by provider, channel and state, and neither skips nor repeats under concurrent inserts", async () => {
    const before: string[] = [];
    for (let index = 0; index < 7; index += 1) {
      before.push(await created({ ...TWILIO, provider: "twilio-voice", channel: "call" }));
    }
    await api().request("POST", `/v1/provider-accounts/${before[0]}/disable`);
    const enabled = before.slice(1);
    const seen = await idsOfAllPages(
      (cursor) =>
        api().request(
          "GET",
          `/v1/provider-accounts?provider=twilio-voice&channel=call&enabled=true&limit=3${cursor}`,
        ),
      () =>
        Promise.all([created(), created({ ...TWILIO, provider: "twilio-voice", channel: "call" })]),
    );
    expect(seen).toEqual(enabled.toReversed());
  });
});

describe("invariant 36: secrets", () => {
  it("come back in no answer, no log line, no audit entry and no kept answer", async () => {
    const headers = { "idempotency-key": "account-with-secrets" };
    const first = await api().request("POST", "/v1/provider-accounts", { body: TWILIO, headers });
    const id = String(first.body["id"]);
    const token = openWebhookToken((await sealed(id)).webhook_token_encrypted, SECRET_KEY, id);
    const replayed = await api().request("POST", "/v1/provider-accounts", {
      body: TWILIO,
      headers,
    });
    expect(replayed.headers.get("idempotent-replayed")).toBe("true");
    expect(replayed.body).toEqual({ ...first.body, webhookUrl: null });
    const answers = [
      first,
      replayed,
      await get(id),
      await patch(id, { credentials: { authToken: "twilio-token-of-nobody" } }),
      await patch(id, { credentials: { accountSid: "wrong", authToken: TOKEN } }),
      await api().request("GET", "/v1/provider-accounts?limit=200"),
    ];
    for (const { text } of answers) {
      for (const secret of SECRETS) expect(text).not.toContain(secret);
    }
    const { rows } = await api().pool.query<{ text: string }>(
      `select jsonb_agg(a)::text as text from audit_log a
       union all select coalesce(jsonb_agg(response_body)::text, '') from idempotency_keys`,
    );
    const kept = [...rows.map(({ text }) => text), ...api().logged].join("\n");
    for (const secret of [...SECRETS, token]) expect(kept).not.toContain(secret);
  });

  it("keeps the webhook address from those who don't manage accounts", async () => {
    const id = await created();
    const noc = await api().person("noc");
    const reader = await api().systemKey("accounts:read");
    for (const key of [noc.key, reader]) {
      const answer = await get(id, key);
      expect(answer.status).toBe(200);
      expect(answer.body["webhookUrl"]).toBeNull();
    }
  });
});

describe("invariant 38: provider accounts by role", () => {
  let id: string;
  let groupId: string;
  beforeAll(async () => {
    id = await created({ channel: "whatsapp_group" });
    const group = await api().request("POST", "/v1/groups", {
      body: { name: "NOC", category: "noc" },
    });
    groupId = String(group.body["id"]);
    await insertType(api().pool, { code: "test_message", priority: "high" });
  });

  it.each([
    { role: "admin", read: 200, drain: 200, write: 200, create: 201 },
    { role: "manager", read: 403, drain: 403, write: 403, create: 403 },
    { role: "supervisor", read: 403, drain: 403, write: 403, create: 403 },
    { role: "noc", read: 200, drain: 200, write: 403, create: 403 },
    { role: "customer_service", read: 403, drain: 403, write: 403, create: 403 },
    { role: "technician", read: 403, drain: 403, write: 403, create: 403 },
    { role: "customer", read: 403, drain: 403, write: 403, create: 403 },
  ] as const)("$role", async ({ role, ...cells }) => {
    const { key } = await api().person(role, ["karawang"]);
    const ask = async (method: string, path: string, body?: object) =>
      (
        await api().request(method, `/v1/provider-accounts${path}`, {
          key,
          ...(body === undefined ? {} : { body }),
        })
      ).status;
    expect(await ask("GET", "")).toBe(cells.read);
    expect(await ask("GET", `/${id}`)).toBe(cells.read);
    expect(await ask("GET", `/${id}/health`)).toBe(cells.read);
    expect(await ask("POST", `/${id}/drain`)).toBe(cells.drain);
    expect(await ask("POST", `/${id}/resume`)).toBe(cells.drain);
    const test = { to: { groupId }, waitSeconds: 0 };
    expect(await ask("POST", `/${id}/test-send`, test)).toBe(cells.drain);
    expect(await ask("POST", "", ACCOUNT)).toBe(cells.create);
    expect(await ask("PATCH", `/${id}`, { name: "Baru" })).toBe(cells.write);
    expect(await ask("POST", `/${id}/disable`)).toBe(cells.write);
    expect(await ask("POST", `/${id}/enable`)).toBe(cells.write);
    expect(await ask("PUT", `/${id}/groups/${groupId}`)).toBe(cells.write);
    expect(await ask("DELETE", `/${id}/groups/${groupId}`)).toBe(cells.write);
  });
});

describe("with simulated vendors alone", () => {
  const simulated = useApi({ isSimulated: true });

  it.each([
    { baseUrl: "http://127.0.0.1:4010/fonnte", status: 201, reason: "of this machine" },
    { baseUrl: "http://localhost:4010", status: 201, reason: "of this machine" },
    { baseUrl: null, status: 422, reason: "the vendor's own address" },
    { baseUrl: "https://api.fonnte.test", status: 422, reason: "somewhere else" },
    { baseUrl: "http://127.0.0.1.fonnte.test", status: 422, reason: "only looks like it" },
    { baseUrl: "http://10.0.0.7", status: 422, reason: "another machine of the house" },
  ])("takes $baseUrl: $status, $reason", async ({ baseUrl, status }) => {
    const answer = await simulated().request("POST", "/v1/provider-accounts", {
      body: { ...ACCOUNT, baseUrl },
    });
    expect(answer.status, answer.text).toBe(status);
    if (status === 422) expect(problemsOf(answer)).toEqual(["baseUrl: not_simulated"]);
    expect(await findRealAccounts(simulated().pool)).toEqual([]);
  });

  it("knows a real account, switched off or not, from a simulated one", async () => {
    const id = await created({ enabled: false });
    expect(await findRealAccounts(api().pool)).toContain(id);
  });
});
