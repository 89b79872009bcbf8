import { beforeAll, describe, expect, it } from "vitest";
import { objectAt, problemsOf, useApi } from "./harness.ts";
import type { Answer } from "./harness.ts";
import { idsOf, idsOfAllPages } from "./pages.ts";

const api = useApi();

let counter = 0;
/** A number of the fictional range, different at each call. */
function aPhone(): string {
  counter += 1;
  return `+6281234000${String(counter).padStart(3, "0")}`;
}

const TECHNICIAN = { name: "Contoh Satu", role: "technician", zones: ["karawang"] };

async function create(body: object = {}, key?: string): Promise<Answer> {
  return api().request("POST", "/v1/users", {
    body: { ...TECHNICIAN, ...body },
    ...(key === undefined ? {} : { key }),
  });
}

async function created(body: object = {}): Promise<string> {
  const answer = await create(body);
  expect(answer.status, answer.text).toBe(201);
  return String(answer.body["id"]);
}

describe("POST /v1/users", () => {
  it("makes a user and says where", async () => {
    const phone = aPhone();
    const answer = await create({
      externalId: "T-100",
      locale: "en",
      timeZone: "Asia/Makassar",
      contacts: [
        { kind: "phone", value: phone.replace("+62", "0") },
        { kind: "email", value: "T100@Siaga.Example" },
      ],
    });

    expect(answer.status, answer.text).toBe(201);
    const id = String(answer.body["id"]);
    expect(id).toMatch(/^usr_/);
    expect(answer.headers.get("location")).toBe(`/v1/users/${id}`);
    expect(answer.headers.get("etag")).toMatch(/^"[\w-]{22}"$/);
    expect(answer.body).toMatchObject({
      externalId: "T-100",
      name: "Contoh Satu",
      role: "technician",
      zones: ["karawang"],
      locale: "en",
      timeZone: "Asia/Makassar",
      isActive: true,
      contacts: [
        { kind: "phone", value: phone, isPrimary: true, verifiedBy: "api" },
        { kind: "email", value: "t100@siaga.example", isPrimary: true, verifiedBy: "api" },
      ],
    });
    expect(objectAt(answer.body, "contacts", 0, "verifiedAt")).toMatch(/^\d{4}-.*Z$/);
    expect((await api().request("GET", `/v1/users/${id}`)).body).toEqual(answer.body);
    expect((await api().request("GET", "/v1/users/ext:T-100")).body).toEqual(answer.body);
  });

  it.each([
    { by: "an administrator", verifiedBy: "admin", who: () => api().person("admin") },
    {
      by: "a supervisor",
      verifiedBy: null,
      who: () => api().person("supervisor", ["karawang"]),
    },
  ])("has the contacts vouched for by $by: $verifiedBy", async ({ who, verifiedBy }) => {
    const { key } = await who();
    const answer = await create({ contacts: [{ kind: "phone", value: aPhone() }] }, key);
    expect(answer.status, answer.text).toBe(201);
    expect(objectAt(answer.body, "contacts", 0, "verifiedBy")).toBe(verifiedBy);
    expect(objectAt(answer.body, "contacts", 0, "verifiedAt") === null).toBe(verifiedBy === null);
  });

  it("names every bad field at once, the schema's and the record's, and stores nothing", async () => {
    const phone = aPhone();
    await created({ externalId: "T-200", contacts: [{ kind: "phone", value: phone }] });
    const count = await countUsers();

    const answer = await create({
      externalId: "T-200",
      role: "wizard",
      zones: ["karawang", "atlantis"],
      timeZone: "Mars/Olympus",
      contacts: [
        { kind: "phone", value: phone },
        { kind: "phone", value: "120363041234567890@g.us" },
        { kind: "email", value: "not an address" },
      ],
      shoeSize: 43,
    });

    expect(answer.status).toBe(422);
    expect([...problemsOf(answer)].sort()).toEqual([
      "contacts.0.value: taken",
      "contacts.1.value: invalid_phone",
      "contacts.2.value: invalid_email",
      "externalId: taken",
      "role: invalid",
      "shoeSize: unknown_field",
      "timeZone: invalid_time_zone",
      "zones.1: unknown",
    ]);
    expect(answer.text).not.toContain(phone);
    expect(await countUsers()).toBe(count);
  });

  it.each([
    {
      contacts: (phone: string) => [
        { kind: "phone", value: phone },
        { kind: "phone", value: phone.replace("+62", "0") },
      ],
      problem: "contacts.1.value: duplicate",
      reason: "one number in two spellings",
    },
    {
      contacts: (phone: string) => [
        { kind: "phone", value: phone, isPrimary: true },
        { kind: "phone", value: aPhone(), isPrimary: true },
      ],
      problem: "contacts.1.isPrimary: duplicate",
      reason: "two primary ones of one kind",
    },
    {
      contacts: () => [{ kind: "phone", value: "abc" }],
      problem: "contacts.0.value: invalid_phone",
      reason: "letters are no number",
    },
  ])("refuses contacts that contradict each other: $reason", async ({ contacts, problem }) => {
    const answer = await create({ contacts: contacts(aPhone()) });
    expect(answer.status).toBe(422);
    expect(problemsOf(answer)).toEqual([problem]);
  });

  it("gives one number to one of two parallel requests and names the field to the other", async () => {
    const contacts = [{ kind: "phone", value: aPhone() }];
    const answers = await Promise.all([1, 2, 3, 4].map(() => create({ contacts })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 422, 422, 422]);
    for (const answer of answers.filter(({ status }) => status === 422)) {
      expect(problemsOf(answer).join()).toMatch(/^contacts(\.0\.value)?: taken$/);
    }
  });

  it("gives a repeat with the same Idempotency-Key the same user", async () => {
    const request = () =>
      api().request("POST", "/v1/users", {
        body: { ...TECHNICIAN, externalId: "T-300" },
        headers: { "idempotency-key": "user-300" },
      });
    const [first, second] = [await request(), await request()];
    expect(first.status, first.text).toBe(201);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get("idempotent-replayed")).toBe("true");
  });

  it("makes the same user again when the process died before its answer was kept", async () => {
    const body = { ...TECHNICIAN, externalId: "T-301" };
    const headers = { "idempotency-key": "user-301" };
    const first = await api().request("POST", "/v1/users", { body, headers });
    await api().pool.query(
      `update idempotency_keys set state = 'in_flight', response_status = null, locked_until = now() - interval '1 s'
       where key = 'user-301'`,
    );
    const second = await api().request("POST", "/v1/users", { body, headers });
    expect(second.status, second.text).toBe(201);
    expect(second.body["id"]).toBe(first.body["id"]);
  });
});

async function countUsers(): Promise<number> {
  const { rows } = await api().pool.query<{ count: number }>(
    "select count(*)::int as count from users",
  );
  return rows[0]?.count ?? -1;
}

describe("PATCH /v1/users/{id}", () => {
  it("changes what is named and keeps the rest", async () => {
    const id = await created({ contacts: [{ kind: "phone", value: aPhone() }] });
    const before = await api().request("GET", `/v1/users/${id}`);
    const answer = await api().request("PATCH", `/v1/users/${id}`, {
      body: { name: "Contoh Dua" },
    });
    expect(answer.status, answer.text).toBe(200);
    const { updatedAt: _updated, ...kept } = before.body;
    expect(answer.body).toMatchObject({ ...kept, name: "Contoh Dua" });
  });

  it("takes back what GET gave, contacts included, and changes nothing by it", async () => {
    const id = await created({ contacts: [{ kind: "phone", value: aPhone() }] });
    const before = await api().request("GET", `/v1/users/${id}`);
    const { id: _id, createdAt: _at, updatedAt: _updated, ...fields } = before.body;
    const answer = await api().request("PATCH", `/v1/users/${id}`, { body: fields });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get("etag")).toBe(before.headers.get("etag"));
  });

  it("lets one of two edits from one state win and refuses the other with 412", async () => {
    const id = await created();
    const etag = (await api().request("GET", `/v1/users/${id}`)).headers.get("etag") ?? "";
    const edit = (name: string) =>
      api().request("PATCH", `/v1/users/${id}`, { body: { name }, headers: { "if-match": etag } });
    const answers = await Promise.all([edit("Contoh A"), edit("Contoh B")]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    const won = answers.find(({ status }) => status === 200);
    expect((await api().request("GET", `/v1/users/${id}`)).body["name"]).toBe(won?.body["name"]);
  });

  it.each([
    { header: "*", status: 200, reason: "any state" },
    { header: 'W/"x"', status: 412, reason: "a weak tag never matches" },
    { header: '"x", "y"', status: 412, reason: "neither is the state" },
    { header: "nonsense", status: 412, reason: "whoever sends it wants to be safe" },
  ])("reads If-Match $header: $reason", async ({ header, status }) => {
    const id = await created();
    const answer = await api().request("PATCH", `/v1/users/${id}`, {
      body: { name: "Contoh" },
      headers: { "if-match": header },
    });
    expect(answer.status).toBe(status);
  });

  it("names every bad field of a change at once, and leaves the user as it is", async () => {
    const [id, phone] = [await created(), aPhone()];
    await created({ contacts: [{ kind: "phone", value: phone }] });
    const answer = await api().request("PATCH", `/v1/users/${id}`, {
      body: {
        name: "Baru",
        role: "wizard",
        zones: ["atlantis"],
        contacts: [{ kind: "phone", value: phone }],
      },
    });
    expect(answer.status).toBe(422);
    expect([...problemsOf(answer)].sort()).toEqual([
      "contacts.0.value: taken",
      "role: invalid",
      "zones.0: unknown",
    ]);
    expect((await api().request("GET", `/v1/users/${id}`)).body["name"]).toBe(TECHNICIAN.name);
  });

  it("keeps what is known of the contacts that stay", async () => {
    const [kept, gone, added] = [aPhone(), aPhone(), aPhone()];
    const id = await created({
      contacts: [
        { kind: "phone", value: kept },
        { kind: "phone", value: gone },
      ],
    });
    const supervisor = await api().person("supervisor", ["karawang"]);
    const answer = await api().request("PATCH", `/v1/users/${id}`, {
      key: supervisor.key,
      body: {
        contacts: [
          { kind: "phone", value: kept },
          { kind: "phone", value: added, isPrimary: true },
        ],
      },
    });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body["contacts"]).toEqual([
      {
        kind: "phone",
        value: added,
        isPrimary: true,
        verifiedAt: null,
        verifiedBy: null,
        consentedAt: null,
      },
      {
        kind: "phone",
        value: kept,
        isPrimary: false,
        verifiedAt: objectAt(answer.body, "contacts", 1, "verifiedAt"),
        verifiedBy: "api",
        consentedAt: null,
      },
    ]);
    expect(objectAt(answer.body, "contacts", 1, "verifiedAt")).toMatch(/Z$/);
    // The number that was taken away is free again.
    await created({ contacts: [{ kind: "phone", value: gone }] });
  });

  it("frees the number of somebody who is switched off, and takes it back only while it is free", async () => {
    const contacts = [{ kind: "phone", value: aPhone() }];
    const first = await created({ contacts });
    const off = await api().request("POST", `/v1/users/${first}/deactivate`);
    expect(off.status, off.text).toBe(200);
    expect(off.body["isActive"]).toBe(false);
    const second = await created({ contacts });

    const refused = await api().request("PATCH", `/v1/users/${first}`, {
      body: { isActive: true },
    });
    expect(refused.status).toBe(422);
    expect(problemsOf(refused)).toEqual(["contacts.0.value: taken"]);

    await api().request("POST", `/v1/users/${second}/deactivate`);
    const on = await api().request("PATCH", `/v1/users/${first}`, { body: { isActive: true } });
    expect(on.status, on.text).toBe(200);
    expect(on.body["contacts"]).toMatchObject(contacts);
  });

  it("ends a person's keys at once when the person is switched off", async () => {
    const { id, key } = await api().person("noc");
    expect((await api().request("GET", "/v1/me", { key })).status).toBe(200);
    await api().request("POST", `/v1/users/${id}/deactivate`);
    expect((await api().request("GET", "/v1/me", { key })).status).toBe(401);
  });

  it("records who changed which fields, and never what stood in them", async () => {
    const phone = aPhone();
    const id = await created();
    await api().request("PATCH", `/v1/users/${id}`, {
      body: { name: "Rahasia", contacts: [{ kind: "phone", value: phone }] },
    });
    const { rows } = await api().pool.query<{ action: string; by: unknown; detail: unknown }>(
      "select action, by, detail from audit_log where subject = $1 order by at, id",
      [id],
    );
    expect(rows.map(({ action }) => action)).toEqual(["user.created", "user.changed"]);
    expect(rows[1]?.detail).toEqual({ fields: ["name", "contacts"] });
    expect(JSON.stringify(rows)).not.toContain(phone);
    expect(JSON.stringify(rows)).not.toContain("Rahasia");
  });
});

describe("what nobody may become by writing users", () => {
  const change = async (key: string, id: string, body: object) =>
    (await api().request("PATCH", `/v1/users/${id}`, { key, body })).status;

  it.each([
    { role: "technician", zones: ["karawang"], status: 201, reason: "looked after by supervisors" },
    { role: "customer", zones: ["karawang"], status: 201, reason: "looked after by supervisors" },
    { role: "admin", zones: ["karawang"], status: 403, reason: "roles are an administrator's" },
    { role: "manager", zones: ["karawang"], status: 403, reason: "more rights than their own" },
    { role: "noc", zones: ["karawang"], status: 403, reason: "sees more than their own zones" },
    {
      role: "supervisor",
      zones: ["karawang"],
      status: 403,
      reason: "roles are an administrator's",
    },
    { role: "technician", zones: ["bekasi"], status: 403, reason: "another's zone" },
    { role: "technician", zones: ["karawang", "bekasi"], status: 403, reason: "partly another's" },
    { role: "technician", zones: [], status: 403, reason: "no zone is everywhere" },
  ])("a supervisor of karawang making a $role of $zones: $status, $reason", async (row) => {
    const { key } = await api().person("supervisor", ["karawang"]);
    expect((await create({ role: row.role, zones: row.zones }, key)).status).toBe(row.status);
  });

  it("lets no supervisor make somebody more than a technician", async () => {
    const { key } = await api().person("supervisor", ["karawang"]);
    const id = await created();
    expect(await change(key, id, { role: "admin" })).toBe(403);
    expect(await change(key, id, { zones: ["karawang", "bekasi"] })).toBe(403);
    expect(await change(key, id, { zones: [] })).toBe(403);
    expect(await change(key, id, { name: "Contoh" })).toBe(200);
  });

  it("lets no supervisor touch the phone of somebody with more rights, or their own row", async () => {
    const supervisor = await api().person("supervisor", ["karawang"]);
    const admin = await api().person("admin", ["karawang"]);
    const contacts = [{ kind: "phone", value: aPhone() }];
    expect(await change(supervisor.key, admin.id, { contacts })).toBe(403);
    expect(await change(supervisor.key, supervisor.id, { zones: ["karawang", "bekasi"] })).toBe(
      403,
    );
    expect(await change(supervisor.key, supervisor.id, { role: "admin" })).toBe(403);
  });

  it("leaves a shared technician in the zones that others look after", async () => {
    const { key } = await api().person("supervisor", ["karawang"]);
    const id = await created({ zones: ["karawang", "bekasi"] });
    expect(await change(key, id, { zones: ["karawang"] })).toBe(403);
    expect(await change(key, id, { zones: ["bekasi"] })).toBe(200);
  });

  it("lets no system's key make or change an administrator unless it may do everything", async () => {
    const key = await api().systemKey("master:write", "master:read");
    expect((await create({ role: "admin" }, key)).status).toBe(403);
    expect((await create({ role: "supervisor" }, key)).status).toBe(201);
    const { id } = await api().person("admin");
    expect(await change(key, id, { name: "Contoh" })).toBe(403);
    expect(await change(key, await created(), { role: "admin" })).toBe(403);
    expect(await change(key, await created(), { role: "noc" })).toBe(200);
  });
});

describe("GET /v1/users", () => {
  it.each([
    { query: "role=customer", finds: "customer", reason: "by role" },
    { query: "zone=bekasi", finds: "bekasi", reason: "by zone" },
    { query: "isActive=false", finds: "off", reason: "by state" },
    { query: "q=SEPES+con", finds: "named", reason: "by beginnings of the name's words" },
    { query: "q=LIST-9", finds: "external", reason: "by external id" },
    { query: "q=t909@SIAGA.example", finds: "email", reason: "by address" },
  ])("finds users $reason", async ({ query, finds }) => {
    const made: Record<string, string> = {
      customer: await created({ role: "customer" }),
      bekasi: await created({ zones: ["bekasi"] }),
      off: await created(),
      named: await created({ name: "Contoh Sepesial" }),
    };
    await api().request("POST", `/v1/users/${made["off"]}/deactivate`);
    if (finds === "external") made["external"] = await created({ externalId: "LIST-9" });
    if (finds === "email") {
      made["email"] = await created({ contacts: [{ kind: "email", value: "t909@siaga.example" }] });
    }
    const found = idsOf(await api().request("GET", `/v1/users?limit=200&${query}`));
    expect(found).toContain(made[finds]);
    const others = Object.entries(made).filter(([name]) => name !== finds);
    for (const [, id] of others) expect(found).not.toContain(id);
  });

  it("finds somebody by number in any spelling", async () => {
    const phone = aPhone();
    const id = await created({ contacts: [{ kind: "phone", value: phone }] });
    const q = encodeURIComponent(phone.replace("+62", "0"));
    expect(idsOf(await api().request("GET", `/v1/users?q=${q}`))).toEqual([id]);
  });

  it("takes the signs of a search pattern as they are", async () => {
    const id = await created({ name: "Contoh 100%_" });
    expect(idsOf(await api().request("GET", `/v1/users?q=${encodeURIComponent("100%_")}`))).toEqual(
      [id],
    );
    expect(idsOf(await api().request("GET", `/v1/users?q=${encodeURIComponent("1_0%")}`))).toEqual(
      [],
    );
  });

  it("neither skips nor repeats under concurrent inserts", async () => {
    const before: string[] = [];
    for (let index = 0; index < 12; index += 1) before.push(await created({ zones: ["bekasi"] }));
    const seen = await idsOfAllPages(
      (cursor) => api().request("GET", `/v1/users?limit=5&zone=bekasi${cursor}`),
      () => Promise.all([created({ zones: ["bekasi"] }), created({ zones: ["bekasi"] })]),
    );
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((id) => before.includes(id))).toEqual(before.toReversed());
  });

  it.each([
    { query: "limit=0", path: "limit", reason: "nothing to read" },
    { query: "limit=201", path: "limit", reason: "more than a page" },
    { query: "cursor=x", path: "cursor", reason: "no page gave it" },
    { query: "role=wizard", path: "role", reason: "not a role" },
    { query: "colour=red", path: "colour", reason: "nobody reads it" },
    { query: "isActive=maybe", path: "isActive", reason: "neither yes nor no" },
  ])("refuses $query: $reason", async ({ query, path }) => {
    const answer = await api().request("GET", `/v1/users?${query}`);
    expect(answer.status).toBe(422);
    expect(problemsOf(answer).map((problem) => problem.split(":")[0])).toEqual([path]);
  });
});

describe("invariant 38: whom each role sees", () => {
  let people: Record<string, string>;
  let keys: Record<string, string>;
  let ownId: Record<string, string>;

  beforeAll(async () => {
    people = {
      karawang: await created({ zones: ["karawang"] }),
      bekasi: await created({ zones: ["bekasi"] }),
      customer: await created({ role: "customer", zones: ["bekasi"] }),
    };
    keys = {};
    ownId = {};
    for (const role of [
      "admin",
      "manager",
      "supervisor",
      "noc",
      "customer_service",
      "technician",
      "customer",
    ] as const) {
      const person = await api().person(role, role === "supervisor" ? ["karawang"] : []);
      keys[role] = person.key;
      ownId[role] = person.id;
    }
  });

  it.each([
    { role: "admin", list: 200, karawang: 200, bekasi: 200, customer: 200, own: 200 },
    { role: "manager", list: 200, karawang: 200, bekasi: 200, customer: 200, own: 200 },
    { role: "supervisor", list: 200, karawang: 200, bekasi: 404, customer: 404, own: 200 },
    { role: "noc", list: 200, karawang: 200, bekasi: 200, customer: 200, own: 200 },
    { role: "customer_service", list: 200, karawang: 404, bekasi: 404, customer: 200, own: 200 },
    { role: "technician", list: 200, karawang: 404, bekasi: 404, customer: 404, own: 200 },
    { role: "customer", list: 403, karawang: 404, bekasi: 404, customer: 404, own: 404 },
  ])("$role", async ({ role, list, own, ...cells }) => {
    const get = (path: string) => api().request("GET", path, { key: keys[role] ?? null });
    const listed = await get("/v1/users?limit=200");
    expect(listed.status).toBe(list);
    for (const [whom, status] of Object.entries(cells)) {
      for (const part of ["", "/settings", "/effective-settings?type=outage"]) {
        const answer = await get(`/v1/users/${people[whom]}${part}`);
        expect(answer.status, `${role} ${whom}${part}`).toBe(status);
      }
      expect(listed.text.includes(people[whom] ?? "?"), `${role} lists ${whom}`).toBe(
        list === 200 && status === 200,
      );
    }
    expect((await get(`/v1/users/${ownId[role]}`)).status).toBe(own);
  });

  it.each([
    { role: "admin", create: 201, change: 200, deactivate: 200 },
    { role: "manager", create: 403, change: 403, deactivate: 403 },
    { role: "supervisor", create: 201, change: 200, deactivate: 200 },
    { role: "noc", create: 403, change: 403, deactivate: 403 },
    { role: "customer_service", create: 403, change: 404, deactivate: 404 },
    { role: "technician", create: 403, change: 404, deactivate: 404 },
    { role: "customer", create: 403, change: 404, deactivate: 404 },
  ])("$role writes users of karawang", async ({ role, ...cells }) => {
    const key = keys[role] ?? "";
    const id = await created();
    expect((await create({}, key)).status).toBe(cells.create);
    const changed = await api().request("PATCH", `/v1/users/${id}`, {
      key,
      body: { name: "Contoh" },
    });
    expect(changed.status).toBe(cells.change);
    const off = await api().request("POST", `/v1/users/${id}/deactivate`, { key });
    expect(off.status).toBe(cells.deactivate);
  });

  it.each([
    { scope: "master:read", read: 200, write: 403 },
    { scope: "master:write", read: 200, write: 201 },
    { scope: "notifications:read", read: 403, write: 403 },
    { scope: "accounts:read", read: 403, write: 403 },
    { scope: "admin", read: 200, write: 201 },
  ] as const)("a system's key with $scope", async ({ scope, read, write }) => {
    const key = await api().systemKey(scope);
    expect((await api().request("GET", "/v1/users", { key })).status).toBe(read);
    expect((await create({}, key)).status).toBe(write);
  });

  it("answers 401 without a key and 404 for what can't be an id", async () => {
    expect((await api().request("GET", "/v1/users", { key: null })).status).toBe(401);
    for (const id of ["usr_nothing", "ext:", "grp_01jd0000000000000000000000", "ext:unknown"]) {
      expect((await api().request("GET", `/v1/users/${id}`)).status, id).toBe(404);
    }
  });
});
