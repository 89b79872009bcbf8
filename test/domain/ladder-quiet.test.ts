import { describe, expect, test } from "vitest";

import type { QuietHoursTreatment } from "../../domain/escalation-policy.ts";
import { LadderWorld } from "../support/ladder-world.ts";
import {
  account,
  group,
  HOUR,
  mediumRules,
  MINUTE,
  person,
  plan,
  routes,
  rules,
  SECOND,
  silentPerson,
  step,
  T0,
} from "../support/run-plan.ts";

const MORNING = T0 + 8 * HOUR;

function sleeper(key: string, quietTreatment: QuietHoursTreatment = "hold", over = {}) {
  return person(key, { asleepUntil: MORNING, quietTreatment, ...over });
}

const NEXT_AWAKE = rules({
  quietHours: "next_awake",
  steps: [
    step({ channels: ["whatsapp_personal", "in_app"], groups: "primary", windowSeconds: 300 }),
    step({ channels: [], groups: "other", windowSeconds: 600 }),
    step({ channels: ["sms"], windowSeconds: 600 }),
  ],
});

function high(over: Parameters<typeof plan>[0] = {}): LadderWorld {
  return new LadderWorld(plan({ priority: "high", rules: NEXT_AWAKE, ...over }));
}

function medium(over: Parameters<typeof plan>[0] = {}): LadderWorld {
  return new LadderWorld(plan({ priority: "medium", rules: mediumRules(), ...over }));
}

describe("when everybody sleeps, hold", () => {
  test("waits for the earliest waking, writes what is silent at once, and says so", () => {
    const run = medium({
      persons: [sleeper("usr_a"), sleeper("usr_b", "hold", { asleepUntil: MORNING - HOUR })],
    });
    expect(run.orders).toEqual([]);
    expect(run.inApp.map(({ target }) => target)).toEqual(["usr_a", "usr_b"]);
    expect(run.todo).toMatchObject({
      status: "holding",
      wakeAt: MORNING - HOUR,
      nextStepAt: MORNING - HOUR,
      waitingFor: { kind: "quiet_hours", until: MORNING - HOUR, asleep: 2 },
    });
    expect(run.eventsOf("held")).toMatchObject([
      { step: 1, reason: "quiet_hours", detail: { until: MORNING - HOUR, asleep: 2 } },
    ]);
  });

  const boundary: readonly [why: string, at: number, isTold: boolean][] = [
    ["just before the end nothing leaves", MORNING - 1, false],
    ["at the end it leaves", MORNING, true],
    ["just after the end it has left", MORNING + 1, true],
  ];
  test.each(boundary)("%s", (_why, at, isTold) => {
    const run = medium({ persons: [sleeper("usr_a")] });
    run.until(at);
    expect(run.names()).toEqual(isTold ? ["wa usr_a", "email usr_a"] : []);
    expect(run.eventsOf("resumed")).toHaveLength(isTold ? 1 : 0);
    // Once, with the hold.
    expect(run.inApp).toHaveLength(1);
  });

  test("those who still sleep then join at their own waking", () => {
    const run = medium({
      persons: [sleeper("usr_a"), sleeper("usr_b", "hold", { asleepUntil: MORNING + HOUR })],
    });
    run.until(MORNING);
    run.acceptAll("delivered");
    expect(run.names()).toEqual(["wa usr_a", "email usr_a"]);
    expect(run.todo.end).toBeNull();
    expect(run.todo.waitingFor).toEqual({ kind: "sleepers", until: MORNING + HOUR, asleep: 1 });
    run.until(MORNING + HOUR);
    expect(run.order("wa usr_b")).toMatchObject({ step: 1, pass: 1, reason: "late_target" });
    run.acceptAll("delivered");
    expect(run.todo.end).toMatchObject({ outcome: "delivered" });
  });

  test("in-app rows that the plan wrote are not written again", () => {
    const run = medium({ persons: [sleeper("usr_a")], inAppWritten: ["usr_a"] });
    expect(run.inApp).toEqual([]);
    run.until(MORNING);
    expect(run.inApp).toEqual([]);
    expect(run.names()).toEqual(["wa usr_a", "email usr_a"]);
  });

  test("groups sleep like persons, and an awake one is told now", () => {
    const asleep = medium({ persons: [], groups: [group("grp_a", { asleepUntil: MORNING })] });
    expect(asleep.todo).toMatchObject({ status: "holding", wakeAt: MORNING });
    asleep.until(MORNING);
    expect(asleep.names()).toEqual(["group grp_a"]);

    const mixed = medium({ persons: [sleeper("usr_a")], groups: [group("grp_a")] });
    expect(mixed.names()).toEqual(["group grp_a"]);
    mixed.acceptAll("sent");
    mixed.until(MORNING);
    expect(mixed.names()).toEqual(["group grp_a", "wa usr_a", "email usr_a"]);
  });
});

describe("when only some of a step sleep", () => {
  test("the awake are told now and the sleepers join on their own clock", () => {
    const run = high({ persons: [person("usr_a"), sleeper("usr_b", "next_awake")] });
    expect(run.names()).toEqual(["wa usr_a"]);
    expect(run.eventsOf("held")).toMatchObject([{ target: "usr_b", detail: { until: MORNING } }]);
    run.accept("wa usr_a");
    run.until(MORNING);
    expect(run.order("wa usr_b")).toMatchObject({ reason: "late_target", step: 1 });
  });

  test("a sleeping group is told once, at its waking", () => {
    const run = high({ groups: [group("grp_a", { asleepUntil: MORNING }), group("grp_b")] });
    expect(run.names()).toEqual(["wa usr_a", "group grp_b"]);
    run.acceptAll("delivered");
    run.until(MORNING - 1);
    expect(run.names()).not.toContain("group grp_a");
    run.until(MORNING);
    expect(run.order("group grp_a")).toMatchObject({ step: 1, reason: "late_target" });
    run.accept("group grp_a");
    run.after(12 * HOUR);
    expect(run.ordersOf("group grp_a")).toHaveLength(1);
  });
});

describe("when everybody sleeps, next_awake", () => {
  test("goes on to the next step that has an awake target", () => {
    const run = high({
      persons: [sleeper("usr_a", "next_awake")],
      groups: [group("grp_a", { primary: false })],
    });
    expect(run.names()).toEqual(["group grp_a"]);
    expect(run.order("group grp_a").step).toBe(2);
    expect(run.eventsOf("step_ended")).toMatchObject([
      { step: 1, reason: "nobody_reachable", detail: { asleep: 1 } },
    ]);
    expect(run.inApp).toHaveLength(1);
  });

  test("holds like hold when no later step has anybody awake", () => {
    const run = high({ persons: [sleeper("usr_a", "next_awake")] });
    expect(run.todo).toMatchObject({ status: "holding", wakeAt: MORNING });
    run.until(MORNING);
    expect(run.order("wa usr_a")).toMatchObject({ reason: "step", step: 1 });
  });

  test("goes on when a role above may be awake", () => {
    const run = high({
      persons: [sleeper("usr_a", "next_awake")],
      rules: { ...NEXT_AWAKE, steps: [step(), step({ roleUp: true })] },
    });
    expect(run.roleUps).toEqual([{ role: "supervisor", pass: 1, step: 2 }]);
  });

  test("one sleeper whom the policy sends past is enough", () => {
    const run = high({
      persons: [sleeper("usr_a", "hold"), sleeper("usr_b", "next_awake")],
      groups: [group("grp_a", { primary: false })],
    });
    expect(run.names()).toEqual(["group grp_a"]);
  });

  test("somebody whom silence suffices is awake", () => {
    const run = high({
      persons: [sleeper("usr_a", "next_awake"), silentPerson("usr_b", { asleepUntil: MORNING })],
    });
    expect(run.inApp.map(({ target }) => target)).toEqual(["usr_a", "usr_b"]);
    expect(run.todo.waitingFor).toMatchObject({ kind: "answer", step: 1 });
  });
});

describe("a late target", () => {
  const LATE = rules({
    quietHours: "next_awake",
    steps: [
      step({
        channels: ["whatsapp_personal"],
        groups: "primary",
        windowSeconds: 300,
        undeliveredAfterSeconds: 120,
      }),
      step({ channels: [], groups: "other", windowSeconds: 600 }),
      step({ channels: ["whatsapp_personal"], roleUp: true }),
      step({ channels: ["sms"], windowSeconds: 200 }),
      step({ channels: ["call"], attempts: 2, spacingSeconds: 60, windowSeconds: 100 }),
    ],
  });

  function late(): LadderWorld {
    const run = high({
      persons: [person("usr_a"), sleeper("usr_b", "next_awake")],
      groups: [group("grp_b", { primary: false })],
      rules: LATE,
    });
    while (run.todo.waitingFor.kind !== "sleepers") {
      run.acceptAll("delivered");
      if (run.todo.waitingFor.kind === "role_up") {
        run.fact({
          kind: "role_up_planned",
          role: run.roleUps.at(-1)?.role ?? "manager",
          persons: [],
          reason: "role_empty",
          at: run.now,
        });
      } else run.until(run.todo.wakeAt ?? run.now);
    }
    return run;
  }

  test("climbs its personal channels in step order, each with its step's window and attempts, once", () => {
    const run = late();
    const before = run.orders.length;
    run.until(MORNING);
    while (run.todo.end === null) {
      run.acceptAll("delivered");
      run.until(run.todo.wakeAt ?? run.now);
    }
    expect(run.story().slice(before)).toEqual([
      `${8 * 3_600} wa usr_b 1`,
      `${8 * 3_600 + 300} sms usr_b 1`,
      `${8 * 3_600 + 500} call usr_b 1`,
      `${8 * 3_600 + 560} call usr_b 2`,
    ]);
    expect(run.now).toBe(MORNING + 600 * SECOND);
    expect(run.todo.end).toMatchObject({ outcome: "exhausted" });
  });

  test("has its next channel pulled forward on its own clock", () => {
    const run = late();
    run.until(MORNING);
    run.accept("wa usr_b");
    run.receipt("wa usr_b", "sent");
    run.after(120 * SECOND);
    expect(run.order("sms usr_b")).toMatchObject({
      reason: "pulled_forward",
      because: "undelivered",
    });
  });

  test("keeps the run from being exhausted, and one notice goes out when only sleepers are left", () => {
    const run = late();
    expect(run.todo.end).toBeNull();
    expect(run.notices).toBe(1);
    run.after(HOUR);
    run.ask();
    expect(run.notices).toBe(1);
  });

  const noticeless: readonly [why: string, priority: "medium" | "high", raisesNotice: boolean][] = [
    ["medium raises none", "medium", true],
    ["a notice raises no further notice", "high", false],
  ];
  test.each(noticeless)("%s", (_why, priority, raisesNotice) => {
    const run = high({
      priority,
      persons: [person("usr_a"), sleeper("usr_b", "next_awake")],
      rules: { ...NEXT_AWAKE, raisesNotice },
    });
    run.acceptAll("delivered");
    run.after(HOUR);
    expect(run.todo.waitingFor.kind).toBe("sleepers");
    expect(run.notices).toBe(0);
  });

  test("takes no part in a later pass of the run", () => {
    const run = high({
      persons: [person("usr_a"), sleeper("usr_b", "next_awake")],
      rules: rules({ passes: 2, steps: [step({ windowSeconds: 300 })] }),
    });
    run.until(MORNING + HOUR);
    run.acceptAll("delivered");
    run.after(HOUR);
    expect(run.ordersOf("wa usr_b")).toHaveLength(1);
    expect(
      run
        .ordersOf("wa usr_a")
        .filter(({ handOver }) => handOver === 0)
        .map(({ pass }) => pass),
    ).toEqual([1, 2]);
  });

  test("that has answered, refused or met the condition by its waking is not told", () => {
    const answered = high({
      persons: [person("usr_a"), sleeper("usr_b", "next_awake")],
      rules: { ...NEXT_AWAKE, acknowledgment: "all" },
    });
    answered.fact({ kind: "answered", target: "usr_b", actId: "act_1", at: T0 });
    answered.until(MORNING + HOUR);
    expect(answered.names()).not.toContain("wa usr_b");

    const refused = high({ persons: [person("usr_a"), sleeper("usr_b", "next_awake")] });
    refused.fact({ kind: "refuse", target: "usr_b", actId: "act_1", at: T0 });
    refused.until(MORNING + HOUR);
    expect(refused.names()).not.toContain("wa usr_b");
  });

  test("closed or expired by its waking sends nothing", () => {
    const cancelled = medium({ persons: [sleeper("usr_a")] });
    cancelled.stop("resolve");
    cancelled.until(MORNING + HOUR);
    expect(cancelled.orders).toEqual([]);

    const expired = medium({ persons: [sleeper("usr_a")], notAfter: MORNING - 1 });
    expired.until(MORNING + HOUR);
    expect(expired.orders).toEqual([]);
    expect(expired.todo.end).toMatchObject({ outcome: "expired", reason: "not_after" });
  });
});

describe("quiet hours that begin while the ladder climbs", () => {
  const NIGHT = { from: T0 + 5 * MINUTE, until: MORNING };
  const dozing = (key: string, over = {}) =>
    person(key, { quietWindows: [NIGHT], quietTreatment: "hold", ...over });

  test("no attempt reaches the person inside them", () => {
    const run = medium({
      persons: [dozing("usr_a")],
      rules: rules({
        quietHours: "hold",
        steps: [step({ attempts: 3, spacingSeconds: 240, windowSeconds: 1_200 })],
      }),
    });
    run.acceptAll("delivered");
    run.after(240 * SECOND);
    run.acceptAll("delivered");
    expect(run.ordersOf("wa usr_a")).toHaveLength(2);
    run.until(MORNING + HOUR);
    expect(run.ordersOf("wa usr_a")).toHaveLength(2);
  });

  const boundary: readonly [why: string, spacingSeconds: number, isTold: boolean][] = [
    ["an attempt one second before they begin leaves", 299, true],
    ["at their beginning it does not", 300, false],
    ["nor after it", 301, false],
  ];
  test.each(boundary)("%s", (_why, spacingSeconds, isTold) => {
    const run = medium({
      persons: [dozing("usr_a")],
      rules: rules({
        quietHours: "hold",
        steps: [step({ attempts: 2, spacingSeconds, windowSeconds: 600 })],
      }),
    });
    run.acceptAll("delivered");
    run.after(500 * SECOND);
    expect(run.ordersOf("wa usr_a")).toHaveLength(isTold ? 2 : 1);
  });

  test("neither failover nor pull forward reaches the person; the channel is pulled forward at their end", () => {
    const run = high({
      persons: [dozing("usr_a"), person("usr_b")],
      rules: rules({ steps: [step({ windowSeconds: 900 }), step({ channels: ["sms"] })] }),
    });
    run.accept("wa usr_b", "wa usr_a");
    run.receipt("wa usr_b", "delivered");
    run.receipt("wa usr_a", "sent");
    run.after(6 * MINUTE);
    run.receipt("wa usr_a", "failed", { final: true, reason: "blocked" });
    run.until(MORNING - 1);
    expect(run.ordersOf("sms usr_a")).toEqual([]);
    run.until(MORNING);
    expect(run.ordersOf("sms usr_a")).toHaveLength(1);
  });

  test("a later step leaves the person to sleep, who goes on in the morning where the night began", () => {
    const run = high({
      persons: [dozing("usr_a", { quietTreatment: "next_awake" }), person("usr_b")],
      rules: rules({ steps: [step({ windowSeconds: 600 }), step({ channels: ["sms"] })] }),
    });
    run.acceptAll("delivered");
    run.after(11 * MINUTE);
    expect(run.names()).toEqual(["wa usr_a", "wa usr_b", "sms usr_b"]);
    run.until(MORNING);
    // What was told in this pass is not repeated.
    expect(run.names().slice(3)).toEqual(["sms usr_a"]);
  });

  test("windows that touch are slept through as one", () => {
    const run = medium({
      persons: [
        sleeper("usr_a", "hold", { quietWindows: [{ from: MORNING, until: MORNING + HOUR }] }),
      ],
    });
    expect(run.todo.wakeAt).toBe(MORNING + HOUR);
  });
});

describe("before notBefore", () => {
  const rows: readonly [why: string, at: number, isTold: boolean][] = [
    ["just before it nothing leaves", T0 + HOUR - 1, false],
    ["at it the run begins", T0 + HOUR, true],
    ["after it it has begun", T0 + HOUR + 1, true],
  ];
  test.each(rows)("%s", (_why, at, isTold) => {
    const run = medium({ notBefore: T0 + HOUR });
    expect(run.todo).toMatchObject({
      status: "holding",
      waitingFor: { kind: "not_before", until: T0 + HOUR },
      wakeAt: T0 + HOUR,
    });
    run.until(at);
    expect(run.names().length > 0).toBe(isTold);
  });
});

describe("expiry", () => {
  const rows: readonly [
    why: string,
    over: Parameters<typeof plan>[0],
    at: number,
    reason: string,
  ][] = [
    ["notAfter", { notAfter: T0 + 100 * SECOND }, T0 + 100 * SECOND, "not_after"],
    ["the lifetime", { rules: rules({ lifetimeSeconds: 100 }) }, T0 + 100 * SECOND, "lifetime"],
    [
      "the lifetime counts from acceptance",
      { acceptedAt: T0 - 40 * SECOND, rules: rules({ lifetimeSeconds: 100 }) },
      T0 + 60 * SECOND,
      "lifetime",
    ],
    [
      "whichever comes first",
      { notAfter: T0 + 50 * SECOND, rules: rules({ lifetimeSeconds: 100 }) },
      T0 + 50 * SECOND,
      "not_after",
    ],
  ];
  test.each(rows)("by %s", (_why, over, at, reason) => {
    const run = new LadderWorld(plan(over));
    run.until(at - 1);
    expect(run.todo.end).toBeNull();
    run.until(at);
    expect(run.todo.end).toMatchObject({ outcome: "expired", reason });
    expect(run.withdrawn).toMatchObject([{ target: "usr_a", channel: "whatsapp_personal" }]);
  });

  test("by lifetime ends with the first answer", () => {
    const run = new LadderWorld(
      plan({
        persons: [person("usr_a"), person("usr_b")],
        rules: rules({ lifetimeSeconds: 100, acknowledgment: "all" }),
      }),
    );
    run.acceptAll("delivered");
    run.fact({ kind: "answered", target: "usr_a", actId: "act_1", at: run.now });
    run.after(200 * SECOND);
    expect(run.todo.end).toBeNull();
  });

  test("loses a tie against what settles the run", () => {
    const run = medium({
      notAfter: T0 + 10 * SECOND,
      persons: [person("usr_a", { routes: routes([], { whatsapp_personal: [account("wa1")] }) })],
    });
    run.accept("wa usr_a");
    run.now = T0 + 10 * SECOND;
    run.receipt("wa usr_a", "delivered");
    expect(run.todo.end).toMatchObject({ outcome: "delivered" });
  });
});
