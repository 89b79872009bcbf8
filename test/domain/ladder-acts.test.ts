import { describe, expect, test } from "vitest";

import type { Fact, RunPlan } from "../../domain/run.ts";
import { keyOf, LadderWorld } from "../support/ladder-world.ts";
import {
  account,
  criticalRules,
  group,
  HOUR,
  mediumRules,
  MINUTE,
  person,
  plan,
  routes,
  rules,
  SECOND,
  step,
  T0,
} from "../support/run-plan.ts";

function world(over: Partial<RunPlan> = {}): LadderWorld {
  return new LadderWorld(plan(over));
}

/** Lets the run go on without an answer until it needs the planner or ends. */
function climb(run: LadderWorld): void {
  for (let asked = 0; asked < 500; asked += 1) {
    run.acceptAll("delivered");
    if (run.todo.end !== null || run.todo.wakeAt === null) return;
    if (["role_up", "sleepers"].includes(run.todo.waitingFor.kind)) return;
    run.until(run.todo.wakeAt);
  }
}

const CALLS = rules({
  steps: [step({ channels: ["whatsapp_personal", "call"], windowSeconds: 300 })],
});

describe("a stop", () => {
  const rows: readonly [by: "acknowledge" | "cancel" | "resolve", outcome: string][] = [
    ["acknowledge", "acknowledged"],
    ["cancel", "cancelled"],
    ["resolve", "resolved"],
  ];

  test.each(rows)(
    "by %s ends the run, withdraws what is queued and hangs up what rings",
    (by, outcome) => {
      const run = world({ rules: CALLS });
      run.accept("call usr_a");
      run.stop(by);
      expect(run.todo.end).toMatchObject({ outcome, reason: null });
      expect(run.withdrawn).toMatchObject([{ channel: "whatsapp_personal" }]);
      expect(run.hungUp).toMatchObject([{ channel: "call", attempt: 1 }]);
      expect(run.todo).toMatchObject({ wakeAt: null, nextStepAt: null, status: "settled" });
    },
  );

  test("hangs up a call that is accepted only afterwards, and no other twice", () => {
    const run = world({ rules: CALLS });
    run.stop();
    expect(run.hungUp).toEqual([]);
    run.accept("call usr_a");
    expect(run.hungUp).toHaveLength(1);
    run.ask();
    expect(run.hungUp).toHaveLength(1);
  });

  test("leaves a call alone that has ended", () => {
    const run = world({ rules: CALLS });
    run.accept("call usr_a");
    run.receipt("call usr_a", "delivered", { final: true });
    run.stop();
    expect(run.hungUp).toEqual([]);
  });

  test("beats a timeout of the same instant", () => {
    const run = world({
      rules: rules({ steps: [step({ windowSeconds: 300 }), step({ channels: ["sms"] })] }),
    });
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "delivered");
    run.now = T0 + 300 * SECOND;
    run.stop();
    expect(run.todo.end).toMatchObject({ outcome: "acknowledged" });
    expect(run.names()).toEqual(["wa usr_a"]);
  });

  test("beats the run's own end, because the referee gave its answer first", () => {
    const run = world();
    run.refuse("wa usr_a", "rejected", "recipient");
    expect(run.todo.end).toMatchObject({ outcome: "undeliverable" });
    run.stop("acknowledge");
    expect(run.todo.end).toMatchObject({ outcome: "acknowledged" });
  });

  test("the first of two counts, except that an acknowledged one may be resolved or cancelled where that is tracked", () => {
    const tracked = world({ rules: rules({ tracksResolution: true }) });
    tracked.stop("acknowledge");
    expect(tracked.todo).toMatchObject({ status: "acknowledged" });
    tracked.stop("resolve");
    expect(tracked.todo.end).toMatchObject({ outcome: "resolved" });
    tracked.stop("cancel");
    expect(tracked.todo.end).toMatchObject({ outcome: "resolved" });

    const plain = world();
    plain.stop("acknowledge");
    plain.stop("cancel");
    expect(plain.todo.end).toMatchObject({ outcome: "acknowledged" });
  });

  const moments: readonly [
    moment: string,
    prepare: (run: LadderWorld) => void,
    over: Partial<RunPlan>,
  ][] = [
    [
      "during a hold",
      () => undefined,
      {
        priority: "medium",
        rules: mediumRules(),
        persons: [person("usr_a", { asleepUntil: T0 + HOUR, quietTreatment: "hold" })],
      },
    ],
    ["before notBefore", () => undefined, { notBefore: T0 + HOUR }],
    [
      "during a snooze",
      (run) => run.fact({ kind: "snooze", until: run.now + HOUR, actId: "act_s", at: run.now }),
      {},
    ],
    [
      "between steps",
      (run) => run.after(2 * MINUTE),
      { rules: rules({ steps: [step({ windowSeconds: 60 }), step({ channels: ["sms"] })] }) },
    ],
    [
      "while the planner is asked for the next role",
      (run) => climb(run),
      { rules: rules({ roleUp: true }) },
    ],
    [
      "while only sleepers are left",
      (run) => climb(run),
      {
        persons: [
          person("usr_b"),
          person("usr_a", { asleepUntil: T0 + 9 * HOUR, quietTreatment: "next_awake" }),
        ],
      },
    ],
  ];
  test.each(moments)("%s ends the run at once and for good", (_moment, prepare, over) => {
    const run = world(over);
    prepare(run);
    run.stop();
    const ordered = run.orders.length;
    expect(run.todo.end).toMatchObject({ outcome: "acknowledged" });
    run.after(20 * HOUR);
    run.fact({
      kind: "role_up_planned",
      role: "supervisor",
      persons: [person("usr_s")],
      reason: null,
      at: run.now,
    });
    expect(run.orders).toHaveLength(ordered);
  });

  test("lets what is in flight still be learned", () => {
    const run = world();
    run.stop();
    run.accept("wa usr_a");
    expect(run.state.targets["usr_a"]?.lines[0]?.deliveries[0]?.result).toBe("accepted");
    expect(run.todo.deliveries).toEqual([]);
  });

  test("leaves steering acts without effect", () => {
    const run = world({ rules: CALLS });
    run.stop();
    const acts: readonly Fact[] = [
      { kind: "escalate", actId: "act_1", at: run.now },
      { kind: "snooze", until: run.now + HOUR, actId: "act_2", at: run.now },
      { kind: "resend", key: keyOf(run.order("wa usr_a")), actId: "act_3", at: run.now },
      { kind: "reassigned", from: "usr_a", person: person("usr_b"), actId: "act_4", at: run.now },
      { kind: "policy_changed", by: "move", plan: plan(), actId: "act_5", at: run.now },
    ];
    for (const act of acts) run.fact(act);
    run.after(20 * HOUR);
    expect(run.names()).toEqual(["wa usr_a", "call usr_a"]);
  });
});

describe("an answer of one person, where all are asked", () => {
  const all = {
    persons: [person("usr_a"), person("usr_b")],
    rules: rules({
      acknowledgment: "all",
      steps: [
        step({
          channels: ["whatsapp_personal", "call"],
          attempts: 2,
          spacingSeconds: 60,
          windowSeconds: 300,
        }),
      ],
    }),
  };

  test("stops that person's messages and leaves the others'", () => {
    const run = world(all);
    run.accept("call usr_a", "call usr_b", "wa usr_b");
    run.receipt("wa usr_b", "delivered");
    run.fact({ kind: "answered", target: "usr_a", actId: "act_1", at: run.now });
    expect(run.withdrawn).toMatchObject([{ target: "usr_a", channel: "whatsapp_personal" }]);
    expect(run.hungUp).toMatchObject([{ target: "usr_a", channel: "call" }]);
    run.after(60 * SECOND);
    expect(run.orders.slice(4).map(({ target }) => target)).toEqual(["usr_b", "usr_b"]);
    expect(run.todo.end).toBeNull();
  });

  test("the last one ends the run", () => {
    const run = world(all);
    run.fact({ kind: "answered", target: "usr_a", actId: "act_1", at: run.now });
    run.fact({ kind: "answered", target: "usr_b", actId: "act_2", at: run.now });
    expect(run.todo.end).toMatchObject({ outcome: "acknowledged", unanswered: [] });
  });

  test("of somebody told in passing only is not waited for", () => {
    const run = world({
      ...all,
      persons: [person("usr_a"), person("usr_b", { only: ["in_app"] })],
    });
    run.fact({ kind: "answered", target: "usr_a", actId: "act_1", at: run.now });
    expect(run.todo.end).toMatchObject({ outcome: "acknowledged", unanswered: [] });
  });

  test("of somebody told in passing only is not enough", () => {
    const run = world({
      ...all,
      persons: [person("usr_a"), person("usr_b", { only: ["in_app"] })],
    });
    run.fact({ kind: "answered", target: "usr_b", actId: "act_1", at: run.now });
    expect(run.todo.end).toBeNull();
  });

  test("of all those told in passing is waited for when there is nobody else", () => {
    const inPassing = ["usr_a", "usr_b"].map((key) => person(key, { only: ["whatsapp_personal"] }));
    const run = world({ ...all, persons: inPassing });
    run.fact({ kind: "answered", target: "usr_a", actId: "act_1", at: run.now });
    expect(run.todo.end).toBeNull();
    run.fact({ kind: "answered", target: "usr_b", actId: "act_2", at: run.now });
    expect(run.todo.end).toMatchObject({ outcome: "acknowledged" });
  });

  test("of somebody who refused is not waited for", () => {
    const run = world(all);
    run.fact({ kind: "refuse", target: "usr_b", actId: "act_1", at: run.now });
    run.fact({ kind: "answered", target: "usr_a", actId: "act_2", at: run.now });
    expect(run.todo.end).toMatchObject({ outcome: "acknowledged" });
  });
});

describe("refuse", () => {
  const LADDER = rules({
    steps: [step({ windowSeconds: 300 }), step({ channels: ["sms"], windowSeconds: 300 })],
  });

  test("takes the person out: nothing more, also not later", () => {
    const run = world({ persons: [person("usr_a"), person("usr_b")], rules: LADDER });
    run.accept("wa usr_b");
    run.receipt("wa usr_b", "delivered");
    run.fact({ kind: "refuse", target: "usr_a", actId: "act_1", at: run.now });
    expect(run.withdrawn).toMatchObject([{ target: "usr_a" }]);
    expect(run.eventsOf("refused")).toMatchObject([{ target: "usr_a" }]);
    expect(run.eventsOf("step_ended")).toEqual([]);
    run.after(HOUR);
    expect(run.names()).toEqual(["wa usr_a", "wa usr_b", "sms usr_b"]);
  });

  test("ends the step when nobody else is open", () => {
    const run = world({ rules: LADDER });
    run.accept("wa usr_a");
    run.fact({ kind: "refuse", target: "usr_a", actId: "act_1", at: run.now });
    expect(run.eventsOf("step_ended").map(({ reason }) => reason)).toEqual([
      "nobody_reachable",
      "nobody_reachable",
    ]);
  });

  test("of an assignment goes to the supervisor at once, whatever group is still open", () => {
    const run = world({
      answerKind: "accept",
      priority: "medium",
      groups: [group("grp_a")],
      rules: rules({ steps: [step({ groups: "primary" }), step({ roleUp: true })] }),
    });
    run.acceptAll("delivered");
    run.after(MINUTE);
    run.fact({ kind: "refuse", target: "usr_a", actId: "act_1", at: run.now });
    expect(run.roleUps).toEqual([{ role: "supervisor", pass: 1, step: 2 }]);
  });

  test("of an assignment that sleeps goes to the supervisor at once", () => {
    const run = world({
      answerKind: "accept",
      priority: "medium",
      persons: [person("usr_a", { asleepUntil: T0 + 8 * HOUR, quietTreatment: "hold" })],
      rules: rules({ quietHours: "hold", steps: [step(), step({ roleUp: true })] }),
    });
    expect(run.todo.status).toBe("holding");
    run.fact({ kind: "refuse", target: "usr_a", actId: "act_1", at: run.now });
    expect(run.roleUps).toHaveLength(1);
  });

  test("of an assignment that has gone on to the supervisor does not end the supervisor's step", () => {
    const run = world({
      answerKind: "accept",
      priority: "medium",
      rules: rules({ steps: [step(), step({ roleUp: true }), step({ channels: ["sms"] })] }),
    });
    climb(run);
    run.fact({
      kind: "role_up_planned",
      role: "supervisor",
      persons: [person("usr_s", { role: "supervisor" })],
      reason: null,
      at: run.now,
    });
    run.fact({ kind: "refuse", target: "usr_a", actId: "act_1", at: run.now });
    expect(run.todo).toMatchObject({ step: 2, end: null });
  });
});

describe("escalate", () => {
  const LADDER = rules({
    steps: [step(), step({ channels: ["sms"] }), step({ channels: ["call"] })],
  });

  test("ends the step that stands, once per act", () => {
    const run = world({ rules: LADDER });
    run.accept("wa usr_a");
    run.after(10 * SECOND);
    run.fact({ kind: "escalate", actId: "act_1", at: run.now });
    run.fact({ kind: "escalate", actId: "act_1", at: run.now });
    expect(run.story()).toEqual(["0 wa usr_a 1", "10 sms usr_a 1"]);
    expect(run.eventsOf("step_ended")).toMatchObject([{ step: 1, reason: "escalated" }]);
    run.fact({ kind: "escalate", actId: "act_2", at: run.now });
    expect(run.names()).toEqual(["wa usr_a", "sms usr_a", "call usr_a"]);
  });

  test("ends a hold; whom it left asleep joins at waking", () => {
    const run = world({
      priority: "medium",
      persons: [person("usr_a", { asleepUntil: T0 + 8 * HOUR, quietTreatment: "hold" })],
      groups: [group("grp_a", { primary: false })],
      rules: rules({
        quietHours: "hold",
        steps: [step(), step({ channels: [], groups: "other" })],
      }),
    });
    run.fact({ kind: "escalate", actId: "act_1", at: run.now });
    expect(run.names()).toEqual(["group grp_a"]);
    run.until(T0 + 8 * HOUR);
    expect(run.names()).toEqual(["group grp_a", "wa usr_a"]);
  });

  test("ends a snooze with the step", () => {
    const run = world({ rules: LADDER });
    run.fact({ kind: "snooze", until: T0 + HOUR, actId: "act_1", at: run.now });
    run.fact({ kind: "escalate", actId: "act_2", at: run.now });
    expect(run.names()).toEqual(["wa usr_a", "sms usr_a"]);
  });

  test("before the first step begins begins and ends it", () => {
    const run = world({ rules: LADDER, notBefore: T0 + HOUR });
    run.fact({ kind: "escalate", actId: "act_1", at: run.now });
    run.until(T0 + HOUR);
    expect(run.names()).toEqual(["wa usr_a", "sms usr_a"]);
  });

  test("instead of waiting for the planner goes to the next step", () => {
    const run = world({
      rules: rules({ steps: [step(), step({ roleUp: true }), step({ channels: ["sms"] })] }),
    });
    climb(run);
    run.fact({ kind: "escalate", actId: "act_1", at: run.now });
    expect(run.names()).toEqual(["wa usr_a", "sms usr_a"]);
  });

  test("after the last step changes nothing", () => {
    const run = world({
      persons: [
        person("usr_a"),
        person("usr_b", { asleepUntil: T0 + 9 * HOUR, quietTreatment: "next_awake" }),
      ],
    });
    climb(run);
    const events = run.events.length;
    run.fact({ kind: "escalate", actId: "act_1", at: run.now });
    expect(run.events.slice(events).map(({ kind }) => kind)).toEqual(["escalated"]);
  });
});

describe("snooze", () => {
  const LADDER = rules({
    steps: [
      step({
        channels: ["whatsapp_personal", "in_app", "email"],
        groups: "primary",
        attempts: 2,
        spacingSeconds: 60,
        windowSeconds: 300,
      }),
      step({ channels: ["sms"] }),
    ],
  });

  function snoozed(): LadderWorld {
    const run = world({ rules: LADDER, groups: [group("grp_a")] });
    run.acceptAll("delivered");
    run.after(60 * SECOND);
    run.acceptAll("delivered");
    run.after(10 * SECOND);
    run.fact({ kind: "snooze", until: run.now + 15 * MINUTE, actId: "act_1", at: run.now });
    return run;
  }

  test("pauses the ladder", () => {
    const run = snoozed();
    expect(run.todo).toMatchObject({
      status: "waiting",
      waitingFor: { kind: "snooze", until: T0 + 970 * SECOND },
      wakeAt: T0 + 970 * SECOND,
    });
    const before = run.orders.length;
    run.until(T0 + 970 * SECOND - 1);
    expect(run.orders).toHaveLength(before);
  });

  test("then the same step starts again with a new budget and attempt numbers that count on", () => {
    const run = snoozed();
    const before = run.orders.length;
    run.until(T0 + 970 * SECOND);
    // Groups, in-app and e-mail go once per step and pass.
    expect(run.story().slice(before)).toEqual(["970 wa usr_a 3"]);
    run.acceptAll("delivered");
    run.after(60 * SECOND);
    run.acceptAll("delivered");
    expect(run.story().slice(before)).toEqual(["970 wa usr_a 3", "1030 wa usr_a 4"]);
    run.after(239 * SECOND);
    expect(run.names()).not.toContain("sms usr_a");
    run.after(2 * SECOND);
    expect(run.names()).toContain("sms usr_a");
    expect(run.inApp).toHaveLength(1);
  });

  test("lets what is in flight finish, and counts it as the first of the new budget", () => {
    const run = world({
      rules: rules({ steps: [step({ attempts: 2, spacingSeconds: 60, windowSeconds: 300 })] }),
    });
    run.fact({ kind: "snooze", until: T0 + 20 * SECOND, actId: "act_1", at: run.now });
    expect(run.withdrawn).toEqual([]);
    run.after(20 * SECOND);
    for (let passed = 0; passed < 4; passed += 1) {
      run.acceptAll("delivered");
      run.after(60 * SECOND);
    }
    expect(run.story()).toEqual(["0 wa usr_a 1", "80 wa usr_a 2"]);
  });

  test("does not bring back a channel that was left", () => {
    const run = world({
      rules: rules({
        steps: [
          step({ attempts: 2, spacingSeconds: 60, windowSeconds: 300 }),
          step({ channels: ["sms"] }),
        ],
      }),
    });
    run.refuse("wa usr_a", "unavailable", "recipient");
    run.accept("sms usr_a");
    run.fact({ kind: "snooze", until: T0 + MINUTE, actId: "act_1", at: run.now });
    run.after(2 * MINUTE);
    expect(run.names()).toEqual(["wa usr_a", "sms usr_a"]);
  });

  test("during a hold leaves the hold to be decided anew", () => {
    const run = world({
      priority: "medium",
      rules: mediumRules(),
      persons: [person("usr_a", { asleepUntil: T0 + 10 * MINUTE, quietTreatment: "hold" })],
    });
    run.fact({ kind: "snooze", until: T0 + HOUR, actId: "act_1", at: run.now });
    run.until(T0 + HOUR - 1);
    expect(run.orders).toEqual([]);
    run.until(T0 + HOUR);
    expect(run.names()).toEqual(["wa usr_a", "email usr_a"]);
  });

  test("until an instant that has passed changes nothing", () => {
    const run = world({ rules: LADDER });
    run.acceptAll("delivered");
    run.after(10 * SECOND);
    const before = run.orders.length;
    run.fact({ kind: "snooze", until: run.now, actId: "act_1", at: run.now });
    expect(run.orders).toHaveLength(before);
    expect(run.eventsOf("snoozed")).toEqual([]);
  });

  test("restarts a late target's own step too", () => {
    const run = world({
      persons: [
        person("usr_a"),
        person("usr_b", { asleepUntil: T0 + HOUR, quietTreatment: "next_awake" }),
      ],
      rules: rules({ steps: [step({ windowSeconds: 300 })] }),
    });
    climb(run);
    run.until(T0 + HOUR);
    run.acceptAll("delivered");
    run.fact({ kind: "snooze", until: run.now + MINUTE, actId: "act_1", at: run.now });
    run.after(MINUTE);
    expect(run.order("wa usr_b")).toMatchObject({ attempt: 2, reason: "late_target" });
  });
});

describe("resend", () => {
  test("is a new attempt on the first account, whatever the budget says, and uses none of it", () => {
    const run = world({
      rules: rules({ steps: [step({ attempts: 2, spacingSeconds: 60, windowSeconds: 300 })] }),
    });
    run.refuse("wa usr_a", "unavailable", "account");
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "delivered");
    const key = keyOf(run.order("wa usr_a"));
    run.after(10 * SECOND);
    run.fact({ kind: "resend", key, actId: "act_1", at: run.now });
    run.fact({ kind: "resend", key, actId: "act_1", at: run.now });
    expect(run.order("wa usr_a")).toMatchObject({
      attempt: 2,
      handOver: 0,
      accountId: "wa1",
      reason: "resend",
    });
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "delivered");
    run.after(HOUR);
    expect(run.story()).toEqual(["0 wa usr_a 1", "0 wa usr_a 1", "10 wa usr_a 2", "70 wa usr_a 3"]);
    expect(run.eventsOf("resent")).toHaveLength(1);
  });

  test("works for a step that is over and for a channel that was left", () => {
    const run = world({ rules: rules({ steps: [step(), step({ channels: ["sms"] })] }) });
    run.refuse("wa usr_a", "rejected", "recipient");
    run.fact({ kind: "resend", key: keyOf(run.order("wa usr_a")), actId: "act_1", at: run.now });
    expect(run.order("wa usr_a")).toMatchObject({ attempt: 2, reason: "resend" });
  });

  test("of something that was never sent, or to somebody who is out, does nothing", () => {
    const run = world({ persons: [person("usr_a"), person("usr_b")] });
    const key = keyOf(run.order("wa usr_a"));
    run.fact({ kind: "resend", key: { ...key, pass: 7 }, actId: "act_1", at: run.now });
    run.fact({ kind: "refuse", target: "usr_a", actId: "act_2", at: run.now });
    run.fact({ kind: "resend", key, actId: "act_3", at: run.now });
    expect(run.orders).toHaveLength(2);
  });
});

describe("reassign", () => {
  const ASSIGNMENT = rules({
    quietHours: "hold",
    steps: [
      step({
        channels: ["whatsapp_personal", "in_app"],
        attempts: 2,
        spacingSeconds: 600,
        windowSeconds: 1_200,
      }),
      step({ roleUp: true, windowSeconds: 1_800 }),
    ],
  });
  const assigned = (over: Partial<RunPlan> = {}) =>
    world({ priority: "medium", answerKind: "accept", rules: ASSIGNMENT, ...over });

  function reassign(run: LadderWorld, over = {}): void {
    run.fact({
      kind: "reassigned",
      from: "usr_a",
      person: person("usr_b", { origin: "reassigned", ...over }),
      actId: "act_1",
      at: run.now,
    });
  }

  test("the new person starts at step 1 on its own clock, the old one is out", () => {
    const run = assigned();
    run.accept("wa usr_a");
    run.after(600 * SECOND - 1);
    reassign(run);
    expect(run.order("wa usr_b")).toMatchObject({ step: 1, pass: 1, reason: "late_target" });
    expect(run.inApp.map(({ target }) => target)).toEqual(["usr_a", "usr_b"]);
    run.after(10 * SECOND);
    expect(run.ordersOf("wa usr_a 2")).toEqual([]);
    expect(run.eventsOf("reassigned")).toMatchObject([
      { target: "usr_b", detail: { from: "usr_a" } },
    ]);
  });

  test("with nobody else left the run waits for the new person, then goes on to the supervisor", () => {
    const run = assigned();
    run.acceptAll("delivered");
    run.after(300 * SECOND);
    reassign(run);
    expect(run.roleUps).toEqual([]);
    run.acceptAll("delivered");
    climb(run);
    expect(run.now).toBe(T0 + 1_500 * SECOND);
    expect(run.roleUps).toHaveLength(1);
  });

  test("in a hold of the old one's the new one is told now", () => {
    const run = assigned({
      persons: [person("usr_a", { asleepUntil: T0 + 8 * HOUR, quietTreatment: "hold" })],
    });
    reassign(run);
    expect(run.names()).toEqual(["wa usr_b"]);
    expect(run.roleUps).toEqual([]);
    run.until(T0 + 9 * HOUR);
    expect(run.names()).not.toContain("wa usr_a");
  });

  test("a new person who sleeps is told at waking", () => {
    const run = assigned();
    run.acceptAll("delivered");
    reassign(run, { asleepUntil: T0 + 2 * HOUR, quietTreatment: "hold" });
    expect(run.todo.wakeAt).toBe(T0 + 2 * HOUR);
    run.until(T0 + 2 * HOUR);
    expect(run.names()).toEqual(["wa usr_a", "wa usr_b"]);
  });

  test("leaves the others' clock alone", () => {
    const run = world({
      groups: [group("grp_a")],
      rules: rules({
        steps: [step({ groups: "primary", windowSeconds: 300 }), step({ channels: ["sms"] })],
      }),
    });
    run.acceptAll("delivered");
    run.after(200 * SECOND);
    reassign(run);
    run.after(100 * SECOND);
    expect(run.eventsOf("step_ended")).toMatchObject([{ step: 1, reason: "window_elapsed" }]);
  });

  test("refused by the new person goes to the supervisor", () => {
    const run = assigned();
    run.acceptAll("delivered");
    reassign(run);
    run.fact({ kind: "refuse", target: "usr_b", actId: "act_2", at: run.now });
    expect(run.roleUps).toHaveLength(1);
  });
});

describe("re-planning", () => {
  const NIGHT = T0 + 8 * HOUR;
  const asleep = (key: string, over = {}) =>
    person(key, { asleepUntil: NIGHT, quietTreatment: "hold", ...over });

  function replan(run: LadderWorld, over: Partial<Extract<Fact, { kind: "replanned" }>>): void {
    run.fact({
      kind: "replanned",
      persons: [],
      groups: [],
      suppressed: null,
      reason: "settings",
      at: run.now,
      ...over,
    });
  }

  test("does not bring back whoever refused while the plan left him out", () => {
    const run = world({ persons: [person("usr_a"), person("usr_b")], rules: rules() });
    const night = [asleep("usr_a"), asleep("usr_b")];
    const held = world({ persons: night, rules: rules({ quietHours: "hold" }) });
    for (const world of [run, held]) {
      replan(world, { persons: [person("usr_b")] });
      world.fact({ kind: "refuse", target: "usr_a", actId: "act_r", at: world.now });
      const toldBefore = world.orders.filter(({ target }) => target === "usr_a").length;
      replan(world, { persons: [person("usr_a"), person("usr_b")] });
      climb(world);
      expect(world.orders.filter(({ target }) => target === "usr_a")).toHaveLength(toldBefore);
    }
    expect(held.eventsOf("refused")).toMatchObject([{ target: "usr_a" }]);
  });

  test("wakes somebody whose quiet hours were switched off", () => {
    const run = world({ priority: "medium", rules: mediumRules(), persons: [asleep("usr_a")] });
    run.after(HOUR);
    replan(run, { persons: [person("usr_a", { quietTreatment: "hold" })] });
    expect(run.story()).toEqual(["3600 wa usr_a 1", "3600 email usr_a 1"]);
    expect(run.eventsOf("replanned")).toMatchObject([{ reason: "settings" }]);
  });

  test("moves a hold, and says so", () => {
    const run = world({ priority: "medium", rules: mediumRules(), persons: [asleep("usr_a")] });
    replan(run, { persons: [asleep("usr_a", { asleepUntil: NIGHT + HOUR })] });
    expect(run.todo.wakeAt).toBe(NIGHT + HOUR);
    expect(run.eventsOf("held").map(({ detail }) => detail?.["until"])).toEqual([
      NIGHT,
      NIGHT + HOUR,
    ]);
    replan(run, { persons: [asleep("usr_a", { asleepUntil: NIGHT + HOUR })] });
    expect(run.eventsOf("held")).toHaveLength(2);
  });

  test("takes out those who are gone and were not told", () => {
    const run = world({
      priority: "medium",
      rules: mediumRules(),
      persons: [person("usr_a"), asleep("usr_b")],
    });
    run.acceptAll("delivered");
    replan(run, { persons: [] });
    run.until(NIGHT + HOUR);
    expect(run.names()).toEqual(["wa usr_a", "email usr_a"]);
    expect(run.todo.end).toMatchObject({ outcome: "delivered", unreached: [] });
  });

  test.each([
    ["settings_disabled", "the master switch"],
    ["type_off", "the type switched off"],
    ["ticket_closed", "the ticket closed"],
  ])("settles a run that sleeps as suppressed when nobody is left: %s", (suppressed) => {
    const run = world({ persons: [asleep("usr_a"), asleep("usr_b")] });
    run.after(HOUR);
    replan(run, { suppressed });
    expect(run.names()).toEqual([]);
    expect(run.todo.end).toEqual({
      outcome: "suppressed",
      reason: suppressed,
      unreached: [],
      unanswered: [],
    });
    expect(run.eventsOf("suppressed")).toMatchObject([{ reason: suppressed }]);
  });

  test("settles a suppressed run at once, also when it is snoozed", () => {
    const run = world({ persons: [asleep("usr_a")] });
    run.fact({ kind: "snooze", until: T0 + HOUR, actId: "act_s", at: run.now });
    replan(run, { suppressed: "type_off" });
    expect(run.todo.end).toMatchObject({ outcome: "suppressed", reason: "type_off" });
  });

  test("a closed ticket ends the ladder of those told as well", () => {
    const run = world({ rules: rules({ steps: [step(), step({ channels: ["sms"] })] }) });
    run.accept("wa usr_a");
    replan(run, { suppressed: "ticket_closed" });
    run.after(HOUR);
    expect(run.names()).toEqual(["wa usr_a"]);
    expect(run.todo.end).toMatchObject({ outcome: "suppressed", reason: "ticket_closed" });
  });

  test("a closed ticket waits for what is in flight", () => {
    const run = world();
    replan(run, { suppressed: "ticket_closed" });
    expect(run.withdrawn).toHaveLength(1);
    expect(run.todo.end).toBeNull();
    run.accept("wa usr_a");
    expect(run.todo.end).toMatchObject({ outcome: "suppressed", reason: "ticket_closed" });
  });

  test("a wish does not end the ladder of somebody who was told", () => {
    const run = world({
      rules: rules({ steps: [step(), step({ channels: ["sms"] })] }),
      persons: [person("usr_a"), asleep("usr_b")],
    });
    run.acceptAll("delivered");
    replan(run, { suppressed: "settings_disabled" });
    run.after(HOUR);
    expect(run.names()).toEqual(["wa usr_a", "sms usr_a"]);
    run.acceptAll("delivered");
    run.after(HOUR);
    expect(run.todo.end).toMatchObject({ outcome: "exhausted", reason: "nobody_answered" });
  });

  test("a suppression that is lifted while something is in flight brings the others back", () => {
    const run = world({ persons: [person("usr_a"), asleep("usr_b")] });
    replan(run, { suppressed: "ticket_closed" });
    replan(run, { persons: [person("usr_a"), person("usr_b")] });
    expect(run.names()).toContain("wa usr_b");
  });

  test("nobody left for want of a way to reach them stays undeliverable", () => {
    const run = world({ persons: [asleep("usr_a")] });
    replan(run, {});
    expect(run.todo.end).toMatchObject({ outcome: "undeliverable", reason: "nobody_reachable" });
  });

  test("a sleeper who was gone and is named again joins after all", () => {
    const run = world({ persons: [person("usr_a"), asleep("usr_b")] });
    run.acceptAll("delivered");
    replan(run, { persons: [person("usr_a")] });
    replan(run, { persons: [person("usr_a"), person("usr_b")] });
    expect(run.order("wa usr_b")).toMatchObject({ reason: "late_target" });
  });

  test("adds new persons on their own clock", () => {
    const run = world({ rules: rules({ steps: [step(), step({ channels: ["sms"] })] }) });
    run.accept("wa usr_a");
    run.after(10 * SECOND);
    replan(run, { persons: [person("usr_a"), person("usr_n", { origin: "added" })] });
    expect(run.order("wa usr_n")).toMatchObject({
      reason: "late_target",
      orderedAt: T0 + 10 * SECOND,
    });
    expect(run.ordersOf("wa usr_a")).toHaveLength(1);
  });

  test("in a hold a new person simply takes part", () => {
    const run = world({ priority: "medium", rules: mediumRules(), persons: [asleep("usr_a")] });
    replan(run, { persons: [asleep("usr_a"), person("usr_n", { origin: "added" })] });
    expect(run.order("wa usr_n").reason).toBe("step");
  });

  test("tells somebody whose phone has been verified", () => {
    const run = world({
      priority: "medium",
      rules: mediumRules(),
      persons: [person("usr_a", { routes: {} }), person("usr_b")],
    });
    run.accept("wa usr_b", "email usr_b");
    replan(run, {
      persons: [person("usr_a", { routes: routes(["whatsapp_personal"]) }), person("usr_b")],
    });
    expect(run.order("wa usr_a")).toMatchObject({ reason: "late_target" });
  });

  test("adds a group whose step has begun as a late one, and another in its own step", () => {
    const run = world({
      rules: rules({
        steps: [
          step({ groups: "primary", windowSeconds: 60 }),
          step({ channels: [], groups: "other" }),
        ],
      }),
    });
    run.acceptAll("delivered");
    replan(run, {
      persons: [person("usr_a")],
      groups: [group("grp_p"), group("grp_o", { primary: false })],
    });
    expect(run.names()).toEqual(["wa usr_a", "group grp_p"]);
    run.after(60 * SECOND);
    expect(run.names()).toEqual(["wa usr_a", "group grp_p", "group grp_o"]);
  });

  test("uses new accounts for what is still to be sent", () => {
    const run = world({
      rules: rules({ steps: [step({ attempts: 2, spacingSeconds: 60, windowSeconds: 300 })] }),
    });
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "delivered");
    replan(run, {
      persons: [person("usr_a", { routes: { whatsapp_personal: [account("wa9")] } })],
    });
    run.after(60 * SECOND);
    expect(run.order("wa usr_a")).toMatchObject({ accountId: "wa9", attempt: 2 });
  });

  test("repeats nothing when it is repeated", () => {
    const run = world({ rules: rules({ steps: [step(), step({ channels: ["sms"] })] }) });
    for (let times = 0; times < 3; times += 1) {
      replan(run, { persons: [person("usr_a"), person("usr_n")] });
    }
    expect(run.names()).toEqual(["wa usr_a", "wa usr_n"]);
  });
});

describe("another policy", () => {
  function change(
    run: LadderWorld,
    over: Partial<RunPlan>,
    by: "reprioritise" | "move" = "reprioritise",
  ): void {
    run.fact({ kind: "policy_changed", by, plan: plan(over), actId: run.actId(), at: run.now });
  }
  const HIGHER = rules({
    steps: [
      step({
        channels: ["whatsapp_personal", "in_app", "push"],
        groups: "primary",
        windowSeconds: 300,
      }),
      step({ channels: [], groups: "other", windowSeconds: 300 }),
      step({ channels: ["sms"], windowSeconds: 300 }),
    ],
  });

  test("goes on at its first step with a phone channel or group not yet told, and takes silent channels along", () => {
    const run = world({ priority: "medium", rules: mediumRules() });
    run.accept("wa usr_a", "email usr_a");
    run.after(20 * SECOND);
    change(run, { rules: HIGHER });
    expect(run.story().slice(2)).toEqual(["20 sms usr_a 1", "20 push usr_a 1"]);
    expect(run.order("push usr_a").step).toBe(1);
    // Written under the old policy.
    expect(run.inApp).toHaveLength(1);
    expect(run.todo).toMatchObject({ pass: 1, step: 3 });
    expect(run.eventsOf("reprioritised")).toMatchObject([{ detail: { priority: "critical" } }]);
  });

  test("enters at a group that was not told", () => {
    const run = world({ priority: "medium", rules: mediumRules() });
    run.accept("wa usr_a", "email usr_a");
    change(run, { rules: HIGHER, groups: [group("grp_o", { primary: false })] });
    expect(run.names().slice(2)).toEqual(["group grp_o", "push usr_a"]);
    expect(run.todo.step).toBe(2);
  });

  test("what was told is not repeated in that pass, and is in the next", () => {
    const run = world({
      rules: rules({ steps: [step({ channels: ["sms"], windowSeconds: 300 })] }),
    });
    run.accept("sms usr_a");
    change(run, { rules: { ...HIGHER, passes: 2 } });
    climb(run);
    expect(run.ordersOf("sms usr_a").map(({ pass, step: at }) => [pass, at])).toEqual([
      [1, 1],
      [2, 3],
    ]);
    expect(run.ordersOf("wa usr_a").map(({ pass }) => pass)).toEqual([1, 2]);
  });

  test("a group that was told in an earlier pass is not told again in that pass", () => {
    const run = world({
      groups: [group("grp_a")],
      rules: rules({ roleUp: true, steps: [step({ groups: "primary" })] }),
    });
    climb(run);
    run.fact({
      kind: "role_up_planned",
      role: "supervisor",
      persons: [person("usr_s", { role: "supervisor" })],
      reason: null,
      at: run.now,
    });
    change(run, { groups: [group("grp_a")], rules: HIGHER });
    climb(run);
    expect(run.ordersOf("group grp_a")).toHaveLength(1);
    expect(run.names()).toContain("sms usr_a");
  });

  test("what failed was not told", () => {
    const run = world({ priority: "medium", rules: mediumRules() });
    run.refuse("wa usr_a", "unavailable", "recipient");
    change(run, { rules: HIGHER });
    expect(run.order("wa usr_a")).toMatchObject({ pass: 1, step: 1, attempt: 2, handOver: 0 });
  });

  test("with nothing left untold begins at step 1, numbers counting on", () => {
    const run = world({ rules: rules() });
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "delivered");
    change(run, { rules: rules({ steps: [step({ windowSeconds: 60 })] }) }, "move");
    expect(run.order("wa usr_a")).toMatchObject({ pass: 1, step: 1, attempt: 2 });
    expect(run.eventsOf("moved")).toHaveLength(1);
  });

  test("settles when its condition is met already", () => {
    const run = world();
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "delivered");
    change(run, { priority: "medium", rules: mediumRules() });
    expect(run.todo.end).toMatchObject({ outcome: "delivered" });
  });

  test("decides holds anew", () => {
    const held = { asleepUntil: T0 + 8 * HOUR, quietTreatment: "hold" } as const;
    const run = world({
      priority: "medium",
      rules: mediumRules(),
      persons: [person("usr_a", held)],
    });
    expect(run.todo.status).toBe("holding");
    change(run, { rules: criticalRules(), persons: [person("usr_a")] });
    expect(run.names()).toEqual(["wa usr_a", "push usr_a", "email usr_a"]);

    const sleeper = world({
      priority: "high",
      persons: [person("usr_a"), person("usr_b", { ...held, quietTreatment: "next_awake" })],
    });
    change(sleeper, { rules: criticalRules(), persons: [person("usr_a"), person("usr_b")] });
    expect(sleeper.names()).toContain("wa usr_b");
  });

  test("whose plan is moot ends the run with that reason", () => {
    const run = world({ persons: [person("usr_a")], rules: rules() });
    run.accept("wa usr_a");
    change(run, { rules: HIGHER, persons: [], suppressed: "ticket_closed" });
    expect(run.todo.end).toMatchObject({ outcome: "suppressed", reason: "ticket_closed" });
    expect(run.eventsOf("suppressed")).toMatchObject([{ reason: "ticket_closed" }]);
  });

  test("emptied by somebody's wish ends it only if nobody was told: who was told is not let off", () => {
    const told = world({ persons: [person("usr_a")], rules: rules() });
    told.accept("wa usr_a");
    change(told, { rules: HIGHER, persons: [], suppressed: "type_off" });
    expect(told.todo.end).toBeNull();
    climb(told);
    expect(told.todo.end).toMatchObject({ outcome: "exhausted", unanswered: ["usr_a"] });
    expect(told.orders.length).toBeGreaterThan(3);

    const untold = world({
      persons: [person("usr_a", { asleepUntil: T0 + 8 * HOUR, quietTreatment: "hold" })],
      rules: rules({ quietHours: "hold" }),
    });
    change(untold, { rules: HIGHER, persons: [], suppressed: "type_off" });
    expect(untold.todo.end).toMatchObject({ outcome: "suppressed", reason: "type_off" });
  });

  test("carries on with what is under way: failing, it fails over or is pulled forward", () => {
    const failing = world({
      priority: "medium",
      rules: mediumRules({ steps: [step()] }),
      groups: [],
    });
    change(failing, { rules: HIGHER, groups: [group("grp_o", { primary: false })] });
    expect(failing.names()).toEqual(["wa usr_a", "group grp_o", "push usr_a"]);
    failing.refuse("wa usr_a", "unavailable", "account");
    expect(failing.order("wa usr_a")).toMatchObject({ handOver: 1, accountId: "wa2" });
    failing.refuse("wa usr_a", "rejected", "recipient");
    expect(failing.order("sms usr_a")).toMatchObject({ step: 3, reason: "pulled_forward" });
  });

  test("gives attempts of the old policy no successor", () => {
    const run = world({
      rules: rules({ steps: [step({ attempts: 3, spacingSeconds: 60, windowSeconds: 300 })] }),
    });
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "delivered");
    change(run, { rules: HIGHER });
    run.after(HOUR);
    expect(run.ordersOf("wa usr_a")).toHaveLength(1);
  });

  test("ends a snooze and keeps a refusal", () => {
    const run = world({ persons: [person("usr_a"), person("usr_b")], rules: rules() });
    run.fact({ kind: "refuse", target: "usr_a", actId: "act_r", at: run.now });
    run.fact({ kind: "snooze", until: T0 + HOUR, actId: "act_s", at: run.now });
    change(run, { rules: HIGHER, persons: [person("usr_a"), person("usr_b")] });
    expect(run.names().slice(2)).toEqual(["sms usr_b", "push usr_b"]);
  });

  test("that leaves a person out tells it nothing more", () => {
    const run = world({ persons: [person("usr_a"), person("usr_b")], rules: rules() });
    change(run, { rules: HIGHER, persons: [person("usr_a")] });
    climb(run);
    expect(run.orders.filter(({ target }) => target === "usr_b")).toHaveLength(1);
  });

  test("counts an answer given under the old one", () => {
    const all = { persons: [person("usr_a"), person("usr_b")] };
    const run = world({ ...all, rules: rules({ acknowledgment: "all" }) });
    run.fact({ kind: "answered", target: "usr_a", actId: "act_a", at: run.now });
    change(run, { ...all, rules: HIGHER });
    expect(run.todo.end).toMatchObject({ outcome: "acknowledged" });

    const delivered = world({ ...all, rules: rules({ acknowledgment: "all" }) });
    delivered.fact({ kind: "answered", target: "usr_a", actId: "act_a", at: delivered.now });
    delivered.result("wa usr_a", { kind: "not_sent", reason: "cancelled" });
    delivered.accept("wa usr_b");
    delivered.receipt("wa usr_b", "delivered");
    change(delivered, { ...all, priority: "medium", rules: mediumRules() });
    expect(delivered.todo.end).toMatchObject({ outcome: "delivered", unreached: [] });
  });

  test("that comes twice is one", () => {
    const run = world({ priority: "medium", rules: mediumRules() });
    run.accept("wa usr_a", "email usr_a");
    const fact: Fact = {
      kind: "policy_changed",
      by: "move",
      plan: plan({ rules: HIGHER }),
      actId: "act_m",
      at: run.now,
    };
    run.fact(fact);
    const ordered = run.orders.length;
    run.fact(fact);
    expect(run.orders).toHaveLength(ordered);
  });
});

describe("reopening", () => {
  const TRACKED = rules({
    tracksResolution: true,
    steps: [
      step({ channels: ["whatsapp_personal", "in_app"], groups: "primary", windowSeconds: 120 }),
      step({ channels: ["sms"], windowSeconds: 120 }),
    ],
  });

  function reopened(acknowledger: string | null): LadderWorld {
    const run = world({
      rules: TRACKED,
      persons: [person("usr_a"), person("usr_b")],
      groups: [group("grp_a")],
    });
    run.acceptAll("delivered");
    run.stop();
    run.after(HOUR);
    run.fact({ kind: "reopened", acknowledger, at: run.now });
    return run;
  }

  test("tells the acknowledger alone by step 1, then the pass runs as any other", () => {
    const run = reopened("usr_a");
    const before = 3;
    expect(run.names().slice(before)).toEqual(["wa usr_a"]);
    expect(run.order("wa usr_a")).toMatchObject({ pass: 2, step: 1, attempt: 1 });
    expect(run.todo).toMatchObject({ end: null, pass: 2, step: 1 });
    climb(run);
    expect(run.story().slice(before)).toEqual([
      "3600 wa usr_a 1",
      "3720 wa usr_b 1",
      "3720 group grp_a 1",
      "3840 sms usr_a 1",
      "3840 sms usr_b 1",
    ]);
    expect(run.todo.end).toMatchObject({ outcome: "exhausted" });
  });

  test("without a person who acknowledged begins the pass for all", () => {
    expect(reopened(null).names().slice(3)).toEqual(["wa usr_a", "wa usr_b", "group grp_a"]);
    expect(reopened("usr_x").names().slice(3)).toEqual(["wa usr_a", "wa usr_b", "group grp_a"]);
  });

  test("does not wait for an acknowledger who sleeps where the policy goes on", () => {
    const run = world({
      rules: TRACKED,
      persons: [
        person("usr_a", {
          quietTreatment: "next_awake",
          quietWindows: [{ from: T0 + 30 * MINUTE, until: T0 + 9 * HOUR }],
        }),
        person("usr_b"),
      ],
    });
    run.acceptAll("delivered");
    run.stop();
    run.after(HOUR);
    run.fact({ kind: "reopened", acknowledger: "usr_a", at: run.now });
    expect(run.names().slice(2)).toEqual(["wa usr_b"]);
    run.until(T0 + 9 * HOUR);
    expect(run.order("wa usr_a")).toMatchObject({ pass: 2, reason: "late_target" });
  });

  test("a new acknowledgment is a new one, and a repeated reopening is ignored", () => {
    const run = reopened("usr_a");
    const at = run.now;
    run.fact({ kind: "reopened", acknowledger: "usr_a", at });
    expect(run.todo.pass).toBe(2);
    run.after(MINUTE);
    run.stop();
    expect(run.todo.end).toMatchObject({ outcome: "acknowledged" });
    run.fact({ kind: "reopened", acknowledger: "usr_a", at });
    expect(run.todo.end).toMatchObject({ outcome: "acknowledged" });
  });

  test("of a run that nobody acknowledged, or that was resolved, does nothing", () => {
    const open = world({ rules: TRACKED });
    open.fact({ kind: "reopened", acknowledger: "usr_a", at: open.now });
    expect(open.todo.pass).toBe(1);
    const resolved = world({ rules: TRACKED });
    resolved.stop("resolve");
    resolved.fact({ kind: "reopened", acknowledger: "usr_a", at: resolved.now });
    expect(resolved.todo.end).toMatchObject({ outcome: "resolved" });
  });
});
