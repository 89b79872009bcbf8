import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";

import { insertApiKey } from "../../db/api-keys.ts";
import { SIMULATED_SENDERS } from "../../db/seed/accounts.ts";
import type { Logged, RequestEntry } from "../../providers/simulated/log.ts";
import { subscriptionOf } from "../../providers/simulated/push-addresses.ts";
import { useStory } from "../support/story.ts";
import type { Story } from "../support/story.ts";

/** E-mail and push as people get them: subject, text, where a click leads; every device of theirs, and none that is gone. */
const story = useStory();

const STEP = { windowSeconds: 2 } as const;

async function keyOf({ world, person }: Story, externalId: string) {
  const { id } = await person(externalId);
  const { key } = await insertApiKey(
    world.pool,
    { name: externalId, sender: externalId, scopes: [], userId: id },
    Date.now(),
    randomBytes,
  );
  return key;
}

/** A browser or an app on this person's phone, subscribed over the API; answers its id in the sandbox. */
async function subscribe(current: Story, externalId: string, vendor: "web-push" | "fcm") {
  const { world, person } = current;
  const sender = vendor === "fcm" ? SIMULATED_SENDERS.fcm : SIMULATED_SENDERS.webPush;
  const { phone } = await person(externalId);
  const address = world.vendors.sandbox.subscribe(`${vendor}:${sender}`, phone);
  const response = await fetch(`${world.url}/v1/me/push-subscriptions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await keyOf(current, externalId)}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(subscriptionOf(address, world.vendors.baseUrls)),
  });
  expect(response.status, await response.clone().text()).toBe(201);
  return address.id;
}

const byChannel = async ({ deliveries }: Story, id: string, channel: string) =>
  (await deliveries(id)).filter((delivery) => delivery.channel === channel);

const sentTo = ({ requests }: Story, vendor: string): readonly Logged<RequestEntry>[] =>
  requests().filter((entry) => entry.vendor === vendor && entry.accepted);

describe("an e-mail", () => {
  it("has a subject, plain words and a link by which it is answered", async () => {
    const { policy, raise, settled, toldOf } = story();
    const policyId = await policy({
      emailOnlyIfOptedIn: false,
      steps: [{ ...STEP, channels: ["whatsapp_personal", "email"] }],
    });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    const mail = await toldOf("email T-1");
    expect(mail).toMatchObject({ vendor: "smtp", to: "t1@siaga.example" });
    expect(mail.title).toBe("Gangguan massal: POP Klari");
    expect(mail.text).toContain("POP Klari");
    expect(mail.text, "no WhatsApp markup").not.toMatch(/\*|_GANGGUAN/);
    const link = /https?:\/\/\S+\/a\/\S+/.exec(mail.text ?? "")?.[0] ?? "";
    expect(mail.link).toBe(link);
    const page = await fetch(link);
    expect(page.status, "a preview acknowledges nothing").toBe(200);
    await fetch(link, { method: "POST", body: new URLSearchParams() });
    expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
  });

  it("keeps nobody open who has a phone channel, and its delivery stands in the record, masked", async () => {
    const current = story();
    const { policy, raise, settled, toldOf } = current;
    const policyId = await policy({
      emailOnlyIfOptedIn: false,
      steps: [{ ...STEP, channels: ["email"] }],
    });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-2"] } });
    const mail = await toldOf("email T-2");
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    const [delivery] = await byChannel(current, id, "email");
    expect(delivery).toMatchObject({
      status: "accepted",
      providerMessageId: mail.providerMessageId,
    });
  });
});

describe("a push", () => {
  it("reaches every browser of a person, leads to the answer, and says so in the record", async () => {
    const current = story();
    const { policy, raise, act, settled, toldOf, world } = current;
    await subscribe(current, "T-3", "web-push");
    await subscribe(current, "T-3", "web-push");
    const policyId = await policy({
      steps: [{ ...STEP, channels: ["whatsapp_personal", "push"] }],
    });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-3"] } });
    await toldOf("whatsapp_personal T-3");
    await expect.poll(() => sentTo(current, "web-push")).toHaveLength(2);
    for (const push of sentTo(current, "web-push")) {
      expect(push.title).toBe("Gangguan massal: POP Klari");
      expect(push.link).toMatch(new RegExp(`^${world.url}/a/`));
      expect(push.text?.length).toBeLessThanOrEqual(240);
    }
    await act(id, "acknowledge");
    await settled(id);
  });

  it("forgets a device that is gone and tells the others; nobody is left to push to in the end", async () => {
    const current = story();
    const { policy, raise, settled, world, person } = current;
    const gone = await subscribe(current, "T-4", "web-push");
    const kept = await subscribe(current, "T-4", "web-push");
    world.vendors.sandbox.unsubscribe(gone);
    const policyId = await policy({ steps: [{ ...STEP, channels: ["push"] }] });
    const first = await raise({ policyId, recipients: { userIds: ["ext:T-4"] } });
    await settled(first);
    expect(sentTo(current, "web-push")).toHaveLength(1);
    expect(await byChannel(current, first, "push")).toMatchObject([{ status: "accepted" }]);
    const left = async () => {
      const { rows } = await world.pool.query(
        "select from push_subscriptions where user_id = $1 and expired_at is null",
        [(await person("T-4")).id],
      );
      return rows.length;
    };
    expect(await left()).toBe(1);

    world.vendors.sandbox.unsubscribe(kept);
    const second = await raise({ policyId, recipients: { userIds: ["ext:T-4"] } });
    await settled(second);
    expect(await byChannel(current, second, "push")).toMatchObject([
      { status: "failed", reason: "subscription_gone" },
    ]);
    expect(await left()).toBe(0);

    const third = await raise({ policyId, recipients: { userIds: ["ext:T-4"] } });
    await settled(third);
    expect(await byChannel(current, third, "push")).toEqual([]);
    const { body } = await world.call("GET", `/v1/notifications/${third}`);
    expect(JSON.stringify(body["plan"])).toContain("no_subscription");
  });

  it("goes to the account of the device that was used last, an app's here, and to the other in the same attempt once that is gone", async () => {
    const current = story();
    const { policy, raise, settled, world } = current;
    await subscribe(current, "T-5", "web-push");
    const app = await subscribe(current, "T-5", "fcm");
    const policyId = await policy({ steps: [{ ...STEP, channels: ["push"] }] });
    const first = await raise({ policyId, recipients: { userIds: ["ext:T-5"] } });
    await settled(first);
    expect(sentTo(current, "fcm")).toHaveLength(1);
    expect(sentTo(current, "web-push")).toHaveLength(0);
    world.vendors.sandbox.unsubscribe(app);
    const second = await raise({ policyId, recipients: { userIds: ["ext:T-5"] } });
    await settled(second);
    const handedOver = await byChannel(current, second, "push");
    expect(handedOver.toSorted((a, b) => a.handOver - b.handOver)).toMatchObject([
      { provider: "fcm", attempt: 1, status: "failed", reason: "subscription_gone" },
      { provider: "web-push", attempt: 1, status: "accepted" },
    ]);
    const third = await raise({ policyId, recipients: { userIds: ["ext:T-5"] } });
    await settled(third);
    expect(await byChannel(current, third, "push")).toMatchObject([
      { provider: "web-push", status: "accepted" },
    ]);
  });
});

describe("privacy", () => {
  it("invariant 36: no address, text or key of a device in what is logged or kept by Temporal", async () => {
    const current = story();
    const { policy, raise, settled, world } = current;
    const address = await subscribe(current, "T-6", "web-push");
    const policyId = await policy({
      emailOnlyIfOptedIn: false,
      steps: [{ ...STEP, channels: ["push", "email"] }],
    });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-6"] } });
    const { workflowId } = await settled(id);
    const history = await world.temporal.workflow.getHandle(String(workflowId)).fetchHistory();
    const kept = `${JSON.stringify(history)} ${world.logged.join(" ")}`;
    for (const secret of [address, "t6@siaga.example", "POP Klari"]) {
      expect(kept).not.toContain(secret);
      expect(kept).not.toContain(Buffer.from(secret).toString("base64").replace(/=+$/, ""));
    }
  });
});
