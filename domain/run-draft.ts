/**
 * The working copy of a run's state while one fact is learned or one question answered. A target is copied when it is first
 * changed, so that a fact about one of a hundred persons costs one person; the state handed in is never changed.
 */
import type { Channel } from "./channel.ts";
import type { PolicyStep } from "./escalation-policy.ts";
import type { TimelineKind } from "./notification.ts";
import type {
  AccountRoute,
  DeliveryKey,
  DeliveryOrder,
  InAppOrder,
  RoleUpRequest,
  TimelineEntry,
} from "./run.ts";
import type { Draft, Line, RunState, Target, Turn } from "./run-state.ts";

export interface Work {
  readonly run: Draft;
  readonly now: number;
  readonly owned: Set<string>;
  readonly deliveries: DeliveryOrder[];
  readonly inApp: InAppOrder[];
  readonly withdraw: DeliveryKey[];
  readonly hangUp: DeliveryKey[];
  roleUp: RoleUpRequest | null;
  noticeSleepersOnly: boolean;
  /** Counts what was changed: the ladder is asked again until a round changes nothing. */
  changes: number;
  /** When the next move on a line is due, as the last round found it. */
  nextMoveAt: number;
}

export function workOn(state: RunState, now: number): Work {
  return {
    run: { ...state, targets: { ...state.targets } },
    now,
    owned: new Set(),
    deliveries: [],
    inApp: [],
    withdraw: [],
    hangUp: [],
    roleUp: null,
    noticeSleepersOnly: false,
    changes: 0,
    nextMoveAt: Infinity,
  };
}

/** The target for changing. References to it or its lines that were taken before the first call are stale. */
export function own(work: Work, key: string): Target {
  const target = work.run.targets[key];
  if (target === undefined) throw missing(`target ${key}`);
  work.changes += 1;
  if (work.owned.has(key)) return target;
  const copy = {
    ...target,
    lines: target.lines.map(copyLine),
    turns: target.turns.map((turn) => ({ ...turn })),
    late: target.late === null ? null : { ...target.late },
    banned: [...target.banned],
    toldBefore: [...target.toldBefore],
  };
  work.run.targets[key] = copy;
  work.owned.add(key);
  return copy;
}

function copyLine(line: Line): Line {
  return {
    ...line,
    queued: line.queued === null ? null : { ...line.queued },
    deliveries: line.deliveries.map((delivery) => ({
      ...delivery,
      refusal: delivery.refusal === null ? null : { ...delivery.refusal },
      failure: delivery.failure === null ? null : { ...delivery.failure },
    })),
  };
}

export function keysOf(work: Work): readonly string[] {
  return Object.keys(work.run.targets);
}

export function targetOf(work: Work, key: string): Target {
  const target = work.run.targets[key];
  if (target === undefined) throw missing(`target ${key}`);
  return target;
}

/** The policy's step with this 1-based number. */
export function stepOf(run: Pick<Draft, "plan">, step: number): PolicyStep {
  const found = run.plan.rules.steps[step - 1];
  if (found === undefined) throw missing(`step ${step}`);
  return found;
}

/** Asked for too often to build an assertion's text each time. */
function missing(what: string): Error {
  return new Error(`Invariant broken: ${what} is part of the run`);
}

/** The pass that this target's lines are begun in: a late target keeps the one in which it became late. */
export function passOf(run: Pick<Draft, "pass">, target: Target): number {
  return target.late?.pass ?? run.pass;
}

export function note(
  work: Work,
  kind: TimelineKind,
  facts: Partial<Omit<TimelineEntry, "sequence" | "at" | "kind">> = {},
): void {
  const { run } = work;
  run.sequence += 1;
  work.changes += 1;
  run.events = [
    ...run.events,
    {
      sequence: run.sequence,
      at: work.now,
      kind,
      pass: run.pass,
      step: null,
      target: null,
      channel: null,
      accountId: null,
      reason: null,
      detail: null,
      ...facts,
    },
  ];
}

/** The accounts that can carry this channel to this target, best first; empty when none can. */
export function routeOf(target: Target, channel: Channel): readonly AccountRoute[] {
  if (target.kind === "group") return channel === "whatsapp_group" ? target.group.route : [];
  if (channel === "in_app" || channel === "whatsapp_group") return [];
  return target.person.routes[channel] ?? [];
}

export function turnOf(target: Target, step: number): Turn | null {
  return target.turns.find((turn) => turn.step === step) ?? null;
}
