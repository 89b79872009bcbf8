import type { Client } from "@temporalio/client";
import { beforeEach, describe, expect, it } from "vitest";
import { newId } from "../../db/new-id.ts";
import { staleRuns } from "../../db/stale-plans.ts";
import { createReplanner } from "../../api/verbs/replanner.ts";
import { createBackground } from "../../api/verbs/background.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";
import { insertTarget } from "../support/rows.ts";
import { clientStandIn } from "../support/stand-in.ts";
import { TemporalIsAway, useApi } from "./harness.ts";

const api = useApi();

let person: { readonly id: string; readonly key: string };
let groupId: string;
let counter = 0;

beforeEach(async () => {
  counter += 1;
  api().temporal.mode = "up";
  await api().background.idle();
  api().temporal.signals.length = 0;
  person = await api().person("technician", ["karawang"]);
  const group = await api().request("POST", "/v1/groups", {
    body: { name: "Teknisi", category: "technicians", zone: "karawang" },
  });
  groupId = String(group.body["id"]);
});

/** An open run that tells this person or group. */
async function aRun(
  target: string,
  options: { readonly type?: string; readonly state?: string } = {},
): Promise<string> {
  const id = await api().accept({ type: options.type ?? "outage" });
  await insertTarget(api().pool, id, { target });
  if (options.state !== undefined) {
    await api().pool.query(
      "update notification_targets set state = $2 where notification_id = $1",
      [id, options.state],
    );
  }
  return id;
}

type Told = { readonly id: string; readonly reason: unknown };

/** Runs that were told to plan again, in the order in which they were. */
async function told(): Promise<readonly Told[]> {
  await api().background.idle();
  return api().temporal.signals.flatMap(({ workflowId, name, fact }) => {
    const isReplan =
      name === "fact" && typeof fact === "object" && fact !== null && "reason" in fact;
    return isReplan && Reflect.get(fact, "kind") === "replan"
      ? [{ id: workflowId.split("/").at(-1) ?? "", reason: fact.reason }]
      : [];
  });
}

async function marked(): Promise<readonly string[]> {
  const rows = await staleRuns(api().pool, {
    olderThan: new Date(Date.now() + 60_000),
    limit: 500,
  });
  return rows.map(({ notificationId }) => notificationId);
}

async function versionOf(userId: string): Promise<number> {
  const { rows } = await api().pool.query<{ version: number }>(
    "select version from users where id = $1",
    [userId],
  );
  return rows[0]?.version ?? 0;
}

async function groupVersion(): Promise<number> {
  const { rows } = await api().pool.query<{ version: number }>(
    "select version from whatsapp_groups where id = $1",
    [groupId],
  );
  return rows[0]?.version ?? 0;
}

const patch = (path: string, body: object) => api().request("PATCH", path, { body });

describe("a change of a person, their settings or contacts", () => {
  const quietHours = { quietHours: { enabled: true } };

  it.each([
    {
      what: "settings",
      reason: "settings_changed",
      change: () => patch(`/v1/users/${person.id}/settings`, quietHours),
    },
    {
      what: "one's own settings",
      reason: "settings_changed",
      change: () =>
        api().request("PATCH", "/v1/me/settings", { key: person.key, body: quietHours }),
    },
    {
      what: "the zone",
      reason: "user_changed",
      change: () => patch(`/v1/users/${person.id}`, { zones: ["bekasi"] }),
    },
    {
      what: "the clock",
      reason: "user_changed",
      change: () => patch(`/v1/users/${person.id}`, { timeZone: "Asia/Jayapura" }),
    },
    {
      what: "a contact",
      reason: "user_changed",
      change: () =>
        patch(`/v1/users/${person.id}`, {
          contacts: [{ kind: "phone", value: `+6281234000${String(counter).padStart(3, "0")}` }],
        }),
    },
    {
      what: "being switched off",
      reason: "user_changed",
      change: () => api().request("POST", `/v1/users/${person.id}/deactivate`),
    },
  ])("outdates the open plans by $what, and tells the runs why", async ({ change, reason }) => {
    const [open, leftOut] = [await aRun(person.id), await aRun(person.id, { state: "left_out" })];
    const other = await aRun((await api().person("technician")).id);
    const answered = await aRun(person.id, { state: "answered" });
    const before = await versionOf(person.id);

    const answer = await change();
    expect(answer.status, answer.text).toBe(200);

    expect(await told()).toEqual([open, leftOut].map((id) => ({ id, reason })));
    // The run was told: nothing is left for the sweep.
    for (const id of [open, leftOut, other, answered]) expect(await marked()).not.toContain(id);
    // A plan that was made before the change can't be saved any more.
    expect(await versionOf(person.id)).toBe(before + 1);
  });

  it("leaves plans alone that it can't touch", async () => {
    await aRun(person.id);
    const answer = await patch(`/v1/users/${person.id}`, { name: "Contoh", locale: "en" });
    expect(answer.status, answer.text).toBe(200);
    expect(await told()).toEqual([]);
  });

  it("leaves runs alone that are stopped or over", async () => {
    const stopped = await aRun(person.id);
    await api().request("POST", `/v1/notifications/${stopped}/acknowledge`);
    await patch(`/v1/users/${person.id}/settings`, { enabled: false });
    expect((await told()).map(({ id }) => id)).not.toContain(stopped);
  });

  it("marks nothing when it is refused", async () => {
    const id = await aRun(person.id);
    const refused = await patch(`/v1/users/${person.id}/settings`, { quietHours: { to: "x" } });
    expect(refused.status).toBe(422);
    expect(await told()).toEqual([]);
    expect(await marked()).not.toContain(id);
  });

  it("reaches the runs of the person's groups when the groups don't count any more", async () => {
    await api().request("POST", `/v1/groups/${groupId}/members`, { body: { userId: person.id } });
    const id = await aRun(groupId);
    await patch(`/v1/users/${person.id}/settings`, { enabled: true });
    expect(await told()).toEqual([]);
    const version = await groupVersion();
    await patch(`/v1/users/${person.id}/settings`, { groupNotifications: false });
    expect((await told()).map((one) => one.id)).toEqual([id]);
    // A plan that is being made counts this person among those whom the group reaches: it can't be saved.
    expect(await groupVersion()).toBe(version + 1);
    await api().request("POST", `/v1/users/${person.id}/deactivate`);
    expect(await groupVersion()).toBe(version + 2);
  });

  it("waits for a plan that is being written, and outdates it", async () => {
    const id = await aRun(person.id);
    const planner = await api().pool.connect();
    try {
      await planner.query("begin");
      await planner.query("select from users where id = $1 for share", [person.id]);
      const change = patch(`/v1/users/${person.id}/settings`, quietHours);
      // The change has its turn only when the plan is stored.
      const waiting = await Promise.race([
        change.then(() => "changed"),
        isBlocked().then(() => "waits"),
      ]);
      expect(waiting).toBe("waits");
      await planner.query(
        "update notification_targets set resume_at = now() where notification_id = $1",
        [id],
      );
      await planner.query("commit");
      expect((await change).status).toBe(200);
    } finally {
      planner.release();
    }
    expect((await told()).map((one) => one.id)).toEqual([id]);
  });

  /** Resolves when somebody waits for a lock of this database. */
  async function isBlocked(): Promise<void> {
    for (;;) {
      const { rows } = await api().pool.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      if (rows.length > 0) return;
    }
  }
});

describe("a change of a group or its members", () => {
  it.each([
    {
      what: "quiet hours",
      reason: "group_changed",
      change: () =>
        patch(`/v1/groups/${groupId}`, {
          quietHours: { enabled: true, from: "22:00", to: "06:00", days: ["mon"], timeZone: null },
        }),
    },
    {
      what: "the zone",
      reason: "group_changed",
      change: () => patch(`/v1/groups/${groupId}`, { zone: "bekasi" }),
    },
    {
      what: "being switched off",
      reason: "group_changed",
      change: () => api().request("POST", `/v1/groups/${groupId}/deactivate`),
    },
  ])("outdates the plans that tell the group by $what", async ({ change, reason }) => {
    const id = await aRun(groupId);
    const version = await groupVersion();
    expect((await change()).status).toBe(200);
    expect(await told()).toEqual([{ id, reason }]);
    expect(await groupVersion()).toBe(version + 1);
  });

  it("leaves plans alone that its name doesn't touch", async () => {
    await aRun(groupId);
    await patch(`/v1/groups/${groupId}`, { name: "Teknisi Karawang", description: "x" });
    expect(await told()).toEqual([]);
  });

  it("tells the runs of the group and of the person when somebody joins, changes and leaves", async () => {
    const runs = [await aRun(groupId), await aRun(person.id)];
    const [version, ofGroup] = [await versionOf(person.id), await groupVersion()];
    const path = `/v1/groups/${groupId}/members`;
    const added = await api().request("POST", path, { body: { userId: person.id } });
    const memberPath = `${path}/${String(added.body["id"])}`;
    await patch(memberPath, { isActive: false });
    await api().request("DELETE", memberPath);
    const expected = runs.map((id) => ({ id, reason: "membership_changed" }));
    expect(await told()).toEqual([...expected, ...expected, ...expected]);
    expect(await versionOf(person.id)).toBe(version + 3);
    expect(await groupVersion()).toBe(ofGroup + 3);
  });

  it("tells the runs of a group whose number of an account is proven or gone", async () => {
    const account = await api().request("POST", "/v1/provider-accounts", {
      body: {
        provider: "fonnte",
        channel: "whatsapp_group",
        name: "Grup",
        sender: "+6281234000091",
        credentials: { token: "t" },
      },
    });
    const id = await aRun(groupId);
    const version = await groupVersion();
    const path = `/v1/provider-accounts/${String(account.body["id"])}/groups/${groupId}`;
    await api().request("PUT", path);
    // What was known already changes nothing.
    await api().request("PUT", path);
    await api().request("DELETE", path);
    const reason = "group_routes_changed";
    expect(await told()).toEqual([
      { id, reason },
      { id, reason },
    ]);
    expect(await groupVersion()).toBe(version + 2);
  });
});

describe("/v1/holidays", () => {
  const holidays = { enabled: true, days: ["holiday"] };
  const put = (path: string, key?: string) =>
    api().request("PUT", `/v1/holidays/${path}`, {
      body: { name: "Libur" },
      ...(key === undefined ? {} : { key }),
    });

  it("tells the runs of those whose quiet hours ask for it, in the zone or everywhere", async () => {
    await patch(`/v1/users/${person.id}/settings`, { quietHours: holidays });
    await patch(`/v1/groups/${groupId}`, {
      quietHours: { ...holidays, from: "00:00", to: "00:00", timeZone: null },
    });
    const elsewhere = await api().person("technician", ["bekasi"]);
    await patch(`/v1/users/${elsewhere.id}/settings`, { quietHours: holidays });
    const indifferent = await api().person("technician", ["karawang"]);
    const [own, group, other] = [
      await aRun(person.id),
      await aRun(groupId),
      await aRun(elsewhere.id),
    ];
    await aRun(indifferent.id);
    await told();
    api().temporal.signals.length = 0;
    const [version, ofGroup] = [await versionOf(person.id), await groupVersion()];
    const reason = "holiday_changed";

    expect((await put("karawang/2026-08-17")).status).toBe(200);
    expect(await told()).toEqual([own, group].map((id) => ({ id, reason })));
    expect(await versionOf(person.id)).toBe(version + 1);
    expect(await groupVersion()).toBe(ofGroup + 1);

    api().temporal.signals.length = 0;
    await put("karawang/2026-08-17");
    expect(await told(), "said again").toEqual([]);
    await put("all/2026-12-25");
    expect(await told()).toEqual([own, group, other].map((id) => ({ id, reason })));

    api().temporal.signals.length = 0;
    expect((await api().request("DELETE", "/v1/holidays/all/2026-12-25")).status).toBe(204);
    expect(await told()).toHaveLength(3);
  });

  it("lists by date, filters, and pages", async () => {
    for (const path of ["all/2027-01-01", "karawang/2027-01-02", "bekasi/2027-01-02"]) {
      await put(path);
    }
    const list = async (query: string) => {
      const answer = await api().request("GET", `/v1/holidays?${query}`);
      expect(answer.status, answer.text).toBe(200);
      return answer.body;
    };
    const all = { date: "2027-01-01", zone: "all", name: "Libur" };
    const bekasi = { date: "2027-01-02", zone: "bekasi", name: "Libur" };
    const karawang = { date: "2027-01-02", zone: "karawang", name: "Libur" };
    expect(await list("from=2027-01-01&to=2027-01-02")).toEqual({
      items: [all, bekasi, karawang],
      nextCursor: null,
    });
    expect((await list("from=2027-01-01&zone=all"))["items"]).toEqual([all]);
    const first = await list("from=2027-01-01&limit=1");
    expect(first["items"]).toEqual([all]);
    const second = await list(`from=2027-01-01&limit=1&cursor=${String(first["nextCursor"])}`);
    expect(second["items"]).toEqual([bekasi]);
  });

  it.each([
    { path: "atlantis/2026-08-17", status: 422, reason: "no such zone" },
    { path: "all/2026-02-30", status: 404, reason: "no such day" },
    { path: "all/0000-01-01", status: 404, reason: "a year that the database doesn't have" },
    { path: "all/tomorrow", status: 404, reason: "no date" },
  ])("refuses $path: $reason", async ({ path, status }) => {
    expect((await put(path)).status).toBe(status);
  });

  it("answers 404 for one that isn't there", async () => {
    expect((await api().request("DELETE", "/v1/holidays/all/2031-01-01")).status).toBe(404);
  });

  it.each([
    { role: "admin", read: 200, write: 200 },
    { role: "manager", read: 200, write: 403 },
    { role: "supervisor", read: 200, write: 403 },
    { role: "noc", read: 200, write: 403 },
    { role: "customer_service", read: 200, write: 403 },
    { role: "technician", read: 200, write: 403 },
    { role: "customer", read: 403, write: 403 },
  ] as const)("invariant 38: $role", async ({ role, read, write }) => {
    const { key } = await api().person(role, ["karawang"]);
    expect((await api().request("GET", "/v1/holidays", { key })).status).toBe(read);
    expect((await put("all/2028-01-01", key)).status).toBe(write);
    const gone = await api().request("DELETE", "/v1/holidays/all/2028-01-01", { key });
    expect(gone.status).toBe(write === 200 ? 204 : 403);
  });
});

describe("invariant 18: how fast runs are told", () => {
  /** Signals of a replanner of the test's own, with the time of each since the first. */
  function aReplanner(signal: () => void = () => undefined) {
    const heard: { readonly id: string; readonly atMs: number }[] = [];
    const background = createBackground(() => undefined);
    const replanner = createReplanner({
      pool: api().pool,
      background,
      log: SILENT_LOGGER,
      temporal: aTemporal((id) => {
        signal();
        heard.push({ id, atMs: performance.now() });
      }),
    });
    return { replanner, background, heard };
  }

  /** The part of Temporal's client that a replanner uses; a call of anything else is a bug and throws. */
  function aTemporal(onSignal: (workflowId: string) => void): Client {
    const client = {
      withDeadline: async (_deadline: number, call: () => Promise<unknown>) => call(),
      workflow: {
        getHandle: (workflowId: string) => ({ signal: async () => onSignal(workflowId) }),
      },
    };
    return clientStandIn(client);
  }

  const runOf = (id: string, priority: "critical" | "high" | "medium" | "low", acceptedAt = 0) => ({
    notificationId: id,
    workflowId: id,
    priority,
    acceptedAt,
  });
  const many = (count: number, priority: "critical" | "high" | "medium" | "low") =>
    Array.from({ length: count }, (_, index) => runOf(`${priority}-${index}`, priority, index));

  it("tells twenty within a second", async () => {
    const { replanner, background, heard } = aReplanner();
    const from = performance.now();
    replanner.tell(many(20, "medium"), "test", new Date());
    await background.idle();
    expect(heard).toHaveLength(20);
    expect(heard.every(({ atMs }) => atMs - from < 1_000)).toBe(true);
  });

  it("tells no more than twenty at once and twenty a second, over any sliding second", async () => {
    const { replanner, background, heard } = aReplanner();
    replanner.tell(many(40, "medium"), "test", new Date());
    replanner.tell(many(5, "low"), "test", new Date());
    await background.idle();
    expect(heard).toHaveLength(45);
    const times = heard.map(({ atMs }) => atMs);
    // A full bucket and a second's worth of refilling; one for what rounds.
    for (const start of times) {
      expect(times.filter((at) => at >= start && at < start + 1_000).length).toBeLessThanOrEqual(
        41,
      );
    }
    expect((times[44] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(1_000);
  });

  it("tells the most urgent first, then the oldest, whatever change outdated them", async () => {
    const { replanner, background, heard } = aReplanner();
    replanner.tell([...many(22, "low").toReversed(), runOf("high-0", "high")], "test", new Date());
    replanner.tell(
      [runOf("critical-0", "critical"), runOf("medium-0", "medium")],
      "test",
      new Date(),
    );
    await background.idle();
    const order = heard.map(({ id }) => id);
    expect(order.slice(-2)).toEqual(["low-20", "low-21"]);
    // The burst of the first change was under way when the second came.
    expect(order.indexOf("critical-0")).toBeLessThan(order.indexOf("low-20"));
    expect(order.indexOf("critical-0")).toBeLessThan(order.indexOf("medium-0"));
    expect(order.indexOf("high-0")).toBeLessThan(order.indexOf("low-1"));
  });

  it("leaves to the sweep what it could not tell, and what waits when the process ends", async () => {
    const id = await aRun(person.id);
    api().temporal.mode = "away";
    await patch(`/v1/users/${person.id}/settings`, { enabled: false });
    expect(await told()).toEqual([]);
    expect(await marked()).toContain(id);

    const { replanner, background, heard } = aReplanner();
    replanner.tell(many(200, "medium"), "test", new Date());
    await new Promise((resolve) => setImmediate(resolve));
    replanner.stop();
    await background.idle();
    expect(heard.length).toBeLessThanOrEqual(20);
    replanner.tell(many(1, "critical"), "test", new Date());
    await background.idle();
    expect(heard.some(({ id: name }) => name === "critical-0")).toBe(false);
  });

  it("goes on with the others when one can't be told", async () => {
    let count = 0;
    const { replanner, background, heard } = aReplanner(() => {
      count += 1;
      if (count === 2) throw new TemporalIsAway();
    });
    replanner.tell(many(3, "medium"), "test", new Date());
    await background.idle();
    expect(heard.map(({ id }) => id)).toEqual(["medium-0", "medium-2"]);
  });

  it("keeps a mark that a newer change has made meanwhile", async () => {
    const id = await aRun(person.id);
    const { rows } = await api().pool.query<{ workflow_id: string }>(
      "select workflow_id from notifications where id = $1",
      [id],
    );
    const workflowId = rows[0]?.workflow_id ?? newId("ntf", Date.now());
    const [older, newer] = [new Date(Date.now() - 5_000), new Date()];
    await api().pool.query(
      "update notification_targets set plan_stale_at = $2 where notification_id = $1",
      [id, newer],
    );
    const { replanner, background } = aReplanner();
    replanner.tell(
      [{ notificationId: id, workflowId, priority: "critical", acceptedAt: 0 }],
      "test",
      older,
    );
    await background.idle();
    expect(await marked()).toContain(id);
  });
});
