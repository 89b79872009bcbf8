import { expect, it } from "vitest";

import { PRIORITIES, type Priority } from "../../domain/priority.ts";
import { resumeAt } from "../../domain/wake-place.ts";
import { DEVICES, useStory, type Story } from "../support/story.ts";

const story = useStory({ paced: true });

const PER_SECOND = 5;
const GAP_MS = 1_000 / PER_SECOND;
const HELD = 40;
/** Who is accepted when has nothing to do with how urgent it is. */
const HELD_PRIORITIES = ["low", "high", "medium"] as const;
/** Requests are not equally long on their way to the vendor, where this is measured. */
const WAY_MS = 150;
/** What the invariant allows: slots are given that far ahead, and neighbours may change places. */
const ORDER_MS = 2_000;
/** What the installation of these tests wakes in a second. */
const WAKE_PER_SECOND = 20;
/** Until then all of them are accepted and hold. */
const HOLD_MS = 5_000;
/** So many of the backlog are out when the critical one is raised. */
const SENT_BEFORE = 6;

interface Released {
  readonly id: string;
  readonly priority: Priority;
  /** Its place in the order of acceptance. */
  readonly age: number;
  /** Epoch ms. */
  readonly dueAt: number;
}

it("invariant 19: what is released together keeps the pace and goes by priority, then by age, and a critical one overtakes", async () => {
  const { world, policy, raise, settled, happened, requests } = story();
  const { sandbox } = world.vendors;
  const avoidAccountIds = await onlyDevice(story());
  const policyId = await policy({ settledBy: "sent", steps: [{ windowSeconds: 12 }] });
  const request = { policyId, avoidAccountIds };
  const afterSeq = sandbox.log.lastSeq;

  const releaseAt = Date.now() + HOLD_MS;
  const backlog: Released[] = [];
  for (let age = 0; age < HELD; age += 1) {
    const priority = HELD_PRIORITIES[age % HELD_PRIORITIES.length] ?? "low";
    // As runs wake that quiet hours held: each at its place behind the end.
    const place = { windowEnd: releaseAt, band: "urgent", place: age } as const;
    const dueAt = resumeAt(place, WAKE_PER_SECOND, () => true);
    const id = await raise({
      ...request,
      priority,
      notBefore: new Date(dueAt).toISOString(),
      recipients: { userIds: [`ext:T-${1 + (age % 13)}`] },
    });
    backlog.push({ id, priority, age, dueAt });
  }
  for (const { id } of backlog) await happened(id, ({ kind }) => kind === "held");
  expect(Date.now(), "all of them hold before the first is due").toBeLessThan(releaseAt);
  expect(requests()).toEqual([]);

  await sandbox.log.waitForCount(SENT_BEFORE, ({ kind }) => kind === "message", {
    afterSeq,
    timeoutMs: HOLD_MS * 4,
  });
  const raisedAfter = requests().length;
  const raisedAt = Date.now();
  const critical = await raise({
    ...request,
    priority: "critical",
    recipients: { userIds: ["ext:T-1"] },
  });
  for (const id of [critical, ...backlog.map((one) => one.id)]) {
    expect(await settled(id)).toMatchObject({ outcome: "sent" });
  }

  const sent = requests();
  expect(sent, "each once").toHaveLength(HELD + 1);
  expect(new Set(sent.map(({ accountId }) => accountId))).toEqual(new Set([DEVICES.primary]));
  expect(sent[0]?.at).toBeGreaterThanOrEqual(releaseAt);
  expect(tooFast(sent.map(({ elapsedMs }) => elapsedMs))).toEqual([]);

  const names = await notificationsByMessage(story(), [critical, ...backlog.map(({ id }) => id)]);
  const order = sent.map(({ providerMessageId }) => names.get(providerMessageId ?? "") ?? "");
  const leftAt = (id: string): number => sent[order.indexOf(id)]?.at ?? NaN;

  expect(leftAt(critical) - raisedAt, "the critical one leaves at once").toBeLessThan(ORDER_MS);
  const overtaken = HELD - order.indexOf(critical);
  expect(overtaken, "most of the backlog is behind it").toBeGreaterThan((HELD - raisedAfter) / 2);

  expect(outOfOrder(backlog, leftAt)).toEqual([]);
}, 90_000);

/** Leaves only one device to carry personal WhatsApp, at this test's pace. */
async function onlyDevice({ world }: Story): Promise<readonly string[]> {
  await world.pool.query("update provider_accounts set pacing = $1", [
    { perSecond: PER_SECOND, minGapSeconds: 0, pairGapSeconds: 0 },
  ]);
  const { rows } = await world.pool.query<{ id: string }>(
    "select id from provider_accounts where channel = 'whatsapp_personal' and name <> 'Fonnte utama'",
  );
  return rows.map(({ id }) => id);
}

/** Which notification each message of the vendor belongs to. */
async function notificationsByMessage(
  { world }: Story,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await world.pool.query<{ readonly id: string; readonly message: string }>(
    `select d.notification_id as id, m.provider_message_id as message
     from deliveries d join messages m on m.id = d.message_id
     where d.notification_id = any($1) and m.provider_message_id is not null`,
    [ids],
  );
  return new Map(rows.map(({ id, message }) => [message, id]));
}

/** The stretches, of any length, that hold more messages than the pace allows. */
function tooFast(times: readonly number[]): readonly string[] {
  return times.flatMap((from, first) =>
    times.slice(first + 1).flatMap((to, index) => {
      const gaps = index + 1;
      const tookMs = to - from;
      return tookMs < gaps * GAP_MS - WAY_MS
        ? [`${gaps + 1} messages from number ${first} within ${Math.round(tookMs)} ms`]
        : [];
    }),
  );
}

/** The pairs of which the one that comes after left first, although the other was long due, and left much later. */
function outOfOrder(
  released: readonly Released[],
  leftAt: (id: string) => number,
): readonly string[] {
  const inOrder = released.toSorted(
    (a, b) => PRIORITIES.indexOf(a.priority) - PRIORITIES.indexOf(b.priority) || a.age - b.age,
  );
  return inOrder.flatMap((first, index) =>
    inOrder.slice(index + 1).flatMap((second) => {
      const waitedMs = leftAt(second.id) - first.dueAt;
      const lateMs = leftAt(first.id) - leftAt(second.id);
      return waitedMs > ORDER_MS && lateMs > ORDER_MS
        ? [
            `${first.priority} ${first.age} left ${lateMs} ms after ${second.priority} ${second.age}`,
          ]
        : [];
    }),
  );
}
