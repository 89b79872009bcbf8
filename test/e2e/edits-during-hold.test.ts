import { describe, expect, it } from "vitest";

import { useStory, type Story } from "../support/story.ts";

const story = useStory();

const PERSONAL = { channels: ["whatsapp_personal"] } as const;
/** Quiet whenever anybody looks. */
const ALWAYS_QUIET = {
  enabled: true,
  from: "00:00",
  to: "00:00",
  days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
} as const;
/** What the contract promises for up to twenty runs. */
const REPLANNED_WITHIN_MS = 1_000;

/** Waits for quiet hours, and is over when it is sent. */
function patient(current: Story): Promise<string> {
  return current.policy({
    settledBy: "sent",
    quietHours: "hold",
    steps: [{ ...PERSONAL, groups: "primary", windowSeconds: 2 }],
  });
}

async function change(method: string, path: string, body?: unknown): Promise<void> {
  const answer = await story().world.call(method, path, body);
  expect([200, 204], JSON.stringify(answer.body)).toContain(answer.status);
}

const settingsOf = (externalId: string, body: object) =>
  change("PATCH", `/v1/users/ext:${externalId}/settings`, body);

async function held(id: string): Promise<void> {
  await story().happened(id, ({ kind }) => kind === "held");
  expect(await story().get(id)).toMatchObject({ status: "holding" });
}

/** Until the run knew of the change, by its own timeline. */
async function replannedAfterMs(id: string, changedAt: number, reason: string): Promise<number> {
  const line = await story().happened(
    id,
    (entry) => entry.kind === "replanned" && entry.reason === reason,
  );
  return Date.parse(line.at) - changedAt;
}

describe("invariant 18: an edit during a hold", () => {
  it("of the quiet hours lets the message go within a second", async () => {
    const { raise, settled, told, toldOf } = story();
    await settingsOf("T-1", { quietHours: ALWAYS_QUIET });
    const policyId = await patient(story());
    const id = await raise({ policyId, priority: "high", recipients: { userIds: ["ext:T-1"] } });
    await held(id);

    const changedAt = Date.now();
    await settingsOf("T-1", { quietHours: { enabled: false } });

    expect(await replannedAfterMs(id, changedAt, "settings_changed")).toBeLessThan(
      REPLANNED_WITHIN_MS,
    );
    await toldOf("whatsapp_personal T-1");
    expect(await settled(id)).toMatchObject({ outcome: "sent" });
    expect(told()).toEqual(["whatsapp_personal T-1"]);
  });

  it("of the master switch leaves the silent row of the inbox, and no vendor is asked", async () => {
    const { raise, settled, told, deliveries } = story();
    await settingsOf("T-1", { quietHours: ALWAYS_QUIET });
    const policyId = await patient(story());
    const id = await raise({ policyId, priority: "high", recipients: { userIds: ["ext:T-1"] } });
    await held(id);
    await settingsOf("T-1", { enabled: false });
    await settled(id);
    expect(told()).toEqual([]);
    expect((await deliveries(id)).map(({ channel }) => channel)).toEqual(["in_app"]);
  });

  it("after which nobody needs to be told settles the run as suppressed, with the reason", async () => {
    const { raise, settled, told, timeline, world } = story();
    const ticketId = "TKT-HELD";
    await world.pool.query("insert into tickets (id, zone) values ($1, 'karawang')", [ticketId]);
    await settingsOf("T-1", { quietHours: ALWAYS_QUIET });
    const policyId = await patient(story());
    const id = await raise({
      policyId,
      priority: "high",
      ticketId,
      recipients: { userIds: ["ext:T-1"] },
    });
    await held(id);
    await world.pool.query("update tickets set status = 'closed' where id = $1", [ticketId]);
    await settingsOf("T-1", { quietHours: { enabled: false } });
    expect(await settled(id)).toMatchObject({ outcome: "suppressed", reason: "ticket_closed" });
    expect(told()).toEqual([]);
    expect((await timeline(id)).filter(({ kind }) => kind === "suppressed")).toMatchObject([
      { reason: "ticket_closed" },
    ]);
  });

  it("of a group's quiet hours lets the group know", async () => {
    const { raise, settled, told, toldOf } = story();
    const path = "/v1/groups/ext:G-NOC";
    await change("PATCH", path, { quietHours: { ...ALWAYS_QUIET, timeZone: null } });
    try {
      const policyId = await patient(story());
      const id = await raise({
        policyId,
        priority: "high",
        recipients: { groupIds: ["ext:G-NOC"] },
      });
      await held(id);
      await change("PATCH", path, { quietHours: null });
      await toldOf("whatsapp_group G-NOC");
      expect(await settled(id)).toMatchObject({ outcome: "sent" });
      expect(told()).toEqual(["whatsapp_group G-NOC"]);
    } finally {
      await change("PATCH", path, { quietHours: null });
    }
  });

  it("that vouches for a number brings in whoever was left out for it", async () => {
    const { world, raise, settled, told, toldOf, person } = story();
    const second = await person("T-2");
    await world.pool.query(
      "update contacts set verified_at = null, verified_by = null where user_id = $1 and kind = 'phone'",
      [second.id],
    );
    await settingsOf("T-1", { quietHours: ALWAYS_QUIET });
    const policyId = await patient(story());
    const id = await raise({
      policyId,
      priority: "medium",
      recipients: { userIds: ["ext:T-1", "ext:T-2"] },
    });
    await held(id);
    expect(told()).toEqual([]);

    await change("PATCH", "/v1/users/ext:T-2", {
      contacts: [{ kind: "phone", value: second.phone }],
    });
    await toldOf("whatsapp_personal T-2");
    await settingsOf("T-1", { quietHours: { enabled: false } });
    await toldOf("whatsapp_personal T-1");
    expect(await settled(id)).toMatchObject({ outcome: "sent" });
    expect([...told()].sort()).toEqual(["whatsapp_personal T-1", "whatsapp_personal T-2"]);
  });

  it("of one person wakes all twenty runs that wait for them, each once", async () => {
    const { raise, settled, told, toldOf } = story();
    await settingsOf("T-1", { quietHours: ALWAYS_QUIET });
    const policyId = await patient(story());
    const ids = await Promise.all(
      Array.from({ length: 20 }, () =>
        raise({ policyId, priority: "high", recipients: { userIds: ["ext:T-1"] } }),
      ),
    );
    for (const id of ids) await held(id);
    await settingsOf("T-1", { quietHours: { enabled: false } });
    await toldOf("whatsapp_personal T-1", 20);
    for (const id of ids) expect(await settled(id)).toMatchObject({ outcome: "sent" });
    expect(told()).toHaveLength(20);
  });
});
