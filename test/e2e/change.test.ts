import { describe, expect, it } from "vitest";

import { newId } from "../../db/new-id.ts";
import { useStory } from "../support/story.ts";

const story = useStory();

describe("invariant 15: in mid-run", () => {
  it("an edited policy changes nothing for the run that has begun, and everything for the next", async () => {
    const { world, policy, raise, settled, told, toldOf } = story();
    const policyId = await policy({
      steps: [
        { channels: ["whatsapp_personal"], windowSeconds: 2 },
        { channels: ["sms"], windowSeconds: 1 },
      ],
    });
    const before = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    await toldOf("whatsapp_personal T-1");
    await world.pool.query(
      `insert into escalation_policy_versions (policy_id, version, rules)
       select policy_id, 2, jsonb_set(rules, '{steps}', jsonb_build_array(rules #> '{steps,0}' || '{"channels": ["call"]}'))
       from escalation_policy_versions where policy_id = $1`,
      [policyId],
    );
    await world.pool.query("update escalation_policies set current_version = 2 where id = $1", [
      policyId,
    ]);
    const after = await raise({ policyId, recipients: { userIds: ["ext:T-2"] } });
    expect(await settled(before)).toMatchObject({ outcome: "exhausted", policyVersion: 1 });
    expect(await settled(after)).toMatchObject({ outcome: "exhausted", policyVersion: 2 });
    expect(told().toSorted()).toEqual(["call T-2", "sms T-1", "whatsapp_personal T-1"]);
  });

  it("a person who is gone is passed with the reason, and the ladder goes on", async () => {
    const { world, policy, raise, settled, told, toldOf, person, deliveries } = story();
    const { id: userId } = await person("T-1");
    const policyId = await policy({
      steps: [
        { channels: ["whatsapp_personal"], windowSeconds: 1 },
        { channels: ["sms"], windowSeconds: 3 },
        { channels: [], groups: "primary", windowSeconds: 1 },
      ],
    });
    const id = await raise({
      policyId,
      recipients: { userIds: ["ext:T-1"], groupIds: ["ext:G-NOC"] },
    });
    await toldOf("whatsapp_personal T-1");
    await world.pool.query("update users set is_active = false where id = $1", [userId]);
    try {
      expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    } finally {
      await world.pool.query("update users set is_active = true where id = $1", [userId]);
    }
    expect(told()).toEqual(["whatsapp_personal T-1", "whatsapp_group G-NOC"]);
    const sms = (await deliveries(id)).find(({ channel }) => channel === "sms");
    expect(sms).toMatchObject({ status: "failed", reason: "inactive" });
  });

  it("a group that was deleted is passed with the reason", async () => {
    const { world, policy, raise, settled, told, toldOf } = story();
    const groupId = newId("grp", Date.now());
    await world.pool.query(
      `insert into whatsapp_groups (id, name, group_chat_id, category) values ($1, 'Sementara', '120363020000000099@g.us', 'all')`,
      [groupId],
    );
    await world.pool.query(
      `insert into provider_account_groups (account_id, group_id)
       select id, $1 from provider_accounts where channel = 'whatsapp_group'`,
      [groupId],
    );
    const policyId = await policy({
      steps: [
        { channels: ["whatsapp_personal"], windowSeconds: 1 },
        { channels: [], groups: "primary", windowSeconds: 2 },
        { channels: ["sms"], windowSeconds: 1 },
      ],
    });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"], groupIds: [groupId] } });
    await toldOf("whatsapp_personal T-1");
    await world.pool.query("delete from whatsapp_groups where id = $1", [groupId]);
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    expect(told()).toEqual(["whatsapp_personal T-1", "sms T-1"]);
  });
});

describe("invariant 20: a worker that was away while windows passed", () => {
  const RUNGS = [
    { channels: ["whatsapp_personal"], windowSeconds: 2 },
    { channels: ["sms"], windowSeconds: 2 },
    { channels: ["call"], windowSeconds: 2 },
  ] as const;

  it("sends one current message on its return, and the next one a window later", async () => {
    const { world, policy, raise, settled, told, toldOf, requests } = story();
    const policyId = await policy({ steps: RUNGS });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    await toldOf("whatsapp_personal T-1");
    await story().happened(id, ({ kind, reason }) => kind === "receipt" && reason === "delivered");
    await world.stopWorker();
    await whilePassing(RUNGS.length * 2_000);
    await world.startWorker();
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    expect(told()).toEqual(["whatsapp_personal T-1", "sms T-1", "call T-1"]);
    const [, second, third] = requests();
    expect((third?.elapsedMs ?? 0) - (second?.elapsedMs ?? 0)).toBeGreaterThan(1_900);
  });

  it("sends what was accepted meanwhile from the first step on", async () => {
    const { world, policy, raise, settled, told, requests } = story();
    await world.stopWorker();
    const policyId = await policy({ steps: RUNGS });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    await whilePassing(RUNGS.length * 2_000);
    await world.startWorker();
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    expect(told()).toEqual(["whatsapp_personal T-1", "sms T-1", "call T-1"]);
    const times = requests().map(({ elapsedMs }) => elapsedMs);
    for (const [index, at] of times.entries()) {
      if (index > 0) expect(at - (times[index - 1] ?? 0)).toBeGreaterThan(1_900);
    }
  });
});

/** Windows are what passes here; nothing else says that they have. */
function whilePassing(windowsMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, windowsMs));
}
