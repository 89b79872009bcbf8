import { describe, expect, test } from "vitest";

import { LadderWorld } from "../support/ladder-world.ts";
import {
  account,
  criticalRules,
  group,
  MINUTE,
  person,
  plan,
  rules,
  SECOND,
  silentPerson,
  step,
  T0,
} from "../support/run-plan.ts";

const WINDOW = 300;
const TWO_STEPS = rules({
  steps: [step({ windowSeconds: WINDOW }), step({ channels: ["sms"], windowSeconds: WINDOW })],
});

/** A run of one person in a two-step ladder, and when its second step began. */
function secondStepAt(world: LadderWorld): number | null {
  const started = world.eventsOf("step_started").find((event) => event.step === 2);
  return started === undefined ? null : (started.at - T0) / SECOND;
}

describe("a target's window", () => {
  const rows: readonly [why: string, acceptedAfter: number | null, endsAfter: number][] = [
    ["accepted at once: one window", 0, WINDOW],
    ["accepted later: counted from the acceptance", 40, WINDOW + 40],
    ["accepted one second before a window is over", WINDOW - 1, 2 * WINDOW - 1],
    ["accepted exactly one window after the step began", WINDOW, 2 * WINDOW],
    ["accepted too late: counted from one window after the step began", WINDOW + 1, 2 * WINDOW],
    ["never accepted: likewise", null, 2 * WINDOW],
  ];

  test.each(rows)("%s", (_why, acceptedAfter, endsAfter) => {
    const world = new LadderWorld(plan({ rules: TWO_STEPS }));
    if (acceptedAfter !== null) {
      world.after(acceptedAfter * SECOND);
      world.accept("wa usr_a");
      world.receipt("wa usr_a", "sent", { final: false });
    }
    world.until(T0 + endsAfter * SECOND - 1);
    expect(secondStepAt(world)).toBeNull();
    world.until(T0 + endsAfter * SECOND);
    expect(secondStepAt(world)).toBe(endsAfter);
    expect(world.eventsOf("step_ended")[0]?.reason).toBe("window_elapsed");
  });

  test("the last open target's window ends the step", () => {
    const world = new LadderWorld(
      plan({ rules: TWO_STEPS, persons: [person("usr_a"), person("usr_b")] }),
    );
    world.accept("wa usr_a");
    world.after(50 * SECOND);
    world.accept("wa usr_b");
    world.after(HOURS);
    expect(secondStepAt(world)).toBe(WINDOW + 50);
  });

  test("a failover does not restart the window", () => {
    const world = new LadderWorld(plan({ rules: TWO_STEPS }));
    world.accept("wa usr_a");
    world.after(30 * SECOND);
    expect(world.order("wa usr_a")).toMatchObject({ accountId: "wa2", reason: "failed_over" });
    world.accept("wa usr_a");
    world.receipt("wa usr_a", "delivered");
    world.after(HOURS);
    expect(secondStepAt(world)).toBe(WINDOW);
  });

  test("an order may wait for one window at most, and an attempt for the rest of it", () => {
    const world = new LadderWorld(
      plan({
        rules: criticalRules(),
        persons: [person("usr_a", { routes: { whatsapp_personal: [account("wa1")] } })],
      }),
    );
    expect(world.order("wa usr_a").deadlineAt).toBe(T0 + 180 * SECOND);
    expect(world.order("wa usr_a").validForSeconds).toBe(180);
    world.accept("wa usr_a");
    world.receipt("wa usr_a", "delivered");
    world.after(60 * SECOND);
    expect(world.order("wa usr_a 2").deadlineAt).toBe(T0 + 180 * SECOND);
    expect(world.order("wa usr_a 2").validForSeconds).toBe(120);
  });
});

const HOURS = 6 * 60 * MINUTE;

describe("reading without an answer", () => {
  const rows: readonly [
    why: string,
    priority: "critical" | "high",
    window: number,
    extended: number,
  ][] = [
    ["doubles a critical window of two minutes or less", "critical", 100, 100],
    ["adds exactly two minutes to a critical window of two minutes", "critical", 120, 120],
    ["adds two minutes to a longer critical window", "critical", 180, 120],
    ["adds its own length to any other", "high", 300, 300],
  ];

  test.each(rows)("%s", (_why, priority, windowSeconds, extended) => {
    const world = new LadderWorld(
      plan({
        priority,
        rules: rules({ steps: [step({ windowSeconds }), step({ channels: ["sms"] })] }),
      }),
    );
    world.accept("wa usr_a");
    world.after(20 * SECOND);
    world.receipt("wa usr_a", "read");
    world.receipt("wa usr_a", "read");
    expect(world.eventsOf("window_extended")).toHaveLength(1);
    world.after(HOURS);
    expect(secondStepAt(world)).toBe(windowSeconds + extended);
  });

  test("happens once per pass, and again in the next", () => {
    const world = new LadderWorld(
      plan({
        rules: rules({
          passes: 2,
          steps: [step({ windowSeconds: 100 }), step({ windowSeconds: 100 })],
        }),
      }),
    );
    while (world.todo.end === null) {
      for (const order of world.orders.filter(({ orderedAt }) => orderedAt === world.now)) {
        world.accept(`wa usr_a`);
        world.fact({
          kind: "receipt",
          ...order,
          status: "read",
          final: true,
          at: world.now,
          reason: null,
        });
      }
      world.until(world.todo.wakeAt ?? world.now);
    }
    expect(world.eventsOf("window_extended").map(({ pass, step: at }) => [pass, at])).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  test("a group's reading extends nothing", () => {
    const world = new LadderWorld(
      plan({
        persons: [],
        groups: [group("grp_a")],
        rules: rules({ steps: [step({ groups: "primary" })] }),
      }),
    );
    world.accept("group grp_a");
    world.receipt("group grp_a", "read");
    expect(world.eventsOf("window_extended")).toEqual([]);
  });

  test("somebody who reads in one step's window gains nothing in a later one", () => {
    const world = new LadderWorld(plan({ rules: TWO_STEPS }));
    world.accept("wa usr_a");
    world.receipt("wa usr_a", "sent");
    world.after(WINDOW * SECOND);
    const wa = world.order("wa usr_a");
    world.accept("sms usr_a");
    world.fact({
      kind: "receipt",
      ...wa,
      status: "read",
      final: true,
      at: world.now - 1,
      reason: null,
    });
    expect(world.eventsOf("window_extended")).toEqual([]);
  });
});

describe("a step that waits for nobody", () => {
  test("passes at once when it can reach nobody, with the reason", () => {
    const world = new LadderWorld(
      plan({
        persons: [person("usr_a", { routes: { sms: [account("sms1")] } })],
        rules: TWO_STEPS,
      }),
    );
    expect(world.names()).toEqual(["sms usr_a"]);
    expect(world.eventsOf("step_ended")).toMatchObject([
      { step: 1, reason: "nobody_reachable", at: T0 },
    ]);
  });

  test("passes over disabled steps silently", () => {
    const world = new LadderWorld(
      plan({ rules: rules({ steps: [step({ enabled: false }), step({ channels: ["sms"] })] }) }),
    );
    expect(world.names()).toEqual(["sms usr_a"]);
    expect(world.events.map(({ step: at }) => at)).toEqual([2]);
  });

  test("ends at once when in-app, push and e-mail are all that it could send", () => {
    const world = new LadderWorld(
      plan({
        rules: rules({
          steps: [step({ channels: ["in_app", "email", "push"] }), step({ channels: ["sms"] })],
        }),
      }),
    );
    expect(world.names()).toEqual(["email usr_a", "push usr_a", "sms usr_a"]);
    expect(world.eventsOf("step_ended")[0]).toMatchObject({ reason: "nobody_open", at: T0 });
  });

  test("waits its window for somebody whom silence suffices", () => {
    const world = new LadderWorld(
      plan({
        persons: [silentPerson("usr_a")],
        rules: rules({ steps: [step({ channels: ["in_app"] }), step({ channels: ["sms"] })] }),
      }),
    );
    world.after(HOURS);
    expect(world.eventsOf("step_ended")[0]).toMatchObject({
      reason: "window_elapsed",
      at: T0 + WINDOW * SECOND,
    });
  });

  test("is not kept by somebody told in passing only, who is told nevertheless", () => {
    const world = new LadderWorld(
      plan({
        persons: [person("usr_a", { only: ["whatsapp_personal", "in_app"] })],
        rules: TWO_STEPS,
      }),
    );
    expect(world.names()).toEqual(["wa usr_a"]);
    expect(secondStepAt(world)).toBe(0);
  });

  test("lets a rule change the channels of the first enabled step alone", () => {
    const world = new LadderWorld(
      plan({
        persons: [person("usr_a", { firstStepChannels: ["sms"] })],
        rules: rules({
          steps: [step({ enabled: false }), step(), step({ channels: ["call"] })],
        }),
      }),
    );
    world.acceptAll("delivered");
    world.after(HOURS);
    expect(world.names()).toEqual(["sms usr_a", "call usr_a"]);
  });
});

describe("a worker that was away", () => {
  test("begins one step on its return, with a full window, and makes up for no attempt", () => {
    const world = new LadderWorld(
      plan({
        persons: [
          person("usr_a", {
            routes: {
              whatsapp_personal: [account("wa1")],
              sms: [account("sms1")],
              call: [account("call1")],
            },
          }),
        ],
        groups: [group("grp_a", { primary: false })],
        rules: criticalRules(),
      }),
    );
    world.accept("wa usr_a");
    const before = world.orders.length;
    world.absent(HOURS);
    expect(world.names().slice(before)).toEqual(["group grp_a"]);
    expect(world.todo.nextStepAt).toBe(world.now + 2 * 60 * SECOND);
    world.accept("group grp_a");
    expect(world.todo.nextStepAt).toBe(world.now + 60 * SECOND);
  });

  test("tells each person one thing when several windows were slept through", () => {
    const world = new LadderWorld(plan({ rules: criticalRules() }));
    world.accept("wa usr_a");
    const before = world.orders.length;
    world.absent(HOURS);
    expect(world.names().slice(before)).toEqual(["sms usr_a"]);
    world.absent(HOURS);
    expect(world.names().slice(before)).toEqual(["sms usr_a", "call usr_a"]);
  });

  test("within the window it makes up for one attempt, not for two", () => {
    const world = new LadderWorld(
      plan({
        rules: rules({ steps: [step({ attempts: 4, spacingSeconds: 60, windowSeconds: 300 })] }),
      }),
    );
    world.accept("wa usr_a");
    world.receipt("wa usr_a", "delivered");
    world.absent(200 * SECOND);
    expect(world.story()).toEqual(["0 wa usr_a 1", "200 wa usr_a 2"]);
    world.accept("wa usr_a");
    world.receipt("wa usr_a", "delivered");
    world.after(HOURS);
    expect(world.story()).toEqual(["0 wa usr_a 1", "200 wa usr_a 2", "260 wa usr_a 3"]);
  });
});

describe("asking", () => {
  test("twice at one instant orders nothing twice", () => {
    const world = new LadderWorld(plan({ rules: criticalRules(), groups: [group("grp_a")] }));
    const again = world.ask();
    expect(again.deliveries).toEqual([]);
    expect(again.inApp).toEqual([]);
    expect(again.events).toEqual([]);
  });

  test("numbers events without a gap", () => {
    const world = new LadderWorld(plan({ rules: criticalRules() }));
    world.after(HOURS);
    expect(world.events.map(({ sequence }) => sequence)).toEqual(
      world.events.map((_event, index) => index + 1),
    );
    expect(world.events.length).toBeGreaterThan(5);
  });

  test("at no instant is refused", () => {
    const world = new LadderWorld(plan());
    world.now = Number.NaN;
    expect(() => world.ask()).toThrow("instant");
    expect(() => {
      world.stop();
    }).toThrow("instant");
  });

  test("survives JSON", () => {
    const world = new LadderWorld(plan({ rules: criticalRules(), groups: [group("grp_a")] }));
    world.accept("wa usr_a");
    const copy: unknown = JSON.parse(JSON.stringify(world.state));
    expect(copy).toEqual(world.state);
  });
});
