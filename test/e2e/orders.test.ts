import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";

import type { PolicyRules } from "../../domain/escalation-policy.ts";
import type { Priority } from "../../domain/priority.ts";
import { carryOut } from "../support/order-run.ts";
import {
  allOrders,
  POLICIES,
  PRIORITY_POLICIES,
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
    reopenAfterSeconds: null,
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
async function carryOutAll(schedules: readonly Schedule[]): Promise<string> {
  const wrong: string[] = [];
  const waiting = [...schedules.entries()];
  const one = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, planned] = next;
      const policyId = policyIds.get(planned.policy) ?? "";
      const found = await carryOut(world(), planned, policyId);
      if (found.length > 0) wrong.push([`schedule ${index}:`, ...found].join("\n"));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return wrong.join("\n\n");
}

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
      const { seed } = fc.readConfigureGlobal();
      const schedules = fc.sample(schedule, {
        numRuns: SCHEDULES,
        ...(seed === undefined ? {} : { seed }),
      });
      expect(await carryOutAll(schedules), `SIAGA_TEST_SEED=${seed}`).toBe("");
      expect(world().errors).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
