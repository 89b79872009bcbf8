import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { newId } from "../../db/new-id.ts";
import { objectAt, problemsOf, useApi } from "./harness.ts";
import type { Answer } from "./harness.ts";

const api = useApi();

const DEFAULTS = {
  enabled: true,
  channels: { whatsapp: true, email: true, push: true },
  classes: { assigned: true, status: true, sla: true, urgent: true, daily: false, weekly: false },
  types: {},
  quietHours: {
    enabled: false,
    from: "22:00",
    to: "06:00",
    days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    timeZone: null,
  },
  groupNotifications: true,
  allowHighInQuietHours: false,
  overrideForCritical: true,
};

let person: { readonly id: string; readonly key: string };
beforeEach(async () => {
  person = await api().person("technician", ["karawang"]);
});

const get = (id = person.id) => api().request("GET", `/v1/users/${id}/settings`);
const patch = (body: object, key?: string, headers?: Record<string, string>) =>
  api().request("PATCH", `/v1/users/${person.id}/settings`, {
    body,
    ...(key === undefined ? {} : { key }),
    ...(headers === undefined ? {} : { headers }),
  });

async function stored(): Promise<unknown> {
  const { rows } = await api().pool.query<{ settings: unknown }>(
    "select settings from notification_settings where user_id = $1",
    [person.id],
  );
  return rows[0]?.settings ?? null;
}

async function giveContact(kind: string, isVerified = true): Promise<void> {
  await api().pool.query(
    `insert into contacts (id, user_id, kind, value, verified_at, verified_by) values ($1, $2, $3, $4, $5, $6)`,
    [
      newId("con", Date.now()),
      person.id,
      kind,
      `${kind}-of-${person.id}`,
      isVerified ? new Date() : null,
      isVerified ? "admin" : null,
    ],
  );
}

describe("GET /v1/users/{id}/settings", () => {
  it("shows the defaults of somebody who has chosen nothing", async () => {
    const answer = await get();
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual(DEFAULTS);
  });

  it("shows a customer e-mail once an address is given", async () => {
    person = await api().person("customer");
    expect(objectAt((await get()).body, "channels", "email")).toBe(false);
    await giveContact("email");
    expect(objectAt((await get()).body, "channels", "email")).toBe(true);
  });
});

describe("invariant 30: PATCH /v1/users/{id}/settings", () => {
  it.each([
    { body: { enabled: false }, reason: "the master switch" },
    { body: { channels: { whatsapp: false } }, reason: "one channel" },
    { body: { classes: { daily: true } }, reason: "one class" },
    { body: { types: { promotion: false } }, reason: "one type" },
    { body: { quietHours: { enabled: true } }, reason: "one field of the quiet hours" },
    { body: { quietHours: { days: ["sat", "holiday"] } }, reason: "a list, as a whole" },
    { body: { groupNotifications: false }, reason: "the groups" },
    { body: { allowHighInQuietHours: true }, reason: "high at night" },
  ])("changes $reason, keeps every other field and stores only that", async ({ body }) => {
    const answer = await patch(body);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual(merge(DEFAULTS, body));
    expect(await stored()).toEqual(body);
    expect((await get()).body).toEqual(answer.body);
  });

  it("comes to the same whatever order single changes come in", async () => {
    const changes = [
      { channels: { email: false } },
      { channels: { push: false } },
      { classes: { weekly: true } },
      { quietHours: { enabled: true, from: "21:30" } },
      { quietHours: { to: "05:00" } },
      { types: { outage: false } },
      { types: { promotion: true } },
    ];
    const expected = changes.reduce<object>(merge, DEFAULTS);
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(changes, { minLength: changes.length }),
        async (order) => {
          person = await api().person("technician");
          for (const change of order) expect((await patch(change)).status).toBe(200);
          expect((await get()).body).toEqual(expected);
        },
      ),
      { numRuns: 15 },
    );
  });

  it("loses none of many changes made at the same time", async () => {
    const changes = [
      { channels: { email: false } },
      { channels: { push: false } },
      { classes: { weekly: true } },
      { classes: { daily: true } },
      { types: { outage: false } },
      { types: { promotion: true } },
      { groupNotifications: false },
    ];
    const answers = await Promise.all(changes.map((change) => patch(change)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect((await get()).body).toEqual(changes.reduce<object>(merge, DEFAULTS));
  });

  it("lets a type follow its class again when its switch is null", async () => {
    await patch({ types: { outage: false, promotion: true } });
    const answer = await patch({ types: { outage: null } });
    expect(answer.body["types"]).toEqual({ promotion: true });
    expect(await stored()).toEqual({ types: { promotion: true } });
  });

  it.each([
    {
      body: { quietHours: { from: "25:00", to: "noon", timeZone: "Mars/Olympus" } },
      problems: [
        "quietHours.from: invalid_clock_time",
        "quietHours.to: invalid_clock_time",
        "quietHours.timeZone: invalid_iana_time_zone",
      ],
      reason: "quiet hours that no clock shows",
    },
    {
      body: { types: { nothing: true }, quietHours: { to: "6" } },
      problems: ["quietHours.to: invalid_clock_time", "types.nothing: unknown"],
      reason: "a type that isn't there, and a clock time",
    },
    {
      body: { enabled: 1, types: { nothing: true, outage: false }, quietHours: { from: "24:00" } },
      problems: [
        "enabled: invalid_type",
        "quietHours.from: invalid_clock_time",
        "types.nothing: unknown",
      ],
      reason: "what the schema sees and what it doesn't",
    },
    {
      body: { channels: { pigeon: true }, enabled: "yes" },
      problems: ["channels.pigeon: unknown_field", "enabled: invalid_type"],
      reason: "an unknown channel and a word for a flag",
    },
    {
      body: { quietHours: { days: ["mon", "someday"] } },
      problems: ["quietHours.days.1: invalid"],
      reason: "an unknown day",
    },
  ])("refuses $reason, naming each field, and changes nothing", async ({ body, problems }) => {
    const answer = await patch(body);
    expect(answer.status).toBe(422);
    expect([...problemsOf(answer)].sort()).toEqual([...problems].sort());
    expect(await stored()).toBeNull();
  });

  it("refuses the second of two edits from one state", async () => {
    const etag = (await get()).headers.get("etag") ?? "";
    const edits = [{ enabled: false }, { groupNotifications: false }];
    const answers = await Promise.all(
      edits.map((body) => patch(body, undefined, { "if-match": etag })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
  });
});

describe("overrideForCritical", () => {
  const OFF = { overrideForCritical: false };

  it.each([
    { who: "the person", key: async () => person.key, status: 403 },
    {
      who: "a supervisor of the zone",
      key: async () => (await api().person("supervisor", ["karawang"])).key,
      status: 403,
    },
    {
      who: "a system's key for master data",
      key: () => api().systemKey("master:write"),
      status: 403,
    },
    { who: "an administrator", key: async () => (await api().person("admin")).key, status: 200 },
  ])("is switched off by $who: $status", async ({ key, status }) => {
    const answer = await patch(OFF, await key());
    expect(answer.status, answer.text).toBe(status);
    expect((await get()).body["overrideForCritical"]).toBe(status !== 200);
  });

  it("is recorded with who did it, and is the person's own to switch on again", async () => {
    const admin = await api().person("admin");
    await patch(OFF, admin.key);
    const { rows } = await api().pool.query<{ by: { userId: string } }>(
      "select by from audit_log where subject = $1 and action = 'settings.critical_override_ended'",
      [person.id],
    );
    expect(rows.map(({ by }) => by.userId)).toEqual([admin.id]);
    expect((await patch({ overrideForCritical: true }, person.key)).status).toBe(200);
    // What is off already can be said again by anybody who may write the rest.
    await patch(OFF, admin.key);
    expect((await patch({ ...OFF, enabled: true }, person.key)).status).toBe(200);
  });
});

describe("GET /v1/users/{id}/effective-settings", () => {
  const effective = (query: string) =>
    api().request("GET", `/v1/users/${person.id}/effective-settings?${query}`);
  const verdicts = (answer: Answer): Record<string, unknown> => {
    const channels = Array.isArray(answer.body["channels"]) ? answer.body["channels"] : [];
    return Object.fromEntries(
      channels.map((one: unknown) => [
        String(objectAt(one, "channel")),
        objectAt(one, "verdict") === "allowed" ? "allowed" : objectAt(one, "reason"),
      ]),
    );
  };

  it("gives one verdict for each channel, with its reason", async () => {
    await giveContact("phone");
    await giveContact("email");
    await patch({ channels: { whatsapp: false } });
    const answer = await effective("type=ticket_urgent");
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({
      userId: person.id,
      type: "ticket_urgent",
      priority: "high",
      emailOptedIn: false,
    });
    expect(verdicts(answer)).toEqual({
      whatsapp_personal: "channel_off",
      in_app: "allowed",
      push: "no_subscription",
      email: "not_opted_in",
      sms: "allowed",
      call: "allowed",
    });
  });

  it("tells a chosen e-mail from one that was merely left on", async () => {
    await giveContact("email");
    expect(verdicts(await effective("type=ticket_urgent"))["email"]).toBe("not_opted_in");
    await patch({ channels: { email: true } });
    const after = await effective("type=ticket_urgent");
    expect(verdicts(after)["email"]).toBe("allowed");
    expect(after.body["emailOptedIn"]).toBe(true);
  });

  it.each([
    { priority: "medium", verdict: "unverified", reason: "waits until somebody vouches" },
    { priority: "high", verdict: "allowed", reason: "goes, marked" },
    { priority: "critical", verdict: "allowed", reason: "goes, marked" },
  ])("an unverified phone at $priority: $reason", async ({ priority, verdict }) => {
    await giveContact("phone", false);
    expect(verdicts(await effective(`type=outage&priority=${priority}`))["whatsapp_personal"]).toBe(
      verdict,
    );
  });

  it.each([
    { change: { enabled: false }, verdict: "settings_disabled" },
    { change: { classes: { urgent: false } }, verdict: "class_off" },
    { change: { types: { ticket_urgent: false } }, verdict: "type_off" },
    { change: { classes: { urgent: false }, types: { ticket_urgent: true } }, verdict: "allowed" },
  ])("after $change whatsapp is $verdict", async ({ change, verdict }) => {
    await api().pool.query(
      "update notification_types set preference_class = 'urgent' where code = 'ticket_urgent'",
    );
    await giveContact("phone");
    await patch(change);
    expect(verdicts(await effective("type=ticket_urgent"))["whatsapp_personal"]).toBe(verdict);
  });

  it("says until when it is quiet, on whose clock, and what that does to the priority", async () => {
    // 2026-01-05 is a Monday; 16:00 UTC is 23:00 in Jakarta.
    api().clock.nowMs = Date.UTC(2026, 0, 5, 16);
    try {
      await patch({ quietHours: { enabled: true } });
      const medium = await effective("type=service_update");
      expect(medium.body["quietHours"]).toEqual({
        enabled: true,
        timeZone: "Asia/Jakarta",
        timeZoneSource: "work_zone",
        quietUntil: "2026-01-05T23:00:00.000Z",
        isAlwaysQuiet: false,
        decision: "asleep",
        reason: "quiet_hours",
      });
      const critical = await effective("type=outage");
      expect(critical.body["quietHours"]).toMatchObject({
        decision: "tell_now",
        reason: "critical_priority",
      });
    } finally {
      api().clock.nowMs = null;
    }
  });

  it.each([
    { query: "type=nothing", problem: "type: unknown", reason: "no such type" },
    { query: "", problem: "type: required", reason: "a type is needed" },
    { query: "type=outage&priority=mild", problem: "priority: invalid", reason: "no priority" },
  ])("refuses $query: $reason", async ({ query, problem }) => {
    const answer = await effective(query);
    expect(answer.status).toBe(422);
    expect(problemsOf(answer)).toEqual([problem]);
  });
});

describe("/v1/me", () => {
  it("is the person of the key, and nobody for a system's", async () => {
    const me = await api().request("GET", "/v1/me", { key: person.key });
    expect(me.status, me.text).toBe(200);
    expect(me.body["id"]).toBe(person.id);
    for (const path of ["/v1/me", "/v1/me/settings", "/v1/me/inbox"]) {
      expect((await api().request("GET", path)).status, path).toBe(403);
    }
  });

  it.each(["admin", "manager", "supervisor", "noc", "customer_service", "technician"] as const)(
    "lets a %s change their own settings, language and clock, and nothing else of their row",
    async (role) => {
      const { key, id } = await api().person(role);
      const settings = await api().request("PATCH", "/v1/me/settings", {
        key,
        body: { quietHours: { enabled: true } },
      });
      expect(settings.status, settings.text).toBe(200);
      expect((await api().request("GET", "/v1/me/settings", { key })).body).toEqual(settings.body);
      const own = await api().request("PATCH", "/v1/me", {
        key,
        body: { locale: "en", timeZone: "Asia/Jayapura" },
      });
      expect(own.status, own.text).toBe(200);
      expect(own.body).toMatchObject({ id, locale: "en", timeZone: "Asia/Jayapura" });
      const more = await api().request("PATCH", "/v1/me", { key, body: { role: "admin" } });
      expect(problemsOf(more)).toEqual(["role: unknown_field"]);
    },
  );

  it("keeps the settings of others closed to a technician", async () => {
    const other = await api().person("technician", ["karawang"]);
    const path = `/v1/users/${other.id}/settings`;
    const write = { key: person.key, body: { enabled: false } };
    expect((await api().request("GET", path, { key: person.key })).status).toBe(404);
    expect((await api().request("PATCH", path, write)).status).toBe(404);
  });

  it("lets a manager read another's settings and not write them", async () => {
    const { key } = await api().person("manager");
    const path = `/v1/users/${person.id}/settings`;
    expect((await api().request("GET", path, { key })).status).toBe(200);
    expect((await api().request("PATCH", path, { key, body: { enabled: false } })).status).toBe(
      403,
    );
  });
});

/** What an API that keeps the other fields answers. */
function merge(current: object, change: object): object {
  const entries = Object.entries(change).map(
    ([name, value]: [string, unknown]): [string, unknown] => {
      const before: unknown = Reflect.get(current, name);
      return [name, isPlain(value) && isPlain(before) ? merge(before, value) : value];
    },
  );
  return { ...current, ...Object.fromEntries(entries) };
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
