/**
 * A run in virtual time: the ladder is asked as the workflow asks it (after every fact and at `wakeAt`), and orders, events and
 * ends are kept with their instants. Facts are told by short names: `world.accept("sms usr_a")`.
 */
import { beginRun, learn, next, type RunState } from "../../domain/ladder.ts";
import type {
  DeliveryKey,
  DeliveryOrder,
  DeliveryResult,
  Fact,
  InAppOrder,
  ReceiptFact,
  RunPlan,
  TimelineEntry,
  Todo,
} from "../../domain/run.ts";
import { T0 } from "./run-plan.ts";

export interface Ordered extends DeliveryOrder {
  readonly orderedAt: number;
}

export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}

export class LadderWorld {
  state: RunState;
  now: number;
  todo: Todo;
  readonly orders: Ordered[] = [];
  readonly inApp: InAppOrder[] = [];
  readonly withdrawn: DeliveryKey[] = [];
  readonly hungUp: DeliveryKey[] = [];
  readonly events: TimelineEntry[] = [];
  readonly roleUps: NonNullable<Todo["roleUp"]>[] = [];
  notices = 0;
  #acts = 0;

  constructor(plan: RunPlan, now = T0) {
    this.now = now;
    this.state = deepFreeze(beginRun(plan, now));
    this.todo = this.ask();
  }

  ask(): Todo {
    const { state, todo } = next(this.state, this.now);
    // Nothing may change a state in place: whoever kept it would see another past.
    this.state = deepFreeze(state);
    this.todo = todo;
    for (const order of todo.deliveries) this.orders.push({ ...order, orderedAt: this.now });
    this.inApp.push(...todo.inApp);
    this.withdrawn.push(...todo.withdraw);
    this.hungUp.push(...todo.hangUp);
    this.events.push(...todo.events);
    if (todo.roleUp !== null) this.roleUps.push(todo.roleUp);
    if (todo.noticeSleepersOnly) this.notices += 1;
    return todo;
  }

  /** Learns without asking: several facts of one instant. */
  tell(fact: Fact): void {
    this.state = deepFreeze(learn(this.state, fact, this.now));
  }

  fact(fact: Fact): Todo {
    this.tell(fact);
    return this.ask();
  }

  /** Lets time pass and asks whenever the ladder wanted to be asked. */
  until(at: number): Todo {
    for (;;) {
      const { wakeAt } = this.todo;
      if (wakeAt === null || wakeAt > at) break;
      this.now = wakeAt;
      this.ask();
    }
    this.now = at;
    return this.ask();
  }

  after(ms: number): Todo {
    return this.until(this.now + ms);
  }

  /** The worker is away: time passes and nobody asks. */
  absent(ms: number): Todo {
    this.now += ms;
    return this.ask();
  }

  /** The newest order of this name: "sms usr_a", or with a number "call usr_a 2" for an attempt. */
  order(name: string): Ordered {
    const found = this.ordersOf(name).at(-1);
    if (found === undefined)
      throw new Error(`no order ${name}; there are ${this.names().join(", ")}`);
    return found;
  }

  ordersOf(name: string): readonly Ordered[] {
    return this.orders.filter(
      (order) => nameOf(order) === name || `${nameOf(order)} ${order.attempt}` === name,
    );
  }

  names(): readonly string[] {
    return this.orders.map(nameOf);
  }

  result(name: string, result: DeliveryResult): Todo {
    return this.fact({ kind: "result", key: keyOf(this.order(name)), result, at: this.now });
  }

  accept(...names: readonly string[]): Todo {
    for (const name of names) {
      this.tell({
        kind: "result",
        key: keyOf(this.order(name)),
        result: { kind: "accepted", status: "accepted" },
        at: this.now,
      });
    }
    return this.ask();
  }

  /** Accepts everything that waits for an answer. */
  acceptAll(status: "accepted" | "sent" | "delivered" = "accepted"): Todo {
    for (const order of this.orders) {
      this.tell({
        kind: "result",
        key: keyOf(order),
        result: { kind: "accepted", status },
        at: this.now,
      });
    }
    return this.ask();
  }

  refuse(
    name: string,
    resultKind: Extract<DeliveryResult, { kind: "failed" }>["resultKind"],
    scope: "recipient" | "account",
  ): Todo {
    return this.result(name, { kind: "failed", resultKind, scope, reason: resultKind });
  }

  receipt(name: string, status: ReceiptFact["status"], over: Partial<ReceiptFact> = {}): Todo {
    return this.fact({
      kind: "receipt",
      ...keyOf(this.order(name)),
      status,
      final: true,
      at: this.now,
      reason: null,
      ...over,
    });
  }

  actId(): string {
    this.#acts += 1;
    return `act_${this.#acts}`;
  }

  stop(by: "acknowledge" | "cancel" | "resolve" = "acknowledge"): Todo {
    return this.fact({ kind: "stopped", by, actId: this.actId(), at: this.now });
  }

  /** Orders since the last look, by name and instant in seconds after the start: "12 sms usr_a". */
  story(): readonly string[] {
    return this.orders.map(
      (order) => `${(order.orderedAt - T0) / 1_000} ${nameOf(order)} ${order.attempt}`,
    );
  }

  eventsOf(kind: TimelineEntry["kind"]): readonly TimelineEntry[] {
    return this.events.filter((event) => event.kind === kind);
  }
}

const SHORT = {
  whatsapp_personal: "wa",
  whatsapp_group: "group",
  sms: "sms",
  call: "call",
  email: "email",
  push: "push",
  in_app: "in_app",
} as const;

/** "wa usr_a" */
export function nameOf(key: DeliveryKey): string {
  return `${SHORT[key.channel]} ${key.target}`;
}

export function keyOf(key: DeliveryKey): DeliveryKey {
  const { pass, step, target, channel, attempt, handOver } = key;
  return { pass, step, target, channel, attempt, handOver };
}
