/**
 * What a run would do if every message arrived and nobody answered: the ladder itself is asked, with the answers that would then come. So a plan and its run can't
 * disagree about the rules, only about what happens.
 */
import type { Channel } from "./channel.ts";
import { beginRun, learn, next } from "./ladder.ts";
import type { RunState } from "./ladder.ts";
import type { Outcome } from "./notification.ts";
import { ROLES } from "./role.ts";
import type { Role } from "./role.ts";
import type { DeliveryOrder, Fact, RunPerson, RunPlan, TimelineEntry, Todo } from "./run.ts";

export interface ForeseenTarget {
  readonly key: string;
  readonly channel: Channel;
  /** The first account of the route; null for in-app. */
  readonly accountId: string | null;
  /** Epoch ms of the first attempt. */
  readonly at: number;
  readonly attempts: number;
}

export interface ForeseenStep {
  /** 1-based number in the policy. */
  readonly step: number;
  readonly pass: number;
  /** Epoch ms. For a step that only sleepers come to: when the first of them does. */
  readonly startsAt: number;
  /** Whom a role-up tells in this step; null in the run's own passes. */
  readonly role: Role | null;
  readonly targets: readonly ForeseenTarget[];
}

/** What the run does at its first moment, before time passes. */
export interface Opening {
  /** The ladder's last answer at that moment: where the run stands and what it waits for. */
  readonly todo: Todo;
  readonly entries: readonly TimelineEntry[];
  /** Messages go out at once: what becomes of them is not known yet. */
  readonly hasOrders: boolean;
  /** The ladder's first answer alone. */
  readonly first: Todo;
}

export interface Foresight {
  readonly steps: readonly ForeseenStep[];
  readonly opening: Opening;
  /** Roles that role-up asked for and found empty. */
  readonly emptyRoles: readonly { readonly role: Role; readonly reason: string | null }[];
  /** Epoch ms. */
  readonly endsAt: number;
  /** How the run ends without an answer. */
  readonly outcome: Outcome | null;
}

/** Whom a role-up would tell at a moment. */
export type RoleUpAt = (
  role: Role,
  at: number,
) => { readonly persons: readonly RunPerson[]; readonly reason: string | null };

/** A ladder asks again at each attempt, window and waking; ten steps of ten attempts in ten passes stay far below. */
const QUESTIONS_MAX = 20_000;

export function foresee(plan: RunPlan, now: number, roleUp: RoleUpAt): Foresight {
  // Rows that are written with the plan are orders here, like all others.
  let state: RunState = beginRun({ ...plan, inAppWritten: [] }, now);
  const view = newView();
  let at = now;
  let opening: Opening | null = null;
  let outcome: Outcome | null = null;
  for (let question = 0; question < QUESTIONS_MAX; question += 1) {
    const answer = next(state, at);
    const { todo } = answer;
    state = answer.state;
    if (at === now) opening = laterOpening(opening, todo);
    for (const entry of todo.events) takeEntry(view, entry);
    for (const { target, pass, step } of todo.inApp) {
      addTarget(view, { key: target, pass, step, channel: "in_app", accountId: null, at });
    }
    for (const order of todo.deliveries) {
      addOrder(view, order, at);
      state = learn(state, acceptance(plan, order, at), at);
    }
    if (todo.roleUp !== null) {
      const { role } = todo.roleUp;
      const { persons, reason } = roleUp(role, at);
      state = learn(state, { kind: "role_up_planned", role, persons, reason, at }, at);
      continue;
    }
    outcome = todo.end?.outcome ?? null;
    if (todo.end !== null) break;
    if (todo.deliveries.length > 0) continue;
    if (todo.wakeAt === null) break;
    at = todo.wakeAt;
  }
  if (opening === null) throw new Error("Invariant broken: the ladder answers its first question");
  return { opening, steps: stepsOf(view), emptyRoles: view.emptyRoles, endsAt: at, outcome };
}

function laterOpening(opening: Opening | null, todo: Todo): Opening {
  return {
    todo,
    entries: [...(opening?.entries ?? []), ...todo.events],
    hasOrders: opening?.hasOrders === true || todo.deliveries.length > 0,
    first: opening?.first ?? todo,
  };
}

/** Arrived, where that doesn't end the run: a plan shows the whole ladder. */
function acceptance(plan: RunPlan, key: DeliveryOrder, at: number): Fact {
  const { settledBy } = plan.rules;
  const status =
    settledBy === "acknowledged" ? "delivered" : settledBy === "sent" ? "accepted" : "sent";
  return { kind: "result", key, result: { kind: "accepted", status }, at };
}

interface View {
  readonly steps: Map<string, StepDraft>;
  readonly roleByPass: Map<number, Role>;
  readonly roleByStep: Map<string, Role>;
  readonly emptyRoles: { role: Role; reason: string | null }[];
}

interface StepDraft {
  readonly step: number;
  readonly pass: number;
  startsAt: number;
  isStarted: boolean;
  readonly targets: Map<
    string,
    { -readonly [Field in keyof ForeseenTarget]: ForeseenTarget[Field] }
  >;
}

function newView(): View {
  return { steps: new Map(), roleByPass: new Map(), roleByStep: new Map(), emptyRoles: [] };
}

function stepAt(view: View, pass: number, step: number, at: number): StepDraft {
  const key = `${pass} ${step}`;
  const known = view.steps.get(key);
  if (known !== undefined) return known;
  const draft: StepDraft = { step, pass, startsAt: at, isStarted: false, targets: new Map() };
  view.steps.set(key, draft);
  return draft;
}

function takeEntry(view: View, entry: TimelineEntry): void {
  const { kind, pass, step, at } = entry;
  if (kind === "role_up" && pass !== null) takeRole(view, entry, pass);
  if (pass === null || step === null || entry.target !== null) return;
  if (kind !== "step_started" && kind !== "step_ended") return;
  const draft = stepAt(view, pass, step, at);
  if (draft.isStarted) return;
  draft.startsAt = at;
  draft.isStarted = true;
}

function takeRole(view: View, { step, detail, reason }: TimelineEntry, pass: number): void {
  const role = detail?.["role"];
  const isEmpty = detail?.["persons"] === 0;
  const known = ROLES.find((candidate) => candidate === role);
  if (known === undefined) return;
  if (isEmpty) view.emptyRoles.push({ role: known, reason });
  else if (step === null) view.roleByPass.set(pass, known);
  else view.roleByStep.set(`${pass} ${step}`, known);
}

function addOrder(view: View, order: DeliveryOrder, at: number): void {
  // Without receipts an account is left after a while: that is a fault, and nothing fails here.
  if (order.handOver > 0) return;
  const { target: key, pass, step, channel, accountId } = order;
  addTarget(view, { key, pass, step, channel, accountId, at });
}

function addTarget(
  view: View,
  {
    key,
    pass,
    step,
    channel,
    accountId,
    at,
  }: Omit<ForeseenTarget, "attempts"> & {
    readonly pass: number;
    readonly step: number;
  },
): void {
  const { targets } = stepAt(view, pass, step, at);
  const known = targets.get(`${key} ${channel}`);
  if (known === undefined) {
    targets.set(`${key} ${channel}`, { key, channel, accountId, at, attempts: 1 });
  } else known.attempts += 1;
}

function stepsOf(view: View): readonly ForeseenStep[] {
  return [...view.steps.values()]
    .map(({ step, pass, startsAt, targets }) => ({
      step,
      pass,
      startsAt,
      role: view.roleByStep.get(`${pass} ${step}`) ?? view.roleByPass.get(pass) ?? null,
      targets: [...targets.values()],
    }))
    .sort((a, b) => a.pass - b.pass || a.step - b.step);
}
