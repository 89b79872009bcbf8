import { describe, expect, it } from "vitest";

import { useStory, type Story } from "../support/story.ts";

const story = useStory();

const MINUTE_MS = 60_000;
/** Less than this before a full minute, the next one is meant: what must happen before it needs the time. */
const PREPARATION_MS = 15_000;
/** Plan, send and the vendors' own way take this long on a machine that runs other tests beside it. */
const PROMPT_MS = 1_500;

function nextFullMinute(): number {
  return Math.ceil((Date.now() + PREPARATION_MS) / MINUTE_MS) * MINUTE_MS;
}

/** UTC's wall clock, which has no summer time. */
function clockOf(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

async function sleeps(
  { world }: Story,
  externalId: string,
  quietHours: { readonly enabled: boolean; readonly until?: number },
): Promise<void> {
  const { enabled, until } = quietHours;
  const hours =
    until === undefined
      ? { enabled }
      : { enabled, from: clockOf(until - 120 * MINUTE_MS), to: clockOf(until), timeZone: "UTC" };
  const answer = await world.call("PATCH", `/v1/users/ext:${externalId}/settings`, {
    quietHours: hours,
  });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
}

function toldTo(current: Story, externalId: string): readonly number[] {
  const found = current.requests().filter((_, index) => {
    return current.told()[index]?.endsWith(` ${externalId}`) ?? false;
  });
  return found.map(({ at }) => at);
}

describe("quiet hours", () => {
  it("invariant 17: that end at the next full minute let nobody be told before, and everybody at once then", async () => {
    const current = story();
    const { policy, raise, act, settled, told, toldOf, happened, get } = current;
    const rungs = [
      { channels: ["whatsapp_personal"], windowSeconds: 2 },
      { channels: ["sms"], windowSeconds: 2 },
    ] as const;
    const nextAwake = await policy({ quietHours: "next_awake", steps: rungs });
    const holding = await policy({ quietHours: "hold", steps: rungs });
    const thenGroup = await policy({
      quietHours: "next_awake",
      steps: [rungs[0], { channels: [], groups: "primary", windowSeconds: 1 }],
    });
    const override = await policy({ quietHours: "override", steps: [rungs[0]] }, "critical");
    const high = { priority: "high" } as const;

    // Told while awake, asleep when it is over.
    const closed = await raise({
      ...high,
      policyId: holding,
      recipients: { userIds: ["ext:T-6"] },
    });
    await toldOf("whatsapp_personal T-6");

    const end = nextFullMinute();
    for (const who of ["T-1", "T-3", "T-4", "T-5", "T-6", "T-7"]) {
      await sleeps(current, who, { enabled: true, until: end });
    }
    await act(closed, "acknowledge");
    const [mixed, held, passed, loud, late] = await Promise.all([
      raise({ ...high, policyId: nextAwake, recipients: { userIds: ["ext:T-1", "ext:T-2"] } }),
      raise({ ...high, policyId: holding, recipients: { userIds: ["ext:T-3"] } }),
      raise({
        ...high,
        policyId: thenGroup,
        recipients: { userIds: ["ext:T-4"], groupIds: ["ext:G-NOC"] },
      }),
      raise({ policyId: override, recipients: { userIds: ["ext:T-5"] } }),
      raise({
        ...high,
        policyId: holding,
        recipients: { userIds: ["ext:T-7"] },
        notAfter: new Date(end - 2_000).toISOString(),
      }),
    ]);
    await toldOf("whatsapp_personal T-2");
    await toldOf("whatsapp_group G-NOC");
    await toldOf("whatsapp_personal T-5");
    const plannedFor = await happened(held, ({ kind }) => kind === "held");
    // At the end, or at its place in the second behind it.
    const resumesAt = Number(plannedFor.detail?.["until"]);
    expect([plannedFor.reason, Math.floor((resumesAt - end) / 1_000)]).toEqual(["quiet_hours", 0]);
    expect(await get(held)).toMatchObject({
      status: "holding",
      nextStepAt: new Date(resumesAt).toISOString(),
    });
    expect(await settled(late)).toMatchObject({ outcome: "expired", reason: "not_after" });

    await toldOf("whatsapp_personal T-1");
    await toldOf("whatsapp_personal T-3");
    await toldOf("whatsapp_personal T-4");
    await toldOf("whatsapp_personal T-6", 2);
    for (const who of ["T-1", "T-3", "T-4"]) {
      const [first] = toldTo(current, who);
      expect((first ?? 0) - end, `${who} is told when the window is over`).toBeGreaterThanOrEqual(
        0,
      );
      expect((first ?? Infinity) - end, `${who} is told at once`).toBeLessThan(PROMPT_MS);
    }
    expect(toldTo(current, "T-3")[0]).toBeGreaterThanOrEqual(resumesAt);
    const closingAt = toldTo(current, "T-6")[1] ?? 0;
    expect(closingAt - end, "a closing message waits too").toBeGreaterThanOrEqual(0);
    expect(toldTo(current, "T-7"), "what has expired meanwhile sends nothing").toEqual([]);
    expect((toldTo(current, "T-5")[0] ?? Infinity) - end, "critical goes on").toBeLessThan(0);

    for (const id of [mixed, held, passed, loud]) {
      expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    }
    expect(await settled(closed)).toMatchObject({ outcome: "acknowledged" });
    expect(
      told()
        .filter((line) => !line.endsWith(" T-6"))
        .toSorted(),
    ).toEqual([
      "sms T-1",
      "sms T-2",
      "sms T-3",
      "whatsapp_group G-NOC",
      "whatsapp_personal T-1",
      "whatsapp_personal T-2",
      "whatsapp_personal T-3",
      "whatsapp_personal T-4",
      "whatsapp_personal T-5",
    ]);
  }, 150_000);

  it("invariant 18: edited during a hold are followed within a second, longer and shorter", async () => {
    const current = story();
    const { policy, raise, settled, told, toldOf, happened, get } = current;
    const end = nextFullMinute() + 10 * MINUTE_MS;
    await sleeps(current, "T-1", { enabled: true, until: end });
    const policyId = await policy(
      { settledBy: "delivered", quietHours: "hold", steps: [{ windowSeconds: 2 }] },
      "medium",
    );
    const id = await raise({ policyId, priority: "medium", recipients: { userIds: ["ext:T-1"] } });
    await happened(id, ({ kind }) => kind === "held");
    // Medium wakes a minute after the urgent ones.
    const wakesAt = Date.parse(String((await get(id))["nextStepAt"]));
    expect(wakesAt).toBeGreaterThanOrEqual(end + MINUTE_MS);

    await sleeps(current, "T-1", { enabled: true, until: end + 10 * MINUTE_MS });
    const extendedAt = Date.now();
    const wakes = async () => Date.parse(String((await get(id))["nextStepAt"]));
    await expect.poll(wakes, { timeout: 10_000 }).toBe(wakesAt + 10 * MINUTE_MS);
    expect(Date.now() - extendedAt).toBeLessThan(PROMPT_MS);
    expect(told()).toEqual([]);

    const editedAt = Date.now();
    await sleeps(current, "T-1", { enabled: false });
    const sent = await toldOf("whatsapp_personal T-1");
    expect(sent.at - editedAt).toBeLessThan(PROMPT_MS);
    expect(await settled(id)).toMatchObject({ outcome: "delivered" });
    expect(told()).toEqual(["whatsapp_personal T-1"]);
    const kinds = (await current.timeline(id)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "replanned")).toHaveLength(2);
  });
});
