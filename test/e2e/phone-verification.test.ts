import { describe, expect, it } from "vitest";

import { objectAt } from "../api/harness.ts";
import { useStory, type Story } from "../support/story.ts";

/** People prove a number by writing to ours, on their phones; what was left out for it joins what is still going on. */
const story = useStory();

const STEP = { channels: ["whatsapp_personal"], groups: "primary", windowSeconds: 2 } as const;
/** Quiet whenever anybody looks. */
const ALWAYS_QUIET = {
  enabled: true,
  from: "00:00",
  to: "00:00",
  days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
} as const;

async function unverified(externalId: string): Promise<{ id: string; phone: string }> {
  const found = await story().person(externalId);
  await story().world.pool.query(
    "update contacts set verified_at = null, verified_by = null where user_id = $1 and kind = 'phone'",
    [found.id],
  );
  return found;
}

async function settingsOf(externalId: string, body: object): Promise<void> {
  const answer = await story().world.call("PATCH", `/v1/users/ext:${externalId}/settings`, body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
}

/** The words of a link that an administrator hands to this person, and the number of ours that it opens. */
async function linkFor({ world }: Story, externalId: string) {
  const { status, body } = await world.call(
    "POST",
    `/v1/users/ext:${externalId}/phone/verification-link`,
  );
  expect(status, JSON.stringify(body)).toBe(200);
  return { text: String(body["text"]), to: String(objectAt(body, "links", 0, "phone")) };
}

describe("a message to our number", () => {
  it("brings in whoever was left out for an unverified number, and is answered once", async () => {
    const { world, raise, policy, settled, told, toldOf, happened, timeline } = story();
    const { id: userId, phone } = await unverified("T-2");
    await settingsOf("T-1", { quietHours: ALWAYS_QUIET });
    const policyId = await policy({ settledBy: "sent", quietHours: "hold", steps: [STEP] });
    const id = await raise({
      policyId,
      priority: "medium",
      recipients: { userIds: ["ext:T-1", "ext:T-2"] },
    });
    await happened(id, ({ kind }) => kind === "held");
    expect(told()).toEqual([]);

    const { text, to } = await linkFor(story(), "T-2");
    const wroteAt = Date.now();
    const written = await world.vendors.sandbox.people.reply(phone, { text, account: to });
    expect(written).toMatchObject({ isReported: true, answered: 200 });
    const replanned = await happened(
      id,
      ({ kind, reason }) => kind === "replanned" && reason === "contact_verified",
    );
    expect(Date.parse(replanned.at) - wroteAt).toBeLessThan(1_000);
    await toldOf("whatsapp_personal T-2", 2);
    const shown = await world.vendors.sandbox.phones.waitForMessage(
      phone,
      (message) => message.text.includes("sudah terverifikasi"),
      10_000,
    );
    expect(shown.sender).toBe(to.slice(1));

    await settingsOf("T-1", { quietHours: { enabled: false } });
    await toldOf("whatsapp_personal T-1");
    expect(await settled(id)).toMatchObject({ outcome: "sent" });
    expect([...told()].sort()).toEqual([
      "whatsapp_personal T-1",
      "whatsapp_personal T-2",
      "whatsapp_personal T-2",
    ]);
    const { body } = await world.call("GET", `/v1/users/${userId}`);
    expect(body["contacts"]).toMatchObject([
      { kind: "phone", value: phone, verifiedBy: "inbound", isPrimary: true },
      {},
    ]);
    const record = JSON.stringify(await timeline(id));
    expect(record).not.toContain(phone.slice(1));
  });
});

describe("a number that nobody has verified", () => {
  async function told(priority: string) {
    const { raise, policy, settled, get } = story();
    await unverified("T-3");
    const policyId = await policy({ settledBy: "sent", quietHours: "override", steps: [STEP] });
    const id = await raise({ policyId, priority, recipients: { userIds: ["ext:T-3"] } });
    const { outcome } = await settled(id);
    return { outcome, plan: (await get(id))["plan"] };
  }

  it.each(["critical", "high"])("is written to with priority %s, marked", async (priority) => {
    const { outcome, plan } = await told(priority);
    expect(outcome).toBe("sent");
    expect(objectAt(plan, "warnings")).toMatchObject([{ code: "unverified" }]);
    expect(objectAt(plan, "recipients", 0, "notes")).toEqual(["unverified"]);
    expect(story().told()).toEqual(["whatsapp_personal T-3"]);
  });

  it.each(["medium", "low"])("is not written to with priority %s", async (priority) => {
    const { outcome, plan } = await told(priority);
    expect(outcome).toBe("undeliverable");
    expect(objectAt(plan, "steps", 0, "skipped")).toMatchObject([
      { channel: "whatsapp_personal", reason: "unverified" },
    ]);
    expect(story().told()).toEqual([]);
  });
});
