/**
 * What must hold of every run, judged from the log of a simulated world by its own small model of the rules, and not by the
 * ladder's own functions.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { isPhoneChannel } from "../../domain/channel.ts";
import type { PolicyStep } from "../../domain/escalation-policy.ts";
import { beginRun, learn, next } from "../../domain/ladder.ts";
import { isAtLeast } from "../../domain/priority.ts";
import type { DeliveryKey, Fact, RunGroup, RunPerson, TimelineEntry } from "../../domain/run.ts";
import { deepFreeze, keyOf, LadderWorld, type Ordered } from "../support/ladder-world.ts";
import { criticalRules, group, person, plan, T0 } from "../support/run-plan.ts";
import { randomFrom, simulate, type RunLog, type WorldShape } from "../support/simulated-run.ts";

const PLAIN: WorldShape = { acts: false, sleep: false };
const QUIET: WorldShape = { acts: false, sleep: true };
const WILD: WorldShape = { acts: true, sleep: true };
const PUNCTUAL: WorldShape = { ...QUIET, late: false };
const REFUSING: WorldShape = { ...PLAIN, refusals: 0.4 };

/** Worlds that once showed a fault of the ladder or of this model. */
const REMEMBERED: readonly (readonly [seed: number, shape: WorldShape])[] = [
  [275_172_785, PLAIN],
  [811_029_864, WILD],
];

/** Worlds of each shape: enough for every rare move to occur, few enough for a test run of seconds. */
const WORLDS = 300;
const simulated = new Map<WorldShape, readonly (readonly [seed: number, log: RunLog])[]>();

function worldsOf(shape: WorldShape): readonly (readonly [seed: number, log: RunLog])[] {
  const known = simulated.get(shape);
  if (known !== undefined) return known;
  const seeds = fc.sample(fc.integer({ min: 0, max: 2 ** 31 }), WORLDS);
  const remembered = REMEMBERED.filter(([, of]) => of === shape).map(([seed]) => seed);
  const worlds = [...remembered, ...seeds].map((seed) => [seed, simulate(seed, shape)] as const);
  simulated.set(shape, worlds);
  return worlds;
}

/** A property of every world of this shape; the counter-example's seed stands in the error. */
function holds(shape: WorldShape, property: (log: RunLog) => void): void {
  for (const [seed, log] of worldsOf(shape)) {
    try {
      property(log);
    } catch (cause) {
      throw new Error(`simulate(${seed}, ${JSON.stringify(shape)})`, { cause });
    }
  }
}

function textOf(key: DeliveryKey): string {
  const { pass, step, target, channel, attempt, handOver } = key;
  return [pass, step, target, channel, attempt, handOver].join("/");
}

function stepOf(log: RunLog, step: number): PolicyStep {
  const found = log.plan.rules.steps[step - 1];
  if (found === undefined) throw new Error(`no step ${step}`);
  return found;
}

function personOf(log: RunLog, key: string): RunPerson | null {
  return log.persons.get(key) ?? null;
}

function quietOf(log: RunLog, key: string): RunPerson | RunGroup | null {
  return personOf(log, key) ?? log.plan.groups.find((candidate) => candidate.key === key) ?? null;
}

/** Turned out not to be needed, because the hand-over before had left: as if it had never been ordered. */
function isSpared(log: RunLog, key: DeliveryKey, at = Infinity): boolean {
  return log.learned.some(
    ({ at: learnedAt, fact }) =>
      learnedAt <= at &&
      fact.kind === "result" &&
      fact.result.kind === "not_sent" &&
      fact.result.reason === "not_needed" &&
      textOf(fact.key) === textOf(key),
  );
}

/** Whether a hand-over after this one was spared by it. */
function hasSpared(log: RunLog, order: Ordered, at: number): boolean {
  const later = log.orders
    .filter(
      (other) =>
        textOf({ ...other, handOver: 0 }) === textOf({ ...order, handOver: 0 }) &&
        other.handOver > order.handOver,
    )
    .sort((a, b) => a.handOver - b.handOver);
  return later[0] !== undefined && isSpared(log, later[0], at);
}

/** What the ladder had learned about one order by an instant. */
function knownOf(log: RunLog, order: Ordered, at: number) {
  const heard: number[] = [];
  let answer: "none" | "accepted" | "refused" | "unknown" = "none";
  let failed = "no" as "no" | "busy" | "final";
  let failedAt = Infinity;
  let best = 0;
  const note = (instant: number, learnedAt: number): void => {
    heard.push(Math.min(Math.max(instant, order.orderedAt), learnedAt));
  };
  for (const { at: learnedAt, fact } of log.learned) {
    if (learnedAt > at) break;
    if (fact.kind === "result" && textOf(fact.key) === textOf(order) && answer === "none") {
      if (fact.result.kind === "accepted") {
        answer = "accepted";
        best = Math.max(best, fact.result.status === "sent" ? 2 : 1);
        note(fact.at, learnedAt);
      } else answer = fact.result.kind === "unknown" ? "unknown" : "refused";
    }
    if (fact.kind === "receipt" && textOf(fact) === textOf(order)) {
      note(fact.at, learnedAt);
      if (fact.status === "failed") {
        failed = fact.final || failed === "final" ? "final" : "busy";
        failedAt = Math.min(failedAt, Math.max(fact.at, order.orderedAt), learnedAt);
      } else best = Math.max(best, { sent: 2, delivered: 3, read: 4 }[fact.status]);
    }
  }
  if (hasSpared(log, order, at)) best = Math.max(best, 2);
  const hasArrived = best >= 3;
  const acceptedAt = heard.length === 0 ? null : Math.min(...heard);
  return {
    acceptedAt,
    answer,
    failed: hasArrived ? ("no" as const) : failed,
    failedAt,
    best,
    hasArrived,
    isInFlight: answer === "none" && acceptedAt === null,
    isAlive: hasArrived || (failed === "no" && acceptedAt !== null),
  };
}

function isWithdrawn(log: RunLog, order: Ordered, at: number): boolean {
  return log.withdrawn.some((key) => textOf(key) === textOf(order) && key.withdrawnAt <= at);
}

function eventsOf(log: RunLog, kind: TimelineEntry["kind"]): readonly TimelineEntry[] {
  return log.events.filter((event) => event.kind === kind);
}

test("invariant 1: no answer contradicts itself, nothing happens before wakeAt, and every run comes to an end", () => {
  holds(WILD, (log) => {
    expect(log.broken).toEqual([]);
    expect(log.end).not.toBeNull();
  });
});

test("no two orders have one key, and in-app rows are written once per step and pass", () => {
  holds(WILD, (log) => {
    expect(new Set(log.orders.map(textOf)).size).toBe(log.orders.length);
  });
  holds(QUIET, (log) => {
    const rows = log.inApp.map(({ target, pass, step }) => `${pass}/${step}/${target}`);
    expect(new Set(rows).size).toBe(rows.length);
  });
});

function groupBy<Value, Key>(values: readonly Value[], keyFor: (value: Value) => Key) {
  const groups = new Map<Key, Value[]>();
  for (const value of values) {
    const key = keyFor(value);
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  return groups;
}

test("invariant 12: budgets hold: attempts per line, accounts per attempt, one message of everything else", () => {
  holds(QUIET, (log) => {
    const lines = groupBy(log.orders, (order) =>
      [order.pass, order.step, order.target, order.channel].join("/"),
    );
    for (const orders of lines.values()) {
      const [first] = orders;
      if (first === undefined) continue;
      const limit = isPhoneChannel(first.channel) ? stepOf(log, first.step).attempts : 1;
      const attempts = groupBy(orders, ({ attempt }) => attempt);
      expect(attempts.size).toBeLessThanOrEqual(limit);
      for (const handOvers of attempts.values()) {
        // Every account is asked once for one attempt.
        const accounts = handOvers.map(({ accountId }) => accountId);
        expect(new Set(accounts).size).toBe(accounts.length);
        expect(handOvers.map(({ handOver }) => handOver)).toEqual(
          handOvers.map((_o, index) => index),
        );
      }
    }
  });
});

test("invariant 12: a permanent refusal is never tried again for that target and channel", () => {
  holds(QUIET, (log) => {
    for (const { at, fact } of log.learned) {
      if (fact.kind !== "result" || fact.result.kind !== "failed") continue;
      if (fact.result.resultKind !== "rejected" && fact.result.resultKind !== "opted_out") continue;
      const order = log.orders.find((candidate) => textOf(candidate) === textOf(fact.key));
      // Reports that contradict the refusal show that it was none.
      if (order === undefined || knownOf(log, order, Infinity).acceptedAt !== null) continue;
      const later = log.orders.filter(
        (candidate) =>
          candidate.orderedAt >= at &&
          candidate.target === fact.key.target &&
          candidate.channel === fact.key.channel,
      );
      expect(later).toEqual([]);
    }
  });
});

describe("invariant 8: a step", () => {
  test("never ends before the window of a target that is still open, unless an act says so", () => {
    let judged = 0;
    holds(PLAIN, (log) => {
      for (const end of eventsOf(log, "step_ended")) {
        const started = eventsOf(log, "step_started").find(
          (event) => event.pass === end.pass && event.step === end.step,
        );
        if (started === undefined) continue;
        for (const [target, until] of openUntil(log, started, end.at)) {
          judged += 1;
          expect(
            end.at,
            `pass ${end.pass ?? 0} step ${end.step ?? 0} keeps ${target}`,
          ).toBeGreaterThanOrEqual(until);
        }
      }
    });
    // The model must have had something to say.
    expect(judged).toBeGreaterThan(100);
  });

  test("ends with its last open target's window, not later", () => {
    holds(PUNCTUAL, (log) => {
      for (const end of eventsOf(log, "step_ended")) {
        if (end.reason !== "window_elapsed") continue;
        const started = eventsOf(log, "step_started").find(
          (event) => event.pass === end.pass && event.step === end.step,
        );
        if (started === undefined || end.step === null) throw new Error("a step ends that began");
        const windowMs = stepOf(log, end.step).windowSeconds * 1_000;
        const extensions = eventsOf(log, "window_extended").filter(
          (event) => event.pass === end.pass && event.step === end.step,
        );
        const longest = 2 * windowMs + (extensions.length > 0 ? windowMs : 0);
        expect(end.at - started.at).toBeLessThanOrEqual(longest);
      }
    });
  });

  test("begins only when the one before it has ended", () => {
    holds(WILD, (log) => {
      let isRunning = false;
      for (const { kind, target } of log.events) {
        if (target !== null) continue;
        if (kind === "step_started") {
          expect(isRunning).toBe(false);
          isRunning = true;
        }
        // A snooze's end and another policy begin a step in the place of one that stands.
        if (["step_ended", "resumed", "moved", "reprioritised"].includes(kind)) isRunning = false;
      }
    });
  });
});

/** Targets that the model holds open at an instant, each with the end of its window. */
function openUntil(
  log: RunLog,
  started: TimelineEntry,
  at: number,
): readonly (readonly [string, number])[] {
  const { pass, step } = started;
  if (pass === null || step === null) return [];
  const windowMs = stepOf(log, step).windowSeconds * 1_000;
  const ofStep = log.orders.filter(
    (order) =>
      order.pass === pass &&
      order.orderedAt <= at &&
      (isPhoneChannel(order.channel) || order.channel === "whatsapp_group"),
  );
  const told = ofStep.filter((order) => order.step === step && order.orderedAt >= started.at);
  const targets = new Set(told.map(({ target }) => target));
  return [...targets].flatMap((target): readonly (readonly [string, number])[] => {
    if (personOf(log, target)?.only) return [];
    // Whoever was pulled into this step before it came has its window from then.
    const isEarlier = eventsOf(log, "pulled_forward").some(
      (event) =>
        event.pass === pass &&
        event.target === target &&
        event.detail?.["toStep"] === step &&
        event.at < started.at,
    );
    if (isEarlier) return [];
    const counted = ofStep.filter(
      (order) =>
        order.target === target &&
        order.orderedAt >= started.at &&
        (order.step === step || (order.step > step && isPulled(log, order))),
    );
    const isOpen = counted.some((order) => {
      const known = knownOf(log, order, at);
      return known.isAlive || (known.isInFlight && !isWithdrawn(log, order, at));
    });
    const isMet = hasMetInModel(log, target, at);
    if (!isOpen || isMet) return [];
    let start = started.at + windowMs;
    for (const order of counted) {
      const { acceptedAt } = knownOf(log, order, at);
      if (acceptedAt !== null) start = Math.min(start, acceptedAt);
    }
    const extended = eventsOf(log, "window_extended").filter(
      (event) => event.pass === pass && event.step === step && event.target === target,
    );
    const extensionMs =
      extended.length === 0 ? 0 : Number(extended[0]?.detail?.["seconds"]) * 1_000;
    return [[target, start + windowMs + extensionMs]];
  });
}

/** Ordered by pull forward, whatever attempt of that line it is. */
function isPulled(log: RunLog, order: Ordered): boolean {
  return log.orders.some(
    (other) =>
      other.reason === "pulled_forward" &&
      other.pass === order.pass &&
      other.step === order.step &&
      other.target === order.target &&
      other.channel === order.channel,
  );
}

function hasMetInModel(log: RunLog, target: string, at: number): boolean {
  const { settledBy } = log.plan.rules;
  if (settledBy === "acknowledged") return false;
  return log.orders.some((order) => {
    if (order.target !== target || order.orderedAt > at) return false;
    const known = knownOf(log, order, at);
    if (!known.isAlive) return false;
    const route = quietOf(log, target);
    const accounts =
      route === null ? [] : "route" in route ? route.route : Object.values(route.routes).flat();
    const account = accounts.find(({ accountId }) => accountId === order.accountId);
    const sent = account?.givesSent === true ? 2 : 1;
    // Of a group many accounts can tell no more than that it was sent.
    const isBestSent = order.channel === "whatsapp_group" && account?.givesDelivered === false;
    return known.best >= (isBestSent ? sent : { sent, delivered: 3, read: 4 }[settledBy]);
  });
}

describe("invariant 8: pull forward", () => {
  test("happens once per channel left, to a different one, and for a reason that the facts bear out", () => {
    let judged = 0;
    holds(PLAIN, (log) => {
      const left = eventsOf(log, "pulled_forward").map(({ pass, target, channel }) =>
        [pass, target, channel].join("/"),
      );
      expect(new Set(left).size).toBe(left.length);
      for (const event of eventsOf(log, "pulled_forward")) {
        judged += 1;
        expect(event.detail?.["toChannel"]).not.toBe(event.channel);
        expect(Number(event.detail?.["toStep"])).toBeGreaterThan(event.step ?? Infinity);
        expect(isBorneOut(log, event), `${event.reason ?? ""} at ${event.at - T0}`).toBe(true);
      }
    });
    expect(judged).toBeGreaterThan(20);
  });

  test("happens at once whenever a channel is refused for good and another one is left", () => {
    let judged = 0;
    holds(REFUSING, (log) => {
      for (const { at, fact } of log.learned) {
        if (fact.kind !== "result" || fact.result.kind !== "failed") continue;
        if (
          fact.result.scope === "account" &&
          !["rejected", "opted_out", "malformed"].includes(fact.result.resultKind)
        )
          continue;
        const order = log.orders.find((candidate) => textOf(candidate) === textOf(fact.key));
        if (order === undefined || !mustPull(log, order, at)) continue;
        judged += 1;
        expect(
          log.orders.filter(
            (candidate) =>
              candidate.reason === "pulled_forward" &&
              candidate.target === order.target &&
              candidate.orderedAt === at,
          ),
          textOf(order),
        ).not.toEqual([]);
      }
    });
    expect(judged).toBeGreaterThan(5);
  });
});

function ordersOfLine(log: RunLog, event: TimelineEntry): readonly Ordered[] {
  return log.orders.filter(
    (order) =>
      order.pass === event.pass &&
      order.step === event.step &&
      order.target === event.target &&
      order.channel === event.channel &&
      order.orderedAt <= event.at,
  );
}

function isBorneOut(log: RunLog, event: TimelineEntry): boolean {
  const orders = ordersOfLine(log, event);
  const newest = orders.findLast((order) => !isSpared(log, order, event.at));
  if (newest === undefined || event.step === null) return false;
  const known = knownOf(log, newest, event.at);
  const line = orders.map((order) => knownOf(log, order, event.at));
  switch (event.reason) {
    case "undelivered": {
      const step = stepOf(log, event.step);
      const afterMs = (step.undeliveredAfterSeconds ?? Infinity) * 1_000;
      // A call that waits for another one belongs to its step all the while.
      const started = eventsOf(log, "step_started").find(
        (other) => other.pass === event.pass && other.step === event.step,
      );
      const firstAt = orders[0]?.orderedAt ?? Infinity;
      const startedAt = Math.min(firstAt, started?.at ?? Infinity);
      const accepted = line.flatMap(({ acceptedAt }) => (acceptedAt === null ? [] : [acceptedAt]));
      const since = Math.min(startedAt + step.windowSeconds * 1_000, ...accepted);
      return event.at >= since + afterMs && line.every(({ hasArrived }) => !hasArrived);
    }
    case "unknown_outcome":
      return known.answer === "unknown" && isAtLeast(log.plan.priority, "high");
    case "failed":
      return known.failed !== "no";
    default:
      return known.answer === "refused" && known.acceptedAt === null;
  }
}

/** The model's own reading of "that person's next different channel of this pass starts at once". */
function mustPull(log: RunLog, order: Ordered, at: number): boolean {
  const human = personOf(log, order.target);
  if (human === null || !isPhoneChannel(order.channel) || hasMetInModel(log, order.target, at))
    return false;
  if (knownOf(log, order, at).acceptedAt !== null) return false;
  const ofPass = log.orders.filter(({ pass, orderedAt }) => pass === order.pass && orderedAt <= at);
  const line = ofPass.filter(
    ({ target, channel, step, orderedAt }) =>
      target === order.target &&
      channel === order.channel &&
      step === order.step &&
      orderedAt <= at,
  );
  const newest = line.findLast((other) => !isSpared(log, other, at));
  if (newest !== order || line.some((other) => knownOf(log, other, at).hasArrived)) return false;
  if (stepOf(log, order.step).roleUp) return false;
  // Its pass must still run: one of its steps has begun and not ended before.
  const running = eventsOf(log, "step_started").findLast((event) => event.at <= at);
  if (running?.pass !== order.pass || running.step === null) return false;
  const hasEnded = eventsOf(log, "step_ended").some(
    (event) => event.pass === running.pass && event.step === running.step && event.at < at,
  );
  if (hasEnded) return false;
  const isLeft = eventsOf(log, "pulled_forward").some(
    (event) =>
      event.pass === order.pass &&
      event.target === order.target &&
      event.channel === order.channel &&
      event.at < at,
  );
  if (isLeft) return false;
  const position = Math.max(running.step, order.step);
  // What one_by_one keeps waiting has been tried without an order; the model looks at policies that dial at once.
  if (log.plan.rules.calls === "one_by_one") return false;
  return log.plan.rules.steps.some((step, index) => {
    if (index + 1 <= position || !step.enabled || step.roleUp) return false;
    return step.channels.some(
      (channel) =>
        isPhoneChannel(channel) &&
        (human.routes[channel] ?? []).length > 0 &&
        (human.only === null || human.only.includes(channel)) &&
        !ofPass.some(
          (other) =>
            other.target === order.target && other.channel === channel && other.orderedAt < at,
        ) &&
        !isBanned(log, order.target, channel, at),
    );
  });
}

function isBanned(log: RunLog, target: string, channel: string, at: number): boolean {
  return log.learned.some(
    ({ at: learnedAt, fact }) =>
      learnedAt <= at &&
      fact.kind === "result" &&
      fact.key.target === target &&
      fact.key.channel === channel &&
      fact.result.kind === "failed" &&
      (fact.result.resultKind === "rejected" || fact.result.resultKind === "opted_out"),
  );
}

test("attempts keep their spacing from what is known of the one before", () => {
  holds(QUIET, (log) => {
    for (const order of log.orders) {
      if (order.reason !== "attempt") continue;
      const before = log.orders
        .filter(
          (other) =>
            other.pass === order.pass &&
            other.step === order.step &&
            other.target === order.target &&
            other.channel === order.channel &&
            other.attempt === order.attempt - 1 &&
            !isSpared(log, other),
        )
        .at(-1);
      if (before === undefined) throw new Error("an attempt follows another");
      const known = knownOf(log, before, order.orderedAt);
      const since = known.failed === "busy" ? known.failedAt : (known.acceptedAt ?? Infinity);
      const spacingMs = (stepOf(log, order.step).spacingSeconds ?? Infinity) * 1_000;
      expect(order.orderedAt).toBeGreaterThanOrEqual(since + spacingMs);
    }
  });
});

test("calls that go one by one never ring together", () => {
  let judged = 0;
  holds(PLAIN, (log) => {
    if (log.plan.rules.calls !== "one_by_one") return;
    const calls = log.orders.filter(({ channel }) => channel === "call");
    for (const order of calls) {
      for (const other of calls) {
        if (calls.indexOf(other) >= calls.indexOf(order)) continue;
        judged += 1;
        expect(
          ringsAt(log, other, order.orderedAt),
          `${textOf(other)} under ${textOf(order)}`,
        ).toBe(false);
      }
    }
  });
  expect(judged).toBeGreaterThan(50);
});

function ringsAt(log: RunLog, order: Ordered, at: number): boolean {
  const known = knownOf(log, order, at);
  if (known.isInFlight) return !isWithdrawn(log, order, at);
  if (!known.isAlive || known.acceptedAt === null) return false;
  const hasEnded = log.learned.some(
    ({ at: learnedAt, fact }) =>
      learnedAt <= at &&
      fact.kind === "receipt" &&
      textOf(fact) === textOf(order) &&
      (fact.status === "failed" || (fact.final && fact.status !== "sent")),
  );
  if (hasEnded) return false;
  const spacingMs = (stepOf(log, order.step).spacingSeconds ?? Infinity) * 1_000;
  return at < known.acceptedAt + Math.min(60_000, spacingMs);
}

test("invariant 17: nothing reaches a person or group in quiet hours", () => {
  let sleepers = 0;
  holds(QUIET, (log) => {
    for (const order of log.orders) {
      const quiet = quietOf(log, order.target);
      if (quiet === null) throw new Error(`${order.target} is known`);
      if (quiet.asleepUntil !== null) {
        sleepers += 1;
        expect(order.orderedAt).toBeGreaterThanOrEqual(quiet.asleepUntil);
      }
      for (const window of quiet.quietWindows ?? []) {
        expect(order.orderedAt >= window.from && order.orderedAt < window.until).toBe(false);
      }
    }
  });
  expect(sleepers).toBeGreaterThan(50);
});

test("whoever refused or answered gets nothing more", () => {
  holds(WILD, (log) => {
    const stoppedAt = log.learned.find(({ fact }) => fact.kind === "stopped")?.at ?? Infinity;
    for (const { at, fact } of log.learned) {
      if (fact.kind !== "refuse" && fact.kind !== "answered") continue;
      // Acts on an ended run have no effect.
      if (at > Math.min(stoppedAt, log.endedAt)) continue;
      expect(
        log.orders.filter((order) => order.target === fact.target && order.orderedAt > at),
      ).toEqual([]);
    }
  });
});

test("invariant 14: n passes are at most n, and each role is told at most once above them", () => {
  holds(QUIET, (log) => {
    const passes = new Set(log.orders.map(({ pass }) => pass));
    const roles = eventsOf(log, "role_up").filter(
      ({ step, detail }) => step === null && Number(detail?.["persons"]) > 0,
    );
    expect(Math.max(0, ...passes)).toBeLessThanOrEqual(log.plan.rules.passes + roles.length);
    const named = roles.map(({ detail }) => detail?.["role"]);
    expect(new Set(named).size).toBe(named.length);
  });
});

test("invariant 1: a run ends within its longest plan", () => {
  holds(PUNCTUAL, (log) => {
    const { rules, persons, groups, notBefore } = log.plan;
    const people = [...log.persons.values(), ...persons, ...groups];
    const wakes = people.flatMap((target) => [
      target.asleepUntil ?? T0,
      ...(target.quietWindows ?? []).map(({ until }) => until),
    ]);
    const awake = Math.max(T0, notBefore ?? T0, ...wakes);
    // Two windows and an extension per step, and the planner's three seconds for each question.
    const passMs = rules.steps.reduce(
      (sum, { windowSeconds }) => sum + 3 * windowSeconds * 1_000 + 6_000,
      0,
    );
    const passesMs = (rules.passes + 3) * passMs;
    // The run's own passes, then the last late target's one pass, then what is in flight.
    expect(log.endedAt).toBeLessThanOrEqual(awake + passesMs + passMs + 30_000);
    expect(log.end?.outcome).not.toBe("expired");
  });
});

describe("facts of one instant", () => {
  const STATUSES = ["sent", "delivered", "read", "failed"] as const;

  test("results and receipts in any order, with duplicates, give one state", () => {
    const facts = fc.array(
      fc.record({
        name: fc.constantFrom("wa usr_a", "push usr_a", "group grp_a"),
        what: fc.constantFrom(...STATUSES, "accepted"),
        final: fc.boolean(),
        at: fc.integer({ min: T0, max: T0 + 5_000 }),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(facts, fc.integer(), (drawn, seed) => {
        const told = drawn.map(({ name, what, final, at }) => factOf(name, what, final, at));
        // A delivery has one answer: of several drawn, the first stands for all.
        const results = new Map(
          told.flatMap((fact) => (fact.kind === "result" ? [[textOf(fact.key), fact]] : [])),
        );
        const once = [...told.filter(({ kind }) => kind !== "result"), ...results.values()];
        const reordered = shuffle([...once, ...once], seed);
        const straight = tellAll(once);
        const crooked = tellAll(reordered);
        expect(crooked).toEqual(straight);
      }),
      { numRuns: 500 },
    );
  });

  test("a stop among them decides the outcome, whatever comes first, and nothing is ordered", () => {
    const kinds = fc.shuffledSubarray(
      ["delivered", "failed", "accepted", "escalate", "refuse", "snooze", "moved", "stop"],
      { minLength: 1 },
    );
    fc.assert(
      fc.property(kinds, fc.constantFrom("acknowledge", "cancel", "resolve"), (drawn, by) => {
        const order = drawn.includes("stop") ? drawn : [...drawn, "stop"];
        const world = begun();
        world.now = T0 + 180_000;
        for (const kind of order) world.tell(actOf(kind, by, world.now));
        const ordered = world.orders.length;
        world.ask();
        expect(world.todo.end?.outcome).toBe(
          { acknowledge: "acknowledged", cancel: "cancelled", resolve: "resolved" }[by],
        );
        world.after(100_000_000);
        expect(world.orders).toHaveLength(ordered);
      }),
      { numRuns: 300 },
    );
  });

  function begun(): LadderWorld {
    const world = new LadderWorld(plan({ rules: criticalRules(), groups: [group("grp_a")] }));
    world.now = T0 + 5_000;
    return world;
  }

  function factOf(
    name: string,
    what: (typeof STATUSES)[number] | "accepted",
    final: boolean,
    at: number,
  ): Fact {
    const key = keyOf(begun().order(name));
    return what === "accepted"
      ? { kind: "result", key, result: { kind: "accepted", status: "accepted" }, at }
      : { kind: "receipt", ...key, status: what, final, at, reason: null };
  }

  function tellAll(facts: readonly Fact[]) {
    const world = begun();
    for (const fact of facts) world.tell(fact);
    const learned = world.state;
    return { learned, todo: world.ask() };
  }

  function actOf(kind: string, by: "acknowledge" | "cancel" | "resolve", at: number): Fact {
    const actId = `act_${kind}`;
    switch (kind) {
      case "stop":
        return { kind: "stopped", by, actId, at };
      case "escalate":
        return { kind, actId, at };
      case "refuse":
        return { kind, target: "usr_a", actId, at };
      case "snooze":
        return { kind, until: at + 60_000, actId, at };
      case "moved":
        return { kind: "policy_changed", by: "move", plan: plan(), actId, at };
      case "delivered":
      case "failed":
        return factOf("wa usr_a", kind, true, at);
      default:
        return factOf("wa usr_a", "accepted", true, at);
    }
  }
});

function shuffle<Value>(values: readonly Value[], seed: number): readonly Value[] {
  const random = randomFrom(seed);
  const rest = [...values];
  return values.map(() => {
    const [taken] = rest.splice(random.whole(0, rest.length - 1), 1);
    if (taken === undefined) throw new Error("something is left");
    return taken;
  });
}

describe("a hundred persons", () => {
  const hundred = plan({
    rules: criticalRules({ roleUp: false }),
    persons: Array.from({ length: 100 }, (_one, index) => person(`usr_${index}`)),
  });

  test("a fact about one of them copies that one", () => {
    const begun = next(beginRun(hundred, T0), T0);
    const order = begun.todo.deliveries.find(({ target }) => target === "usr_7");
    if (order === undefined) throw new Error("everybody is told");
    const before = deepFreeze(begun.state);
    const fact: Fact = {
      kind: "result",
      key: keyOf(order),
      result: { kind: "accepted", status: "accepted" },
      at: T0,
    };
    const after = learn(before, fact, T0);
    const changed = Object.keys(after.targets).filter(
      (key) => after.targets[key] !== before.targets[key],
    );
    expect(changed).toEqual(["usr_7"]);
  });

  test("a question about them copies those for whom something is due", () => {
    const world = new LadderWorld(hundred);
    world.accept(
      ...world.orders
        .filter(({ channel }) => channel === "whatsapp_personal")
        .map(({ target }) => `wa ${target}`),
    );
    const before = world.state;
    world.receipt("wa usr_7", "failed", { final: true });
    const changed = Object.keys(before.targets).filter(
      (key) => world.state.targets[key] !== before.targets[key],
    );
    expect(changed).toEqual(["usr_7"]);
  });

  test("wake the ladder as seldom as its deadlines, not once for each of them", () => {
    const world = new LadderWorld(hundred);
    let asked = 0;
    while (world.todo.end === null && asked < 1_000) {
      world.acceptAll("delivered");
      if (world.todo.wakeAt === null) break;
      world.now = world.todo.wakeAt;
      world.ask();
      asked += 1;
    }
    expect(world.todo.end).toMatchObject({ outcome: "exhausted" });
    // Per pass: two attempts, the ends of three steps (step 2 has nobody), two redials and the end of the calls' window.
    expect(asked).toBe(14);
  });
});
