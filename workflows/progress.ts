/**
 * What one run knows: the ladder's state, facts that wait for it, and what is still to be written into the record.
 *
 * Handlers and activities only hand facts in; the loop of notification.ts asks `next`. Facts that come before the plan wait for `begin`; an act that is
 * known by its id is ignored, because an update that timed out arrives once more as a signal.
 */
import { condition, patched } from "@temporalio/workflow";

import type {
  Activities,
  PlanAnswer,
  Progress,
  RecordedAct,
  ReplanAnswer,
  ReplanInput,
  WrittenOpening,
} from "../activities/contract.ts";
import { alreadyStopped } from "../domain/act.ts";
import { canResend } from "../domain/closing.ts";
import { beginRun, learn, next, type RunState } from "../domain/ladder.ts";
import { entryInWords, waitingInWords } from "../domain/narration.ts";
import type { ActRefusal, Outcome, StopAct } from "../domain/notification.ts";
import type { Priority } from "../domain/priority.ts";
import type {
  DeliveryKey,
  DeliveryResult,
  Fact,
  InAppOrder,
  LadderEnd,
  RunPlan,
  TimelineEntry,
  Todo,
} from "../domain/run.ts";
import { Alarm, type Wake } from "./alarm.ts";
import type { SignalledFact, SteerAnswer } from "./contract.ts";

type ActAnswer = Progress["actAnswers"][number];

/** The rest stands in the record. */
const STORY_ENTRIES_MAX = 200;

export function keyText(key: DeliveryKey): string {
  return `${key.pass}/${key.step}/${key.target}/${key.channel}/${key.attempt}/${key.handOver}`;
}

export class Run {
  #state: RunState | null = null;
  #plan: RunPlan | null = null;
  #early: SignalledFact[] = [];
  #held: SignalledFact[] | null = null;
  #steering: RecordedAct[] = [];
  #replans: string[] = [];
  #resolved = false;
  #isOver = false;
  #hasNews = false;
  #hasUndecided = false;
  #isStopped = false;
  readonly #alarm = new Alarm();
  #keepsAlarm: boolean | null = null;
  readonly #seenActs = new Set<string>();
  readonly #answers = new Map<string, SteerAnswer>();

  // What the record does not have yet.
  #entries: TimelineEntry[] = [];
  #inApp: InAppOrder[] = [];
  #actAnswers: ActAnswer[] = [];
  #entrySequence = 0;
  #progressSequence = 0;
  #written: { readonly status: string; readonly pass: number; readonly step: number } | null = null;
  /** What was written with the plan, until the first answer is held against it. */
  #opening: WrittenOpening | null = null;
  /** Nothing has happened since. */
  #isAsWritten = false;
  #todo: Todo | null = null;
  /** In words, because it is read far more often than it grows. */
  #story: string[] = [];
  #published: { readonly status: string; readonly step: number } | null = null;

  get id(): string {
    return this.plan.notificationId;
  }

  get priority(): Priority {
    return this.plan.priority;
  }

  get plan(): RunPlan {
    if (!this.#plan) throw new Error("the run has no plan yet");
    return this.#plan;
  }

  get hasBegun(): boolean {
    return this.#state !== null;
  }

  /** What happened so far, for the Temporal UI. */
  get story(): readonly string[] {
    return this.#story;
  }

  begin(planned: Extract<PlanAnswer, { kind: "planned" }>, now: number): void {
    const { plan, acts, opening } = planned;
    this.#plan = plan;
    this.#state = beginRun(plan, now);
    this.#opening = opening ?? null;
    for (const act of acts) this.receive({ kind: "act", act }, now);
    for (const fact of this.#early.splice(0)) this.receive(fact, now);
  }

  /** From now on facts wait: the record decides at this moment whether they are about the run as it was or as it will be. */
  holdFacts(): void {
    this.#held = [];
  }

  releaseFacts(now: number): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const fact of held) this.receive(fact, now);
  }

  /** Anything that a signal or update brings. */
  receive(fact: SignalledFact, now: number): void {
    if (this.#held) {
      this.#held.push(fact);
      return;
    }
    if (!this.#state) {
      if (!this.#isOver) this.#early.push(fact);
      else if (fact.kind === "act" && isSteering(fact.act)) this.#refuse(fact.act);
      return;
    }
    switch (fact.kind) {
      case "receipt":
        this.learn(fact, now);
        return;
      case "replan":
        this.#replans.push(fact.reason);
        this.touch();
        return;
      case "act":
        this.#receiveAct(fact.act, now);
    }
  }

  /** Acts that the record knows; those that the run knows too are ignored. */
  hear(acts: readonly RecordedAct[], now: number): void {
    for (const act of acts) this.receive({ kind: "act", act }, now);
  }

  #receiveAct(act: RecordedAct, now: number): void {
    if (this.#seenActs.has(act.actId)) return;
    this.#seenActs.add(act.actId);
    switch (act.kind) {
      case "acknowledge":
        if (act.stops) {
          this.learn({ kind: "stopped", by: "acknowledge", actId: act.actId, at: act.at }, now);
        } else if (act.userId) {
          this.learn({ kind: "answered", target: act.userId, actId: act.actId, at: act.at }, now);
        }
        return;
      case "cancel":
        this.learn({ kind: "stopped", by: "cancel", actId: act.actId, at: act.at }, now);
        return;
      case "resolve":
        this.#resolved = true;
        this.learn({ kind: "stopped", by: "resolve", actId: act.actId, at: act.at }, now);
        return;
      default:
        if (this.#isOver) this.#refuse(act);
        else this.#steering.push(act);
        this.touch();
    }
  }

  learn(fact: Fact, now: number): void {
    if (fact.kind === "reopened") {
      this.#isOver = false;
      this.#isStopped = false;
    }
    this.#tell(fact, now);
    this.#hasUndecided = true;
    if (fact.kind === "stopped") this.#isStopped = true;
    this.#state = learn(this.state, fact, now);
    this.touch();
  }

  learnResult(key: DeliveryKey, result: DeliveryResult, now: number): void {
    if (result.kind === "failed" && result.reason === "no_worker_or_pace") {
      this.#entry({ ...about(key, now), kind: "delivery_failed", reason: result.reason });
    }
    this.learn({ kind: "result", key, result, at: now }, now);
  }

  next(now: number): Todo {
    this.#hasNews = false;
    this.#hasUndecided = false;
    this.#isAsWritten = false;
    const { state, todo } = next(this.state, now);
    this.#state = state;
    this.#todo = todo;
    for (const entry of todo.events) this.#entry(entry);
    this.#inApp.push(...todo.inApp);
    this.#holdAgainstRecord(todo);
    return todo;
  }

  /**
   * The first answer is written with the plan, unless a fact came in between: then it is told after what was written. An act that stopped the row changes its
   * status under the plan's entries; they are no less written for it.
   */
  #holdAgainstRecord(todo: Todo): void {
    const opening = this.#opening;
    if (opening === null) return;
    this.#opening = null;
    const { status, pass, step, entries } = opening;
    const areEntriesWritten =
      todo.pass === pass &&
      todo.step === step &&
      this.#entries.length === entries.length &&
      this.#entries.every(({ kind }, index) => kind === entries[index]);
    if (areEntriesWritten) {
      this.#entries = [];
      if (todo.status !== status) return;
      this.#written = { status, pass, step };
      this.#isAsWritten = this.#inApp.length === 0;
    } else {
      this.#entries = this.#entries.map((entry) => ({
        ...entry,
        sequence: entry.sequence + entries.length,
      }));
      this.#entrySequence += entries.length;
    }
  }

  touch(): void {
    this.#hasNews = true;
  }

  /**
   * Waits for news, at the latest until the ladder must be asked again. A send in flight brings news by itself by `landsBy`, so nothing is set to wake the run
   * at that instant or later.
   */
  changedOrUntil(todo: Todo, landsBy: number | null): Promise<void> | null {
    const at = todo.wakeAt;
    if (this.#hasNews || (at !== null && at <= Date.now())) return null;
    const needsTimer = at !== null && (landsBy === null || landsBy > at);
    return this.#changedOr({ at, summary: waitingInWords(todo.waitingFor), needsTimer });
  }

  async #changedOr(wake: Wake): Promise<void> {
    await this.#alarm.changedOr(() => this.#hasNews, wake);
    if (!this.#keepsItsAlarm()) this.#alarm.clear();
  }

  /**
   * 2026-11-22: a run that waits for an answer kept its timer before only until the next receipt. To be removed when no run is open that was planned before.
   * One that waits for its delivery ends with the first news: there is nothing to keep, and nothing to be marked.
   */
  #keepsItsAlarm(): boolean {
    this.#keepsAlarm ??= this.plan.rules.settledBy === "acknowledged" && patched("alarm-is-kept");
    return this.#keepsAlarm;
  }

  /** Waits for the resolve act, until the resolution time is over or the acknowledged one is to be asked again. */
  async resolvedOr(wait: {
    readonly until: number;
    readonly reopenAt: number | null;
  }): Promise<Parameters<Activities["advanceResolution"]>[0]["event"]> {
    const { until, reopenAt } = wait;
    const reopensFirst = reopenAt !== null && reopenAt < until;
    const waitMs = (reopensFirst ? reopenAt : until) - Date.now();
    const resolved = (): boolean => this.#resolved;
    if (!resolved() && waitMs > 0) {
      await condition(resolved, waitMs, { summary: "Acknowledged; waiting to be resolved" });
    }
    if (this.#resolved) return "resolved";
    return reopensFirst ? "reopen" : "resolution_time_over";
  }

  /** Facts were learned since the ladder was asked. What steers a run that was never asked comes before its first step, unless it is stopped. */
  get hasUndecided(): boolean {
    return this.#hasUndecided && (this.#todo !== null || this.#isStopped);
  }

  /** The ladder had its end when it was last asked; what is in flight may still land. */
  get hasEnded(): boolean {
    return (this.#todo?.end ?? null) !== null;
  }

  /** Acts or re-plans wait to be carried out. */
  get hasSteering(): boolean {
    return this.#steering.length > 0 || this.#replans.length > 0;
  }

  nextSteering(): RecordedAct | undefined {
    return this.#steering.shift();
  }

  nextReplan(): string | undefined {
    return this.#replans.shift();
  }

  replanInput(act: RecordedAct): ReplanInput {
    const { actId, params } = act;
    const notificationId = this.id;
    switch (act.kind) {
      case "reprioritise":
        return {
          notificationId,
          why: { kind: "reprioritise", priority: params.priority ?? this.priority, actId },
        };
      case "move":
        return {
          notificationId,
          why: { kind: "move", policyVersion: params.policyVersion ?? null, actId },
        };
      default:
        return {
          notificationId,
          why: {
            kind: "reassign",
            userId: params.userId ?? "",
            fromUserId: params.fromUserId ?? null,
            actId,
          },
        };
    }
  }

  /** Carries out a steering act on the ladder and answers it. */
  steered(act: RecordedAct, replanned: ReplanAnswer | null, now: number): void {
    const fact = this.#steeringFact(act, replanned);
    if ("refused" in fact) {
      this.#answer({ actId: act.actId, applied: false, reason: fact.refused });
      return;
    }
    if (fact.kind === "policy_changed") this.#plan = fact.plan;
    this.learn(fact, now);
    this.#answer({ actId: act.actId, applied: true, reason: null });
  }

  #steeringFact(act: RecordedAct, replanned: ReplanAnswer | null): Fact | { refused: string } {
    const { actId, at, params } = act;
    if (this.#todo?.end) return { refused: this.#whyOver() };
    switch (act.kind) {
      case "refuse":
        return act.userId !== null && this.knownPersons().includes(act.userId)
          ? { kind: "refuse", target: act.userId, actId, at }
          : { refused: "not_possible" };
      case "escalate":
        return { kind: "escalate", actId, at };
      case "snooze":
        return params.until === undefined
          ? { refused: "not_possible" }
          : { kind: "snooze", until: params.until, actId, at };
      case "resend":
        return params.resend && canResend(this.state, params.resend)
          ? { kind: "resend", key: params.resend, actId, at }
          : { refused: "not_possible" };
      case "reprioritise":
      case "move":
        return replanned?.kind === "replanned"
          ? { kind: "policy_changed", by: act.kind, plan: replanned.plan, actId, at }
          : refusalOf(replanned);
      case "reassign":
        return replanned?.kind === "reassigned"
          ? {
              kind: "reassigned",
              from: replanned.from,
              person: replanned.person,
              actId,
              at,
            }
          : refusalOf(replanned);
      default:
        return { refused: "not_possible" };
    }
  }

  #answer(answer: ActAnswer): void {
    this.#answers.set(answer.actId, { applied: answer.applied, reason: answer.reason });
    this.#actAnswers.push(answer);
    this.touch();
  }

  answerTo(actId: string): SteerAnswer | undefined {
    return this.#answers.get(actId);
  }

  replanned(answer: ReplanAnswer, reason: string, now: number): void {
    if (answer.kind !== "replanned") return;
    const { persons, groups, suppressed } = answer.plan;
    this.learn({ kind: "replanned", persons, groups, suppressed, reason, at: now }, now);
  }

  stoppedByTemporal(now: number): void {
    this.learn({ kind: "stopped", by: "cancel", actId: "temporal", at: now }, now);
    this.next(now);
  }

  /** Persons of the plan and those added since. */
  knownPersons(): readonly string[] {
    return Object.values(this.state.targets)
      .filter((target) => target.kind === "person")
      .map((target) => target.key);
  }

  /** Whether the record needs to be written although no send is there to carry it. */
  mustWriteNow(todo: Todo): boolean {
    if (todo.end) return false; // settle carries it
    const moved =
      this.#written !== null &&
      (this.#written.pass !== todo.pass ||
        this.#written.step !== todo.step ||
        (this.#written.status === "holding") !== (todo.status === "holding"));
    return this.#inApp.length > 0 || this.#actAnswers.length > 0 || moved;
  }

  /** Null: the record says all this already. */
  progressWith(todo: Todo): Progress | null {
    return this.#isAsWritten ? null : this.takeProgress(todo);
  }

  takeProgress(todo: Todo): Progress {
    this.#progressSequence += 1;
    const progress: Progress = {
      sequence: this.#progressSequence,
      status: todo.status,
      pass: todo.pass,
      step: todo.step,
      nextStepAt: todo.nextStepAt,
      waitingFor: todo.waitingFor,
      events: this.#entries,
      inApp: this.#inApp,
      actAnswers: this.#actAnswers,
    };
    this.#written = { status: todo.status, pass: todo.pass, step: todo.step };
    this.#entries = [];
    this.#inApp = [];
    this.#actAnswers = [];
    return progress;
  }

  /** Its carrier never began: it rides again with the next. Written twice it changes nothing. */
  giveBack(progress: Progress): void {
    this.#entries.unshift(...progress.events);
    this.#inApp.unshift(...progress.inApp);
    this.#actAnswers.unshift(...progress.actAnswers);
  }

  /** From now on a steering act is answered with a no, because the ladder has ended. */
  end(): void {
    this.#isOver = true;
    this.#alarm.clear();
    for (const act of this.#steering.splice(0)) this.#refuse(act);
  }

  /** Nothing is this run's to carry out: what arrived before it knew that, and what still arrives, is answered with a no. */
  leave(): void {
    this.#isOver = true;
    for (const fact of this.#early.splice(0)) {
      if (fact.kind === "act" && isSteering(fact.act)) this.#refuse(fact.act);
    }
  }

  #refuse(act: RecordedAct): void {
    this.#answer({ actId: act.actId, applied: false, reason: this.#whyOver() });
  }

  #whyOver(): ActRefusal {
    const stop = STOP_OF_OUTCOME[this.#todo?.end?.outcome ?? "exhausted"];
    return stop ? alreadyStopped(stop, this.plan.answerKind) : "already_settled";
  }

  /** Answers to acts that came after the record was settled; null when there are none. */
  lastAnswers(): Progress | null {
    return this.#actAnswers.length > 0 && this.#todo ? this.takeProgress(this.#todo) : null;
  }

  /** The ladder's end, and what the record still lacks. */
  ending(now: number): { readonly end: LadderEnd; readonly progress: Progress } {
    const todo = this.#todo ?? this.next(now);
    if (!todo.end) throw new Error("settling a run whose ladder has no end");
    return { end: todo.end, progress: this.takeProgress(todo) };
  }

  get state(): RunState {
    if (!this.#state) throw new Error("the run has no plan yet");
    return this.#state;
  }

  /** Numbers entries by itself, because the ladder is not the only one who writes them. */
  #entry(entry: Omit<TimelineEntry, "sequence">): void {
    this.#entrySequence += 1;
    const numbered = { ...entry, sequence: this.#entrySequence };
    this.#entries.push(numbered);
    this.#remember(numbered);
  }

  /** Facts whose record is written by others: for the Temporal UI alone. */
  #tell(fact: Fact, at: number): void {
    switch (fact.kind) {
      case "result":
        if (fact.result.kind === "not_sent" && fact.result.reason === "not_needed") return;
        this.#remember({ ...about(fact.key, at), ...resultInStory(fact.result), sequence: 0 });
        return;
      case "receipt":
        this.#remember({ ...about(fact, at), kind: "receipt", reason: fact.status, sequence: 0 });
        return;
      case "stopped":
        this.#remember({
          ...NOWHERE,
          at,
          kind: STOP_STORY[fact.by],
          reason: null,
          sequence: 0,
        });
        return;
      default:
    }
  }

  #remember(entry: TimelineEntry): void {
    this.#story.push(entryInWords(entry));
    if (this.#story.length > STORY_ENTRIES_MAX) this.#story.shift();
  }

  /** Calls `upsert` when the run stands where a person would look for it: held, on a later step, acknowledged. */
  publish(todo: Todo, upsert: (status: string, step: number) => void): void {
    const status = todo.status === "holding" ? "holding" : "climbing";
    const isNews = this.#published
      ? this.#published.status !== status || this.#published.step !== todo.step
      : status === "holding" || todo.step > 1;
    if (!isNews || todo.end) return;
    this.#published = { status, step: todo.step };
    upsert(status, todo.step);
  }
}

function isSteering({ kind }: RecordedAct): boolean {
  return kind !== "acknowledge" && kind !== "cancel" && kind !== "resolve";
}

const STOP_OF_OUTCOME: Partial<Record<Outcome, StopAct>> = {
  acknowledged: "acknowledge",
  cancelled: "cancel",
  resolved: "resolve",
};

const STOP_STORY = {
  acknowledge: "acknowledged",
  cancel: "cancelled",
  resolve: "resolved",
} as const;

const NOWHERE = {
  pass: null,
  step: null,
  target: null,
  channel: null,
  accountId: null,
  detail: null,
} as const;

function resultInStory(result: DeliveryResult): Pick<TimelineEntry, "kind" | "reason"> {
  switch (result.kind) {
    case "accepted":
      return { kind: "delivery_accepted", reason: null };
    case "failed":
      return { kind: "delivery_failed", reason: result.reason };
    case "unknown":
      return { kind: "delivery_unknown", reason: result.reason };
    case "not_sent":
      return { kind: "delivery_skipped", reason: result.reason };
  }
}

function about(key: DeliveryKey, at: number): Omit<TimelineEntry, "sequence" | "kind" | "reason"> {
  return {
    at,
    pass: key.pass,
    step: key.step,
    target: key.target,
    channel: key.channel,
    accountId: null,
    detail: { attempt: key.attempt, handOver: key.handOver },
  };
}

function refusalOf(answer: ReplanAnswer | null): { refused: string } {
  return { refused: answer?.kind === "refused" ? answer.reason : "not_possible" };
}
