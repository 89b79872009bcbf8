import { describe, expect, it } from "vitest";
import { newId } from "../../db/new-id.ts";
import { ROLES } from "../../domain/role.ts";
import type { Role } from "../../domain/role.ts";
import { insertTarget } from "../support/rows.ts";
import { objectAt, useApi } from "./harness.ts";
import type { RequestOptions } from "./harness.ts";

/**
 * Every route × every role × where the notification belongs, as the requirements' permission table says it. A cell is the
 * status of a request that is sound in itself. "told" is a notification that told this person; "own zone" one of the
 * person's zone; "customer type" one of a customer type in another zone; "other" is none of these.
 */
const api = useApi();

type Place = "told" | "own zone" | "customer type" | "other";
const PLACES: readonly Place[] = ["told", "own zone", "customer type", "other"];

const EVERYTHING: readonly Place[] = PLACES;
const NOTHING: readonly Place[] = [];

const SEES: Record<Role, readonly Place[]> = {
  admin: EVERYTHING,
  manager: EVERYTHING,
  supervisor: ["told", "own zone"],
  noc: EVERYTHING,
  customer_service: ["told", "customer type"],
  technician: ["told"],
  customer: NOTHING,
};
const STEERS: Record<Role, readonly Place[]> = {
  admin: EVERYTHING,
  manager: EVERYTHING,
  supervisor: ["own zone"],
  noc: EVERYTHING,
  customer_service: NOTHING,
  technician: NOTHING,
  customer: NOTHING,
};

const later = new Date(Date.now() + 300_000).toISOString();

type Route = {
  readonly method: "GET" | "POST";
  readonly path: (id: string) => string;
  readonly body?: object;
  readonly allowed: Record<Role, readonly Place[]>;
};
const act = (verb: string, allowed: Route["allowed"], body: object = {}): Route => ({
  method: "POST",
  path: (id) => `/v1/notifications/${id}/${verb}`,
  body,
  allowed,
});
const read = (suffix: string): Route => ({
  method: "GET",
  path: (id) => `/v1/notifications/${id}${suffix}`,
  allowed: SEES,
});

const ROUTES: Readonly<Record<string, Route>> = {
  read: read(""),
  timeline: read("/timeline"),
  deliveries: read("/deliveries"),
  acknowledge: act("acknowledge", SEES),
  refuse: act("refuse", SEES),
  escalate: act("escalate", SEES),
  snooze: act("snooze", SEES, { until: later }),
  resolve: act("resolve", SEES),
  rate: act("rate", SEES, { rating: 5 }),
  close: act("close", SEES, { note: "seen" }),
  cancel: act("cancel", STEERS),
  reprioritise: act("reprioritise", STEERS, { priority: "high" }),
  // These name things that there are none of, which is told to those alone who may do it at all.
  reassign: act("reassign", STEERS, { userId: "usr_nobody" }),
  resend: act("resend", STEERS, { deliveryId: "dlv_none" }),
  move: act("move", STEERS, { policyVersion: 1 }),
};
const ALLOWED_STATUSES = [200, 202, 422];

describe("invariant 38: a role sees and changes only what it may", () => {
  it.each(Object.keys(ROUTES).flatMap((route) => ROLES.map((role) => ({ route, role }))))(
    "$role: $route",
    async ({ route, role }) => {
      const { method, path, body, allowed } = ROUTES[route] ?? read("");
      for (const place of PLACES) {
        const { id, key } = await notificationAt(place, role);
        const answer = await api().request(method, path(id), {
          key,
          ...(body === undefined ? {} : { body }),
        });
        const isHidden = !SEES[role].includes(place);
        const expected = allowed[role].includes(place) ? ALLOWED_STATUSES : [isHidden ? 404 : 403];
        expect(expected, `${place}: ${answer.text}`).toContain(answer.status);
      }
    },
  );

  it.each(ROLES.map((role) => ({ role })))(
    "$role: list shows what reading shows",
    async ({ role }) => {
      for (const place of PLACES) {
        const { id, key } = await notificationAt(place, role);
        const answer = await api().request("GET", "/v1/notifications?limit=200", { key });
        if (role === "customer") expect(answer.status).toBe(403);
        else expect(answer.text.includes(id), place).toBe(SEES[role].includes(place));
      }
    },
  );

  it.each(ROLES.map((role) => ({ role })))(
    "$role: acknowledging many takes what acknowledging one takes",
    async ({ role }) => {
      for (const place of PLACES) {
        const isAllowed = SEES[role].includes(place);
        const byId = await notificationAt(place, role);
        const some = await api().request("POST", "/v1/notifications/acknowledge", {
          key: byId.key,
          body: { ids: [byId.id] },
        });
        expect(some.status, `${place}: ${some.text}`).toBe(200);
        expect(some.body["acknowledged"], place).toBe(isAllowed ? 1 : 0);
        expect(objectAt(some.body, "results", 0, "reason"), place).toBe(
          isAllowed ? null : "not_found",
        );

        const byFilter = await notificationAt(place, role);
        const all = await api().request("POST", "/v1/notifications/acknowledge", {
          key: byFilter.key,
          body: { filter: {} },
        });
        expect(all.status, `${place}: ${all.text}`).toBe(200);
        expect(all.text.includes(byFilter.id), place).toBe(isAllowed);
      }
    },
  );

  it.each(ROLES.map((role) => ({ role })))("$role: words", async ({ role }) => {
    const { key } = await api().person(role);
    for (const path of ["/v1/zones", "/v1/types"]) {
      const answer = await api().request("GET", path, { key });
      expect(answer.status).toBe(role === "customer" ? 403 : 200);
    }
  });

  it("takes a member of a told group for told", async () => {
    const { id: userId, key } = await api().person("technician");
    const groupId = newId("grp", Date.now());
    await api().pool.query(
      "insert into whatsapp_groups (id, name, category) values ($1, 'A group', 'technicians')",
      [groupId],
    );
    await api().pool.query(
      "insert into whatsapp_group_members (id, group_id, user_id) values ($1, $2, $3)",
      [newId("mem", Date.now()), groupId, userId],
    );
    const id = await api().accept();
    const path = `/v1/notifications/${id}`;
    expect((await api().request("GET", path, { key })).status).toBe(404);
    await insertTarget(api().pool, id, { target: groupId });
    expect((await api().request("GET", path, { key })).status).toBe(200);
    expect((await api().request("GET", "/v1/notifications", { key })).text).toContain(id);
  });

  it("takes the assignee and the customer for concerned", async () => {
    const { id: userId, key } = await api().person("technician");
    const assigned = await api().accept({ assigneeId: userId });
    expect((await api().request("GET", `/v1/notifications/${assigned}`, { key })).status).toBe(200);
    expect((await api().request("GET", "/v1/notifications", { key })).text).toContain(assigned);
  });

  it.each([
    ["no key", { key: null }],
    ["a key that is none", { key: "sg_live_nonsense" }],
    ["a key that nobody has", { key: `sg_live_${"A".repeat(43)}` }],
    ["another scheme", { key: null, headers: { authorization: "Basic c2c6bGl2ZQ==" } }],
    ["two tokens", { key: "a b" }],
  ] satisfies [string, RequestOptions][])("every route answers 401 to %s", async (_why, init) => {
    const id = await api().accept();
    const paths: [string, string][] = [
      ["GET", "/v1/notifications"],
      ["POST", "/v1/notifications"],
      ["POST", "/v1/notifications/acknowledge"],
      ["GET", "/v1/zones"],
      ["GET", "/v1/types"],
      ["GET", "/v1/nothing"],
      ...Object.values(ROUTES).map(({ method, path }): [string, string] => [method, path(id)]),
    ];
    for (const [method, path] of paths) {
      const answer = await api().request(method, path, init);
      expect(answer.status, `${method} ${path}`).toBe(401);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      expect(answer.body["code"]).toBe("unauthenticated");
    }
  });
});

/** A fresh notification at this place seen from a fresh person with this role. */
async function notificationAt(
  place: Place,
  role: Role,
): Promise<{ readonly id: string; readonly key: string }> {
  const { id: userId, key } = await api().person(role, ["karawang"]);
  switch (place) {
    case "told": {
      const id = await api().accept({ zone: "bekasi" });
      await insertTarget(api().pool, id, { target: userId });
      return { id, key };
    }
    case "own zone":
      return { id: await api().accept({ zone: "karawang" }), key };
    case "customer type": {
      const recipients = { phones: ["+6281234000011"] };
      const id = await api().accept({ type: "service_update", zone: "bekasi", recipients });
      return { id, key };
    }
    case "other":
      return { id: await api().accept({ zone: "bekasi" }), key };
  }
}
