import { expect, test } from "vitest";

import { DEFAULT_POLICIES } from "../../domain/default-policies.ts";
import type { Role } from "../../domain/role.ts";
import { LadderWorld } from "../support/ladder-world.ts";
import { account, group, person, plan } from "../support/run-plan.ts";

/** One account per channel, so that a story shows the ladder and no failover. */
const ROUTES = {
  whatsapp_personal: [account("wa1")],
  sms: [account("sms1")],
  call: [account("call1")],
  email: [account("mail1")],
  push: [account("push1")],
};

/**
 * What a default policy does when everything is delivered, or else merely accepted, and nobody answers: "seconds channel whom (step of the pass)". The
 * roles above are told as usr_supervisor and usr_manager.
 */
function storyOf(
  name: keyof typeof DEFAULT_POLICIES,
  status: "accepted" | "delivered" = "delivered",
): readonly string[] {
  const policy = DEFAULT_POLICIES[name];
  const world = new LadderWorld(
    plan({
      priority: policy.priority,
      rules: policy.rules,
      persons: [
        person("usr_a", {
          routes: ROUTES,
          // The ladder of low and claim names no phone channel before role-up.
          silentSuffices: name === "low" || name === "claim",
        }),
      ],
      // A code is told to one person alone.
      groups: name === "otp" ? [] : [group("grp_p"), group("grp_o", { primary: false })],
    }),
  );
  for (let asked = 0; asked < 200 && world.todo.end === null; asked += 1) {
    world.acceptAll(status);
    if (world.todo.waitingFor.kind === "role_up") {
      const role: Role = world.roleUps.at(-1)?.role ?? "manager";
      const above = person(`usr_${role}`, { role, origin: "role_up", routes: ROUTES });
      world.fact({ kind: "role_up_planned", role, persons: [above], reason: null, at: world.now });
    } else {
      world.until(world.todo.wakeAt ?? world.now);
    }
  }
  const lines = new Map<string, string[]>();
  for (const order of world.orders) {
    const at = (order.orderedAt - world.state.plan.acceptedAt) / 1_000;
    const moment = `${at} (${order.pass}.${order.step})`;
    lines.set(moment, [...(lines.get(moment) ?? []), `${order.channel} ${order.target}`]);
  }
  return [
    ...[...lines].map(([moment, what]) => `${moment} ${what.join(", ")}`),
    `${(world.now - world.state.plan.acceptedAt) / 1_000} ${world.todo.end?.outcome ?? "open"}`,
  ];
}

test("low tells quietly and ends as sent", () => {
  expect(storyOf("low")).toEqual([
    "0 (1.1) email usr_a, whatsapp_group grp_p, whatsapp_group grp_o",
    "0 sent",
  ]);
});

test("medium tells in person and the groups, and ends with what their accounts can tell", () => {
  expect(storyOf("medium")).toEqual([
    "0 (1.1) whatsapp_personal usr_a, email usr_a, whatsapp_group grp_p, whatsapp_group grp_o",
    "0 sent",
  ]);
});

test("high goes to the other groups after five minutes and to the supervisor ten later", () => {
  const high = [
    "0 (1.1) whatsapp_personal usr_a, push usr_a, email usr_a, whatsapp_group grp_p",
    "300 (1.2) whatsapp_group grp_o",
    "900 (1.3) whatsapp_personal usr_supervisor, push usr_supervisor, email usr_supervisor",
    "1500 exhausted",
  ];
  expect(storyOf("high")).toEqual(high);
  expect(storyOf("notice")).toEqual(high);
});

test("critical runs twice, then once for each role above", () => {
  const pass = (at: number, number: number): readonly string[] => [
    `${at} (${number}.1) whatsapp_personal usr_a, push usr_a, email usr_a, whatsapp_group grp_p`,
    `${at + 60} (${number}.1) whatsapp_personal usr_a`,
    `${at + 120} (${number}.1) whatsapp_personal usr_a`,
    `${at + 180} (${number}.2) whatsapp_group grp_o`,
    `${at + 240} (${number}.3) sms usr_a`,
    `${at + 300} (${number}.4) call usr_a`,
    `${at + 420} (${number}.4) call usr_a`,
    `${at + 540} (${number}.4) call usr_a`,
  ];
  const roleUp = (at: number, number: number, who: string): readonly string[] => [
    `${at} (${number}.1) whatsapp_personal ${who}, push ${who}, email ${who}`,
    `${at + 60} (${number}.1) whatsapp_personal ${who}`,
    `${at + 120} (${number}.1) whatsapp_personal ${who}`,
    `${at + 180} (${number}.3) sms ${who}`,
    `${at + 240} (${number}.4) call ${who}`,
    `${at + 360} (${number}.4) call ${who}`,
    `${at + 480} (${number}.4) call ${who}`,
  ];
  expect(storyOf("critical")).toEqual([
    ...pass(0, 1),
    ...pass(660, 2),
    ...roleUp(1_320, 3, "usr_supervisor"),
    ...roleUp(1_920, 4, "usr_manager"),
    "2520 exhausted",
  ]);
});

test("assignment repeats after ten minutes and goes to the supervisor after twenty", () => {
  expect(storyOf("assignment")).toEqual([
    "0 (1.1) whatsapp_personal usr_a, whatsapp_group grp_p, whatsapp_group grp_o",
    "600 (1.1) whatsapp_personal usr_a",
    "1200 (1.2) whatsapp_personal usr_supervisor",
    "3000 exhausted",
  ]);
});

test("claim asks the group and goes to the supervisor after a quarter of an hour", () => {
  expect(storyOf("claim")).toEqual([
    "0 (1.1) whatsapp_group grp_p, whatsapp_group grp_o",
    "900 (1.2) whatsapp_personal usr_supervisor",
    "2700 exhausted",
  ]);
});

test("otp is over once a phone has the code", () => {
  expect(storyOf("otp")).toEqual(["0 (1.1) whatsapp_personal usr_a", "0 delivered"]);
});

test("otp tries what is left while the code is good, when no phone is known to have it", () => {
  expect(storyOf("otp", "accepted")).toEqual([
    "0 (1.1) whatsapp_personal usr_a",
    "25 (1.2) sms usr_a",
    "85 (1.3) email usr_a",
    "85 sent",
  ]);
});
