import { describe, expect, it } from "vitest";

import { useStory, type Story } from "../support/story.ts";

const story = useStory();

const PERSONAL = { channels: ["whatsapp_personal"] } as const;

/** A policy that would go on telling people for minutes. */
function patient(current: Story, windowSeconds = 2): Promise<string> {
  return current.policy({
    steps: [
      { ...PERSONAL, windowSeconds },
      { channels: ["sms"], windowSeconds },
      { channels: ["call"], windowSeconds },
    ],
  });
}

describe("an acknowledgment", () => {
  it("before the run's first task stops everything: nobody is told", async () => {
    const { world, raise, act, settled, told, timeline } = story();
    await world.stopWorker();
    const id = await raise({
      policyId: await patient(story()),
      recipients: { userIds: ["ext:T-1"] },
    });
    expect(await act(id, "acknowledge")).toMatchObject({ applied: true });
    await world.startWorker();
    expect(await settled(id)).toMatchObject({ outcome: "acknowledged", answer: "acknowledged" });
    expect(told()).toEqual([]);
    expect((await timeline(id)).filter(({ kind }) => kind === "step_started")).toEqual([]);
  });

  it("during a hold ends it without a message", async () => {
    const { world, raise, act, settled, told, happened } = story();
    await sleepAllDay(story(), "T-1");
    const policyId = await story().policy({ quietHours: "hold", steps: [PERSONAL] });
    const id = await raise({ policyId, priority: "high", recipients: { userIds: ["ext:T-1"] } });
    await happened(id, ({ kind }) => kind === "held");
    expect(await story().get(id)).toMatchObject({ status: "holding" });
    expect(await act(id, "acknowledge")).toMatchObject({ applied: true });
    expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
    expect(told()).toEqual([]);
    expect(world.errors).toEqual([]);
  });

  it("between two steps keeps the next step from beginning", async () => {
    const { raise, act, settled, told, toldOf } = story();
    const id = await raise({
      policyId: await patient(story()),
      recipients: { userIds: ["ext:T-1"] },
    });
    await toldOf("whatsapp_personal T-1");
    await act(id, "acknowledge");
    await toldOf("whatsapp_personal T-1", 2);
    expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
    expect(told(), "the message and its closing message").toEqual([
      "whatsapp_personal T-1",
      "whatsapp_personal T-1",
    ]);
  });

  it("while a call rings hangs up, and the closing message is in the inbox of who was only called", async () => {
    const { world, raise, act, settled, told, toldOf, deliveries } = story();
    const policyId = await story().policy({ steps: [{ channels: ["call"], windowSeconds: 3 }] });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    await toldOf("call T-1");
    await story().happened(id, ({ kind, channel }) => kind === "receipt" && channel === "call");
    await act(id, "acknowledge");
    expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
    const hangups = world.vendors.sandbox.log.count(
      ({ kind, accepted }) => kind === "hangup" && accepted,
    );
    expect(hangups).toBe(1);
    expect(told()).toEqual(["call T-1"]);
    const closing = (await deliveries(id)).filter(({ purpose }) => purpose === "closing");
    expect(closing).toMatchObject([{ channel: "in_app", status: "sent" }]);
  });

  it("after the end is recorded and refused with what had happened", async () => {
    const { raise, act, settled } = story();
    const policyId = await story().policy({ steps: [PERSONAL] });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    expect(await act(id, "acknowledge")).toMatchObject({
      applied: false,
      reason: "already_settled",
    });
  });

  it("that is second is told who was first", async () => {
    const { raise, act, settled, toldOf } = story();
    const id = await raise({
      policyId: await patient(story()),
      recipients: { userIds: ["ext:T-1", "ext:T-2"] },
    });
    await toldOf("whatsapp_personal T-1");
    const answers = await Promise.all([
      act(id, "acknowledge", { by: "ext:T-1" }),
      act(id, "acknowledge", { by: "ext:T-2" }),
    ]);
    const [won, lost] = answers.toSorted((a, b) => Number(b["applied"]) - Number(a["applied"]));
    expect(won).toMatchObject({ applied: true });
    expect(lost).toMatchObject({
      applied: false,
      reason: "already_acknowledged",
      by: { name: /* whoever won */ expect.stringMatching(/Contoh$/) as unknown },
    });
    expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
  });
});

/** Quiet hours that never end: from midnight to midnight of every day. */
async function sleepAllDay({ world, person }: Story, externalId: string): Promise<void> {
  const { id } = await person(externalId);
  await world.pool.query("insert into notification_settings (user_id, settings) values ($1, $2)", [
    id,
    { quietHours: { enabled: true, from: "00:00", to: "23:59", timeZone: "UTC" } },
  ]);
}

describe("a cancel", () => {
  it("right behind the request cancels that very run", async () => {
    const { raise, act, settled, told } = story();
    const policyId = await patient(story(), 1);
    const ids = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
        expect(await act(id, "cancel")).toMatchObject({ applied: true });
        return id;
      }),
    );
    for (const id of ids) expect(await settled(id)).toMatchObject({ outcome: "cancelled" });
    // A first message may have been in flight; no second one begins, and nobody gets a closing message.
    expect(told().length).toBeLessThanOrEqual(ids.length);
    expect(new Set(told()).size).toBeLessThanOrEqual(1);
  });

  it("after an acknowledgment is refused with it", async () => {
    const { raise, act, settled, toldOf } = story();
    const id = await raise({
      policyId: await patient(story()),
      recipients: { userIds: ["ext:T-1"] },
    });
    await toldOf("whatsapp_personal T-1");
    await act(id, "acknowledge");
    expect(await act(id, "cancel")).toMatchObject({
      applied: false,
      reason: "already_acknowledged",
    });
    expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
    await toldOf("whatsapp_personal T-1", 2);
  });
});

describe("steering", () => {
  it("escalate ends the step now", async () => {
    const { raise, act, toldOf, settled, told } = story();
    const policyId = await story().policy({
      steps: [
        { ...PERSONAL, windowSeconds: 5 },
        { channels: ["sms"], windowSeconds: 1 },
      ],
    });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    const first = await toldOf("whatsapp_personal T-1");
    expect(await act(id, "escalate")).toMatchObject({ applied: true });
    const second = await toldOf("sms T-1");
    expect(second.elapsedMs - first.elapsedMs).toBeLessThan(3_500);
    await act(id, "acknowledge");
    await settled(id);
    expect(told()).toEqual(["whatsapp_personal T-1", "sms T-1", "whatsapp_personal T-1"]);
  });

  it("snooze pauses the ladder, then the same step begins again with new budgets", async () => {
    const { raise, act, toldOf, settled, told, timeline } = story();
    const policyId = await story().policy({ steps: [{ ...PERSONAL, windowSeconds: 2 }] });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    const first = await toldOf("whatsapp_personal T-1");
    const until = new Date(Date.now() + 3_000).toISOString();
    expect(await act(id, "snooze", { until })).toMatchObject({ applied: true });
    const again = await toldOf("whatsapp_personal T-1", 2);
    expect(again.at).toBeGreaterThanOrEqual(Date.parse(until));
    expect(again.elapsedMs - first.elapsedMs).toBeGreaterThan(2_500);
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    expect(told()).toEqual(["whatsapp_personal T-1", "whatsapp_personal T-1"]);
    expect((await timeline(id)).map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["snoozed", "resumed"]),
    );
  });

  it("a refusal takes this person out; with nobody else asked the step ends", async () => {
    const { raise, act, toldOf, settled, told } = story();
    const policyId = await story().policy({
      steps: [
        { ...PERSONAL, windowSeconds: 5 },
        { ...PERSONAL, roleUp: true, windowSeconds: 2 },
      ],
    });
    const id = await raise({
      type: "ticket_assigned",
      data: {},
      ticketId: "TKT-1042",
      policyId,
      recipients: { userIds: ["ext:T-1"] },
    });
    await toldOf("whatsapp_personal T-1");
    expect(await act(id, "refuse", { by: "ext:T-1" })).toMatchObject({ applied: true });
    await toldOf("whatsapp_personal S-1");
    await act(id, "acknowledge", { by: "ext:S-1" });
    await settled(id);
    expect(told(), "the refuser gets nothing but the closing message").toEqual([
      "whatsapp_personal T-1",
      "whatsapp_personal S-1",
      ...["whatsapp_personal S-1", "whatsapp_personal T-1"].toSorted(
        (a, b) => told().indexOf(a, 2) - told().indexOf(b, 2),
      ),
    ]);
  });

  it("reassign tells the new person, and the old one is out", async () => {
    const { raise, act, toldOf, settled, told } = story();
    const policyId = await story().policy({
      steps: [
        { ...PERSONAL, windowSeconds: 3 },
        { channels: ["sms"], windowSeconds: 1 },
      ],
    });
    const id = await raise({
      type: "ticket_assigned",
      data: {},
      ticketId: "TKT-1042",
      policyId,
      recipients: { userIds: ["ext:T-1"] },
    });
    await toldOf("whatsapp_personal T-1");
    expect(await act(id, "reassign", { userId: "ext:T-2", fromUserId: "ext:T-1" })).toMatchObject({
      applied: true,
    });
    await toldOf("whatsapp_personal T-2");
    await act(id, "acknowledge", { by: "ext:T-2" });
    expect(await settled(id)).toMatchObject({ outcome: "acknowledged", answer: "accepted" });
    expect(told().slice(0, 2)).toEqual(["whatsapp_personal T-1", "whatsapp_personal T-2"]);
    expect(told().slice(2).toSorted()).toEqual(["whatsapp_personal T-1", "whatsapp_personal T-2"]);
  });

  it("reprioritise goes on in the new priority's policy and repeats nothing that was told", async () => {
    const { world, raise, act, toldOf, settled, told } = story();
    // The default critical policy: its first step is a personal WhatsApp and the primary groups.
    const policyId = await story().policy({
      steps: [{ ...PERSONAL, windowSeconds: 5 }],
    });
    const id = await raise({
      policyId,
      priority: "high",
      recipients: { userIds: ["ext:T-1"], groupIds: ["ext:G-NOC"] },
    });
    await toldOf("whatsapp_personal T-1");
    const answer = await act(id, "reprioritise", { priority: "critical" });
    expect(answer, JSON.stringify(answer)).toMatchObject({ applied: true });
    await toldOf("whatsapp_group G-NOC");
    expect(await story().get(id)).toMatchObject({ priority: "critical" });
    await act(id, "acknowledge");
    await act(id, "resolve");
    expect(await settled(id)).toMatchObject({ outcome: "resolved" });
    expect(told().slice(0, 2)).toEqual(["whatsapp_personal T-1", "whatsapp_group G-NOC"]);
    expect(world.errors).toEqual([]);
  });

  it("resend gives one delivery a new attempt, and says so where it can't", async () => {
    const { world, raise, act, toldOf, settled, told, deliveries } = story();
    const policyId = await story().policy({
      steps: [{ channels: ["whatsapp_personal", "in_app"], windowSeconds: 2 }],
    });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1", "ext:T-2"] } });
    await toldOf("whatsapp_personal T-1");
    await toldOf("whatsapp_personal T-2");
    const [one, two] = [await story().person("T-1"), await story().person("T-2")];
    const of = async (userId: string, channel: string) =>
      (await deliveries(id)).find((line) => line.userId === userId && line.channel === channel)?.id;
    await act(id, "refuse", { by: "ext:T-2" });

    const again = { deliveryId: await of(one.id, "whatsapp_personal") };
    expect(await act(id, "resend", { ...again, note: "tidak terbaca" })).toMatchObject({
      applied: true,
    });
    const inbox = await world.call("POST", `/v1/notifications/${id}/resend`, {
      deliveryId: await of(one.id, "in_app"),
    });
    expect(inbox, "an inbox holds its message already").toMatchObject({ status: 422 });
    const refused = { deliveryId: await of(two.id, "whatsapp_personal") };
    expect(await act(id, "resend", refused), "who has refused gets nothing more").toMatchObject({
      applied: false,
      reason: "not_possible",
    });
    await toldOf("whatsapp_personal T-1", 2);
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    expect(told().toSorted()).toEqual([
      "whatsapp_personal T-1",
      "whatsapp_personal T-1",
      "whatsapp_personal T-2",
    ]);
  });

  it("move takes the run to another version of its policy", async () => {
    const { world, raise, act, toldOf, settled, told } = story();
    const policyId = await story().policy({ steps: [{ ...PERSONAL, windowSeconds: 5 }] });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    await toldOf("whatsapp_personal T-1");
    await world.pool.query(
      `insert into escalation_policy_versions (policy_id, version, rules)
       select policy_id, 2, jsonb_set(rules, '{steps}', jsonb_build_array(
         jsonb_set(rules #> '{steps,0}', '{windowSeconds}', '1'),
         rules #> '{steps,0}' || '{"channels": ["sms"], "windowSeconds": 1}'))
       from escalation_policy_versions where policy_id = $1`,
      [policyId],
    );
    await world.pool.query("update escalation_policies set current_version = 2 where id = $1", [
      policyId,
    ]);
    expect(await act(id, "move")).toMatchObject({ applied: true });
    await toldOf("sms T-1");
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    expect(told()).toEqual(["whatsapp_personal T-1", "sms T-1"]);
  });
});
