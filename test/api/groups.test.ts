import { beforeAll, describe, expect, it } from "vitest";
import { newId } from "../../db/new-id.ts";
import { insertAccount, insertType } from "../support/rows.ts";
import { objectAt, problemsOf, useApi } from "./harness.ts";
import type { Answer } from "./harness.ts";
import { idsOf, idsOfAllPages } from "./pages.ts";

const api = useApi();

let counter = 0;
function aPhone(): string {
  counter += 1;
  return `+6281234000${String(counter).padStart(3, "0")}`;
}
function aChat(): string {
  counter += 1;
  return `1203630412345${String(counter).padStart(5, "0")}@g.us`;
}

const GROUP = { name: "Teknisi Karawang", category: "technicians", zone: "karawang" };
const QUIET = {
  enabled: true,
  from: "22:00",
  to: "06:00",
  days: ["mon", "holiday"],
  timeZone: null,
};

const create = (body: object = {}, key?: string): Promise<Answer> =>
  api().request("POST", "/v1/groups", {
    body: { ...GROUP, ...body },
    ...(key === undefined ? {} : { key }),
  });

async function created(body: object = {}): Promise<string> {
  const answer = await create(body);
  expect(answer.status, answer.text).toBe(201);
  return String(answer.body["id"]);
}

async function aUser(body: object = {}): Promise<string> {
  const answer = await api().request("POST", "/v1/users", {
    body: { name: "Contoh", role: "technician", zones: ["karawang"], ...body },
  });
  expect(answer.status, answer.text).toBe(201);
  return String(answer.body["id"]);
}

describe("POST /v1/groups", () => {
  it("makes a group known, with its chat id as WhatsApp writes it", async () => {
    const [chat, phone] = [aChat(), aPhone()];
    const answer = await create({
      externalId: "G-100",
      description: "Teknisi lapangan",
      groupChatId: ` ${chat.toUpperCase()} `,
      phoneNumber: phone.replace("+62", "0"),
      serviceTypes: ["fiber"],
      types: ["outage", "ticket_urgent"],
      minPriority: "high",
      locale: "en",
      timeZone: "Asia/Makassar",
      quietHours: QUIET,
    });
    expect(answer.status, answer.text).toBe(201);
    const id = String(answer.body["id"]);
    expect(id).toMatch(/^grp_/);
    expect(answer.headers.get("location")).toBe(`/v1/groups/${id}`);
    expect(answer.body).toMatchObject({
      ...GROUP,
      externalId: "G-100",
      groupChatId: chat,
      phoneNumber: phone,
      types: ["outage", "ticket_urgent"],
      minPriority: "high",
      quietHours: QUIET,
      isActive: true,
    });
    expect((await api().request("GET", "/v1/groups/ext:G-100")).body).toEqual(answer.body);
  });

  it("names every bad field at once, the schema's and the record's", async () => {
    const chat = aChat();
    await created({ externalId: "G-200", groupChatId: chat });
    const answer = await create({
      externalId: "G-200",
      groupChatId: chat,
      category: "bystanders",
      zone: "atlantis",
      types: ["outage", "nothing", "outage"],
      phoneNumber: "abc",
      timeZone: "Mars/Olympus",
      quietHours: { ...QUIET, from: "25:00" },
    });
    expect(answer.status).toBe(422);
    expect([...problemsOf(answer)].sort()).toEqual([
      "category: invalid",
      "externalId: taken",
      "groupChatId: taken",
      "phoneNumber: invalid_phone",
      "quietHours.from: invalid_clock_time",
      "timeZone: invalid_time_zone",
      "types.1: unknown",
      "types.2: duplicate",
      "zone: unknown",
    ]);
  });

  it.each([
    { groupChatId: "120363041234567890", reason: "a bare number could be a phone" },
    { groupChatId: "6281234000001@c.us", reason: "the chat of a person" },
    { groupChatId: "+6281234000001", reason: "a phone number" },
    { groupChatId: "teknisi", reason: "a name" },
  ])("takes no $groupChatId for a group: $reason", async ({ groupChatId }) => {
    const answer = await create({ groupChatId });
    expect(answer.status).toBe(422);
    expect(problemsOf(answer)).toEqual(["groupChatId: invalid_group_id"]);
  });

  it("gives one chat to one of many parallel requests and names the field to the others", async () => {
    const groupChatId = aChat();
    const answers = await Promise.all([1, 2, 3].map(() => create({ groupChatId })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 422, 422]);
    for (const answer of answers.filter(({ status }) => status === 422)) {
      expect(problemsOf(answer)).toEqual(["groupChatId: taken"]);
    }
  });
});

describe("PATCH /v1/groups/{id}", () => {
  it("keeps the other fields, and clears what is null", async () => {
    const id = await created({ description: "Lama", quietHours: QUIET, minPriority: "high" });
    const answer = await api().request("PATCH", `/v1/groups/${id}`, {
      body: { name: "Teknisi", quietHours: null },
    });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({
      ...GROUP,
      name: "Teknisi",
      description: "Lama",
      quietHours: null,
      minPriority: "high",
    });
  });

  it("refuses the second of two edits from one state", async () => {
    const id = await created();
    const etag = (await api().request("GET", `/v1/groups/${id}`)).headers.get("etag") ?? "";
    const answers = await Promise.all(
      ["A", "B"].map((name) =>
        api().request("PATCH", `/v1/groups/${id}`, {
          body: { name },
          headers: { "if-match": etag },
        }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
  });

  it("switches a group off and on again", async () => {
    const id = await created();
    const off = await api().request("POST", `/v1/groups/${id}/deactivate`);
    expect(off.body["isActive"]).toBe(false);
    const on = await api().request("PATCH", `/v1/groups/${id}`, { body: { isActive: true } });
    expect(on.body["isActive"]).toBe(true);
  });

  it("refuses a bad field of a change without storing the good ones", async () => {
    const id = await created();
    const answer = await api().request("PATCH", `/v1/groups/${id}`, {
      body: { name: "Baru", types: ["nothing"], groupChatId: "x", category: "bystanders" },
    });
    expect([...problemsOf(answer)].sort()).toEqual([
      "category: invalid",
      "groupChatId: invalid_group_id",
      "types.0: unknown",
    ]);
    expect((await api().request("GET", `/v1/groups/${id}`)).body["name"]).toBe(GROUP.name);
  });
});

describe("/v1/groups/{id}/members", () => {
  const members = (id: string, query = "") =>
    api().request("GET", `/v1/groups/${id}/members${query}`);
  const add = (id: string, body: object, key?: string) =>
    api().request("POST", `/v1/groups/${id}/members`, {
      body,
      ...(key === undefined ? {} : { key }),
    });

  it("takes a user, a number of a user, and a number of nobody", async () => {
    const id = await created();
    const [own, stranger] = [aPhone(), aPhone()];
    const first = await aUser({ externalId: `T-${own}` });
    const second = await aUser({ contacts: [{ kind: "phone", value: own }] });

    const byId = await add(id, { userId: `ext:T-${own}` });
    expect(byId.status, byId.text).toBe(201);
    expect(byId.body).toMatchObject({ userId: first, name: "Contoh", isActive: true });
    const byPhone = await add(id, { phone: own.replace("+62", "0"), role: "lead" });
    expect(byPhone.body).toMatchObject({ userId: second, phone: own, role: "lead" });
    const outside = await add(id, { phone: stranger, name: "Tamu" });
    expect(outside.body).toMatchObject({ userId: null, phone: stranger, name: "Tamu" });

    const listed = await members(id);
    expect(idsOf(listed)).toEqual([outside, byPhone, byId].map(({ body }) => String(body["id"])));
  });

  it.each([
    { body: {}, problems: ["userId: invalid"], reason: "nobody" },
    {
      body: { userId: "usr_01jd0000000000000000000000" },
      problems: ["userId: unknown"],
      reason: "nobody of that id",
    },
    { body: { phone: "abc" }, problems: ["phone: invalid_phone"], reason: "no number" },
    {
      body: { phone: "+6281234000001", userId: "ext:T-1" },
      problems: ["userId: invalid"],
      reason: "two at once",
    },
  ])("refuses $reason", async ({ body, problems }) => {
    const answer = await add(await created(), body);
    expect(answer.status).toBe(422);
    expect(problemsOf(answer)).toEqual(problems);
  });

  it("has nobody in a group twice, however many ask at once", async () => {
    const id = await created();
    const phone = aPhone();
    const userId = await aUser({ contacts: [{ kind: "phone", value: phone }] });
    const answers = await Promise.all([
      add(id, { userId }),
      add(id, { phone }),
      add(id, { userId }),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 422, 422]);
    expect(idsOf(await members(id))).toHaveLength(1);
  });

  it("brings a former member back under the same id", async () => {
    const id = await created();
    const userId = await aUser();
    const first = await add(id, { userId, role: "lead" });
    const memberId = String(first.body["id"]);
    const off = await api().request("PATCH", `/v1/groups/${id}/members/${memberId}`, {
      body: { isActive: false },
      headers: { "if-match": first.headers.get("etag") ?? "" },
    });
    expect(off.status, off.text).toBe(200);
    expect(idsOf(await members(id, "?isActive=true"))).toEqual([]);
    const again = await add(id, { userId });
    expect(again.body).toMatchObject({ id: memberId, isActive: true, role: "lead" });
  });

  it("changes and removes a member of this group alone", async () => {
    const [id, other] = [await created(), await created()];
    const memberId = String((await add(id, { userId: await aUser() })).body["id"]);
    const path = `/members/${memberId}`;
    const changed = await api().request("PATCH", `/v1/groups/${id}${path}`, {
      body: { name: "Budi Contoh" },
    });
    expect(changed.body).toMatchObject({ name: "Budi Contoh", isActive: true });
    expect((await api().request("DELETE", `/v1/groups/${other}${path}`)).status).toBe(404);
    const gone = await api().request("DELETE", `/v1/groups/${id}${path}`);
    expect(gone.status).toBe(204);
    expect(gone.text).toBe("");
    expect(idsOf(await members(id))).toEqual([]);
    expect((await api().request("DELETE", `/v1/groups/${id}${path}`)).status).toBe(404);
  });

  it("neither skips nor repeats while people join", async () => {
    const id = await created();
    const before: string[] = [];
    for (let index = 0; index < 7; index += 1) {
      before.push(String((await add(id, { phone: aPhone() })).body["id"]));
    }
    const seen = await idsOfAllPages(
      (cursor) => members(id, `?limit=3${cursor}`),
      () => Promise.all([add(id, { phone: aPhone() }), add(id, { phone: aPhone() })]),
    );
    expect(seen).toEqual(before.toReversed());
  });

  it("says nothing about a person to somebody who may not write the group", async () => {
    const { key } = await api().person("manager");
    const id = await created();
    const unknown = await add(id, { userId: "usr_01jd0000000000000000000000" }, key);
    expect(unknown.status).toBe(403);
  });
});

describe("GET /v1/groups", () => {
  it("finds groups by category, zone, state, name and external id", async () => {
    const id = await created({ name: "Sepesial", category: "noc", externalId: "G-FIND" });
    const other = await created({ zone: "bekasi" });
    await api().request("POST", `/v1/groups/${other}/deactivate`);
    const find = async (query: string) =>
      idsOf(await api().request("GET", `/v1/groups?limit=200&${query}`));
    expect(await find("category=noc")).toEqual([id]);
    expect(await find("q=sepes")).toEqual([id]);
    expect(await find("q=G-FIND")).toEqual([id]);
    expect(await find("zone=bekasi&isActive=false")).toEqual([other]);
    expect(await find("zone=bekasi&isActive=true")).toEqual([]);
  });

  it("neither skips nor repeats under concurrent inserts", async () => {
    const before: string[] = [];
    for (let index = 0; index < 8; index += 1) {
      before.push(await created({ category: "managers" }));
    }
    const seen = await idsOfAllPages(
      (cursor) => api().request("GET", `/v1/groups?category=managers&limit=3${cursor}`),
      () => Promise.all([created({ category: "managers" }), created({ category: "managers" })]),
    );
    expect(seen).toEqual(before.toReversed());
  });
});

describe("GET /v1/groups/{id}/deliveries", () => {
  async function tell(groupId: string, zone: string): Promise<string> {
    const notificationId = await api().accept({ zone });
    const [deliveryId, messageId] = [newId("dlv", Date.now()), newId("msg", Date.now())];
    const accountId = await insertAccount(api().pool, { channel: "whatsapp_group" });
    await api().pool.query(
      `insert into messages (id, account_id, provider, channel, device_key, address, body, status)
       values ($1, $2, 'fonnte', 'whatsapp_group', 'd', '120363041234567890@g.us', 'Gangguan', 'sent')`,
      [messageId, accountId],
    );
    await api().pool.query(
      `insert into deliveries (id, notification_id, pass, step, target, group_id, channel, attempt, hand_over, account_id, message_id, status)
       values ($1, $2, 1, 1, $3, $3, 'whatsapp_group', 1, 0, $4, $5, 'sent')`,
      [deliveryId, notificationId, groupId, accountId, messageId],
    );
    return deliveryId;
  }

  it.each([
    { role: "admin", sees: ["karawang", "bekasi"], address: "120363041234567890@g.us" },
    { role: "manager", sees: ["karawang", "bekasi"], address: null },
    { role: "noc", sees: ["karawang", "bekasi"], address: null },
    { role: "supervisor", sees: ["karawang"], address: null },
  ] as const)("shows a $role those of $sees", async ({ role, sees, address }) => {
    const id = await created();
    const told = { karawang: await tell(id, "karawang"), bekasi: await tell(id, "bekasi") };
    const { key } = await api().person(role, role === "supervisor" ? ["karawang"] : []);
    const answer = await api().request("GET", `/v1/groups/${id}/deliveries`, { key });
    expect(answer.status, answer.text).toBe(200);
    expect([...idsOf(answer)].sort()).toEqual(sees.map((zone) => told[zone]).sort());
    expect(objectAt(answer.body, "items", 0, "message")).toBe("Gangguan");
    const shown = objectAt(answer.body, "items", 0, "address");
    if (address === null) expect(shown).not.toBe("120363041234567890@g.us");
    else expect(shown).toBe(address);
  });

  it.each([
    { role: "supervisor", zones: ["bekasi"], reason: "another zone's group" },
    { role: "customer_service", zones: [], reason: "sees no groups" },
    { role: "technician", zones: ["karawang"], reason: "sees no groups" },
    { role: "customer", zones: [], reason: "sees nothing" },
  ] as const)("invariant 38: hides them from a $role: $reason", async ({ role, zones }) => {
    const id = await created();
    await tell(id, "karawang");
    const { key } = await api().person(role, [...zones]);
    const answer = await api().request("GET", `/v1/groups/${id}/deliveries`, { key });
    expect(answer.status, answer.text).toBe(404);
    expect(answer.text).not.toContain("Gangguan");
  });

  it("needs the right to see notifications beside that to see groups", async () => {
    const id = await created();
    const path = `/v1/groups/${id}/deliveries`;
    const master = await api().systemKey("master:read");
    expect((await api().request("GET", path, { key: master })).status).toBe(403);
    const both = await api().systemKey("master:read", "notifications:read");
    expect((await api().request("GET", path, { key: both })).status).toBe(200);
  });
});

describe("invariant 38: groups by role", () => {
  let groups: Record<string, string>;
  beforeAll(async () => {
    groups = {
      karawang: await created(),
      bekasi: await created({ zone: "bekasi" }),
      everywhere: await created({ zone: null }),
    };
    await insertType(api().pool, { code: "test_message", priority: "high" });
  });

  it.each([
    { role: "admin", list: 200, karawang: 200, bekasi: 200, everywhere: 200 },
    { role: "manager", list: 200, karawang: 200, bekasi: 200, everywhere: 200 },
    { role: "supervisor", list: 200, karawang: 200, bekasi: 404, everywhere: 404 },
    { role: "noc", list: 200, karawang: 200, bekasi: 200, everywhere: 200 },
    { role: "customer_service", list: 403, karawang: 404, bekasi: 404, everywhere: 404 },
    { role: "technician", list: 403, karawang: 404, bekasi: 404, everywhere: 404 },
    { role: "customer", list: 403, karawang: 404, bekasi: 404, everywhere: 404 },
  ] as const)("$role reads", async ({ role, list, ...cells }) => {
    const { key } = await api().person(role, role === "supervisor" ? ["karawang"] : []);
    const listed = await api().request("GET", "/v1/groups?limit=200", { key });
    expect(listed.status).toBe(list);
    for (const [name, status] of Object.entries(cells)) {
      for (const part of ["", "/members"]) {
        const answer = await api().request("GET", `/v1/groups/${groups[name]}${part}`, { key });
        expect(answer.status, `${role} ${name}${part}`).toBe(status);
      }
      expect(idsOf(listed).includes(groups[name] ?? "?")).toBe(list === 200 && status === 200);
    }
  });

  it.each([
    { role: "admin", create: 201, all: 201, change: 200, bekasi: 200, member: 201 },
    { role: "manager", create: 403, all: 403, change: 403, bekasi: 403, member: 403 },
    { role: "supervisor", create: 201, all: 403, change: 200, bekasi: 404, member: 201 },
    { role: "noc", create: 403, all: 403, change: 403, bekasi: 403, member: 403 },
    { role: "customer_service", create: 403, all: 403, change: 404, bekasi: 404, member: 404 },
    { role: "technician", create: 403, all: 403, change: 404, bekasi: 404, member: 404 },
    { role: "customer", create: 403, all: 403, change: 404, bekasi: 404, member: 404 },
  ] as const)("$role writes", async ({ role, ...cells }) => {
    const { key } = await api().person(role, role === "supervisor" ? ["karawang"] : []);
    const patch = (name: string, body: object) =>
      api().request("PATCH", `/v1/groups/${groups[name]}`, { key, body });
    expect((await create({}, key)).status).toBe(cells.create);
    expect((await create({ zone: null }, key)).status).toBe(cells.all);
    expect((await patch("karawang", { description: "x" })).status).toBe(cells.change);
    expect((await patch("bekasi", { description: "x" })).status).toBe(cells.bekasi);
    const member = await api().request("POST", `/v1/groups/${groups["karawang"]}/members`, {
      key,
      body: { phone: aPhone() },
    });
    expect(member.status).toBe(cells.member);
  });

  it.each([
    { role: "admin", karawang: 200, bekasi: 200, everywhere: 200 },
    { role: "manager", karawang: 200, bekasi: 200, everywhere: 200 },
    { role: "supervisor", karawang: 200, bekasi: 404, everywhere: 404 },
    { role: "noc", karawang: 200, bekasi: 200, everywhere: 200 },
    { role: "customer_service", karawang: 404, bekasi: 404, everywhere: 404 },
    { role: "technician", karawang: 404, bekasi: 404, everywhere: 404 },
    { role: "customer", karawang: 404, bekasi: 404, everywhere: 404 },
  ] as const)("$role tests", async ({ role, ...cells }) => {
    const { key } = await api().person(role, role === "supervisor" ? ["karawang"] : []);
    const accountId = await insertAccount(api().pool, { channel: "whatsapp_group" });
    for (const [name, status] of Object.entries(cells)) {
      const answer = await api().request("POST", `/v1/groups/${groups[name]}/test-send`, {
        key,
        body: { accountId, waitSeconds: 0 },
      });
      expect(answer.status, `${name}: ${answer.text}`).toBe(status);
      const { rows } = await api().pool.query(
        "select 1 from notifications where type = 'test_message' and id = $1",
        [answer.body["notificationId"]],
      );
      expect(rows, name).toHaveLength(status === 200 ? 1 : 0);
    }
  });

  it("lets no supervisor move a group out of their zones", async () => {
    const { key } = await api().person("supervisor", ["karawang"]);
    const id = await created();
    for (const zone of ["bekasi", null]) {
      const answer = await api().request("PATCH", `/v1/groups/${id}`, { key, body: { zone } });
      expect(answer.status, String(zone)).toBe(403);
    }
  });
});
