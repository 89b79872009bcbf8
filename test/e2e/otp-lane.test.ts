import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";

import { newId } from "../../db/new-id.ts";
import { MEDIUM_RULES } from "../support/rows.ts";
import { DEVICES, STEP, useStory, type Story } from "../support/story.ts";

const story = useStory({ paced: true });

const PER_SECOND = 5;
const GAP_MS = 1_000 / PER_SECOND;
const QUEUED = 200;
/** What is on its way already leaves first: slots are given out two seconds ahead, and a code's own run has to begin. */
const LEAVES_BEFORE = 5 * PER_SECOND;
/** Requests are not equally long on their way to the vendor, where this is measured. */
const WAY_MS = 150;

it("invariant 31: a code goes ahead of two hundred messages that wait for the same account, within its pace", async () => {
  const { world, person, raise, requests } = story();
  const avoidAccountIds = await onlyDevice(story());
  const policyId = await patientPolicy(story());
  const { phone } = await person("T-1");
  const ids = await Promise.all(
    Array.from({ length: QUEUED }, (_, count) =>
      raise({
        policyId,
        avoidAccountIds,
        // By its type's priority a code would be one of the second half.
        priority: count % 2 === 0 ? "low" : "high",
        recipients: { userIds: [`ext:T-${2 + (count % 12)}`] },
      }),
    ),
  );
  await untilPlanned(story(), ids);
  const before = requests().length;
  expect(QUEUED / 2 - before, "urgent ones wait, too").toBeGreaterThan(LEAVES_BEFORE);

  const { status } = await world.call("POST", "/v1/otp", { phone });
  expect(status).toBe(202);
  const code = await story().toldOf("whatsapp_personal T-1");
  const place = requests().findIndex(({ seq }) => seq === code.seq);
  expect(place - before, "left before it").toBeLessThan(LEAVES_BEFORE);

  // What they prove is proven.
  await Promise.all(ids.map((id) => world.call("POST", `/v1/notifications/${id}/cancel`, {})));
  await Promise.all(ids.map((id) => world.settled(id)));
  const sent = requests().filter(({ accepted }) => accepted);
  expect(new Set(sent.map(({ accountId }) => accountId))).toEqual(new Set([DEVICES.primary]));
  const times = sent.map(({ elapsedMs }) => elapsedMs);
  const tooFast = times.flatMap((from, first) =>
    times
      .slice(first + 1)
      .flatMap((to, index) => (to - from < (index + 1) * GAP_MS - WAY_MS ? [to - from] : [])),
  );
  expect(tooFast, "within the pace, the code included").toEqual([]);
}, 90_000);

/** Nobody's window is over before the story is; all of them are cancelled in it. */
async function patientPolicy({ world }: Story): Promise<string> {
  const id = newId("pol", Date.now());
  await world.pool.query(
    "insert into escalation_policies (id, name, priority) values ($1, 'patient', 'low')",
    [id],
  );
  await world.pool.query(
    "insert into escalation_policy_versions (policy_id, version, rules) values ($1, 1, $2)",
    [
      id,
      {
        ...MEDIUM_RULES,
        settledBy: "sent",
        quietHours: "override",
        raisesNotice: false,
        steps: [{ ...STEP, windowSeconds: 120 }],
      },
    ],
  );
  return id;
}

/** Then the account's queue has those of them that have not left. */
async function untilPlanned({ world }: Story, ids: readonly string[]): Promise<void> {
  for (;;) {
    const { rows } = await world.pool.query(
      "select from notifications where id = any($1) and planned_at is null limit 1",
      [ids],
    );
    if (rows.length === 0) return;
    await sleep(50);
  }
}

/** One device carries personal WhatsApp, codes included, at this test's pace. */
async function onlyDevice({ world }: Story): Promise<readonly string[]> {
  await world.pool.query("update provider_accounts set pacing = $1", [
    { perSecond: PER_SECOND, minGapSeconds: 0, pairGapSeconds: 0 },
  ]);
  const { rows } = await world.pool.query<{ id: string }>(
    "update provider_accounts set enabled = false where channel = 'whatsapp_personal' and name <> 'Fonnte utama' returning id",
  );
  return rows.map(({ id }) => id);
}
