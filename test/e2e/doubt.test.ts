import { describe, expect, it } from "vitest";

import { newId } from "../../db/new-id.ts";
import { SWEEP_WORKFLOW, WORKFLOW_TASK_QUEUE } from "../../workflows/contract.ts";
import { DEVICES, useStory, type Story } from "../support/story.ts";

// Calls ring for about a second, shorter than any spacing here.
const story = useStory({ timeScale: 0.02 });

const WA_THEN_SMS = [
  { channels: ["whatsapp_personal"], windowSeconds: 3 },
  { channels: ["sms"], windowSeconds: 1 },
] as const;

/** Leaves only this provider to carry personal WhatsApp. */
async function accountsBut({ world }: Story, provider: string): Promise<readonly string[]> {
  const { rows } = await world.pool.query<{ id: string }>(
    "select id from provider_accounts where channel = 'whatsapp_personal' and provider <> $1",
    [provider],
  );
  return rows.map(({ id }) => id);
}

/** What the schedule starts every ten seconds. */
async function sweep({ world }: Story): Promise<void> {
  await world.temporal.workflow.execute(SWEEP_WORKFLOW, {
    workflowId: `sweep-${newId("ntf", Date.now())}`,
    taskQueue: WORKFLOW_TASK_QUEUE,
  });
}

describe("an unknown outcome", () => {
  it("of a critical one goes on at once by another channel, and never again by the same", async () => {
    const { world, policy, raise, settled, told, toldOf, deliveries, requests } = story();
    world.vendors.sandbox.faults.add({ kind: "drop_after", vendor: "fonnte", count: 1 });
    const policyId = await policy({ steps: WA_THEN_SMS }, "critical");
    const id = await raise({
      policyId,
      priority: "critical",
      recipients: { userIds: ["ext:T-1"] },
    });
    await toldOf("sms T-1");
    const [first, second] = requests();
    expect((second?.elapsedMs ?? 0) - (first?.elapsedMs ?? 0)).toBeLessThan(2_000);
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    expect(told()).toEqual(["whatsapp_personal T-1", "sms T-1"]);
    expect(
      (await deliveries(id)).filter(({ channel }) => channel === "whatsapp_personal"),
    ).toMatchObject([{ status: "unknown", error: { kind: "unknown_outcome" } }]);
    expect(
      (await story().timeline(id)).find(({ kind }) => kind === "pulled_forward"),
    ).toMatchObject({ reason: "unknown_outcome", detail: { toChannel: "sms" } });
  });

  it("of a medium one waits for the receipt, which settles it", async () => {
    const { world, policy, raise, settled, told, deliveries } = story();
    world.vendors.sandbox.faults.add({ kind: "drop_after", vendor: "meta", count: 1 });
    const policyId = await policy({ settledBy: "delivered", steps: WA_THEN_SMS }, "medium");
    const id = await raise({
      policyId,
      priority: "medium",
      recipients: { userIds: ["ext:T-1"] },
      avoidAccountIds: await accountsBut(story(), "meta"),
    });
    expect(await settled(id)).toMatchObject({ outcome: "delivered" });
    expect(told()).toEqual(["whatsapp_personal T-1"]);
    expect(
      (await deliveries(id)).filter(({ channel }) => channel === "whatsapp_personal"),
    ).toMatchObject([{ status: "delivered" }]);
  });

  it("of a medium one that no receipt resolves goes on when the window is over, not before", async () => {
    const { world, policy, raise, settled, told, toldOf, requests } = story();
    world.vendors.sandbox.faults.add({ kind: "drop_after", vendor: "fonnte", count: 1 });
    const policyId = await policy(
      { settledBy: "delivered", steps: [{ ...WA_THEN_SMS[0], windowSeconds: 2 }, WA_THEN_SMS[1]] },
      "medium",
    );
    const id = await raise({ policyId, priority: "medium", recipients: { userIds: ["ext:T-1"] } });
    await toldOf("sms T-1");
    const [first, second] = requests();
    expect((second?.elapsedMs ?? 0) - (first?.elapsedMs ?? 0)).toBeGreaterThan(1_900);
    expect(await settled(id)).toMatchObject({ outcome: "delivered" });
    expect(told()).toEqual(["whatsapp_personal T-1", "sms T-1"]);
  });

  it.each(["drop_before", "malformed", "empty"] as const)(
    "invariant 5: after %s is never called sent",
    async (kind) => {
      const { world, policy, raise, act, settled, toldOf, deliveries } = story();
      world.vendors.sandbox.faults.add({ kind, vendor: "fonnte", count: 1 });
      const policyId = await policy({
        steps: [{ ...WA_THEN_SMS[0], windowSeconds: 2 }, WA_THEN_SMS[1]],
      });
      const id = await raise({
        policyId,
        priority: "critical",
        recipients: { userIds: ["ext:T-1"] },
      });
      await toldOf("sms T-1");
      await act(id, "acknowledge");
      await settled(id);
      const first = (await deliveries(id)).find(({ channel }) => channel === "whatsapp_personal");
      expect(first?.status).toBe("unknown");
    },
  );
});

describe("a refusal", () => {
  it("invariants 5 and 12: in a 200 with a failure flag is a refusal: never repeated on that channel, the next one starts at once", async () => {
    const { world, policy, raise, settled, requests, deliveries } = story();
    world.vendors.sandbox.faults.add({ kind: "refuse", vendor: "fonnte", code: "target invalid" });
    const policyId = await policy({ steps: WA_THEN_SMS });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    expect(requests()).toMatchObject([
      { vendor: "fonnte", httpStatus: 200, accepted: false },
      { vendor: "twilio", kind: "message", accepted: true },
    ]);
    const [first] = (await deliveries(id)).filter(({ channel }) => channel === "whatsapp_personal");
    expect(first).toMatchObject({
      status: "failed",
      error: { kind: "rejected", scope: "recipient" },
    });
  });

  it("of the credentials hands over to the next account at once", async () => {
    const { world, policy, raise, act, settled, toldOf, requests } = story();
    world.vendors.sandbox.faults.add({ kind: "unauthorized", account: DEVICES.primary });
    const policyId = await policy({ steps: [{ windowSeconds: 3 }] });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    await toldOf("whatsapp_personal T-1");
    await act(id, "cancel");
    await settled(id);
    expect(requests()).toMatchObject([
      { accountId: DEVICES.primary, accepted: false },
      { accountId: DEVICES.second, accepted: true },
    ]);
  });

  it("invariant 12: of an account that is out of reach is repeated twice, then the next account takes over", async () => {
    const { world, policy, raise, act, settled, toldOf, requests, deliveries } = story();
    world.vendors.sandbox.faults.add({
      kind: "refuse",
      account: DEVICES.primary,
      code: "insufficient quota",
    });
    const policyId = await policy({ steps: [{ windowSeconds: 9 }] });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    await toldOf("whatsapp_personal T-1");
    await act(id, "cancel");
    await settled(id);
    expect(requests().map(({ accountId }) => accountId)).toEqual([
      DEVICES.primary,
      DEVICES.primary,
      DEVICES.primary,
      DEVICES.second,
    ]);
    const lines = (await deliveries(id)).filter(({ channel }) => channel === "whatsapp_personal");
    expect(lines.map(({ status, handOver }) => [handOver, status])).toEqual([
      [0, "failed"],
      [1, expect.stringMatching(/^(accepted|sent|delivered)$/)],
    ]);
  });

  it("invariant 12: for too many requests waits as long as the vendor says, on the same account", async () => {
    const { world, policy, raise, act, settled, toldOf, requests } = story();
    world.vendors.sandbox.faults.add({
      kind: "rate_limited",
      account: DEVICES.primary,
      retryAfterSeconds: 2,
      count: 1,
    });
    const policyId = await policy({ steps: [{ windowSeconds: 4 }] });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    await toldOf("whatsapp_personal T-1");
    await act(id, "cancel");
    await settled(id);
    const [first, second, ...more] = requests();
    expect(more).toEqual([]);
    expect([first?.httpStatus, second?.accountId]).toEqual([429, DEVICES.primary]);
    expect((second?.elapsedMs ?? 0) - (first?.elapsedMs ?? 0)).toBeGreaterThanOrEqual(2_000);
  });

  it("invariant 12: for too many requests that would miss the window hands over at once", async () => {
    const { world, policy, raise, act, settled, toldOf, requests } = story();
    world.vendors.sandbox.faults.add({
      kind: "rate_limited",
      account: DEVICES.primary,
      retryAfterSeconds: 30,
    });
    const policyId = await policy({ steps: [{ windowSeconds: 3 }] });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    await toldOf("whatsapp_personal T-1");
    await act(id, "cancel");
    await settled(id);
    const [first, second] = requests();
    expect(second?.accountId).toBe(DEVICES.second);
    expect((second?.elapsedMs ?? 0) - (first?.elapsedMs ?? 0)).toBeLessThan(2_000);
  });
});

describe("a call", () => {
  it("invariant 13: that finds a busy line, then nobody, is placed again within the budget until a key is pressed", async () => {
    const { world, policy, raise, settled, told, person, timeline } = story();
    world.vendors.sandbox.phones.configure((await person("T-1")).phone, {
      calls: [{ kind: "busy" }, { kind: "no_answer" }, { kind: "answer", keys: "1" }],
    });
    const policyId = await policy({
      steps: [{ channels: ["call"], attempts: 3, spacingSeconds: 2, windowSeconds: 5 }],
    });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
    expect(told()).toEqual(["call T-1", "call T-1", "call T-1"]);
    const lines = await timeline(id);
    expect(lines.find(({ kind }) => kind === "acknowledged")).toMatchObject({ reason: "keypress" });
    const causes = lines
      .filter(({ kind, reason }) => kind === "receipt" && reason === "failed")
      .map(({ detail }) => detail?.["cause"]);
    expect(causes).toEqual(["busy", "no_answer"]);
  });

  it("invariant 13: that nobody takes is placed as often as the budget says and no more", async () => {
    const { world, policy, raise, settled, told, person, requests } = story();
    world.vendors.sandbox.phones.configure((await person("T-1")).phone, {
      calls: { kind: "no_answer" },
    });
    const policyId = await policy({
      steps: [{ channels: ["call"], attempts: 2, spacingSeconds: 2, windowSeconds: 3 }],
    });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    expect(told()).toEqual(["call T-1", "call T-1"]);
    const [first, second] = requests();
    expect((second?.elapsedMs ?? 0) - (first?.elapsedMs ?? 0)).toBeGreaterThanOrEqual(1_900);
  });

  it("invariant 13: that a voicemail takes acknowledges nothing", async () => {
    const { policy, raise, settled, told, person, timeline } = story();
    story().world.vendors.sandbox.phones.configure((await person("T-1")).phone, {
      calls: { kind: "voicemail" },
    });
    const policyId = await policy({ steps: [{ channels: ["call"], windowSeconds: 2 }] });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    expect(told()).toEqual(["call T-1"]);
    const failed = (await timeline(id)).filter(({ reason }) => reason === "failed");
    expect(failed).toMatchObject([{ detail: { cause: "voicemail" } }]);
  });

  it("of a medium one is asked about where the vendor can tell, and what it says is the outcome", async () => {
    const { world, policy, raise, settled, told, deliveries, happened } = story();
    // No webhook comes: only the question can find out.
    world.vendors.sandbox.faults.add({ kind: "receipts_dropped", vendor: "twilio" });
    world.vendors.sandbox.faults.add({ kind: "drop_after", vendor: "twilio", count: 1 });
    const policyId = await policy(
      { settledBy: "delivered", steps: [{ channels: ["sms"], windowSeconds: 20 }] },
      "medium",
    );
    const id = await raise({ policyId, priority: "medium", recipients: { userIds: ["ext:T-1"] } });
    await happened(id, ({ kind }) => kind === "delivery_unknown");
    await expect
      .poll(
        async () => {
          await world.pool.query(
            `update deliveries set sending_at = now() - interval '5 minutes', asked_at = null, asks = 0,
               accepted_at = accepted_at - interval '5 minutes' where notification_id = $1 and status <> 'delivered'`,
            [id],
          );
          await sweep(story());
          return (await deliveries(id)).find(({ channel }) => channel === "sms")?.status;
        },
        { timeout: 15_000, interval: 500 },
      )
      .toBe("delivered");
    expect(await settled(id)).toMatchObject({ outcome: "delivered" });
    expect(told()).toEqual(["sms T-1"]);
  });

  it("of a critical one that arrives after all is superseded by the channel that took its place", async () => {
    const { world, policy, raise, settled, told, toldOf, deliveries } = story();
    world.vendors.sandbox.faults.add({ kind: "receipts_delayed", vendor: "meta", delayMs: 1_500 });
    world.vendors.sandbox.faults.add({ kind: "drop_after", vendor: "meta", count: 1 });
    const policyId = await policy({ settledBy: "acknowledged", steps: WA_THEN_SMS }, "critical");
    const id = await raise({
      policyId,
      priority: "critical",
      recipients: { userIds: ["ext:T-1"] },
      avoidAccountIds: await accountsBut(story(), "meta"),
    });
    await toldOf("sms T-1");
    await expect
      .poll(
        async () =>
          (await deliveries(id)).find(({ channel }) => channel === "whatsapp_personal")?.status,
        { timeout: 10_000 },
      )
      .toBe("superseded");
    await settled(id);
    expect(told()).toEqual(["whatsapp_personal T-1", "sms T-1"]);
  });
});
