import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";

import type { PolicyRules } from "../../domain/escalation-policy.ts";
import type { Priority } from "../../domain/priority.ts";
import { carryOut } from "../support/order-run.ts";
import {
  allOrders,
  earlySchedule,
  POLICIES,
  PRIORITY_POLICIES,
  REMEMBERED,
  REMEMBERED_EARLY,
  REMEMBERED_REOPENING,
  REOPEN_SECONDS,
  reopeningSchedule,
  RESOLUTION_SECONDS,
  schedule,
  WINDOW_SECONDS,
  type PolicyName,
  type Schedule,
} from "../support/order-schedule.ts";
import { insertPolicy } from "../support/rows.ts";
import type { ModelPolicy } from "../support/serial-model.ts";
import { STEP } from "../support/story.ts";
import { useWorld } from "../support/world.ts";

/**
 * Whatever happens to a run, and in whatever order: it ends as if everything had happened one after another. Runs go on side by side in one world; what came of
 * each is held against a serial model of its own.
 */
// At this pace nobody's telephone stops ringing before a run is over.
const world = useWorld({ timeScale: 1 });

/** Random schedules of one run of the test; more with `SIAGA_TEST_ORDERS`. */
const SCHEDULES = Number(process.env["SIAGA_TEST_ORDERS"] ?? 60);
if (!Number.isInteger(SCHEDULES)) throw new Error("SIAGA_TEST_ORDERS is a whole number");

/** As many runs as a loaded machine carries without its messages being late. */
const AT_ONCE = 12;
/** Starting a worker takes so much of a small machine that messages are late meanwhile. */
const BETWEEN_WORKERS_MS = 4_000;
const TIMEOUT_MS = 60_000 + SCHEDULES * 2_000;

const policyIds = new Map<PolicyName, string>();

beforeAll(async () => {
  for (const name of Object.keys(POLICIES) as PolicyName[]) {
    policyIds.set(name, await insertPolicy(world().pool, { rules: rulesOf(POLICIES[name]) }));
  }
  for (const policy of Object.values(PRIORITY_POLICIES)) await setDefault(policy);
  // What the vendors report beyond `sent` is the schedules' to say.
  world().vendors.sandbox.faults.add({
    kind: "receipts_dropped",
    statuses: ["delivered", "read", "failed"],
    requests: ["message"],
  });
});

function rulesOf(policy: ModelPolicy): PolicyRules {
  return {
    settledBy: "acknowledged",
    quietHours: "override",
    whenAlwaysQuiet: "hold",
    acknowledgment: policy.acknowledgment,
    passes: 1,
    roleUp: false,
    tracksResolution: policy.tracksResolution,
    resolutionSeconds: policy.tracksResolution ? RESOLUTION_SECONDS : null,
    reopenAfterSeconds: policy.reopens ? REOPEN_SECONDS : null,
    lifetimeSeconds: 600,
    calls: "all",
    emailOnlyIfOptedIn: true,
    ignoresChannelSwitches: true,
    countsStrangers: false,
    raisesNotice: false,
    steps: policy.steps.map((channel) => ({
      ...STEP,
      channels: [channel],
      windowSeconds: WINDOW_SECONDS,
    })),
  };
}

async function setDefault(policy: ModelPolicy): Promise<void> {
  const priority: Priority = policy.priority;
  const { rowCount } = await world().pool.query(
    `with policy as (update escalation_policies set current_version = 2 where is_default and priority = $1 returning id)
     insert into escalation_policy_versions (policy_id, version, rules) select id, 2, $2 from policy`,
    [priority, JSON.stringify(rulesOf(policy))],
  );
  expect(rowCount).toBe(1);
}

/** What is wrong with each of them, as one text; empty when nothing is. */
async function carryOutAll(
  schedules: readonly Schedule[],
  workerIsThere?: () => Promise<void>,
): Promise<string> {
  const wrong: string[] = [];
  const waiting = [...schedules.entries()];
  const one = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, planned] = next;
      const policyId = policyIds.get(planned.policy) ?? "";
      const found = await carryOut(world(), planned, policyId, workerIsThere);
      if (found.length > 0) wrong.push([`schedule ${index}:`, ...found].join("\n"));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return wrong.join("\n\n");
}

/** As many at a time as go on side by side: the worker comes when all of them have been acted on. */
async function carryOutEarly(schedules: readonly Schedule[]): Promise<string> {
  const wrong: string[] = [];
  for (let begin = 0; begin < schedules.length; begin += AT_ONCE) {
    const batch = schedules.slice(begin, begin + AT_ONCE);
    await world().stopWorker();
    let acting = batch.length;
    let everybodyHasActed = (): void => undefined;
    const started = new Promise<void>((resolve) => {
      everybodyHasActed = resolve;
    }).then(world().startWorker);
    const workerIsThere = (): Promise<void> => {
      acting -= 1;
      if (acting === 0) everybodyHasActed();
      return started;
    };
    const found = await carryOutAll(batch, workerIsThere);
    if (found !== "") wrong.push(`from ${begin}: ${found}`);
  }
  return wrong.join("\n\n");
}

/** Again and again another worker takes over: what the last one remembered of a run is told again from its history. */
async function whileWorkersComeAndGo(work: () => Promise<string>): Promise<string> {
  await world().stopWorker();
  let current = await world().addWorker();
  const during = { isOver: false };
  const over = work().finally(() => {
    during.isOver = true;
  });
  const relay = async (): Promise<void> => {
    while (!during.isOver) {
      await Promise.race([over, sleep(BETWEEN_WORKERS_MS)]);
      const next = await world().addWorker();
      await current.stop();
      current = next;
    }
  };
  const [found] = await Promise.all([over, relay()]);
  await world().stopWorker();
  await world().startWorker();
  return found;
}

function sampled(from: fc.Arbitrary<Schedule>, count: number): readonly Schedule[] {
  const { seed } = fc.readConfigureGlobal();
  return fc.sample(from, {
    numRuns: Math.ceil(count),
    ...(seed === undefined ? {} : { seed }),
  });
}

const SEED_HINT = `SIAGA_TEST_SEED=${fc.readConfigureGlobal().seed}`;

describe("acts, receipts and timeouts", () => {
  it(
    "in every order, one by one and at the same instant, end as some serial order does",
    async () => {
      expect(await carryOutAll(allOrders())).toBe("");
      expect(world().errors).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    "at random moments end as some serial order does",
    async () => {
      const schedules = [...REMEMBERED, ...sampled(schedule, SCHEDULES)];
      expect(await carryOutAll(schedules), SEED_HINT).toBe("");
      expect(world().errors).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    "around the instant at which an acknowledged run is asked again end as some serial order does",
    async () => {
      const schedules = sampled(reopeningSchedule, SCHEDULES / 3);
      expect(await carryOutAll([...REMEMBERED_REOPENING, ...schedules]), SEED_HINT).toBe("");
      expect(world().errors).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    "that come before any worker has seen the run end as some serial order does",
    async () => {
      const schedules = sampled(earlySchedule, SCHEDULES / 5);
      expect(await carryOutEarly([...REMEMBERED_EARLY, ...schedules]), SEED_HINT).toBe("");
      expect(world().errors).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    "while workers come and go end as some serial order does",
    async () => {
      const schedules = [
        ...sampled(schedule, SCHEDULES / 8),
        ...sampled(reopeningSchedule, SCHEDULES / 16),
      ];
      const found = await whileWorkersComeAndGo(() => carryOutAll(schedules));
      expect(found, SEED_HINT).toBe("");
      expect(world().errors).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
