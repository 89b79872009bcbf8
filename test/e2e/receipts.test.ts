import { describe, expect, it } from "vitest";

import type { FaultRequest } from "../../providers/simulated/faults.ts";
import { DEVICES, useStory, type Story } from "../support/story.ts";

const story = useStory();

const DELIVERED = {
  settledBy: "delivered",
  steps: [{ channels: ["whatsapp_personal"], windowSeconds: 2 }],
} as const;

async function raiseMedium({ policy, raise }: Story): Promise<string> {
  const policyId = await policy(DELIVERED, "medium");
  return raise({ policyId, priority: "medium", recipients: { userIds: ["ext:T-1"] } });
}

async function personalOf(current: Story, id: string) {
  const lines = await current.deliveries(id);
  return lines.filter(({ channel }) => channel === "whatsapp_personal");
}

describe("receipts", () => {
  it.each([
    ["come before the send call has returned", { kind: "early_receipt" }],
    ["come fifteen times at once", { kind: "receipts_duplicated", copies: 15, isConcurrent: true }],
    ["come five times", { kind: "receipts_duplicated", copies: 5 }],
    ["come in the wrong order", { kind: "receipts_reordered" }],
    ["come without the first", { kind: "receipts_dropped", statuses: ["sent"] }],
    ["report a failure late", { kind: "failed_and_delivered", order: "delivered_first" }],
  ] as const satisfies readonly (readonly [string, FaultRequest])[])(
    "that %s give the same state as those that do not",
    async (_why, fault) => {
      const { world, settled, told, timeline, deliveries } = story();
      const { sandbox } = world.vendors;
      sandbox.faults.add(fault);
      const id = await raiseMedium(story());
      expect(await settled(id)).toMatchObject({ outcome: "delivered" });
      await sandbox.idle();
      expect(told()).toEqual(["whatsapp_personal T-1"]);
      const [delivery] = await personalOf(story(), id);
      expect(delivery).toMatchObject({ status: "delivered" });
      const transitions = (await timeline(id)).filter(
        ({ kind, reason }) => kind === "receipt" && reason === "delivered",
      );
      expect(transitions, "one transition").toHaveLength(1);
      expect((await deliveries(id)).filter(({ purpose }) => purpose === "closing")).toEqual([]);
    },
  );

  it("that report a failure and then the delivery end as delivered; the run may have gone on", async () => {
    const { world, settled, told } = story();
    world.vendors.sandbox.faults.add({ kind: "failed_and_delivered", order: "failed_first" });
    const id = await raiseMedium(story());
    expect(["sent", "delivered"]).toContain((await settled(id))["outcome"]);
    await world.vendors.sandbox.idle();
    expect(told()).toEqual(["whatsapp_personal T-1"]);
    const [delivery] = await personalOf(story(), id);
    expect(delivery).toMatchObject({ status: "delivered" });
  });

  it("of a message that was read say that it was delivered", async () => {
    const { world, settled } = story();
    world.vendors.sandbox.faults.add({ kind: "read_without_delivered" });
    const id = await raiseMedium(story());
    expect(await settled(id)).toMatchObject({ outcome: "delivered" });
    await world.vendors.sandbox.idle();
    const [delivery] = await personalOf(story(), id);
    expect(delivery).toMatchObject({ status: "read", deliveredAt: SOME_TEXT, readAt: SOME_TEXT });
  });

  it.each(["wrong", "missing"] as const)(
    "with a signature that is %s change nothing",
    async (signing) => {
      const { world, policy, raise, settled, deliveries } = story();
      const { sandbox } = world.vendors;
      sandbox.faults.add({ kind: "bad_signature", signing });
      const policyId = await policy({
        settledBy: "delivered",
        steps: [{ channels: ["sms"], windowSeconds: 1 }],
      });
      const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
      expect(await settled(id)).toMatchObject({ outcome: "sent" });
      const answers = sandbox.webhooks.entries(({ kind }) => kind === "receipt");
      expect(new Set(answers.map(({ answered }) => answered))).toEqual(new Set([401]));
      const sms = (await deliveries(id)).find(({ channel }) => channel === "sms");
      expect(sms).toMatchObject({ status: "accepted" });
    },
  );

  it("that never come leave the message as accepted, and the run says so", async () => {
    const { world, settled } = story();
    world.vendors.sandbox.faults.add({ kind: "receipts_dropped" });
    const id = await raiseMedium(story());
    expect(await settled(id)).toMatchObject({ outcome: "sent" });
    const [delivery] = await personalOf(story(), id);
    expect(delivery).toMatchObject({ status: "accepted" });
  });
});

const SOME_TEXT: unknown = expect.any(String);

describe("a failover", () => {
  it.each([
    ["after the run has settled", "delivered"],
    ["while the run still waits", "acknowledged"],
  ] as const)(
    "whose first copy is delivered %s is recorded as superseded",
    async (_when, settledBy) => {
      const { world, policy, raise, act, settled, told, toldOf } = story();
      const { sandbox } = world.vendors;
      const fault = sandbox.faults.add({ kind: "offline_queue", account: DEVICES.primary });
      await world.pool.query("update provider_accounts set receipt_deadline_seconds = 1");
      const policyId = await policy({
        settledBy,
        steps: [{ channels: ["whatsapp_personal"], windowSeconds: 4 }],
      });
      const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
      await toldOf("whatsapp_personal T-1", 2);
      if (settledBy === "delivered") await settled(id);
      else
        await story().happened(
          id,
          ({ kind, reason }) => kind === "receipt" && reason === "delivered",
        );

      sandbox.faults.remove(fault.id);
      await story().happened(id, ({ kind, detail }) => {
        return kind === "receipt" && detail?.["note"] === "superseded_evidence";
      });
      await sandbox.idle();
      const lines = await personalOf(story(), id);
      expect(lines.map(({ handOver, status }) => [handOver, status])).toEqual([
        [0, "superseded"],
        [1, "delivered"],
      ]);
      if (settledBy === "acknowledged") await act(id, "cancel");
      await settled(id);
      expect(told()).toEqual(["whatsapp_personal T-1", "whatsapp_personal T-1"]);
    },
  );
});
