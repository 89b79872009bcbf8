import { describe, expect, it } from "vitest";

import { insertUser } from "../support/rows.ts";
import { useStory, type Story } from "../support/story.ts";

const story = useStory();

const SOME_TEXT: unknown = expect.any(String);

/** The notice that the operators got about this notification. */
async function noticeOf({ world }: Story, id: string): Promise<readonly string[]> {
  const { rows } = await world.pool.query<{ id: string }>(
    "select id from notifications where notice_of = $1",
    [id],
  );
  return rows.map((row) => row.id);
}

describe("invariant 7: nobody can be reached", () => {
  it("a person without a number is undeliverable at once, the operators are told once, and the board stays red until somebody closes it", async () => {
    const { world, policy, raise, settled, act, told, toldOf, timeline, get } = story();
    const { id: userId } = await insertUser(world.pool, { phone: null, zones: ["karawang"] });
    const policyId = await policy({ raisesNotice: true, steps: [{ windowSeconds: 5 }] });
    const beganAt = Date.now();
    const id = await raise({ policyId, recipients: { userIds: [userId] } });
    expect(await settled(id)).toMatchObject({ outcome: "undeliverable" });
    expect(Date.now() - beganAt, "the step is passed at once").toBeLessThan(4_000);
    expect((await timeline(id)).find(({ kind }) => kind === "step_ended")).toMatchObject({
      reason: "nobody_open",
    });
    const plan = (await get(id))["plan"] as { readonly steps: readonly unknown[] };
    expect(plan.steps[0]).toMatchObject({
      skipped: [{ userId, channel: "whatsapp_personal", reason: "no_contact" }],
    });
    await toldOf("whatsapp_personal N-1");
    await toldOf("whatsapp_personal N-2");
    await toldOf("whatsapp_group G-NOC");
    await toldOf("email N-1");
    await toldOf("email N-2");
    const [notice, ...others] = await noticeOf(story(), id);
    expect(others).toEqual([]);
    await act(String(notice), "acknowledge", { by: "ext:N-1" });
    expect(await settled(String(notice))).toMatchObject({ outcome: "acknowledged" });
    // The ladder's five, and a closing message on each of the three chats.
    expect(told()).toHaveLength(8);

    expect(await get(id)).toMatchObject({ outcome: "undeliverable", closedAt: null });
    expect(await act(id, "close", { note: "Sudah ditelepon" })).toMatchObject({ applied: true });
    expect(await get(id)).toMatchObject({ closedAt: SOME_TEXT, closeNote: "Sudah ditelepon" });
  });

  it("an empty role is passed with its reason, and whoever else is named is told", async () => {
    const { world, policy, raise, settled, act, told, toldOf, get } = story();
    await world.pool.query("update users set is_active = false where role = 'customer_service'");
    try {
      const policyId = await policy({ steps: [{ windowSeconds: 2 }] });
      const id = await raise({
        policyId,
        recipients: { userIds: ["ext:T-1"], roles: ["customer_service"] },
      });
      await toldOf("whatsapp_personal T-1");
      await act(id, "acknowledge");
      await settled(id);
      expect(told()).toEqual(["whatsapp_personal T-1", "whatsapp_personal T-1"]);
      const plan = (await get(id))["plan"] as { readonly excluded: readonly unknown[] };
      expect(plan.excluded).toMatchObject([{ role: "customer_service", reason: "role_empty" }]);
    } finally {
      await world.pool.query("update users set is_active = true where role = 'customer_service'");
    }
  });

  it("a group that no account's number belongs to is passed with its reason; the next step comes at once", async () => {
    const { world, policy, raise, settled, told, groupId, timeline } = story();
    const group = await groupId("G-CS");
    const { rows } = await world.pool.query<{ account_id: string }>(
      "delete from provider_account_groups where group_id = $1 returning account_id",
      [group],
    );
    try {
      const policyId = await policy({
        steps: [
          { channels: [], groups: "primary", windowSeconds: 5 },
          { channels: ["sms"], windowSeconds: 1 },
        ],
      });
      const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"], groupIds: [group] } });
      const outcome = await settled(id);
      expect(outcome).toMatchObject({ outcome: "exhausted" });
      expect(told()).toEqual(["sms T-1"]);
      const lines = await timeline(id);
      expect(lines.find(({ kind }) => kind === "delivery_skipped")).toMatchObject({
        target: group,
        channel: "whatsapp_group",
        reason: "no_provider",
      });
    } finally {
      for (const { account_id } of rows) {
        await world.pool.query(
          "insert into provider_account_groups (account_id, group_id) values ($1, $2)",
          [account_id, group],
        );
      }
    }
  });

  it("an unanswered critical one tells the operators by other accounts than those that failed it", async () => {
    const { world, policy, raise, settled, act, toldOf, requests } = story();
    world.vendors.sandbox.faults.add({ kind: "unauthorized", vendor: "twilio" });
    const policyId = await policy(
      { raisesNotice: true, steps: [{ channels: ["sms"], windowSeconds: 1 }] },
      "critical",
    );
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    expect(await settled(id)).toMatchObject({ outcome: "undeliverable" });
    await toldOf("whatsapp_personal N-1");
    await toldOf("whatsapp_personal N-2");
    await toldOf("whatsapp_group G-NOC");
    const [notice] = await noticeOf(story(), id);
    const { rows } = await world.pool.query<{ avoid: readonly string[] }>(
      `select array(select a.name from provider_accounts a where a.id = any(n.avoid_account_ids)) as avoid
       from notifications n where n.id = $1`,
      [notice],
    );
    expect(rows[0]?.avoid).toEqual(["Twilio SMS"]);
    await act(String(notice), "acknowledge", { by: "ext:N-1" });
    await settled(String(notice));
    expect(requests().filter(({ accepted, vendor }) => accepted && vendor === "twilio")).toEqual(
      [],
    );
    await act(id, "close", { note: "Sudah ditelepon" });
  });
});

describe("invariant 6: one person named twice", () => {
  it("by two rules, a role and by name is told once", async () => {
    const { world, policy, raise, settled, act, told, toldOf, person } = story();
    await world.pool.query(
      `insert into notification_group_rules (id, notification_type, audience, position)
       values ('rul_story', 'outage', '[{"kind": "role", "role": "noc", "zone": "all"}]', 99)`,
    );
    try {
      const policyId = await policy({ steps: [{ windowSeconds: 2 }] });
      const byRules = await raise({ policyId });
      await toldOf("whatsapp_personal N-1");
      await toldOf("whatsapp_personal N-2");
      await act(byRules, "cancel");
      await settled(byRules);
      const { id: userId } = await person("N-1");
      const byName = await raise({
        policyId,
        recipients: { userIds: [userId, "ext:N-1"], roles: ["noc"] },
      });
      await toldOf("whatsapp_personal N-1", 2);
      await toldOf("whatsapp_personal N-2", 2);
      await act(byName, "cancel");
      await settled(byName);
      expect(told()).toHaveLength(4);
    } finally {
      await world.pool.query("delete from notification_group_rules where id = 'rul_story'");
    }
  });
});
