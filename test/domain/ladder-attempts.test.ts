import { describe, expect, test } from "vitest";

import { LadderWorld } from "../support/ladder-world.ts";
import {
  account,
  criticalRules,
  group,
  HOUR,
  person,
  plan,
  rules,
  SECOND,
  step,
  T0,
} from "../support/run-plan.ts";

const THREE = rules({ steps: [step({ attempts: 3, spacingSeconds: 60, windowSeconds: 300 })] });

function world(over: Parameters<typeof plan>[0] = {}): LadderWorld {
  return new LadderWorld(plan({ rules: THREE, ...over }));
}

describe("attempts", () => {
  test("come at the spacing after the acceptance of the one before, and no more of them than the budget", () => {
    const run = world();
    run.after(5 * SECOND);
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "delivered");
    run.after(60 * SECOND - 1);
    expect(run.ordersOf("wa usr_a")).toHaveLength(1);
    run.after(1);
    expect(run.story()).toEqual(["0 wa usr_a 1", "65 wa usr_a 2"]);
    expect(run.order("wa usr_a 2").reason).toBe("attempt");
    run.after(10 * SECOND);
    run.accept("wa usr_a 2");
    run.receipt("wa usr_a 2", "delivered");
    run.after(HOUR);
    expect(run.story()).toEqual(["0 wa usr_a 1", "65 wa usr_a 2", "135 wa usr_a 3"]);
  });

  const channels: readonly [channel: "email" | "push" | "in_app", why: string][] = [
    ["email", "goes once"],
    ["push", "goes once"],
    ["in_app", "goes once"],
  ];
  test.each(channels)("%s %s per step and pass", (channel) => {
    const run = world({
      rules: rules({
        steps: [
          step({
            channels: ["whatsapp_personal", channel],
            attempts: 3,
            spacingSeconds: 60,
            windowSeconds: 300,
          }),
        ],
      }),
    });
    run.acceptAll("delivered");
    for (let passed = 0; passed < 5; passed += 1) {
      run.after(60 * SECOND);
      run.acceptAll("delivered");
    }
    const sent = channel === "in_app" ? run.inApp : run.ordersOf(`${channel} usr_a`);
    expect(sent).toHaveLength(1);
    expect(run.ordersOf("wa usr_a")).toHaveLength(3);
  });

  test("go once to a group", () => {
    const run = world({
      persons: [],
      groups: [group("grp_a")],
      rules: rules({
        steps: [step({ groups: "primary", attempts: 3, spacingSeconds: 60, windowSeconds: 300 })],
      }),
    });
    run.acceptAll("sent");
    run.after(HOUR);
    expect(run.names()).toEqual(["group grp_a"]);
  });

  test("start with the account that carried the one before", () => {
    const run = world();
    run.refuse("wa usr_a", "unavailable", "account");
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "delivered");
    run.after(60 * SECOND);
    expect(run.order("wa usr_a")).toMatchObject({ attempt: 2, handOver: 0, accountId: "wa2" });
    // From there the route goes round: the first account has not been asked for this attempt.
    run.refuse("wa usr_a", "unavailable", "account");
    expect(run.order("wa usr_a")).toMatchObject({ attempt: 2, handOver: 1, accountId: "wa1" });
  });

  test("after a failover count from the later acceptance, so that no two come close together", () => {
    const run = world({
      rules: rules({ steps: [step({ attempts: 2, spacingSeconds: 31, windowSeconds: 300 })] }),
    });
    run.accept("wa usr_a");
    run.after(30 * SECOND);
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "sent");
    run.after(HOUR);
    expect(run.story()).toEqual(["0 wa usr_a 1", "30 wa usr_a 1", "61 wa usr_a 2"]);
  });

  test("end with the window", () => {
    const run = world({
      rules: rules({ steps: [step({ attempts: 3, spacingSeconds: 60, windowSeconds: 121 })] }),
    });
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "delivered");
    run.after(60 * SECOND);
    run.after(10 * SECOND);
    run.accept("wa usr_a 2");
    run.receipt("wa usr_a 2", "delivered");
    run.after(HOUR);
    // The third would come at 130, the window is over at 121.
    expect(run.ordersOf("wa usr_a")).toHaveLength(2);
  });

  test("end when the target has met the condition", () => {
    const run = world({ priority: "medium", rules: { ...THREE, settledBy: "read" } });
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "delivered");
    run.after(60 * SECOND);
    expect(run.ordersOf("wa usr_a")).toHaveLength(2);
    const first = run.ordersOf("wa usr_a")[0];
    if (first === undefined) throw new Error("there was a first attempt");
    run.fact({ kind: "receipt", ...first, status: "read", final: true, at: run.now, reason: null });
    run.accept("wa usr_a 2");
    expect(run.todo.end).toMatchObject({ outcome: "delivered" });
  });

  test("are numbered on in a key that no other order has", () => {
    const run = new LadderWorld(plan({ rules: criticalRules(), groups: [group("grp_a")] }));
    for (let asked = 0; asked < 200 && run.todo.end === null; asked += 1) {
      run.acceptAll("delivered");
      if (run.todo.roleUp !== null || run.todo.waitingFor.kind === "role_up") break;
      run.until(run.todo.wakeAt ?? run.now);
    }
    const keys = run.orders.map((order) =>
      [order.pass, order.step, order.target, order.channel, order.attempt, order.handOver].join(
        "/",
      ),
    );
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBeGreaterThan(10);
  });
});

const CALLS = rules({
  steps: [step({ channels: ["call"], attempts: 3, spacingSeconds: 120, windowSeconds: 360 })],
});

describe("calls", () => {
  test("invariant 13: never ring a phone that still rings, whatever their spacing", () => {
    const quick = rules({
      steps: [step({ channels: ["call"], attempts: 3, spacingSeconds: 10, windowSeconds: 360 })],
    });
    const told = new LadderWorld(plan({ rules: quick }));
    told.accept("call usr_a");
    told.after(40 * SECOND);
    expect(told.story()).toEqual(["0 call usr_a 1"]);
    told.receipt("call usr_a", "failed", { final: false, reason: "no_answer" });
    told.after(10 * SECOND);
    expect(told.story()).toEqual(["0 call usr_a 1", "50 call usr_a 2"]);

    const silent = new LadderWorld(plan({ rules: quick }));
    silent.accept("call usr_a");
    silent.after(61 * SECOND);
    expect(silent.story(), "nobody reports its end").toEqual(["0 call usr_a 1", "60 call usr_a 2"]);
  });

  const rows: readonly [reason: string][] = [["busy"], ["no_answer"]];
  test.each(rows)(
    "that find %s are redialled at the spacing after that, within the limit",
    (reason) => {
      const run = world({ rules: CALLS });
      run.accept("call usr_a");
      run.after(25 * SECOND);
      run.receipt("call usr_a", "failed", { final: false, reason });
      run.after(120 * SECOND - 1);
      expect(run.story()).toEqual(["0 call usr_a 1"]);
      run.after(1);
      expect(run.story()).toEqual(["0 call usr_a 1", "145 call usr_a 2"]);
      run.accept("call usr_a 2");
      run.receipt("call usr_a 2", "failed", { final: false, reason });
      run.after(120 * SECOND);
      run.accept("call usr_a 3");
      expect(run.story()).toEqual(["0 call usr_a 1", "145 call usr_a 2", "265 call usr_a 3"]);
      // Rung three times in vain: the channel has failed for good, and nobody is left to wait for.
      run.receipt("call usr_a 3", "failed", { final: false, reason });
      expect(run.todo.end).toMatchObject({ outcome: "exhausted" });
    },
  );

  test("that are answered without a key press are dialled again while nobody acknowledges", () => {
    const run = world({ rules: CALLS });
    run.accept("call usr_a");
    run.receipt("call usr_a", "delivered");
    run.after(120 * SECOND);
    expect(run.story()).toEqual(["0 call usr_a 1", "120 call usr_a 2"]);
  });

  test("that fail for good are not redialled", () => {
    const run = world({ rules: CALLS });
    run.accept("call usr_a");
    run.receipt("call usr_a", "failed", { final: true, reason: "invalid number" });
    expect(run.todo.end).toMatchObject({ outcome: "exhausted" });
    expect(run.ordersOf("call usr_a")).toHaveLength(1);
  });
});

describe("calls that go one by one", () => {
  const oneByOne = {
    rules: { ...CALLS, calls: "one_by_one" as const },
    persons: [person("usr_a"), person("usr_b"), person("usr_c")],
  };

  test("ring all at once only where the policy says so", () => {
    expect(world({ ...oneByOne, rules: CALLS }).names()).toHaveLength(3);
    expect(world(oneByOne).names()).toEqual(["call usr_a"]);
  });

  test("go on when the one that rings has ended", () => {
    const run = world(oneByOne);
    run.accept("call usr_a");
    run.after(20 * SECOND);
    expect(run.names()).toEqual(["call usr_a"]);
    run.receipt("call usr_a", "failed", { final: false, reason: "busy" });
    expect(run.names()).toEqual(["call usr_a", "call usr_b"]);
    run.accept("call usr_b");
    run.receipt("call usr_b", "delivered", { final: true });
    expect(run.names()).toEqual(["call usr_a", "call usr_b", "call usr_c"]);
  });

  test("go on when the one before could not be placed", () => {
    const run = world(oneByOne);
    run.refuse("call usr_a", "rejected", "recipient");
    expect(run.names()).toEqual(["call usr_a", "call usr_b"]);
  });

  const silent: readonly [why: string, spacingSeconds: number, goesOnAfter: number][] = [
    ["a minute where the vendor reports nothing", 120, 60],
    ["the spacing where that is shorter", 40, 40],
  ];
  test.each(silent)("ring for %s", (_why, spacingSeconds, goesOnAfter) => {
    const run = world({
      ...oneByOne,
      rules: {
        ...oneByOne.rules,
        steps: [step({ channels: ["call"], attempts: 1, spacingSeconds, windowSeconds: 360 })],
      },
    });
    run.accept("call usr_a");
    run.after(goesOnAfter * SECOND - 1);
    expect(run.names()).toEqual(["call usr_a"]);
    run.after(1);
    expect(run.names()).toEqual(["call usr_a", "call usr_b"]);
  });

  test("give everybody a first call before anybody gets a second", () => {
    const run = world(oneByOne);
    for (let dialled = 0; dialled < 5; dialled += 1) {
      run.after(10 * SECOND);
      const name = run.names().at(-1);
      if (name === undefined) throw new Error("somebody is called");
      run.accept(name);
      run.after(20 * SECOND);
      run.receipt(name, "failed", { final: false, reason: "busy" });
      run.until(run.todo.wakeAt ?? run.now);
    }
    expect(run.names().slice(0, 5)).toEqual([
      "call usr_a",
      "call usr_b",
      "call usr_c",
      "call usr_a",
      "call usr_b",
    ]);
  });

  test("are not placed for somebody who has meanwhile answered", () => {
    const run = world({
      ...oneByOne,
      rules: { ...oneByOne.rules, acknowledgment: "all" },
    });
    run.accept("call usr_a");
    run.fact({ kind: "answered", target: "usr_b", actId: "act_b", at: run.now });
    run.receipt("call usr_a", "failed", { final: false, reason: "busy" });
    expect(run.names()).toEqual(["call usr_a", "call usr_c"]);
  });
});

describe("an order says which receipts can move the run", () => {
  const one = { whatsapp_personal: [account("wa1")] };
  const rows: readonly [
    why: string,
    plan: Parameters<typeof plan>[0],
    order: string,
    wanted: readonly string[],
  ][] = [
    [
      "delivered settles; `sent` has no second account to lead to",
      {
        priority: "medium",
        persons: [person("usr_a", { routes: one })],
        rules: rules({ settledBy: "delivered" }),
      },
      "wa usr_a",
      ["delivered", "read"],
    ],
    [
      "a second account asks the record whether it was sent, when its turn comes",
      { priority: "medium", rules: rules({ settledBy: "delivered" }) },
      "wa usr_a",
      ["delivered", "read"],
    ],
    [
      "sent settles, and anything stronger proves it",
      {
        priority: "low",
        persons: [person("usr_a", { routes: one })],
        rules: rules({ settledBy: "sent" }),
      },
      "wa usr_a",
      ["sent", "delivered", "read"],
    ],
    [
      "read settles; what only arrived changes nothing",
      {
        priority: "medium",
        persons: [person("usr_a", { routes: one })],
        rules: rules({ settledBy: "read" }),
      },
      "wa usr_a",
      ["read"],
    ],
    [
      "where an answer is awaited, reading extends the window",
      { persons: [person("usr_a", { routes: one })], rules: rules() },
      "wa usr_a",
      ["read"],
    ],
    [
      "undeliveredAfter asks whether it arrived",
      {
        persons: [person("usr_a", { routes: one })],
        rules: rules({ steps: [step({ undeliveredAfterSeconds: 60 })] }),
      },
      "wa usr_a",
      ["delivered", "read"],
    ],
    [
      "a person's e-mail beside WhatsApp proves nothing",
      {
        rules: rules({
          settledBy: "delivered",
          steps: [step({ channels: ["whatsapp_personal", "email"] })],
        }),
      },
      "email usr_a",
      [],
    ],
    [
      "a group whose account can't tell more has met the condition when it is sent",
      {
        persons: [],
        groups: [group("grp_a")],
        rules: rules({ settledBy: "delivered", steps: [step({ groups: "primary" })] }),
      },
      "group grp_a",
      ["sent", "delivered", "read"],
    ],
    [
      "a group's evidence never ends a step that awaits an answer",
      {
        persons: [],
        groups: [group("grp_a")],
        rules: rules({ steps: [step({ groups: "primary" })] }),
      },
      "group grp_a",
      [],
    ],
  ];

  test.each(rows)("%s", (_why, over, order, wanted) => {
    expect(world(over).order(order).evidence).toEqual(wanted);
  });
});

test("nothing is ordered before its time", () => {
  const run = world();
  expect(run.orders.every(({ orderedAt, deadlineAt }) => deadlineAt > orderedAt)).toBe(true);
  expect(run.order("wa usr_a").orderedAt).toBe(T0);
});
