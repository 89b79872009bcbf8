import { expect, it } from "vitest";

import { DEVICES, inWords, useStory, type Story } from "../support/story.ts";

const story = useStory({ paced: true });

const MESSAGES = 12;
const GAP_MS = 500;
/** Requests are not equally long on their way to the vendor, where this is measured. */
const WAY_MS = 200;

/** Leaves only one device to carry personal WhatsApp, with this pace. */
async function onlyDevice({ world }: Story, pacing: object): Promise<readonly string[]> {
  await world.pool.query("update provider_accounts set pacing = $1", [pacing]);
  const { rows } = await world.pool.query<{ id: string }>(
    "select id from provider_accounts where channel = 'whatsapp_personal' and name <> 'Fonnte utama'",
  );
  return rows.map(({ id }) => id);
}

it("three workers together keep a device's gap over any stretch of time", async () => {
  const { world, policy, raise, settled, requests } = story();
  await world.addWorker();
  await world.addWorker();
  const avoidAccountIds = await onlyDevice(story(), {
    perSecond: 100,
    minGapSeconds: GAP_MS / 1000,
    pairGapSeconds: 0,
  });
  const policyId = await policy({ settledBy: "sent", steps: [{ windowSeconds: 10 }] });
  const ids = await Promise.all(
    Array.from({ length: MESSAGES }, (_, index) =>
      raise({ policyId, avoidAccountIds, recipients: { userIds: [`ext:T-${1 + (index % 13)}`] } }),
    ),
  );
  for (const id of ids) expect(await settled(id)).toMatchObject({ outcome: "sent" });
  const times = requests().map(({ elapsedMs }) => elapsedMs);
  expect(requests().every(({ accountId }) => accountId === DEVICES.primary)).toBe(true);
  expect(times).toHaveLength(MESSAGES);
  expect(Math.min(...gapsOf(times))).toBeGreaterThanOrEqual(GAP_MS - WAY_MS);
  const last = times.at(-1) ?? 0;
  const stretch = last - (times[0] ?? 0);
  expect(stretch, "and waste no time").toBeLessThan(MESSAGES * GAP_MS * 1.5);
});

it("one person gets nothing nearer than the pair's gap, others are not held up by it", async () => {
  const { policy, raise, settled, requests } = story();
  const avoidAccountIds = await onlyDevice(story(), {
    perSecond: 100,
    minGapSeconds: 0,
    pairGapSeconds: 1,
  });
  const policyId = await policy({ settledBy: "sent", steps: [{ windowSeconds: 5 }] });
  const ids = await Promise.all(
    ["T-1", "T-1", "T-1", "T-2", "T-3", "T-4"].map((who) =>
      raise({ policyId, avoidAccountIds, recipients: { userIds: [`ext:${who}`] } }),
    ),
  );
  for (const id of ids) expect(await settled(id)).toMatchObject({ outcome: "sent" });
  const timesTo = (who: string) =>
    requests()
      .filter((entry) => inWords(entry) === `whatsapp_personal ${who}`)
      .map(({ elapsedMs }) => elapsedMs);
  expect(timesTo("T-1")).toHaveLength(3);
  expect(Math.min(...gapsOf(timesTo("T-1")))).toBeGreaterThanOrEqual(1_000 - WAY_MS);
  const first = requests()[0]?.elapsedMs ?? 0;
  for (const who of ["T-2", "T-3", "T-4"]) {
    expect((timesTo(who)[0] ?? Infinity) - first).toBeLessThan(900);
  }
});

function gapsOf(times: readonly number[]): readonly number[] {
  return times.slice(1).map((at, index) => at - (times[index] ?? 0));
}
