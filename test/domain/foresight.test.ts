import { describe, expect, test } from "vitest";

import { foresee } from "../../domain/foresight.ts";
import type { Foresight, RoleUpAt } from "../../domain/foresight.ts";
import {
  account,
  group,
  HOUR,
  MINUTE,
  person,
  plan,
  rules,
  step,
  T0,
} from "../support/run-plan.ts";

const NOBODY: RoleUpAt = () => ({ persons: [], reason: "role_empty" });

/** "pass.step +minutes: who channel@minutes×attempts …" */
function story({ steps }: Foresight): readonly string[] {
  const minutes = (at: number): number => (at - T0) / MINUTE;
  return steps.map(({ pass, step: number, startsAt, targets }) => {
    const told = targets.map(
      ({ key, channel, at, attempts }) => `${key} ${channel}@${minutes(at)}×${attempts}`,
    );
    return `${pass}.${number} +${minutes(startsAt)}: ${told.join(", ")}`;
  });
}

const WHATSAPP = step({ attempts: 3, spacingSeconds: 60, windowSeconds: 300 });
const SMS = step({ channels: ["sms"], windowSeconds: 120 });

describe("what a run would do", () => {
  test("with every message delivered and nobody answering is its whole ladder", () => {
    const foresight = foresee(
      plan({ persons: [person("a")], rules: rules({ passes: 2, steps: [WHATSAPP, SMS] }) }),
      T0,
      NOBODY,
    );
    expect(story(foresight)).toEqual([
      "1.1 +0: a whatsapp_personal@0×3",
      "1.2 +5: a sms@5×1",
      "2.1 +7: a whatsapp_personal@7×3",
      "2.2 +12: a sms@12×1",
    ]);
    expect(foresight).toMatchObject({ outcome: "exhausted", endsAt: T0 + 14 * MINUTE });
  });

  test("for who sleeps follows that person's own clock, beside the run's", () => {
    const sleeper = person("b", { asleepUntil: T0 + HOUR, quietTreatment: "next_awake" });
    const foresight = foresee(
      plan({
        persons: [person("a"), sleeper],
        groups: [group("g")],
        rules: rules({
          quietHours: "next_awake",
          steps: [{ ...WHATSAPP, groups: "primary" }, SMS],
        }),
      }),
      T0,
      NOBODY,
    );
    expect(story(foresight)).toEqual([
      "1.1 +0: a whatsapp_personal@0×3, g whatsapp_group@0×1, b whatsapp_personal@60×3",
      "1.2 +5: a sms@5×1, b sms@65×1",
    ]);
  });

  test("doesn't change accounts for want of receipts: nothing fails here", () => {
    const routes = { whatsapp_personal: [account("one"), account("two")] };
    const foresight = foresee(
      plan({
        persons: [person("a", { routes })],
        rules: rules({ settledBy: "sent", steps: [step()] }),
      }),
      T0,
      NOBODY,
    );
    expect(foresight.steps[0]?.targets).toMatchObject([{ accountId: "one", attempts: 1 }]);
  });

  test("asks whom a role-up would tell at that moment, and names empty roles", () => {
    const asked: string[] = [];
    const foresight = foresee(
      plan({ persons: [person("a")], rules: rules({ roleUp: true, steps: [WHATSAPP] }) }),
      T0,
      (role, at) => {
        asked.push(`${role} +${(at - T0) / MINUTE}`);
        return role === "manager"
          ? { persons: [person("m", { role, origin: "role_up" })], reason: null }
          : { persons: [], reason: "role_empty" };
      },
    );
    expect(asked).toEqual(["supervisor +5", "manager +5"]);
    expect(foresight.steps.at(-1)).toMatchObject({ role: "manager", startsAt: T0 + 5 * MINUTE });
    expect(foresight.emptyRoles).toEqual([{ role: "supervisor", reason: "role_empty" }]);
  });

  test("begins with orders, or with what it waits for", () => {
    const now = foresee(plan({ persons: [person("a")] }), T0, NOBODY);
    expect(now.opening.hasOrders).toBe(true);
    const later = foresee(plan({ persons: [person("a")], notBefore: T0 + HOUR }), T0, NOBODY);
    expect(later.opening).toMatchObject({
      hasOrders: false,
      todo: { status: "holding", nextStepAt: T0 + HOUR },
      entries: [{ kind: "held", reason: "not_before" }],
    });
  });

  test("of a suppressed plan is nothing", () => {
    const foresight = foresee(plan({ suppressed: "ticket_closed" }), T0, NOBODY);
    expect(foresight).toMatchObject({ steps: [], outcome: "suppressed", endsAt: T0 });
  });
});
