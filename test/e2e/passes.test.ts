import { describe, expect, it } from "vitest";

import { useStory } from "../support/story.ts";

const story = useStory();

describe("passes", () => {
  it("invariant 14: two passes are two, then each next role up is told once, and then nobody is left", async () => {
    const { policy, raise, settled, told, timeline } = story();
    const policyId = await policy({ passes: 2, roleUp: true, steps: [{ windowSeconds: 1 }] });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    expect(await settled(id)).toMatchObject({ outcome: "exhausted", reason: "nobody_answered" });
    expect(told().slice(0, 3)).toEqual([
      "whatsapp_personal T-1",
      "whatsapp_personal T-1",
      "whatsapp_personal S-1",
    ]);
    expect(told().slice(3).toSorted(), "both managers").toEqual([
      "whatsapp_personal M-1",
      "whatsapp_personal M-2",
    ]);
    const lines = await timeline(id);
    expect(lines.filter(({ kind }) => kind === "repeated")).toMatchObject([{ pass: 2 }]);
    expect(lines.filter(({ kind }) => kind === "role_up")).toMatchObject([
      { pass: 3, detail: { role: "supervisor", persons: 1 } },
      { pass: 4, detail: { role: "manager", persons: 2 } },
    ]);
  });

  it("somebody told by role-up learns who was told before, and everybody hears who took it", async () => {
    const { policy, raise, settled, act, told, toldOf, deliveries, person } = story();
    const policyId = await policy({ roleUp: true, steps: [{ windowSeconds: 1 }] });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    await toldOf("whatsapp_personal S-1");
    await act(id, "acknowledge", { by: "ext:S-1" });
    expect(await settled(id)).toMatchObject({
      outcome: "acknowledged",
      acknowledgedBy: { name: "Nani Contoh" },
    });
    const lines = await deliveries(id);
    const { id: supervisor } = await person("S-1");
    const first = lines.find((line) => line.userId === supervisor && line.purpose === "ladder");
    expect(first?.message).toContain("Ahmad Contoh");
    const closings = lines.filter(({ purpose, channel }) => {
      return purpose === "closing" && channel === "whatsapp_personal";
    });
    expect(closings).toHaveLength(2);
    for (const closing of closings) expect(closing.message).toContain("Nani Contoh");
    expect(told()).toHaveLength(4);
  });
});

describe("acknowledgment by all", () => {
  it("invariant 14: one person's answer stops that person's messages and leaves the other's", async () => {
    const { policy, raise, settled, act, told, toldOf } = story();
    const policyId = await policy({
      acknowledgment: "all",
      steps: [{ windowSeconds: 2 }, { channels: ["sms"], windowSeconds: 3 }],
    });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1", "ext:T-2"] } });
    await toldOf("whatsapp_personal T-1");
    await toldOf("whatsapp_personal T-2");
    expect(await act(id, "acknowledge", { by: "ext:T-1" })).toMatchObject({ applied: true });
    await toldOf("sms T-2");
    expect(await story().get(id)).not.toMatchObject({ status: "settled" });
    expect(await act(id, "acknowledge", { by: "ext:T-2" })).toMatchObject({ applied: true });
    expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
    await toldOf("whatsapp_personal T-1", 2);
    await toldOf("whatsapp_personal T-2", 2);
    expect(told().filter((line) => line.startsWith("sms"))).toEqual(["sms T-2"]);
  });

  it("does not wait for those whom a rule tells by their inbox alone", async () => {
    const { policy, raise, settled, act, toldOf, timeline } = story();
    const policyId = await policy({ acknowledgment: "all", steps: [{ windowSeconds: 8 }] });
    const id = await raise({ type: "outage", zone: "karawang", policyId });
    await toldOf("whatsapp_personal N-1");
    await toldOf("whatsapp_personal N-2");
    const planned = (await timeline(id)).find(({ kind }) => kind === "planned");
    expect(planned?.detail?.["persons"], "an administrator's inbox as well").toBeGreaterThan(2);
    expect(await act(id, "acknowledge", { by: "ext:N-1" })).toMatchObject({ applied: true });
    expect(await story().get(id)).not.toMatchObject({ status: "acknowledged" });
    expect(await act(id, "acknowledge", { by: "ext:N-2" })).toMatchObject({ applied: true });
    expect(await settled(id)).toMatchObject({
      outcome: "acknowledged",
      acknowledgedBy: { name: "Sandi Contoh" },
    });
  });

  it("is acknowledged by who answered when the last one refuses, and everybody told hears it once", async () => {
    const { policy, raise, settled, act, told, toldOf, deliveries, person } = story();
    const policyId = await policy({ acknowledgment: "all", steps: [{ windowSeconds: 8 }] });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1", "ext:T-2"] } });
    await toldOf("whatsapp_personal T-1");
    await toldOf("whatsapp_personal T-2");
    expect(await act(id, "acknowledge", { by: "ext:T-1" })).toMatchObject({ applied: true });
    expect(await story().get(id)).not.toMatchObject({ status: "settled" });
    expect(await act(id, "refuse", { by: "ext:T-2" })).toMatchObject({ applied: true });
    const [first, second] = [await person("T-1"), await person("T-2")];
    expect(await settled(id)).toMatchObject({
      outcome: "acknowledged",
      acknowledgedBy: { name: "Ahmad Contoh" },
    });
    await toldOf("whatsapp_personal T-1", 2);
    await toldOf("whatsapp_personal T-2", 2);
    expect(told(), "the message and one closing message for each").toHaveLength(4);
    const closings = (await deliveries(id)).filter(({ purpose, channel }) => {
      return purpose === "closing" && channel === "whatsapp_personal";
    });
    expect(closings.map(({ userId }) => userId).toSorted()).toEqual(
      [first.id, second.id].toSorted(),
    );
    for (const closing of closings) expect(closing.message).toContain("Ahmad Contoh");
  });

  it("names who did not answer when some did", async () => {
    const { policy, raise, settled, act, toldOf, person, timeline } = story();
    const policyId = await policy({ acknowledgment: "all", steps: [{ windowSeconds: 2 }] });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1", "ext:T-2"] } });
    await toldOf("whatsapp_personal T-1");
    await act(id, "acknowledge", { by: "ext:T-1" });
    expect(await settled(id)).toMatchObject({
      outcome: "exhausted",
      reason: "partly_acknowledged",
    });
    const settledLine = (await timeline(id)).find(({ kind }) => kind === "settled");
    expect(settledLine?.detail).toMatchObject({ unanswered: [(await person("T-2")).id] });
  });
});

describe("resolution", () => {
  it("what nobody resolves in time is asked again of who took it, then of everybody", async () => {
    const { policy, raise, settled, act, told, toldOf, timeline } = story();
    const policyId = await policy({
      tracksResolution: true,
      resolutionSeconds: 60,
      reopenAfterSeconds: 1,
      steps: [{ windowSeconds: 1 }],
    });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1", "ext:T-2"] } });
    await toldOf("whatsapp_personal T-1");
    await toldOf("whatsapp_personal T-2");
    await act(id, "acknowledge", { by: "ext:T-1" });
    // The first message and "taken by"; then the one who took it is asked alone, and then the others.
    await toldOf("whatsapp_personal T-1", 3);
    expect(told().filter((line) => line.endsWith("T-2"))).toHaveLength(2);
    await toldOf("whatsapp_personal T-2", 3);
    await act(id, "resolve", { by: "ext:T-2" });
    expect(await settled(id)).toMatchObject({ outcome: "resolved" });
    await toldOf("whatsapp_personal T-1", 4);
    await toldOf("whatsapp_personal T-2", 4);
    expect((await timeline(id)).filter(({ kind }) => kind === "reopened")).toMatchObject([
      { pass: 2, reason: "not_resolved_in_time" },
    ]);
  });

  it("what nobody resolves at all is settled as acknowledged and marked unresolved", async () => {
    const { policy, raise, settled, act, toldOf } = story();
    const policyId = await policy({
      tracksResolution: true,
      resolutionSeconds: 1,
      steps: [{ windowSeconds: 1 }],
    });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    await toldOf("whatsapp_personal T-1");
    await act(id, "acknowledge", { by: "ext:T-1" });
    expect(await story().get(id)).toMatchObject({ status: "acknowledged" });
    expect(await settled(id)).toMatchObject({ outcome: "acknowledged", reason: "unresolved" });
  });
});
