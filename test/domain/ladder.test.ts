import { describe, expect, test } from "vitest";

import { LadderWorld } from "../support/ladder-world.ts";
import {
  criticalRules,
  group,
  mediumRules,
  MINUTE,
  person,
  plan,
  SECOND,
  T0,
} from "../support/run-plan.ts";

describe("a plain notification", () => {
  const medium = plan({ priority: "medium", rules: mediumRules() });

  test("tells the person on every channel of the step and ends as delivered", () => {
    const world = new LadderWorld(medium);
    expect(world.names()).toEqual(["wa usr_a", "email usr_a"]);
    expect(world.inApp).toEqual([{ target: "usr_a", pass: 1, step: 1 }]);
    expect(world.todo).toMatchObject({ status: "notifying", pass: 1, step: 1, end: null });
    world.accept("wa usr_a", "email usr_a");
    expect(world.todo).toMatchObject({ status: "waiting", end: null });
    world.after(5 * SECOND);
    const todo = world.receipt("wa usr_a", "delivered");
    expect(todo.end).toEqual({ outcome: "delivered", reason: null, unreached: [], unanswered: [] });
    expect(todo.wakeAt).toBeNull();
  });
});

describe("a critical notification", () => {
  test("climbs the whole ladder when nobody answers", () => {
    const world = new LadderWorld(
      plan({
        rules: criticalRules({ roleUp: false, passes: 1 }),
        groups: [group("grp_noc"), group("grp_tech", { primary: false })],
      }),
    );
    world.acceptAll("delivered");
    while (world.todo.end === null && world.todo.wakeAt !== null) {
      world.until(world.todo.wakeAt);
      world.acceptAll("delivered");
    }
    expect(world.story()).toEqual([
      "0 wa usr_a 1",
      "0 push usr_a 1",
      "0 email usr_a 1",
      "0 group grp_noc 1",
      "60 wa usr_a 2",
      "120 wa usr_a 3",
      "180 group grp_tech 1",
      "240 sms usr_a 1",
      "300 call usr_a 1",
      "420 call usr_a 2",
      "540 call usr_a 3",
    ]);
    expect(world.now).toBe(T0 + 660 * SECOND);
    expect(world.todo.end).toMatchObject({ outcome: "exhausted", reason: "nobody_answered" });
  });

  test("orders nothing after an acknowledgment", () => {
    const world = new LadderWorld(plan({ rules: criticalRules() }));
    world.acceptAll("delivered");
    world.after(30 * SECOND);
    const ordered = world.orders.length;
    expect(world.stop().end).toMatchObject({ outcome: "acknowledged" });
    world.after(60 * MINUTE);
    expect(world.orders.length).toBe(ordered);
    expect(world.todo.wakeAt).toBeNull();
  });

  test("pulls the next channel forward when personal WhatsApp fails for good", () => {
    const world = new LadderWorld(plan({ rules: criticalRules(), persons: [person("usr_a")] }));
    world.refuse("wa usr_a", "rejected", "recipient");
    expect(world.order("sms usr_a")).toMatchObject({
      step: 3,
      reason: "pulled_forward",
      because: "rejected",
    });
  });
});
