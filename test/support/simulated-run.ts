/**
 * A run among vendors, people and planners that behave at random, in virtual time: what fast-check looks for counter-examples in.
 * Everything that happened is logged with its instant, so that a property can judge from the log alone.
 */
import type { PersonChannel } from "../../domain/channel.ts";
import type { PolicyStep } from "../../domain/escalation-policy.ts";
import { beginRun, learn, next, type RunState } from "../../domain/ladder.ts";
import { PRIORITIES } from "../../domain/priority.ts";
import type {
  AccountRoute,
  DeliveryKey,
  DeliveryResult,
  Fact,
  RunGroup,
  RunPerson,
  RunPlan,
  TimelineEntry,
  Todo,
} from "../../domain/run.ts";
import { deepFreeze, keyOf, type Ordered } from "./ladder-world.ts";
import { account, plan, rules, step, T0 } from "./run-plan.ts";

/** mulberry32: small, and the same on every machine. */
export function randomFrom(seed: number) {
  let state = seed >>> 0;
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    whole: (min: number, max: number): number => min + Math.floor(fraction() * (max - min + 1)),
    chance: (probability: number): boolean => fraction() < probability,
    pick: <Value>(values: readonly Value[]): Value => {
      const value = values[Math.floor(fraction() * values.length)];
      if (value === undefined) throw new Error("nothing to pick from");
      return value;
    },
  };
}
type Random = ReturnType<typeof randomFrom>;

const CHANNELS: readonly PersonChannel[] = [
  "whatsapp_personal",
  "sms",
  "call",
  "in_app",
  "push",
  "email",
];

export interface WorldShape {
  /** Acts that steer or stop the run. */
  readonly acts: boolean;
  /** Quiet hours. */
  readonly sleep: boolean;
  /** How often a vendor refuses; 0.12 unless stated. */
  readonly refusals?: number;
  /** The worker is now and then some seconds late. */
  readonly late?: boolean;
}

export function randomPlan(random: Random, shape: WorldShape): RunPlan {
  const settledBy = random.pick([
    "acknowledged",
    "acknowledged",
    "delivered",
    "sent",
    "read",
  ] as const);
  const isAcknowledged = settledBy === "acknowledged";
  const policy = rules({
    settledBy,
    passes: random.whole(1, 3),
    roleUp: isAcknowledged && random.chance(0.4),
    acknowledgment: isAcknowledged && random.chance(0.3) ? "all" : "any",
    calls: random.pick(["all", "one_by_one"]),
    quietHours: random.pick(["hold", "next_awake"]),
    lifetimeSeconds: 604_800,
    steps: Array.from({ length: random.whole(1, 4) }, () => randomStep(random, isAcknowledged)),
  });
  return plan({
    priority: random.pick(PRIORITIES),
    answerKind: random.pick(["acknowledge", "accept"]),
    rules: policy,
    persons: Array.from({ length: random.whole(0, 3) }, (_one, index) =>
      randomPerson(random, `usr_${index}`, shape),
    ),
    groups: Array.from({ length: random.whole(0, 2) }, (_one, index) =>
      randomGroup(random, `grp_${index}`, shape),
    ),
    notBefore: random.chance(0.1) ? T0 + random.whole(1, 100) * 1_000 : null,
  });
}

function randomStep(random: Random, mayRoleUp: boolean): PolicyStep {
  const roleUp = mayRoleUp && random.chance(0.15);
  const channels = CHANNELS.filter(() => random.chance(0.35));
  const groups = roleUp ? "none" : random.pick(["none", "primary", "other"] as const);
  const attempts = random.whole(1, 3);
  const spacingSeconds = random.whole(5, 40);
  const windowSeconds = attempts * spacingSeconds + random.whole(1, 100);
  return step({
    channels:
      channels.length === 0 && (roleUp || groups === "none") ? ["whatsapp_personal"] : channels,
    groups,
    attempts,
    spacingSeconds,
    windowSeconds,
    undeliveredAfterSeconds: random.chance(0.5) ? random.whole(1, windowSeconds) : null,
    roleUp,
    enabled: random.chance(0.9),
  });
}

function randomRoute(random: Random, channel: string): readonly AccountRoute[] {
  return Array.from({ length: random.whole(1, 3) }, (_one, index) =>
    account(`${channel}${index}`, {
      givesSent: random.chance(0.6),
      givesDelivered: random.chance(0.7),
      receiptDeadlineMs: random.whole(1, 40) * 1_000,
    }),
  );
}

export function randomPerson(random: Random, key: string, shape: WorldShape): RunPerson {
  const silentSuffices = random.chance(0.15);
  const offered = CHANNELS.filter((channel) => channel !== "in_app" && random.chance(0.75)).filter(
    (channel) => !silentSuffices || channel === "push" || channel === "email",
  );
  const mayDoze = shape.sleep && random.chance(0.2);
  const dozesAt = T0 + random.whole(1, 300) * 1_000;
  return {
    key,
    role: random.pick(["technician", "noc", "supervisor", "customer"] as const),
    origin: "audience",
    routes: Object.fromEntries(offered.map((channel) => [channel, randomRoute(random, channel)])),
    inApp: random.chance(0.8),
    firstStepChannels: random.chance(0.1) ? ["whatsapp_personal", "in_app"] : null,
    only: random.chance(0.1) ? ["in_app", "whatsapp_personal"] : null,
    silentSuffices,
    asleepUntil: shape.sleep && random.chance(0.3) ? T0 + random.whole(1, 900) * 1_000 : null,
    ...(mayDoze
      ? { quietWindows: [{ from: dozesAt, until: dozesAt + random.whole(1, 600) * 1_000 }] }
      : {}),
    quietTreatment: random.pick(["hold", "next_awake"] as const),
  };
}

function randomGroup(random: Random, key: string, shape: WorldShape): RunGroup {
  return {
    key,
    primary: random.chance(0.5),
    route: random.chance(0.9) ? randomRoute(random, "group") : [],
    asleepUntil: shape.sleep && random.chance(0.2) ? T0 + random.whole(1, 900) * 1_000 : null,
  };
}

interface Scheduled {
  readonly at: number;
  readonly fact: Fact;
}

export interface Learned {
  readonly at: number;
  readonly fact: Fact;
}

export interface RunLog {
  readonly plan: RunPlan;
  readonly orders: readonly Ordered[];
  readonly inApp: readonly {
    readonly target: string;
    readonly pass: number;
    readonly step: number;
  }[];
  readonly events: readonly TimelineEntry[];
  readonly learned: readonly Learned[];
  readonly withdrawn: readonly (DeliveryKey & { readonly withdrawnAt: number })[];
  readonly asked: number;
  readonly end: Todo["end"];
  readonly endedAt: number;
  readonly state: RunState;
  /** Persons that role-up, a re-plan or an operator brought in, by key. */
  readonly persons: ReadonlyMap<string, RunPerson>;
  /** Why the ladder's answer broke a promise that holds at every single instant. */
  readonly broken: readonly string[];
}

const HORIZON_MS = 30 * 24 * 3_600_000;
const ASKS_MAX = 20_000;

export function simulate(seed: number, shape: WorldShape): RunLog {
  const random = randomFrom(seed);
  const first = randomPlan(random, shape);
  const persons = new Map(first.persons.map((person) => [person.key, person]));
  const queue: Scheduled[] = shape.acts ? randomActs(random, first, persons, shape) : [];
  const orders: Ordered[] = [];
  const inApp: RunLog["inApp"][number][] = [];
  const events: TimelineEntry[] = [];
  const learned: Learned[] = [];
  const withdrawn: RunLog["withdrawn"][number][] = [];
  const broken: string[] = [];
  let now = T0;
  let state = deepFreeze(beginRun(first, now));
  let asked = 0;
  let isStopped = false;
  let newcomers = 0;

  for (; asked < ASKS_MAX; asked += 1) {
    const answer = next(state, now);
    state = deepFreeze(answer.state);
    const { todo } = answer;
    events.push(...todo.events);
    inApp.push(...todo.inApp);
    for (const key of todo.withdraw) withdrawn.push({ ...key, withdrawnAt: now });
    for (const order of todo.deliveries) {
      if (isStopped) broken.push(`order after a stop at ${now - T0}`);
      orders.push({ ...order, orderedAt: now });
      queue.push(...vendorAnswer(random, order, now, shape.refusals ?? 0.12));
    }
    if (todo.roleUp !== null) {
      const { role } = todo.roleUp;
      const named = Array.from({ length: random.whole(0, 2) }, () => {
        newcomers += 1;
        const person = { ...randomPerson(random, `usr_up${newcomers}`, shape), role, only: null };
        persons.set(person.key, person);
        return person;
      });
      const at = now + random.whole(0, 3_000);
      queue.push({ at, fact: { kind: "role_up_planned", role, persons: named, reason: null, at } });
    }
    broken.push(...brokenPromises(state, todo, now, random));
    if (todo.end !== null && queue.every(({ fact }) => fact.kind !== "result")) {
      return {
        plan: first,
        orders,
        inApp,
        events,
        learned,
        withdrawn,
        asked,
        end: todo.end,
        endedAt: now,
        state,
        persons,
        broken,
      };
    }
    queue.sort((a, b) => a.at - b.at);
    const nextFact = queue[0];
    const wakeAt = todo.wakeAt ?? Infinity;
    const at = Math.min(nextFact?.at ?? Infinity, wakeAt);
    if (!Number.isFinite(at) || at > T0 + HORIZON_MS) {
      broken.push(`waits for ever for ${todo.waitingFor.kind}`);
      break;
    }
    // Now and then the worker is late.
    now = Math.max(
      now,
      shape.late !== false && random.chance(0.05) ? at + random.whole(0, 5_000) : at,
    );
    while (queue[0] !== undefined && queue[0].at <= now) {
      const due = queue.shift();
      if (due === undefined) break;
      learned.push({ at: now, fact: due.fact });
      if (due.fact.kind === "stopped") isStopped = true;
      state = deepFreeze(learn(state, due.fact, now));
      if (random.chance(0.1)) state = deepFreeze(learn(state, due.fact, now));
    }
  }
  broken.push("does not come to an end");
  return {
    plan: first,
    orders,
    inApp,
    events,
    learned,
    withdrawn,
    asked,
    end: null,
    endedAt: now,
    state,
    persons,
    broken,
  };
}

/** What must hold of every single answer. */
function brokenPromises(
  state: RunState,
  todo: Todo,
  now: number,
  random: Random,
): readonly string[] {
  const broken: string[] = [];
  const again = next(state, now).todo;
  if (saysAnything(again)) broken.push(`a second question at ${now - T0} is answered anew`);
  if (todo.wakeAt !== null && !(todo.wakeAt > now))
    broken.push(`wakeAt is not ahead at ${now - T0}`);
  if (todo.end !== null && todo.wakeAt !== null) broken.push("wakes after the end");
  // Nothing changes by itself before wakeAt.
  const latest = todo.wakeAt ?? now + 1_000_000;
  const probe = random.whole(now, latest - 1);
  if (saysAnything(next(state, probe).todo)) {
    broken.push(`something happens at ${probe - T0}, before wakeAt ${latest - T0}`);
  }
  if (todo.nextStepAt !== null && !Number.isFinite(todo.nextStepAt))
    broken.push("nextStepAt is no instant");
  for (const order of todo.deliveries) {
    if (order.deadlineAt < now || order.validForSeconds < 1)
      broken.push("an order is late already");
  }
  return broken;
}

function saysAnything(todo: Todo): boolean {
  return (
    todo.deliveries.length > 0 ||
    todo.inApp.length > 0 ||
    todo.withdraw.length > 0 ||
    todo.hangUp.length > 0 ||
    todo.events.length > 0 ||
    todo.roleUp !== null ||
    todo.noticeSleepersOnly
  );
}

/** One vendor's answer and what it reports afterwards, late, twice and out of order. */
function vendorAnswer(
  random: Random,
  order: Todo["deliveries"][number],
  now: number,
  refusals: number,
): Scheduled[] {
  const key = keyOf(order);
  const at = now + random.whole(0, 25_000);
  const result = (answer: DeliveryResult): Scheduled => ({
    at,
    fact: { kind: "result", key, result: answer, at },
  });
  if (order.because === "no_sent_receipt" && random.chance(0.5)) {
    return [result({ kind: "not_sent", reason: "not_needed" })];
  }
  if (random.chance(refusals)) {
    return [
      result({
        kind: "failed",
        resultKind: random.pick([
          "unavailable",
          "unauthorized",
          "rate_limited",
          "rejected",
          "opted_out",
          "malformed",
        ] as const),
        scope: random.pick(["account", "recipient"] as const),
        reason: "simulated",
      }),
    ];
  }
  const answers = random.chance(0.08)
    ? [result({ kind: "unknown", reason: "timeout" })]
    : [
        result({
          kind: "accepted",
          status: random.pick(["accepted", "accepted", "sent"] as const),
        }),
      ];
  const reports = (["sent", "delivered", "read", "failed"] as const).filter((status) =>
    random.chance({ sent: 0.7, delivered: 0.6, read: 0.2, failed: 0.15 }[status]),
  );
  for (const status of reports) {
    // Some reports are earlier than the answer to the request itself.
    const reportedAt = Math.max(now, at + random.whole(-5_000, 90_000));
    const report: Scheduled = {
      at: reportedAt,
      fact: {
        kind: "receipt",
        ...key,
        status,
        final: status !== "failed" || random.chance(0.5),
        at: reportedAt,
        reason: null,
      },
    };
    answers.push(report);
    if (random.chance(0.2)) answers.push({ ...report, at: reportedAt + random.whole(0, 20_000) });
  }
  return answers;
}

function randomActs(
  random: Random,
  first: RunPlan,
  persons: Map<string, RunPerson>,
  shape: WorldShape,
): Scheduled[] {
  const keys = [...first.persons, ...first.groups].map(({ key }) => key);
  return Array.from({ length: random.whole(0, 5) }, (_one, index): Scheduled => {
    const at = T0 + random.whole(0, 900) * 1_000;
    const actId = `act_${index}`;
    const target = keys.length === 0 ? "usr_x" : random.pick(keys);
    const person = randomPerson(random, `usr_new${index}`, shape);
    const kind = random.pick([
      "stopped",
      "answered",
      "refuse",
      "escalate",
      "snooze",
      "resend",
      "policy_changed",
      "reassigned",
      "replanned",
    ] as const);
    switch (kind) {
      case "stopped":
        return {
          at,
          fact: { kind, by: random.pick(["acknowledge", "cancel", "resolve"] as const), actId, at },
        };
      case "answered":
      case "refuse":
        return { at, fact: { kind, target, actId, at } };
      case "escalate":
        return { at, fact: { kind, actId, at } };
      case "snooze":
        return { at, fact: { kind, until: at + random.whole(1, 300) * 1_000, actId, at } };
      case "resend": {
        const key = {
          pass: 1,
          step: 1,
          target,
          channel: "whatsapp_personal",
          attempt: 1,
          handOver: 0,
        } as const;
        return { at, fact: { kind, key, actId, at } };
      }
      case "policy_changed": {
        const other = randomPlan(random, shape);
        for (const added of other.persons) persons.set(added.key, added);
        return { at, fact: { kind, by: "move", plan: { ...other, notBefore: null }, actId, at } };
      }
      case "reassigned":
        persons.set(person.key, person);
        return { at, fact: { kind, from: random.chance(0.7) ? target : null, person, actId, at } };
      case "replanned": {
        const kept = first.persons.filter(() => random.chance(0.8));
        persons.set(person.key, person);
        const added = random.chance(0.5) ? [person] : [];
        const suppressed = random.pick([null, null, null, "type_off", "ticket_closed"] as const);
        return {
          at,
          fact: {
            kind,
            persons: suppressed === null ? [...kept, ...added] : [],
            groups: suppressed === null ? first.groups : [],
            suppressed,
            reason: "settings",
            at,
          },
        };
      }
    }
  });
}
