import { describe, expect, test } from "vitest";

import type { ResultKind, ResultScope } from "../../domain/result-kind.ts";
import type { Priority } from "../../domain/priority.ts";
import { LadderWorld } from "../support/ladder-world.ts";
import {
  account,
  criticalRules,
  group,
  HOUR,
  mediumRules,
  person,
  plan,
  routes,
  rules,
  SECOND,
  step,
  T0,
} from "../support/run-plan.ts";

/** WhatsApp over two accounts, then SMS, then a call. */
const LADDER = rules({
  steps: [
    step({ windowSeconds: 300, undeliveredAfterSeconds: 60 }),
    step({ channels: ["sms"], windowSeconds: 300 }),
    step({ channels: ["call"], windowSeconds: 300 }),
  ],
});

function world(over: Parameters<typeof plan>[0] = {}): LadderWorld {
  return new LadderWorld(plan({ rules: LADDER, ...over }));
}

type FailureKind = Exclude<ResultKind, "accepted" | "unknown_outcome">;

describe("a refused message", () => {
  const rows: readonly [why: string, kind: FailureKind, scope: ResultScope, next: "wa2" | "sms"][] =
    [
      ["the account is down", "unavailable", "account", "wa2"],
      ["our credentials are wrong", "unauthorized", "account", "wa2"],
      ["the account must wait beyond the window", "rate_limited", "account", "wa2"],
      ["this recipient can't be reached there", "unavailable", "recipient", "sms"],
      ["this recipient has had too many", "rate_limited", "recipient", "sms"],
      ["the number is not on WhatsApp", "rejected", "recipient", "sms"],
      ["the message is refused whoever gets it", "rejected", "account", "sms"],
      ["the recipient has opted out", "opted_out", "recipient", "sms"],
      [
        "the vendor answered nonsense: asking another account is not among the remedies",
        "malformed",
        "account",
        "sms",
      ],
    ];

  test.each(rows)("%s (%s, %s)", (_why, kind, scope, next) => {
    const run = world();
    run.after(5 * SECOND);
    run.refuse("wa usr_a", kind, scope);
    const last = run.orders.at(-1);
    if (next === "wa2") {
      expect(last).toMatchObject({
        channel: "whatsapp_personal",
        accountId: "wa2",
        attempt: 1,
        handOver: 1,
        reason: "failed_over",
        because: kind,
      });
      expect(run.eventsOf("failed_over")).toMatchObject([
        { accountId: "wa2", reason: kind, detail: { from: "wa1" } },
      ]);
    } else {
      expect(last).toMatchObject({
        channel: "sms",
        step: 2,
        attempt: 1,
        handOver: 0,
        reason: "pulled_forward",
        because: kind,
      });
      expect(run.eventsOf("pulled_forward")).toMatchObject([
        {
          step: 1,
          channel: "whatsapp_personal",
          reason: kind,
          detail: { toStep: 2, toChannel: "sms" },
        },
      ]);
    }
    expect(run.orders.at(-1)?.orderedAt).toBe(T0 + 5 * SECOND);
  });

  test("pulls the next channel forward when no account is left", () => {
    const run = world();
    run.refuse("wa usr_a", "unavailable", "account");
    run.refuse("wa usr_a", "unavailable", "account");
    expect(run.names()).toEqual(["wa usr_a", "wa usr_a", "sms usr_a"]);
  });

  test("ends the step at once when nothing is left to pull forward and nobody else is open", () => {
    const run = world({ persons: [person("usr_a", { routes: routes(["whatsapp_personal"]) })] });
    run.refuse("wa usr_a", "rejected", "recipient");
    expect(run.eventsOf("step_ended").map(({ reason }) => reason)).toEqual([
      "nobody_open",
      "nobody_reachable",
      "nobody_reachable",
    ]);
    expect(run.todo.end).toMatchObject({ outcome: "undeliverable", reason: "nothing_accepted" });
  });

  test("leaves the others their step", () => {
    const run = world({ persons: [person("usr_a"), person("usr_b")] });
    run.accept("wa usr_b");
    run.receipt("wa usr_b", "delivered");
    run.refuse("wa usr_a", "rejected", "recipient");
    expect(run.names()).toEqual(["wa usr_a", "wa usr_b", "sms usr_a"]);
    run.accept("sms usr_a");
    run.until(T0 + 300 * SECOND - 1);
    expect(run.eventsOf("step_ended")).toEqual([]);
    run.until(T0 + 300 * SECOND);
    expect(run.names().slice(3)).toEqual(["sms usr_b"]);
  });

  test("is never tried on the same route again, in no later pass either", () => {
    const run = world({ rules: { ...LADDER, passes: 3 } });
    run.refuse("wa usr_a", "rejected", "recipient");
    while (run.todo.end === null) {
      run.acceptAll("delivered");
      run.until(run.todo.wakeAt ?? run.now);
    }
    expect(run.ordersOf("wa usr_a")).toHaveLength(1);
    expect(run.ordersOf("sms usr_a").map(({ pass }) => pass)).toEqual([1, 2, 3]);
  });

  test("that is learned in the next pass ends the attempts there", () => {
    const run = world({
      rules: rules({
        passes: 2,
        steps: [step({ attempts: 3, spacingSeconds: 60, windowSeconds: 300 })],
      }),
      persons: [person("usr_a", { routes: { whatsapp_personal: [account("wa1")] } })],
    });
    const late = run.order("wa usr_a");
    run.until(T0 + 600 * SECOND);
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "sent");
    expect(run.todo.pass).toBe(2);
    run.fact({
      kind: "result",
      key: late,
      result: { kind: "failed", resultKind: "opted_out", scope: "recipient", reason: "stop" },
      at: run.now,
    });
    run.after(HOUR);
    expect(run.ordersOf("wa usr_a").map(({ pass, attempt }) => [pass, attempt])).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  test("is tried again in the next pass when a re-plan may have repaired the contact", () => {
    const run = world({ rules: { ...LADDER, passes: 2 } });
    run.refuse("wa usr_a", "rejected", "recipient");
    run.fact({
      kind: "replanned",
      persons: [person("usr_a")],
      groups: [],
      suppressed: null,
      reason: "contact",
      at: run.now,
    });
    expect(run.ordersOf("wa usr_a")).toHaveLength(1);
    while (run.todo.pass === 1) {
      run.acceptAll("delivered");
      run.until(run.todo.wakeAt ?? run.now);
    }
    expect(run.order("wa usr_a")).toMatchObject({ pass: 2 });
  });

  test("pulls nothing forward for somebody who has met the condition by another channel", () => {
    const run = world({
      priority: "medium",
      persons: [person("usr_a"), person("usr_b")],
      rules: rules({
        settledBy: "delivered",
        steps: [step({ channels: ["whatsapp_personal", "sms"] }), step({ channels: ["call"] })],
      }),
    });
    run.accept("sms usr_a");
    run.receipt("sms usr_a", "delivered");
    run.refuse("wa usr_a", "rejected", "recipient");
    expect(run.names()).not.toContain("call usr_a");
  });

  test("of an account is tried again in the next pass", () => {
    const run = world({
      rules: { ...LADDER, passes: 2 },
      persons: [person("usr_a", { routes: { whatsapp_personal: [account("wa1")] } })],
    });
    run.refuse("wa usr_a", "unavailable", "account");
    expect(run.ordersOf("wa usr_a").map(({ pass }) => pass)).toEqual([1, 2]);
  });

  test("of an e-mail pulls no phone channel forward", () => {
    const run = world({
      rules: rules({
        steps: [step({ channels: ["whatsapp_personal", "email"] }), step({ channels: ["sms"] })],
      }),
    });
    run.refuse("email usr_a", "rejected", "recipient");
    expect(run.names()).toEqual(["wa usr_a", "email usr_a"]);
  });

  test("to a group fails over along the group's own accounts and ends there", () => {
    const run = world({
      persons: [],
      groups: [group("grp_a", { route: [account("grp1"), account("grp2")] })],
      rules: rules({ steps: [step({ groups: "primary" })] }),
    });
    run.refuse("group grp_a", "unavailable", "account");
    expect(run.order("group grp_a")).toMatchObject({ accountId: "grp2", handOver: 1 });
    run.refuse("group grp_a", "unavailable", "account");
    expect(run.todo.end).toMatchObject({ outcome: "undeliverable" });
  });

  test("that was withdrawn moves nothing", () => {
    const run = world();
    run.result("wa usr_a", { kind: "not_sent", reason: "stopped" });
    expect(run.names()).toEqual(["wa usr_a"]);
    expect(run.todo.end).toBeNull();
    expect(run.eventsOf("step_ended")).toEqual([]);
  });
});

describe("an unknown outcome", () => {
  const rows: readonly [priority: Priority, isPulled: boolean, why: string][] = [
    ["critical", true, "goes on at once by another channel"],
    ["high", true, "goes on at once by another channel"],
    ["medium", false, "waits for a receipt or the window's end"],
    ["low", false, "waits for a receipt or the window's end"],
  ];

  test.each(rows)("of %s (pulled forward: %s) %s", (priority, isPulled) => {
    const run = world({ priority });
    run.result("wa usr_a", { kind: "unknown", reason: "timeout" });
    expect(run.names()).toEqual(isPulled ? ["wa usr_a", "sms usr_a"] : ["wa usr_a"]);
    if (isPulled) expect(run.orders.at(-1)).toMatchObject({ because: "unknown_outcome" });
  });

  test("holds back the next attempt on that channel until a receipt clears it", () => {
    const attempts = rules({
      steps: [step({ attempts: 3, spacingSeconds: 60, windowSeconds: 300 })],
    });
    const doubtful = world({ priority: "medium", rules: attempts });
    doubtful.result("wa usr_a", { kind: "unknown", reason: "timeout" });
    doubtful.after(100 * SECOND);
    expect(doubtful.names()).toEqual(["wa usr_a"]);
    doubtful.receipt("wa usr_a", "delivered");
    doubtful.after(60 * SECOND);
    expect(doubtful.story()).toEqual(["0 wa usr_a 1", "160 wa usr_a 2"]);
  });

  test("holds back a later step on that channel too, and not the next pass", () => {
    const run = world({
      priority: "medium",
      rules: rules({
        passes: 2,
        steps: [step({ windowSeconds: 60 }), step({ windowSeconds: 60 })],
      }),
    });
    run.result("wa usr_a", { kind: "unknown", reason: "timeout" });
    run.after(119 * SECOND);
    expect(run.names()).toEqual(["wa usr_a"]);
    run.after(SECOND);
    expect(run.order("wa usr_a")).toMatchObject({ pass: 2, step: 1 });
  });

  test("is never failed over", () => {
    const run = world({ priority: "medium" });
    run.result("wa usr_a", { kind: "unknown", reason: "timeout" });
    run.after(HOUR);
    expect(run.ordersOf("wa usr_a")).toHaveLength(1);
  });

  test("without another channel keeps a critical step waiting for nobody", () => {
    const run = world({
      persons: [person("usr_a", { routes: routes(["whatsapp_personal"]) })],
      groups: [group("grp_a", { primary: false })],
      rules: rules({ steps: [step(), step({ channels: [], groups: "other" })] }),
    });
    run.result("wa usr_a", { kind: "unknown", reason: "timeout" });
    expect(run.names()).toEqual(["wa usr_a", "group grp_a"]);
  });

  test("alone is no acceptance", () => {
    const run = world({
      priority: "medium",
      rules: mediumRules(),
      persons: [person("usr_a", { routes: routes(["whatsapp_personal"]) })],
    });
    run.result("wa usr_a", { kind: "unknown", reason: "timeout" });
    run.after(2 * HOUR);
    expect(run.todo.end).toMatchObject({
      outcome: "undeliverable",
      reason: "unknown_outcome",
      unreached: ["usr_a"],
    });
  });
});

describe("no `sent` by the account's deadline", () => {
  const rows: readonly [why: string, after: number, failsOver: boolean][] = [
    ["just before it", 30 * SECOND - 1, false],
    ["at it", 30 * SECOND, true],
    ["just after it", 30 * SECOND + 1, true],
  ];

  test.each(rows)("%s", (_why, after, failsOver) => {
    const run = world();
    run.accept("wa usr_a");
    run.after(after);
    expect(run.ordersOf("wa usr_a").map(({ accountId }) => accountId)).toEqual(
      failsOver ? ["wa1", "wa2"] : ["wa1"],
    );
    if (failsOver) {
      expect(run.order("wa usr_a")).toMatchObject({
        attempt: 1,
        handOver: 1,
        because: "no_sent_receipt",
        orderedAt: T0 + 30 * SECOND,
      });
    }
  });

  test("does not matter once it is sent: another number can't help a phone that is off", () => {
    const run = world();
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "sent");
    run.after(59 * SECOND);
    expect(run.ordersOf("wa usr_a")).toHaveLength(1);
  });

  test("does not matter where the record knows that it was sent: the next account is spared", () => {
    const run = world();
    run.accept("wa usr_a");
    run.after(30 * SECOND);
    const spared = run.order("wa usr_a");
    run.after(SECOND);
    run.result("wa usr_a", { kind: "not_sent", reason: "not_needed" });
    run.after(28 * SECOND);
    expect(run.ordersOf("wa usr_a")).toHaveLength(2);
    expect(run.events.map(({ kind }) => kind)).not.toContain("failed_over");
    // A second answer of the same order changes nothing.
    run.fact({
      kind: "result",
      key: spared,
      result: { kind: "accepted", status: "accepted" },
      at: run.now,
    });
    expect(run.names()).toEqual(["wa usr_a", "wa usr_a"]);
    run.after(SECOND);
    expect(run.names(), "undelivered all the same").toEqual(["wa usr_a", "wa usr_a", "sms usr_a"]);
  });

  test("is told as a failover once the next account has answered that it was needed", () => {
    const run = world();
    run.accept("wa usr_a");
    run.after(30 * SECOND);
    expect(run.events.map(({ kind }) => kind)).not.toContain("failed_over");
    run.after(SECOND);
    run.accept("wa usr_a");
    expect(run.events.filter(({ kind }) => kind === "failed_over")).toMatchObject([
      {
        at: T0 + 31 * SECOND,
        accountId: "wa2",
        reason: "no_sent_receipt",
        detail: { from: "wa1" },
      },
    ]);
  });

  test("does not matter where the account never says so", () => {
    const run = world({
      persons: [
        person("usr_a", {
          routes: {
            whatsapp_personal: [account("wa1", { givesSent: false }), account("wa2")],
          },
        }),
      ],
    });
    run.accept("wa usr_a");
    run.after(59 * SECOND);
    expect(run.ordersOf("wa usr_a")).toHaveLength(1);
  });

  test("on the last account counts as undelivered, also where it reports no delivery", () => {
    const run = world({
      persons: [
        person("usr_a", {
          routes: routes(["sms"], {
            whatsapp_personal: [account("wa1", { givesDelivered: false })],
          }),
        }),
      ],
    });
    run.accept("wa usr_a");
    run.after(59 * SECOND);
    expect(run.names()).toEqual(["wa usr_a"]);
    run.after(SECOND);
    expect(run.names()).toEqual(["wa usr_a", "sms usr_a"]);
  });

  test("the first copy that is delivered later keeps the person reached", () => {
    const run = world({ priority: "medium", rules: mediumRules() });
    run.acceptAll();
    run.after(30 * SECOND);
    const [first] = run.ordersOf("wa usr_a");
    run.refuse("wa usr_a", "rejected", "recipient");
    if (first === undefined) throw new Error("there was a first copy");
    run.fact({
      kind: "receipt",
      ...first,
      status: "delivered",
      final: true,
      at: run.now,
      reason: null,
    });
    expect(run.todo.end).toMatchObject({ outcome: "delivered" });
  });
});

describe("undelivered", () => {
  const rows: readonly [why: string, after: number, isPulled: boolean][] = [
    ["just before the limit", 60 * SECOND - 1, false],
    ["at the limit", 60 * SECOND, true],
    ["just after the limit", 60 * SECOND + 1, true],
  ];

  test.each(rows)("%s, counted from the acceptance", (_why, after, isPulled) => {
    const run = world();
    run.after(7 * SECOND);
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "sent");
    run.after(after);
    expect(run.names()).toEqual(isPulled ? ["wa usr_a", "sms usr_a"] : ["wa usr_a"]);
    if (isPulled) expect(run.order("sms usr_a")).toMatchObject({ because: "undelivered" });
  });

  test("is counted from one window after the step's start when nothing was accepted", () => {
    const run = world();
    run.until(T0 + 360 * SECOND - 1);
    expect(run.names()).toEqual(["wa usr_a"]);
    run.until(T0 + 360 * SECOND);
    expect(run.names()).toEqual(["wa usr_a", "sms usr_a"]);
    // What still waits for its account is taken back: the person is told elsewhere.
    expect(run.withdrawn).toMatchObject([{ channel: "whatsapp_personal", attempt: 1 }]);
  });

  test("a failover does not restart the clock", () => {
    const run = world();
    run.accept("wa usr_a");
    run.after(30 * SECOND);
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "sent");
    run.after(29 * SECOND);
    expect(run.names()).toEqual(["wa usr_a", "wa usr_a"]);
    run.after(SECOND);
    expect(run.names()).toEqual(["wa usr_a", "wa usr_a", "sms usr_a"]);
  });

  test("is not said of an account that reports no delivery", () => {
    const run = world({
      persons: [
        person("usr_a", {
          routes: routes(["sms"], {
            whatsapp_personal: [account("wa1", { givesSent: false, givesDelivered: false })],
          }),
        }),
      ],
    });
    run.accept("wa usr_a");
    run.after(299 * SECOND);
    expect(run.names()).toEqual(["wa usr_a"]);
  });

  test("wins over an attempt that is due at the same instant, and ends the attempts of the channel left", () => {
    const run = new LadderWorld(
      plan({
        persons: [
          person("usr_a", { routes: routes(["sms"], { whatsapp_personal: [account("wa1")] }) }),
        ],
        rules: criticalRules({ passes: 1, roleUp: false }),
      }),
    );
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "sent");
    run.after(60 * SECOND);
    expect(run.story()).toContain("60 sms usr_a 1");
    run.after(HOUR);
    expect(run.ordersOf("wa usr_a")).toHaveLength(1);
  });

  test("nothing to pull forward leaves the channel its attempts", () => {
    const run = new LadderWorld(
      plan({
        persons: [person("usr_a", { routes: { whatsapp_personal: [account("wa1")] } })],
        rules: criticalRules({ passes: 1, roleUp: false }),
      }),
    );
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "sent");
    run.after(60 * SECOND);
    expect(run.story()).toEqual(["0 wa usr_a 1", "60 wa usr_a 2"]);
  });
});

describe("what was pulled forward", () => {
  test("is not repeated when its step comes, and its window there counts from its acceptance", () => {
    const run = world();
    run.refuse("wa usr_a", "rejected", "recipient");
    run.after(100 * SECOND);
    run.accept("sms usr_a");
    // Step 1: 300 s from the acceptance at 100. The SMS's own window ends then too, so that its step passes.
    run.until(T0 + 400 * SECOND);
    expect(run.names()).toEqual(["wa usr_a", "sms usr_a", "call usr_a"]);
    expect(run.eventsOf("step_ended").map(({ step: at, reason }) => [at, reason])).toEqual([
      [1, "window_elapsed"],
      [2, "window_elapsed"],
    ]);
  });

  test("keeps its target open in the step that it was taken from", () => {
    const run = world();
    run.refuse("wa usr_a", "rejected", "recipient");
    run.accept("sms usr_a");
    run.after(299 * SECOND);
    expect(run.eventsOf("step_ended")).toEqual([]);
  });

  test("uses its own step's attempts and spacing", () => {
    const run = world({
      rules: rules({
        steps: [
          step({ windowSeconds: 300 }),
          step({ channels: ["sms"], attempts: 2, spacingSeconds: 45, windowSeconds: 90 }),
        ],
      }),
    });
    run.refuse("wa usr_a", "rejected", "recipient");
    run.accept("sms usr_a");
    run.receipt("sms usr_a", "delivered");
    run.after(HOUR);
    expect(run.story()).toEqual(["0 wa usr_a 1", "0 sms usr_a 1", "45 sms usr_a 2"]);
  });

  test("uses its own step's undeliveredAfter: the chain goes on to the call", () => {
    const run = world({
      rules: rules({
        steps: [
          step(),
          step({ channels: ["sms"], undeliveredAfterSeconds: 20 }),
          step({ channels: ["call"] }),
        ],
      }),
      persons: [
        person("usr_a", {
          routes: routes(["whatsapp_personal", "call"], { sms: [account("sms1")] }),
        }),
      ],
    });
    run.refuse("wa usr_a", "rejected", "recipient");
    run.accept("sms usr_a");
    run.after(20 * SECOND);
    expect(run.story()).toEqual(["0 wa usr_a 1", "0 sms usr_a 1", "20 call usr_a 1"]);
  });

  test("never comes from a role-up, disabled or group step", () => {
    const run = world({
      rules: rules({
        steps: [
          step(),
          step({ channels: ["sms"], roleUp: true }),
          step({ channels: ["sms"], enabled: false }),
          step({ channels: ["call"] }),
        ],
      }),
    });
    run.refuse("wa usr_a", "rejected", "recipient");
    expect(run.order("call usr_a")).toMatchObject({ step: 4 });
  });

  test("is a different channel, never the same one from a later step", () => {
    const run = world({ rules: rules({ steps: [step(), step(), step({ channels: ["sms"] })] }) });
    run.refuse("wa usr_a", "unavailable", "recipient");
    expect(run.names()).toEqual(["wa usr_a", "sms usr_a"]);
    run.accept("sms usr_a");
    run.after(2 * HOUR);
    // The channel left gets no further attempt in this pass: step 2 has nothing for this person.
    expect(run.ordersOf("wa usr_a")).toHaveLength(1);
  });

  test("leaves a channel that is merely undelivered for this pass, also in a later step that names it", () => {
    const run = world({
      rules: rules({
        passes: 2,
        steps: [
          step({ undeliveredAfterSeconds: 60 }),
          step({ channels: ["whatsapp_personal", "sms"] }),
        ],
      }),
    });
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "sent");
    while (run.todo.end === null) {
      for (const name of run.names()) if (name === "sms usr_a") run.accept(name);
      run.until(run.todo.wakeAt ?? run.now);
    }
    expect(
      run
        .ordersOf("wa usr_a")
        .filter(({ handOver }) => handOver === 0)
        .map(({ pass, step: at }) => [pass, at]),
    ).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  test("starts at once also when the channel fails after its step", () => {
    const run = world({
      groups: [group("grp_a", { primary: false })],
      rules: rules({
        steps: [step(), step({ channels: [], groups: "other" }), step({ channels: ["sms"] })],
      }),
    });
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "sent");
    run.until(T0 + 310 * SECOND);
    run.accept("group grp_a");
    run.receipt("wa usr_a", "failed", { reason: "undeliverable" });
    expect(run.order("sms usr_a")).toMatchObject({
      orderedAt: T0 + 310 * SECOND,
      because: "undeliverable",
    });
  });
});

describe("a failed receipt", () => {
  test("that is final fails the channel for good", () => {
    const run = world();
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "failed", { final: true, reason: "blocked" });
    expect(run.order("sms usr_a")).toMatchObject({ because: "blocked" });
  });

  test("after a delivery is a note", () => {
    const run = world();
    run.accept("wa usr_a");
    run.receipt("wa usr_a", "delivered");
    run.receipt("wa usr_a", "failed", { final: true });
    expect(run.names()).toEqual(["wa usr_a"]);
  });

  test("of a copy that was replaced does not fail its successor", () => {
    const run = world();
    run.accept("wa usr_a");
    run.after(30 * SECOND);
    const [first] = run.ordersOf("wa usr_a");
    if (first === undefined) throw new Error("there was a first copy");
    run.fact({
      kind: "receipt",
      ...first,
      status: "failed",
      final: true,
      at: run.now,
      reason: null,
    });
    expect(run.names()).toEqual(["wa usr_a", "wa usr_a"]);
  });
});

describe("facts that repeat or stray", () => {
  test("a second answer to one order changes nothing", () => {
    const run = world();
    run.accept("wa usr_a");
    const before = run.state;
    run.result("wa usr_a", {
      kind: "failed",
      resultKind: "rejected",
      scope: "recipient",
      reason: "",
    });
    expect(run.names()).toEqual(["wa usr_a"]);
    expect(run.state.targets["usr_a"]?.lines).toEqual(before.targets["usr_a"]?.lines);
  });

  test("results and receipts of orders that never were are ignored", () => {
    const run = world();
    const before = run.state;
    const key = { ...run.order("wa usr_a"), attempt: 9 };
    run.tell({ kind: "receipt", ...key, status: "failed", final: true, at: run.now, reason: null });
    run.tell({
      kind: "result",
      key: { ...key, target: "usr_x" },
      result: { kind: "accepted", status: "accepted" },
      at: run.now,
    });
    expect(run.state).toEqual(before);
  });

  const clocks: readonly [why: string, at: number, windowEndsAfter: number][] = [
    ["before the order counts as the order's instant", -50 * SECOND, 300],
    ["after it was learned counts as the instant of learning", 500 * SECOND, 310],
    ["in between counts as told", 4 * SECOND, 304],
  ];
  test.each(clocks)("a vendor's time %s", (_why, at, windowEndsAfter) => {
    const run = world();
    run.after(10 * SECOND);
    run.receipt("wa usr_a", "delivered", { at: T0 + at });
    run.until(T0 + windowEndsAfter * SECOND - 1);
    expect(run.names()).toEqual(["wa usr_a"]);
    run.until(T0 + windowEndsAfter * SECOND);
    expect(run.names()).toEqual(["wa usr_a", "sms usr_a"]);
  });

  test("a receipt that comes before the answer counts as the acceptance", () => {
    const run = world();
    run.receipt("wa usr_a", "delivered");
    run.result("wa usr_a", { kind: "unknown", reason: "timeout" });
    run.after(299 * SECOND);
    expect(run.names()).toEqual(["wa usr_a"]);
    run.after(SECOND);
    expect(run.names()).toEqual(["wa usr_a", "sms usr_a"]);
  });
});
