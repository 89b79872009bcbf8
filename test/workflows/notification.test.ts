import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";

import type { PlanAnswer, RecordedAct } from "../../activities/contract.ts";
import { deliveryFailure } from "../../activities/failure.ts";
import { actionsOf } from "../../bench/actions.ts";
import { STEER_UPDATE } from "../../workflows/contract.ts";
import { fakeWorld, person, ROUTE, runPlan } from "../support/fake-activities.ts";
import { useTestNamespace } from "../support/namespace.ts";
import { MEDIUM_RULES } from "../support/rows.ts";
import { startRun, withWorkers, type RunHandle } from "../support/run-worker.ts";
import { act, receipt, tell } from "../support/signalled-facts.ts";

const namespace = useTestNamespace();

/** High's shape with short windows: answer wanted, a second step by SMS. */
const URGENT_RULES = {
  ...MEDIUM_RULES,
  settledBy: "acknowledged",
  steps: [
    { ...STEP(), channels: ["whatsapp_personal"], windowSeconds: 2 },
    { ...STEP(), channels: ["sms"], groups: "none", windowSeconds: 2 },
  ],
} as const;

/** Its steps wait for longer than any test. */
const PATIENT_RULES = {
  ...URGENT_RULES,
  steps: URGENT_RULES.steps.map((step) => ({ ...step, windowSeconds: 600 })),
} as const;

const ONE_STEP_RULES = { ...PATIENT_RULES, steps: PATIENT_RULES.steps.slice(0, 1) };

/** A database whose first answer comes when the test says so, and every other one a moment late. */
function slowRecord() {
  let goOn: () => void = () => undefined;
  let begin: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const begun = new Promise<void>((resolve) => (begin = resolve));
  let count = 0;
  const recordProgress = (): Promise<void> => {
    count += 1;
    begin();
    return count === 1 ? held : sleep(300);
  };
  return { recordProgress, begun, goOn };
}

function STEP() {
  const [step] = MEDIUM_RULES.steps;
  if (!step) throw new Error("the medium policy has a step");
  return step;
}

describe("a plain notification", () => {
  it("is delivered and settles within 25 history events and 7 actions", async () => {
    const world = fakeWorld({ plan: runPlan() });
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      const order = await world.order(() => true);
      await tell(run, receipt(order, "delivered"));
      expect(await run.result()).toEqual({ outcome: "delivered", reason: null });
      const { events } = await run.fetchHistory();
      expect(events?.length).toBeLessThanOrEqual(25);
      expect(actionsOf(events ?? [])).toBeLessThanOrEqual(7);
    });
    expect(world.orders).toHaveLength(1);
    expect(world.settled).toHaveLength(1);
  });

  it("goes on by another account when the first is unavailable", async () => {
    const [account] = ROUTE;
    const route = [account, { ...account, accountId: "acc_second" }];
    const world = fakeWorld({
      plan: runPlan({ persons: [person({ routes: { whatsapp_personal: route } })] }),
      deliver: (order) =>
        order.accountId === "acc_second"
          ? "accepted"
          : deliveryFailure("unavailable", { scope: "account", reason: "device_offline", at: 0 }),
    });
    await withWorkers(
      namespace(),
      world.activities,
      async () => {
        const run = await startRun(namespace());
        const second = await world.order((order) => order.handOver === 1);
        await tell(run, receipt(second, "delivered"));
        expect(await run.result()).toMatchObject({ outcome: "delivered" });
      },
      ["acc_fake", "acc_second"],
    );
    expect(world.orders.map((order) => order.accountId)).toEqual(["acc_fake", "acc_second"]);
  });
});

describe("a notification that waits for an answer", () => {
  it("keeps its timer while news comes that changes nothing about when it wakes", async () => {
    const persons = ["usr_one", "usr_two", "usr_three"].map((key) => person({ key }));
    const world = fakeWorld({ plan: runPlan({ priority: "high", rules: PATIENT_RULES, persons }) });
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      const orders = await Promise.all(
        persons.map(({ key }) => world.order(({ target }) => target === key)),
      );
      await expect.poll(() => timersOf(run), { timeout: 10_000 }).toBe(1);
      for (const order of orders) {
        await tell(run, receipt(order, "sent"));
        await tell(run, receipt(order, "delivered"));
      }
      await tell(run, { kind: "act", act: act() });
      expect(await run.result()).toMatchObject({ outcome: "acknowledged" });
      expect(await timersOf(run)).toBe(1);
    });
  });
});

/** How many timers it has ever started. */
async function timersOf(run: RunHandle): Promise<number> {
  const { events } = await run.fetchHistory();
  return (events ?? []).filter(({ timerStartedEventAttributes }) => timerStartedEventAttributes)
    .length;
}

describe("an opening that was written with the plan", () => {
  const opening = {
    status: "notifying",
    pass: 1,
    step: 1,
    entries: ["step_started"],
  } as const;

  it("is not written again: the first message carries nothing, and the numbers go on", async () => {
    const plan = runPlan();
    const world = fakeWorld({
      plan,
      overrides: {
        planNotification: () => Promise.resolve({ kind: "planned", plan, acts: [], opening }),
      },
    });
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      await tell(run, receipt(await world.order(() => true), "delivered"));
      await run.result();
    });
    expect(world.progress).toEqual([]);
    const [settled] = world.settled;
    expect(settled?.progress?.events.map(({ sequence }) => sequence)[0]).toBe(2);
  });

  it("is not told twice when an act that the run learns of later has changed the row's status", async () => {
    const plan = runPlan();
    const changed = { ...opening, status: "acknowledged" } as const;
    const world = fakeWorld({
      plan,
      overrides: {
        planNotification: () =>
          Promise.resolve({ kind: "planned", plan, acts: [], opening: changed }),
      },
    });
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      await tell(run, receipt(await world.order(() => true), "delivered"));
      await run.result();
    });
    const [first] = world.progress;
    expect(first).toMatchObject({ status: "notifying", events: [] });
  });

  it("gives way to a fact that came in between, which is told after what was written", async () => {
    const plan = runPlan();
    const world = fakeWorld({
      plan,
      overrides: {
        planNotification: () =>
          Promise.resolve({ kind: "planned", plan, acts: [act({ kind: "cancel" })], opening }),
      },
    });
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      expect(await run.result()).toMatchObject({ outcome: "cancelled" });
    });
    expect(world.orders).toEqual([]);
    const sequences = world.settled.flatMap(
      ({ progress }) => progress?.events.map(({ sequence }) => sequence) ?? [],
    );
    expect(Math.min(...sequences, 2)).toBe(2);
  });
});

describe("a notification that wants an answer", () => {
  const plan = () => runPlan({ priority: "high", answerKind: "acknowledge", rules: URGENT_RULES });

  it("climbs to the next step when nobody answers, and says that nobody did", async () => {
    const world = fakeWorld({ plan: plan() });
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      expect(await run.result()).toMatchObject({ outcome: "exhausted" });
    });
    expect(world.orders.map(({ step, channel }) => ({ step, channel }))).toEqual([
      { step: 1, channel: "whatsapp_personal" },
      { step: 2, channel: "sms" },
    ]);
  });

  it("stops at the acknowledgment, and an act known by its id counts once", async () => {
    const world = fakeWorld({ plan: plan() });
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      await world.order(() => true);
      const once = act({});
      await tell(run, { kind: "act", act: once });
      await tell(run, { kind: "act", act: once });
      expect(await run.result()).toMatchObject({ outcome: "acknowledged" });
    });
    expect(world.orders).toHaveLength(1);
  });

  it("an acknowledgment that was recorded before the run existed stops it before anything is sent", async () => {
    const world = fakeWorld({ plan: plan(), acts: [act({})] });
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      expect(await run.result()).toMatchObject({ outcome: "acknowledged" });
    });
    expect(world.orders).toEqual([]);
  });

  it("escalate ends the step now and answers whoever asked", async () => {
    const world = fakeWorld({
      plan: runPlan({
        priority: "high",
        answerKind: "acknowledge",
        rules: PATIENT_RULES,
      }),
    });
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      await world.order(() => true);
      const escalate = act({ kind: "escalate", stops: false });
      const answer = await run.executeUpdate(STEER_UPDATE, {
        args: [escalate],
        updateId: escalate.actId,
      });
      expect(answer).toEqual({ applied: true, reason: null });
      await world.order((order) => order.step === 2);
      await tell(run, { kind: "act", act: act({ kind: "cancel" }) });
      expect(await run.result()).toMatchObject({ outcome: "cancelled" });
    });
  });

  it("that settled in a task which is done again refuses whoever steers it, and ends", async () => {
    let settled: (answer: PlanAnswer) => void = () => undefined;
    const planned = new Promise<PlanAnswer>((resolve) => {
      settled = resolve;
    });
    const world = fakeWorld({ plan: runPlan(), overrides: { planNotification: () => planned } });
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      const escalate = act({ kind: "escalate", stops: false });
      const asked = await run.startUpdate(STEER_UPDATE, {
        args: [escalate],
        updateId: escalate.actId,
        waitForStage: "ACCEPTED",
      });
      settled({ kind: "not_ours", outcome: "cancelled", reason: "already_settled" });
      expect(await asked.result()).toEqual({ applied: false, reason: "already_settled" });
      expect(await run.result()).toMatchObject({ outcome: "cancelled" });
    });
    expect(world.orders).toEqual([]);
  });

  it("a new policy does not take the effect from an act that came in the same instant", async () => {
    const told = runPlan({ priority: "high", answerKind: "acknowledge", rules: URGENT_RULES });
    const world = fakeWorld({
      plan: told,
      overrides: { replanNotification: () => Promise.resolve({ kind: "replanned", plan: told }) },
    });
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      await world.order(() => true);
      const escalate = act({ kind: "escalate", stops: false });
      const move = act({ kind: "move", stops: false });
      await Promise.all([
        tell(run, { kind: "act", act: escalate }),
        tell(run, { kind: "act", act: move }),
      ]);
      await world.order((order) => order.step === 2);
      await tell(run, { kind: "act", act: act({ kind: "cancel" }) });
      expect(await run.result()).toMatchObject({ outcome: "cancelled" });
    });
  });

  it("nothing is planned for a priority that comes when the ladder has ended", async () => {
    const writing = slowRecord();
    const planned: string[] = [];
    const world = fakeWorld({
      plan: runPlan({ priority: "high", answerKind: "acknowledge", rules: ONE_STEP_RULES }),
      overrides: {
        recordProgress: writing.recordProgress,
        replanNotification: ({ why }) => {
          planned.push(why.kind);
          return Promise.resolve({ kind: "refused", reason: "not_possible" });
        },
      },
    });
    const steering = (more: Partial<RecordedAct>) => ({
      kind: "act" as const,
      act: act({ stops: false, ...more }),
    });
    const snooze = { kind: "snooze", params: { until: Date.now() + 60_000 } } as const;
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      await world.order(() => true);
      await tell(run, steering(snooze));
      await writing.begun;
      // The run learns of these three at once, and ends while it still writes what the first of them is about.
      await tell(run, steering(snooze));
      await tell(run, steering({ kind: "escalate" }));
      await tell(run, steering({ kind: "reprioritise", params: { priority: "critical" } }));
      writing.goOn();
      expect(await run.result()).toMatchObject({ outcome: "exhausted" });
    });
    expect(planned).toEqual([]);
    const answers = world.settled.flatMap(({ progress }) => progress?.actAnswers ?? []);
    expect(answers.at(-1)).toMatchObject({ applied: false, reason: "already_settled" });
  });

  it("is readable and can be acted on in the Temporal UI", async () => {
    const world = fakeWorld({ plan: plan() });
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      await world.order(() => true);
      const said = await run.executeUpdate<string, [string]>("acknowledge", {
        args: ["Budi is on it"],
      });
      expect(said).toMatch(/Recorded/);
      expect(await run.result()).toMatchObject({ outcome: "acknowledged" });
    });
  });

  it("waits for the resolution after the acknowledgment, and closing messages go out once", async () => {
    const closing = [
      {
        closing: 1,
        target: "usr_a",
        channel: "whatsapp_personal",
        accountId: "acc_fake",
        at: null,
      },
    ] as const;
    const world = fakeWorld({
      plan: plan(),
      settle: () => ({
        closing,
        awaitResolution: { until: Date.now() + 60_000, reopenAt: null },
      }),
    });
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      await world.order(() => true);
      await tell(run, { kind: "act", act: act({}) });
      await tell(run, { kind: "act", act: act({ kind: "resolve" }) });
      expect(await run.result()).toMatchObject({ outcome: "resolved" });
    });
    expect(world.closings).toHaveLength(1);
  });
});

describe("a notification that is asked again", () => {
  it("hears the answer that came while that was being recorded", async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let tries = 0;
    let settled = 0;
    const world = fakeWorld({
      plan: runPlan({
        priority: "high",
        rules: { ...PATIENT_RULES, tracksResolution: true, resolutionSeconds: 600 },
      }),
      settle: () => {
        settled += 1;
        return settled > 1
          ? {}
          : { awaitResolution: { until: Date.now() + 600_000, reopenAt: Date.now() } };
      },
      overrides: {
        advanceResolution: async () => {
          tries += 1;
          // The quick try fails, so that the run waits for the other while facts come in.
          if (tries === 1) throw new Error("the database is away");
          await gate;
          return { kind: "reopened", acknowledger: "usr_a" };
        },
      },
    });
    await withWorkers(namespace(), world.activities, async () => {
      const run = await startRun(namespace());
      await world.order(() => true);
      await tell(run, { kind: "act", act: act() });
      await expect.poll(() => tries, { timeout: 10_000 }).toBe(2);
      await tell(run, { kind: "act", act: act({ userId: "usr_b" }) });
      open();
      expect(await run.result()).toMatchObject({ outcome: "acknowledged" });
    });
    expect(world.orders).toHaveLength(1);
  });
});
