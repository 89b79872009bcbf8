import { describe, expect, test } from "vitest";

import type { Role } from "../../domain/role.ts";
import type { RunPerson } from "../../domain/run.ts";
import { keyOf, LadderWorld } from "../support/ladder-world.ts";
import {
  account,
  criticalRules,
  group,
  HOUR,
  person,
  plan,
  rules,
  silentPerson,
  step,
} from "../support/run-plan.ts";

const TWO_GROUP_STEPS = rules({
  steps: [
    step({ groups: "primary", windowSeconds: 300 }),
    step({ channels: [], groups: "other", windowSeconds: 300 }),
  ],
});

function world(over: Parameters<typeof plan>[0] = {}): LadderWorld {
  return new LadderWorld(plan(over));
}

function planned(role: Role, persons: readonly RunPerson[], reason: string | null = null) {
  return (run: LadderWorld) =>
    run.fact({ kind: "role_up_planned", role, persons, reason, at: run.now });
}

function supervisor(key: string, over: Partial<RunPerson> = {}): RunPerson {
  return person(key, { role: "supervisor", origin: "role_up", ...over });
}

function manager(key: string, over: Partial<RunPerson> = {}): RunPerson {
  return person(key, { role: "manager", origin: "role_up", ...over });
}

/** Lets the run go on without an answer until it needs the planner or ends. */
function climb(run: LadderWorld): void {
  for (let asked = 0; asked < 500; asked += 1) {
    run.acceptAll("delivered");
    if (run.todo.end !== null || run.todo.waitingFor.kind === "role_up") return;
    if (run.todo.wakeAt === null) return;
    run.until(run.todo.wakeAt);
  }
}

describe("groups", () => {
  test("primary ones are told in the first step, all others in their own", () => {
    const run = world({
      groups: [group("grp_p"), group("grp_o", { primary: false })],
      rules: TWO_GROUP_STEPS,
    });
    climb(run);
    expect(run.orders.filter(({ channel }) => channel === "whatsapp_group")).toMatchObject([
      { target: "grp_p", step: 1 },
      { target: "grp_o", step: 2 },
    ]);
  });

  test("in a policy without a later step for others every matching group is primary", () => {
    const run = world({
      groups: [group("grp_p"), group("grp_o", { primary: false })],
      rules: rules({
        steps: [
          step({ groups: "primary" }),
          step({ channels: [], groups: "other", enabled: false }),
        ],
      }),
    });
    expect(run.names()).toEqual(["wa usr_a", "group grp_p", "group grp_o"]);
  });

  test("once per pass, and again in the next", () => {
    const run = world({
      groups: [group("grp_p")],
      rules: { ...TWO_GROUP_STEPS, passes: 2 },
    });
    climb(run);
    expect(run.ordersOf("group grp_p").map(({ pass, step: at }) => [pass, at])).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  test("one that could not be told in its own step is told with the others", () => {
    const run = world({ groups: [group("grp_p")], rules: TWO_GROUP_STEPS });
    run.accept("wa usr_a");
    run.refuse("group grp_p", "unavailable", "account");
    climb(run);
    expect(run.ordersOf("group grp_p").map(({ step: at }) => at)).toEqual([1, 2]);
  });

  test("one that no account can reach is recorded and waited for by nobody", () => {
    const run = world({
      persons: [],
      groups: [group("grp_p", { route: [] })],
      rules: TWO_GROUP_STEPS,
    });
    expect(run.eventsOf("delivery_skipped")[0]).toMatchObject({
      target: "grp_p",
      channel: "whatsapp_group",
      reason: "no_provider",
    });
    expect(run.todo.end).toMatchObject({
      outcome: "undeliverable",
      reason: "nobody_reachable",
      unreached: ["grp_p"],
    });
  });

  test("evidence never ends a step that awaits an answer", () => {
    const run = world({ persons: [], groups: [group("grp_p")], rules: TWO_GROUP_STEPS });
    run.accept("group grp_p");
    run.receipt("group grp_p", "read");
    expect(run.eventsOf("step_ended")).toEqual([]);
    expect(run.todo.end).toBeNull();
  });
});

describe("passes", () => {
  test.each([1, 2, 3, 10])("%i means so many", (passes) => {
    const run = world({ rules: rules({ passes }) });
    climb(run);
    expect(run.ordersOf("wa usr_a").map(({ pass }) => pass)).toEqual(
      Array.from({ length: passes }, (_one, index) => index + 1),
    );
    expect(run.eventsOf("repeated").map(({ pass }) => pass)).toEqual(
      Array.from({ length: passes - 1 }, (_one, index) => index + 2),
    );
    expect(run.todo.end).toMatchObject({ outcome: "exhausted" });
  });

  test("give every channel its attempts anew, numbered within the pass", () => {
    const run = world({
      rules: rules({
        passes: 2,
        steps: [step({ attempts: 2, spacingSeconds: 60, windowSeconds: 200 })],
      }),
    });
    climb(run);
    expect(run.orders.map(({ pass, attempt }) => [pass, attempt])).toEqual([
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
    ]);
  });
});

describe("role-up passes", () => {
  const UP = rules({
    roleUp: true,
    steps: [
      step({ groups: "primary", windowSeconds: 300 }),
      step({ channels: [], groups: "other", windowSeconds: 300 }),
      step({ channels: ["sms"], windowSeconds: 300 }),
    ],
  });

  test("tell each next role once, it alone, by the steps that have channels", () => {
    const run = world({ groups: [group("grp_p"), group("grp_o", { primary: false })], rules: UP });
    climb(run);
    expect(run.roleUps).toEqual([{ role: "supervisor", pass: 2, step: null }]);
    expect(run.todo).toMatchObject({ waitingFor: { kind: "role_up" }, end: null });
    planned("supervisor", [supervisor("usr_s")])(run);
    climb(run);
    planned("manager", [manager("usr_m")])(run);
    climb(run);
    expect(run.roleUps.map(({ role }) => role)).toEqual(["supervisor", "manager"]);
    expect(run.orders.filter(({ pass }) => pass > 1).map(keyOf)).toMatchObject([
      { pass: 2, step: 1, target: "usr_s" },
      { pass: 2, step: 3, target: "usr_s" },
      { pass: 3, step: 1, target: "usr_m" },
      { pass: 3, step: 3, target: "usr_m" },
    ]);
    expect(run.eventsOf("role_up")).toMatchObject([
      { pass: 2, detail: { role: "supervisor", persons: 1 } },
      { pass: 3, detail: { role: "manager", persons: 1 } },
    ]);
    expect(run.todo.end).toMatchObject({ outcome: "exhausted" });
  });

  test("come after the last pass", () => {
    const run = world({ rules: { ...UP, passes: 2 } });
    climb(run);
    expect(run.roleUps).toEqual([{ role: "supervisor", pass: 3, step: null }]);
  });

  const first: readonly [why: string, persons: readonly RunPerson[], asks: Role | null][] = [
    ["above a technician stands the supervisor", [person("usr_a")], "supervisor"],
    ["above noc as well", [person("usr_a", { role: "noc" })], "supervisor"],
    ["above a supervisor the manager", [person("usr_a", { role: "supervisor" })], "manager"],
    ["above a manager nobody", [person("usr_a", { role: "manager" })], null],
    [
      "of several the highest counts",
      [person("usr_a"), person("usr_b", { role: "supervisor" })],
      "manager",
    ],
    ["nobody told in person: the supervisor", [], "supervisor"],
    [
      "told in passing only is not told in person",
      [person("usr_a", { role: "manager", only: ["in_app"] })],
      "supervisor",
    ],
    ["told by in-app alone neither", [silentPerson("usr_a", { role: "supervisor" })], "supervisor"],
    ["an admin has no rank", [person("usr_a", { role: "admin" })], "supervisor"],
  ];
  test.each(first)("%s", (_why, persons, asks) => {
    const run = world({
      persons,
      groups: [group("grp_p")],
      rules: {
        ...UP,
        steps: [step({ channels: ["whatsapp_personal", "in_app"], groups: "primary" })],
      },
    });
    climb(run);
    expect(run.roleUps[0]?.role ?? null).toBe(asks);
    if (asks === null) expect(run.todo.end).toMatchObject({ outcome: "exhausted" });
  });

  test("somebody whose every message failed was not told, and the supervisor is next", () => {
    const run = world({
      persons: [
        person("usr_a", { role: "supervisor", routes: { whatsapp_personal: [account("wa1")] } }),
      ],
      rules: UP,
    });
    run.refuse("wa usr_a", "rejected", "recipient");
    expect(run.roleUps).toEqual([{ role: "supervisor", pass: 2, step: null }]);
  });

  test("an empty role passes to the next with the reason", () => {
    const run = world({ rules: UP });
    climb(run);
    planned("supervisor", [], "role_empty")(run);
    expect(run.eventsOf("role_up")).toMatchObject([
      { reason: "role_empty", detail: { role: "supervisor", persons: 0 } },
    ]);
    expect(run.roleUps.map(({ role, pass }) => [role, pass])).toEqual([
      ["supervisor", 2],
      ["manager", 2],
    ]);
    planned("manager", [], "role_empty")(run);
    expect(run.todo.end).toMatchObject({ outcome: "exhausted" });
  });

  test("those told already are not told again", () => {
    const run = world({ persons: [person("usr_a"), person("usr_s", { role: "noc" })], rules: UP });
    climb(run);
    planned("supervisor", [supervisor("usr_s"), supervisor("usr_t")])(run);
    expect(run.orders.filter(({ pass }) => pass === 2)).toMatchObject([{ target: "usr_t" }]);
  });

  test("whoever was told in passing only is told in person now", () => {
    const run = world({
      persons: [person("usr_a"), person("usr_s", { role: "supervisor", only: ["in_app"] })],
      rules: {
        ...UP,
        steps: [step({ channels: ["whatsapp_personal", "in_app"] })],
      },
    });
    climb(run);
    planned("supervisor", [supervisor("usr_s")])(run);
    expect(run.orders.filter(({ pass }) => pass === 2)).toMatchObject([
      { target: "usr_s", channel: "whatsapp_personal" },
    ]);
  });

  test("an answer that comes twice, or for a role that nobody asked for, is ignored", () => {
    const run = world({ rules: UP });
    planned("supervisor", [supervisor("usr_x")])(run);
    expect(run.names()).not.toContain("wa usr_x");
    climb(run);
    planned("manager", [manager("usr_x")])(run);
    planned("supervisor", [supervisor("usr_s")])(run);
    planned("supervisor", [supervisor("usr_y")])(run);
    climb(run);
    expect(run.names()).not.toContain("wa usr_x");
    expect(run.names()).not.toContain("wa usr_y");
  });

  test("the question is asked once", () => {
    const run = world({ rules: UP });
    climb(run);
    expect(run.ask().roleUp).toBeNull();
    expect(run.todo.wakeAt).not.toBeNull();
    expect(run.todo.status).toBe("waiting");
  });

  test("a role that can't be reached at all leads to the next", () => {
    const run = world({ rules: UP });
    climb(run);
    planned("supervisor", [supervisor("usr_s", { routes: {}, inApp: false })])(run);
    expect(run.roleUps.map(({ role }) => role)).toEqual(["supervisor", "manager"]);
  });
});

describe("a role-up step", () => {
  const STEP_UP = rules({
    passes: 2,
    steps: [
      step({ windowSeconds: 300 }),
      step({ channels: ["whatsapp_personal", "sms"], roleUp: true, windowSeconds: 300 }),
      step({ channels: ["call"], windowSeconds: 300 }),
    ],
  });

  test("waits for the planner, tells the role on its channels, and nobody else", () => {
    const run = world({ rules: STEP_UP });
    climb(run);
    expect(run.roleUps).toEqual([{ role: "supervisor", pass: 1, step: 2 }]);
    run.after(HOUR);
    expect(run.names()).toEqual(["wa usr_a"]);
    planned("supervisor", [supervisor("usr_s")])(run);
    expect(run.names()).toEqual(["wa usr_a", "wa usr_s", "sms usr_s"]);
    expect(run.order("wa usr_s")).toMatchObject({ step: 2, pass: 1, reason: "step" });
  });

  test("its persons take no part in other steps, nor in other passes; the next pass asks for the next role", () => {
    const run = world({ rules: STEP_UP });
    climb(run);
    planned("supervisor", [supervisor("usr_s")])(run);
    climb(run);
    expect(run.roleUps.map(({ role, pass, step: at }) => [role, pass, at])).toEqual([
      ["supervisor", 1, 2],
      ["manager", 2, 2],
    ]);
    planned("manager", [], "role_empty")(run);
    climb(run);
    expect(run.orders.filter(({ target }) => target === "usr_s")).toHaveLength(2);
    expect(run.ordersOf("call usr_a").map(({ pass }) => pass)).toEqual([1, 2]);
  });

  test("has nothing of a later step pulled forward for its persons", () => {
    const run = world({
      rules: rules({
        steps: [step(), step({ roleUp: true }), step({ channels: ["sms"] })],
      }),
    });
    climb(run);
    planned("supervisor", [supervisor("usr_s")])(run);
    run.refuse("wa usr_s", "rejected", "recipient");
    expect(run.names()).not.toContain("sms usr_s");
    expect(run.names()).toContain("sms usr_a");
  });

  test("passes at once when nobody stands above", () => {
    const run = world({ persons: [person("usr_a", { role: "manager" })], rules: STEP_UP });
    climb(run);
    expect(run.roleUps).toEqual([]);
    expect(run.eventsOf("step_ended").filter(({ step: at }) => at === 2)).toMatchObject([
      { reason: "nobody_reachable", detail: { because: "no_role_above" } },
      { reason: "nobody_reachable", detail: { because: "no_role_above" } },
    ]);
  });

  test("that goes on from one empty role to the next and finds nobody passes", () => {
    const run = world({ rules: { ...STEP_UP, passes: 1 } });
    climb(run);
    planned("supervisor", [], "role_empty")(run);
    planned("manager", [], "role_empty")(run);
    expect(run.names()).toEqual(["wa usr_a", "call usr_a"]);
  });
});

describe("outcomes without an act", () => {
  type Case = readonly [
    why: string,
    over: Parameters<typeof plan>[0],
    happens: (run: LadderWorld) => void,
    end: {
      outcome: string;
      reason: string | null;
      unreached?: readonly string[];
      unanswered?: readonly string[];
    },
  ];
  const PAIR = [person("usr_a"), person("usr_b")];
  const DELIVERED = rules({
    settledBy: "delivered",
    steps: [step({ channels: ["whatsapp_personal", "in_app"] })],
  });
  const cases: readonly Case[] = [
    [
      "awaiting an answer: exhausted when a vendor accepted anything",
      {},
      (run) => run.acceptAll("sent"),
      { outcome: "exhausted", reason: "nobody_answered", unanswered: ["usr_a"], unreached: [] },
    ],
    [
      "awaiting an answer: an e-mail accepted is something",
      { rules: rules({ steps: [step({ channels: ["whatsapp_personal", "email"] })] }) },
      (run) => {
        run.accept("email usr_a");
        run.refuse("wa usr_a", "rejected", "recipient");
      },
      { outcome: "exhausted", reason: "nobody_answered" },
    ],
    [
      "awaiting an answer: undeliverable when nothing was accepted",
      {},
      (run) => {
        run.refuse("wa usr_a", "rejected", "recipient");
      },
      { outcome: "undeliverable", reason: "nothing_accepted", unreached: ["usr_a"] },
    ],
    [
      "in-app alone is no acceptance for somebody who has a phone channel",
      { rules: rules({ steps: [step({ channels: ["whatsapp_personal", "in_app"] })] }) },
      (run) => {
        run.refuse("wa usr_a", "rejected", "recipient");
      },
      { outcome: "undeliverable", reason: "nothing_accepted" },
    ],
    [
      "in-app alone is one for somebody whom it suffices",
      {
        persons: [silentPerson("usr_a")],
        rules: rules({ steps: [step({ channels: ["in_app"] })] }),
      },
      () => undefined,
      { outcome: "exhausted", reason: "nobody_answered" },
    ],
    [
      "`all` with some missing is exhausted, partly acknowledged",
      { persons: PAIR, rules: rules({ acknowledgment: "all" }) },
      (run) => {
        run.acceptAll("delivered");
        run.fact({ kind: "answered", target: "usr_a", actId: "act_1", at: run.now });
      },
      { outcome: "exhausted", reason: "partly_acknowledged", unanswered: ["usr_b"] },
    ],
    [
      "delivered when every target was",
      { persons: PAIR, rules: DELIVERED },
      (run) => run.acceptAll("delivered"),
      { outcome: "delivered", reason: null, unreached: [] },
    ],
    [
      "sent when some were accepted, the unreached listed",
      { persons: PAIR, rules: DELIVERED },
      (run) => {
        run.accept("wa usr_a");
        run.receipt("wa usr_a", "delivered");
        run.refuse("wa usr_b", "rejected", "recipient");
      },
      { outcome: "sent", reason: "partly_reached", unreached: ["usr_b"] },
    ],
    [
      "sent when accepted and never delivered",
      { rules: DELIVERED },
      (run) => run.acceptAll("sent"),
      { outcome: "sent", reason: "partly_reached", unreached: ["usr_a"] },
    ],
    [
      "undeliverable when nothing was accepted",
      { rules: DELIVERED },
      (run) => {
        run.refuse("wa usr_a", "rejected", "recipient");
      },
      { outcome: "undeliverable", reason: "nothing_accepted", unreached: ["usr_a"] },
    ],
    [
      "in-app satisfies whom it suffices",
      { persons: [silentPerson("usr_a")], rules: DELIVERED },
      () => undefined,
      { outcome: "delivered", reason: null },
    ],
    [
      "a group's evidence is at most sent where its account can't tell more",
      {
        persons: [],
        groups: [group("grp_p")],
        rules: rules({ settledBy: "delivered", steps: [step({ groups: "primary" })] }),
      },
      (run) => run.acceptAll("delivered"),
      { outcome: "sent", reason: null, unreached: [] },
    ],
    [
      "a group's delivery counts where its account can tell",
      {
        persons: [],
        groups: [group("grp_p", { route: [account("grp1")] })],
        rules: rules({ settledBy: "delivered", steps: [step({ groups: "primary" })] }),
      },
      (run) => run.acceptAll("delivered"),
      { outcome: "delivered", reason: null, unreached: [] },
    ],
    [
      "settled by sent: sent",
      { rules: rules({ settledBy: "sent" }) },
      (run) => {
        run.accept("wa usr_a");
        run.receipt("wa usr_a", "sent");
      },
      { outcome: "sent", reason: null, unreached: [] },
    ],
    [
      "settled by sent: acceptance suffices where the account says no more",
      {
        rules: rules({ settledBy: "sent" }),
        persons: [
          person("usr_a", {
            routes: { whatsapp_personal: [account("wa1", { givesSent: false })] },
          }),
        ],
      },
      (run) => run.accept("wa usr_a"),
      { outcome: "sent", reason: null, unreached: [] },
    ],
    [
      "settled by read: delivered",
      { rules: rules({ settledBy: "read" }) },
      (run) => {
        run.accept("wa usr_a");
        run.receipt("wa usr_a", "read");
      },
      { outcome: "delivered", reason: null },
    ],
    [
      "settled by read: merely delivered is sent",
      { rules: rules({ settledBy: "read" }) },
      (run) => run.acceptAll("delivered"),
      { outcome: "sent", reason: "partly_reached" },
    ],
    [
      "suppressed when nobody is left",
      { persons: [], suppressed: "muted" },
      () => undefined,
      { outcome: "suppressed", reason: "muted" },
    ],
    [
      "undeliverable when nobody can be reached",
      {
        persons: [person("usr_a", { routes: {}, inApp: false })],
        rules: criticalRules({ roleUp: false }),
      },
      () => undefined,
      { outcome: "undeliverable", reason: "nobody_reachable", unreached: ["usr_a"] },
    ],
    [
      "undeliverable when there is nobody at all",
      { persons: [], rules: criticalRules({ roleUp: false }) },
      () => undefined,
      { outcome: "undeliverable", reason: "nobody_reachable", unreached: [] },
    ],
    [
      "a person told in passing only does not spoil it",
      { persons: [person("usr_a"), person("usr_b", { only: ["in_app"] })], rules: DELIVERED },
      (run) => run.acceptAll("delivered"),
      { outcome: "delivered", reason: null },
    ],
  ];

  test.each(cases)("%s", (_why, over, happens, end) => {
    const run = world({ priority: "medium", ...over });
    happens(run);
    run.after(24 * HOUR - 1);
    expect(run.todo.end).toMatchObject(end);
  });

  test("a plan that reaches nobody passes every step with its reason, at once", () => {
    const run = world({ persons: [], rules: criticalRules({ roleUp: false }) });
    expect(
      run.eventsOf("step_ended").map(({ pass, step: at, reason }) => [pass, at, reason]),
    ).toEqual([1, 2].flatMap((pass) => [1, 2, 3, 4].map((at) => [pass, at, "nobody_reachable"])));
  });

  test("evidence ends the run as soon as everybody has met it", () => {
    const run = world({ persons: PAIR, rules: DELIVERED, priority: "medium" });
    run.accept("wa usr_a", "wa usr_b");
    run.receipt("wa usr_a", "delivered");
    expect(run.todo.end).toBeNull();
    run.receipt("wa usr_b", "delivered");
    expect(run.todo.end).toMatchObject({ outcome: "delivered" });
  });

  test("waits for what is in flight before it says how it ended", () => {
    const run = world({
      priority: "medium",
      rules: rules({
        settledBy: "delivered",
        steps: [step({ channels: ["whatsapp_personal", "email"] })],
      }),
    });
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "delivered");
    expect(run.todo).toMatchObject({
      end: null,
      status: "notifying",
      waitingFor: { kind: "deliveries_in_flight" },
    });
    expect(run.withdrawn).toEqual([]);
    run.accept("email usr_a");
    expect(run.todo.end).toMatchObject({ outcome: "delivered" });
  });

  test("later steps tell only those who have not met the condition", () => {
    const run = world({
      persons: PAIR,
      priority: "medium",
      rules: rules({ settledBy: "delivered", steps: [step(), step({ channels: ["sms"] })] }),
    });
    run.accept("wa usr_a", "wa usr_b");
    run.receipt("wa usr_a", "delivered");
    run.receipt("wa usr_b", "sent");
    run.after(400_000);
    expect(run.names()).toEqual(["wa usr_a", "wa usr_b", "sms usr_b"]);
  });
});
