import { describe, expect, test } from "vitest";

import type { PlanSnapshot, SnapshotAccount } from "../../domain/plan-snapshot.ts";
import { planRun } from "../../domain/planner.ts";
import type { Plan } from "../../domain/planner.ts";
import type { Price } from "../../domain/price.ts";
import { withoutCosts } from "../../domain/withheld-costs.ts";
import {
  planSnapshot,
  policyOf,
  someAccount,
  somebody,
  someGroup,
  someRule,
  T0,
} from "../support/plan-snapshot.ts";

const TECHNICIANS = { kind: "role", role: "technician", zone: "request" } as const;

function priced(rupiah: number, over: Partial<Price> = {}): readonly Price[] {
  return [
    {
      unit: "message",
      billingClass: null,
      prefix: "",
      unitMicros: Math.round(rupiah * 1_000_000),
      incrementSeconds: 60,
      validFrom: 0,
      ...over,
    },
  ];
}

/** A critical notification to one technician and one group, with every channel of its policy. */
function world(
  prices: Readonly<
    Partial<Record<"whatsapp_personal" | "whatsapp_group" | "sms" | "call", readonly Price[]>>
  >,
  over: Parameters<typeof planSnapshot>[0] = {},
): PlanSnapshot {
  const account = (channel: keyof typeof prices): SnapshotAccount =>
    someAccount(channel, { prices: prices[channel] ?? [] });
  return planSnapshot({
    policy: policyOf("critical", { passes: 1, roleUp: false }),
    request: { priority: "critical" },
    persons: [somebody("T-1", { phoneDigits: "628123" })],
    groups: [someGroup("G-1")],
    rules: [someRule("rul_1", { audience: [TECHNICIANS], groupCategories: ["technicians"] })],
    accounts: [
      account("whatsapp_personal"),
      account("whatsapp_group"),
      account("sms"),
      account("call"),
    ],
    ...over,
  });
}

function costsOf(
  plan: Plan,
): Readonly<Record<string, readonly [attempts: number, cost: number | null]>> {
  return Object.fromEntries(
    plan.steps.flatMap(({ targets }) =>
      targets.map(({ channel, attempts, cost }) => [channel, [attempts, cost] as const]),
    ),
  );
}

const ALL = {
  whatsapp_personal: priced(200),
  whatsapp_group: priced(150.25),
  sms: priced(500, { unit: "segment" }),
  call: priced(1_000, { unit: "minute" }),
};

describe("what a plan costs", () => {
  test("is every attempt of every target, and the inbox is free", () => {
    const { plan } = planRun(world(ALL), T0);
    expect(costsOf(plan)).toMatchObject({
      in_app: [1, 0],
      whatsapp_personal: [3, 600],
      whatsapp_group: [1, 150.25],
      sms: [1, 500],
      call: [3, 3_000],
    });
    expect(plan.cost).toBe(4_250.25);
    expect(plan.warnings).not.toContainEqual(expect.objectContaining({ code: "unpriced" }));
  });

  test("counts an SMS by its parts", () => {
    const { plan } = planRun(world(ALL, { smsSegments: 3 }), T0);
    expect(costsOf(plan)["sms"]).toEqual([1, 1_500]);
  });

  test("goes by the number's prefix, which the plan does not tell", () => {
    const sms = [
      ...priced(1_200, { unit: "segment" }),
      ...priced(350, { unit: "segment", prefix: "62812" }),
    ];
    const { plan, run } = planRun(world({ ...ALL, sms }), T0);
    expect(costsOf(plan)["sms"]).toEqual([1, 350]);
    expect(JSON.stringify([plan, run])).not.toContain("628123");
  });

  test("goes by the class that the type is billed as", () => {
    const whatsapp_personal = [
      ...priced(320, { billingClass: "utility" }),
      ...priced(480, { billingClass: "authentication" }),
    ];
    const snapshot = world({ ...ALL, whatsapp_personal });
    expect(costsOf(planRun(snapshot, T0).plan)["whatsapp_personal"]).toEqual([3, 960]);
    const otp = { ...snapshot, type: { ...snapshot.type, code: "otp" } };
    expect(costsOf(planRun(otp, T0).plan)["whatsapp_personal"]).toEqual([3, 1_440]);
  });

  test("goes by the prices of the moment", () => {
    const sms = [...priced(500), ...priced(900, { validFrom: T0 + 1_000 })];
    const at = (now: number) => costsOf(planRun(world({ ...ALL, sms }), now).plan)["sms"];
    // The SMS goes minutes after the plan is made.
    expect(at(T0 - 3_600_000)).toEqual([1, 500]);
    expect(at(T0)).toEqual([1, 900]);
  });

  test("is of what has a price, and says what has none", () => {
    const { plan } = planRun(world({ whatsapp_personal: priced(200) }), T0);
    expect(costsOf(plan)).toMatchObject({ whatsapp_personal: [3, 600], sms: [1, null] });
    expect(plan.cost).toBe(600);
    expect(plan.warnings).toContainEqual({
      code: "unpriced",
      accountIds: ["call", "sms", "whatsapp_group"],
    });
  });

  test("is not spoken of where nothing has a price", () => {
    const { plan } = planRun(world({}), T0);
    expect(costsOf(plan)).toMatchObject({ whatsapp_personal: [3, null] });
    expect(plan.warnings).not.toContainEqual(expect.objectContaining({ code: "unpriced" }));
  });

  test("is withheld whole", () => {
    const { plan } = planRun(world({ whatsapp_personal: priced(200) }), T0);
    const withheld = withoutCosts(plan);
    expect(Object.values(costsOf(withheld)).every(([, cost]) => cost === null)).toBe(true);
    expect(withheld.cost).toBeNull();
    expect(withheld.warnings.map(({ code }) => code)).not.toContain("unpriced");
    expect(withheld.steps.map(({ startsAt }) => startsAt)).toEqual(
      plan.steps.map(({ startsAt }) => startsAt),
    );
  });
});
