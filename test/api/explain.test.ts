import { describe, expect, it } from "vitest";
import { insertAccount, insertUser } from "../support/rows.ts";
import { objectAt, problemsOf, useApi } from "./harness.ts";

const api = useApi();
const EXPLAIN = "/v1/notifications/explain";

describe("POST /v1/notifications/explain", () => {
  it("shows the steps, targets and who is left out why, and stores nothing", async () => {
    const reachable = await insertUser(api().pool, { role: "noc" });
    const unreachable = await insertUser(api().pool, { role: "noc" });
    await api().pool.query("delete from contacts where user_id = $1", [unreachable.id]);
    const accountId = await insertAccount(api().pool);
    const answer = await api().request("POST", EXPLAIN, {
      body: { type: "outage", recipients: { userIds: [reachable.id, unreachable.id] } },
    });

    expect(answer.status, answer.text).toBe(200);
    const step: unknown = objectAt(answer.body, "steps", 0);
    expect(step).toMatchObject({ step: 1, pass: 1 });
    expect(objectAt(step, "targets")).toContainEqual(
      expect.objectContaining({ userId: reachable.id, channel: "whatsapp_personal", accountId }),
    );
    expect(objectAt(step, "skipped")).toContainEqual(
      expect.objectContaining({
        userId: unreachable.id,
        channel: "whatsapp_personal",
        reason: "no_contact",
      }),
    );
    const { rows } = await api().pool.query("select count(*) as stored from notifications");
    expect(rows).toEqual([{ stored: 0 }]);
  });

  it("answers for another moment when asked of one", async () => {
    const { id } = await insertUser(api().pool, { role: "noc" });
    const answer = await api().request("POST", `${EXPLAIN}?at=2026-12-01T03:00:00%2B07:00`, {
      body: { type: "outage", recipients: { userIds: [id] } },
    });
    expect(objectAt(answer.body, "steps", 0, "startsAt")).toBe("2026-11-30T20:00:00.000Z");
  });

  it("names every bad field at once, as creating does", async () => {
    const answer = await api().request("POST", EXPLAIN, {
      body: { type: "outage", zone: "atlantis", priority: "urgent" },
    });
    expect(answer.status).toBe(422);
    expect([...problemsOf(answer)].sort()).toEqual(["priority: invalid", "zone: unknown"]);
  });

  it.each(["yesterday", "2026-12-01", "2026-12-01T03:00:00"])("refuses at=%s", async (at) => {
    const answer = await api().request("POST", `${EXPLAIN}?at=${at}`, { body: { type: "outage" } });
    expect(problemsOf(answer)).toEqual(["at: invalid"]);
  });

  it.each([
    { role: "supervisor", zones: ["karawang"], zone: "karawang", status: 200, why: "own zone" },
    { role: "supervisor", zones: ["karawang"], zone: "bekasi", status: 403, why: "another zone" },
    {
      role: "technician",
      zones: ["karawang"],
      zone: "karawang",
      status: 403,
      why: "creates nothing",
    },
  ] as const)("answers $status to $role: $why", async ({ role, zones, zone, status }) => {
    const { key } = await api().person(role, zones);
    const answer = await api().request("POST", EXPLAIN, { key, body: { type: "outage", zone } });
    expect(answer.status, answer.text).toBe(status);
  });
});
