import { describe, expect, it } from "vitest";

import { newId } from "../../db/new-id.ts";
import { ROLES } from "../../domain/role.ts";
import type { Role } from "../../domain/role.ts";
import { insertAccount, insertPaidDelivery } from "../support/rows.ts";
import { objectAt, problemsOf, useApi } from "./harness.ts";

const api = useApi();

const PRICES = "/v1/prices";
const TERMS = { unit: "message", amount: 200, validFrom: "2025-01-01" } as const;

async function create(over: Readonly<Record<string, unknown>> = {}) {
  const accountId = await insertAccount(api().pool);
  return api().request("POST", PRICES, { body: { accountId, ...TERMS, ...over } });
}

describe("invariant 38: prices and costs by role", () => {
  const READERS: readonly Role[] = ["admin", "manager"];
  const COSTS = "/v1/costs?from=2026-01-01&to=2026-01-31";

  it.each(ROLES.map((role) => ({ role })))("$role", async ({ role }) => {
    const { key } = await api().person(role, ["karawang"]);
    const { id } = (await create()).body as { readonly id: string };
    const accountId = await insertAccount(api().pool);
    const status = async (method: string, path: string, body?: object) =>
      (await api().request(method, path, { key, ...(body === undefined ? {} : { body }) })).status;
    const mayRead = READERS.includes(role) ? 200 : 403;
    expect(await status("GET", PRICES)).toBe(mayRead);
    expect(await status("GET", `${PRICES}/${id}`)).toBe(mayRead);
    expect(await status("GET", COSTS)).toBe(mayRead);
    const mayWrite = role === "admin";
    expect(await status("POST", PRICES, { accountId, ...TERMS })).toBe(mayWrite ? 201 : 403);
    expect(await status("PUT", `${PRICES}/${id}`, TERMS)).toBe(mayWrite ? 200 : 403);
  });

  it.each([
    { scope: "accounts:read", prices: 200, costs: 403 },
    { scope: "analytics:read", prices: 403, costs: 200 },
    { scope: "notifications:read", prices: 403, costs: 403 },
    { scope: "admin", prices: 200, costs: 200 },
  ] as const)("a key with $scope", async ({ scope, prices, costs }) => {
    const key = await api().systemKey(scope);
    expect((await api().request("GET", PRICES, { key })).status).toBe(prices);
    expect((await api().request("GET", COSTS, { key })).status).toBe(costs);
  });

  it.each(ROLES.filter((role) => role !== "customer").map((role) => ({ role })))(
    "$role: what a notification and its deliveries cost is withheld, or not",
    async ({ role }) => {
      const { id: userId, key } = await api().person(role, ["karawang"]);
      const id = await api().accept({
        type: "service_update",
        zone: "karawang",
        assigneeId: userId,
      });
      await insertPaidDelivery(api().pool, id, 350.5);
      await api().pool.query("update notifications set plan = $2 where id = $1", [
        id,
        { steps: [{ targets: [{ cost: 9 }] }], cost: 9, warnings: [{ code: "unpriced" }] },
      ]);
      const sees = READERS.includes(role);
      const one = await api().request("GET", `/v1/notifications/${id}`, { key });
      expect(one.body).toMatchObject({
        cost: sees ? 350.5 : null,
        plan: {
          cost: sees ? 9 : null,
          steps: [{ targets: [{ cost: sees ? 9 : null }] }],
          warnings: sees ? [{ code: "unpriced" }] : [],
        },
      });
      const list = await api().request("GET", "/v1/notifications?limit=1", { key });
      expect(objectAt(list.body, "items", 0, "cost")).toBe(sees ? 350.5 : null);
      const deliveries = await api().request("GET", `/v1/notifications/${id}/deliveries`, { key });
      expect(objectAt(deliveries.body, "items", 0, "cost")).toBe(sees ? 350.5 : null);
    },
  );
});

describe("POST /v1/prices", () => {
  it("keeps a price exactly as it was given, and what one unit costs in rupiah", async () => {
    const terms = {
      unit: "message",
      billingClass: "marketing",
      prefix: "62",
      amount: 0.0411,
      currency: "USD",
      exchangeRate: 16250.123456,
      chargedOn: "delivered",
      validFrom: "2026-02-03",
      note: "Rate card of February",
    };
    const made = await create(terms);
    expect(made.status, made.text).toBe(201);
    expect(made.body).toMatchObject({
      ...terms,
      channel: "whatsapp_personal",
      unitCost: 667.880074,
      quota: null,
    });
    const read = await api().request("GET", `${PRICES}/${String(made.body["id"])}`);
    expect(read.body).toEqual(made.body);
  });

  it("begins a day where the installation is", async () => {
    const made = await create({ validFrom: "2026-02-03" });
    const { rows } = await api().pool.query("select valid_from from price_book where id = $1", [
      made.body["id"],
    ]);
    expect(rows).toEqual([{ valid_from: new Date("2026-02-02T17:00:00Z") }]);
  });

  it.each([
    ["less than nothing", { amount: -0.000001 }, "amount"],
    ["too many decimals", { amount: 0.1234567 }, "amount"],
    ["a unit that there is not", { unit: "word" }, "unit"],
    ["parts of what is no SMS", { unit: "segment" }, "unit"],
    ["minutes of what is no call", { unit: "minute" }, "unit"],
    ["a prefix with a plus", { prefix: "+62" }, "prefix"],
    ["a prefix as long as a number", { prefix: "6281234" }, "prefix"],
    ["another currency without a rate", { currency: "USD" }, "exchangeRate"],
    ["rupiah with a rate", { exchangeRate: 2 }, "exchangeRate"],
    ["a rate of nothing", { currency: "USD", exchangeRate: 0 }, "exchangeRate"],
    ["a class of a monthly fee", { unit: "month", billingClass: "utility" }, "billingClass"],
    ["a prefix of a monthly fee", { unit: "month", prefix: "62" }, "prefix"],
    ["a package of a message", { quota: 100 }, "quota"],
    ["no date", { validFrom: "2026-02-30" }, "validFrom"],
    ["an account that there is not", { accountId: newId("acc", 1) }, "accountId"],
    ["a word too many", { colour: "blue" }, "colour"],
  ])("refuses %s", async (_why, over, path) => {
    const answer = await create(over);
    expect(answer.status, answer.text).toBe(422);
    expect(problemsOf(answer).map((problem) => problem.split(":")[0])).toContain(path);
  });

  it("refuses a second price for the same from the same day", async () => {
    const accountId = await insertAccount(api().pool);
    const body = { accountId, ...TERMS };
    expect((await api().request("POST", PRICES, { body })).status).toBe(201);
    const second = await api().request("POST", PRICES, { body: { ...body, amount: 5 } });
    expect([second.status, second.body["code"]]).toEqual([409, "price_exists"]);
  });

  it("writes nothing of what it refuses", async () => {
    const accountId = await insertAccount(api().pool);
    await api().request("POST", PRICES, { body: { accountId, ...TERMS, unit: "segment" } });
    const { rows } = await api().pool.query("select 1 from price_book where account_id = $1", [
      accountId,
    ]);
    expect(rows).toEqual([]);
  });
});

describe("PUT /v1/prices/{id}", () => {
  it("corrects what messages cost, those of the past too", async () => {
    const id = await api().accept();
    await insertPaidDelivery(api().pool, id, 350.5);
    const { rows } = await api().pool.query<{ id: string }>(
      `select m.price_id as id from messages m join deliveries d on d.message_id = m.id where d.notification_id = $1`,
      [id],
    );
    const path = `${PRICES}/${rows[0]?.id ?? ""}`;
    const costNow = async () =>
      (await api().request("GET", `/v1/notifications/${id}`)).body["cost"];
    await api().request("PUT", path, { body: { ...TERMS, amount: 99.25 } });
    expect(await costNow()).toBe(99.25);
    const later = await api().request("PUT", path, { body: { ...TERMS, validFrom: "2999-01-01" } });
    expect(later.body["validFrom"]).toBe("2999-01-01");
    expect(await costNow(), "it does not hold yet").toBeNull();
    await api().request("PUT", path, { body: TERMS });
    expect(await costNow()).toBe(200);
  });

  it("refuses to become another price's twin, and 404 for what there is not", async () => {
    const accountId = await insertAccount(api().pool);
    const make = async (validFrom: string) =>
      api().request("POST", PRICES, { body: { accountId, ...TERMS, validFrom } });
    await make("2026-01-01");
    const second = await make("2026-01-02");
    const path = `${PRICES}/${String(second.body["id"])}`;
    const twin = await api().request("PUT", path, { body: { ...TERMS, validFrom: "2026-01-01" } });
    expect(twin.body["code"]).toBe("price_exists");
    const none = `${PRICES}/${newId("prc", 1)}`;
    expect((await api().request("PUT", none, { body: TERMS })).status).toBe(404);
    expect((await api().request("GET", none)).status).toBe(404);
  });

  it("refuses a correction of what somebody corrected meanwhile", async () => {
    const made = await create();
    const path = `${PRICES}/${String(made.body["id"])}`;
    const tag = (await api().request("GET", path)).headers.get("etag") ?? "";
    expect(made.headers.get("etag")).toBe(tag);
    const correct = (amount: number) =>
      api().request("PUT", path, { body: { ...TERMS, amount }, headers: { "if-match": tag } });
    expect((await correct(1)).status).toBe(200);
    expect((await correct(2)).status).toBe(412);
    expect((await api().request("GET", path)).body["amount"]).toBe(1);
  });

  it("notes in the audit log who wrote a price, and not which", async () => {
    const made = await create();
    const id = String(made.body["id"]);
    await api().request("PUT", `${PRICES}/${id}`, { body: TERMS });
    const { rows } = await api().pool.query(
      "select action, detail from audit_log where subject = $1 order by id",
      [id],
    );
    expect(rows).toEqual([
      { action: "price.created", detail: {} },
      { action: "price.changed", detail: {} },
    ]);
  });
});

describe("GET /v1/prices", () => {
  it("lists an account's, newest first, page by page, or those that hold on a day", async () => {
    const accountId = await insertAccount(api().pool);
    for (const validFrom of ["2026-01-01", "2026-02-01", "2026-03-01"]) {
      await api().request("POST", PRICES, { body: { accountId, ...TERMS, validFrom } });
    }
    const list = async (query: string) =>
      api().request("GET", `${PRICES}?accountId=${accountId}${query}`);
    const first = await list("&limit=2");
    const second = await list(`&limit=2&cursor=${String(first.body["nextCursor"])}`);
    const daysOf = ({ body }: { readonly body: Readonly<Record<string, unknown>> }) =>
      (body["items"] as readonly { readonly validFrom: string }[]).map(
        ({ validFrom }) => validFrom,
      );
    expect([...daysOf(first), ...daysOf(second)]).toEqual([
      "2026-03-01",
      "2026-02-01",
      "2026-01-01",
    ]);
    expect(daysOf(await list("&on=2025-12-31"))).toEqual([]);
    expect(daysOf(await list("&on=2026-01-01"))).toEqual(["2026-01-01"]);
    expect(daysOf(await list("&on=2026-02-28"))).toEqual(["2026-02-01"]);
  });
});

describe("GET /v1/costs", () => {
  it("adds up what messages cost, by what is asked, with the months' fees", async () => {
    const now = new Date();
    const today = new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Jakarta" }).format(now);
    const monthBegins = `${today.slice(0, 7)}-01`;
    const before = await api().request("GET", `/v1/costs?from=${monthBegins}&to=${today}`);
    const outage = await api().accept({ type: "outage", zone: "bekasi" });
    const update = await api().accept({ type: "service_update", zone: "bekasi" });
    for (const cost of [200, 350.5]) await insertPaidDelivery(api().pool, outage, cost);
    await insertPaidDelivery(api().pool, update, 0.1);
    await create({ unit: "month", amount: 66_000, quota: 1_000 });

    const answer = await api().request(
      "GET",
      `/v1/costs?from=${monthBegins}&to=${today}&by=type,zone`,
    );
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({ currency: "IDR", timeZone: "Asia/Jakarta", to: today });
    expect(answer.body["items"]).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: "outage", zone: "bekasi", cost: 550.5, messages: 2 }),
        expect.objectContaining({ type: "service_update", zone: "bekasi", cost: 0.1 }),
      ]),
    );
    const added =
      Number(objectAt(answer.body, "messages", "cost")) -
      Number(objectAt(before.body, "messages", "cost"));
    expect(added).toBeCloseTo(550.6, 6);
    expect(answer.body["fees"]).toEqual([
      expect.objectContaining({ month: today.slice(0, 7), cost: 66_000, quota: 1_000, used: 0 }),
    ]);
    expect(answer.body["total"]).toBeCloseTo(
      Number(objectAt(answer.body, "messages", "cost")) + 66_000,
      6,
    );
  });

  it.each([
    ["a span that ends before it begins", "from=2026-01-02&to=2026-01-01", 422],
    ["a day", "from=2026-01-01&to=2026-01-01", 200],
    ["a year and a day", "from=2026-01-01&to=2027-01-02", 200],
    ["more", "from=2026-01-01&to=2027-01-03", 422],
    ["no beginning", "to=2026-01-01", 422],
    ["what nothing is summed by", "from=2026-01-01&to=2026-01-01&by=colour", 422],
    ["three of these", "from=2026-01-01&to=2026-01-01&by=day,account,channel", 200],
    ["four of these", "from=2026-01-01&to=2026-01-01&by=day,account,channel,type", 422],
  ])("of %s", async (_why, query, status) => {
    const answer = await api().request("GET", `/v1/costs?${query}`);
    expect(answer.status, answer.text).toBe(status);
  });
});

describe("POST /v1/notifications/explain", () => {
  it("says what the plan would cost, to whoever may see costs", async () => {
    const { id: userId } = await api().person("noc");
    const phone = "+6281234000801";
    await api().pool.query(
      `insert into contacts (id, user_id, kind, value, verified_at, verified_by) values ($1, $2, 'phone', $3, now(), 'admin')`,
      [newId("con", Date.now()), userId, phone],
    );
    // Other tests' accounts have their own prices.
    await api().pool.query("update provider_accounts set enabled = false");
    const accountId = await insertAccount(api().pool);
    await api().request("POST", PRICES, {
      body: { accountId, ...TERMS, prefix: "62812", amount: 175.5 },
    });
    await api().request("POST", PRICES, { body: { accountId, ...TERMS, amount: 999 } });
    const body = { type: "service_update", recipients: { userIds: [userId] } };
    const seen = await api().request("POST", "/v1/notifications/explain", { body });
    expect(seen.status, seen.text).toBe(200);
    const targets = objectAt(seen.body, "steps", 0, "targets");
    expect(targets).toContainEqual(expect.objectContaining({ accountId, cost: 175.5 }));
    expect(seen.body["cost"]).toBe(175.5);
    expect(seen.text).not.toContain("62812");

    const { key } = await api().person("customer_service");
    const hidden = await api().request("POST", "/v1/notifications/explain", { body, key });
    expect(hidden.status, hidden.text).toBe(200);
    expect(hidden.body["cost"]).toBeNull();
    expect(hidden.text).not.toContain("175.5");
  });
});
