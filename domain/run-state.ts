/**
 * What a run remembers between two questions to the ladder: plain data, so that it can stand in a query's answer or a test.
 * Only the ladder's own files read its inside; everybody else passes it on.
 */
import type { Channel } from "./channel.ts";
import type {
  DeliveryKey,
  LadderEnd,
  OrderReason,
  RunGroup,
  RunPerson,
  RunPlan,
  TimelineEntry,
} from "./run.ts";
import type { ResultKind } from "./result-kind.ts";
import type { Role } from "./role.ts";

/** How much is known to have reached the target: ordered, so that evidence only rises. */
export const EVIDENCE = { none: 0, accepted: 1, sent: 2, delivered: 3, read: 4 } as const;
export type Evidence = (typeof EVIDENCE)[keyof typeof EVIDENCE];

/** One message handed to one account, as far as the ladder has learned. Fields only fill up: no fact takes another one back. */
export interface LineDelivery {
  attempt: number;
  handOver: number;
  accountId: string;
  givesSent: boolean;
  givesDelivered: boolean;
  receiptDeadlineMs: number;
  orderedAt: number;
  acceptedAt: number | null;
  evidence: Evidence;
  readAt: number | null;
  /** The first answer of `deliver`; null while in flight. */
  result: "accepted" | "failed" | "unknown" | "stopped" | "cancelled" | null;
  /** Ordered because this account's hand-over before showed no `sent`; told as a failover once it is known to have been needed. */
  standsInFor: string | null;
  /** When `deliver` answered that nothing was sent, and why. */
  refusal: { at: number; kind: ResultKind; mayFailOver: boolean } | null;
  /** A `failed` receipt; `final` once any of them was. */
  failure: { at: number; final: boolean; reason: string | null } | null;
  /** A call is over: it was busy, unanswered, or has been spoken to its end. */
  endedAt: number | null;
  withdrawn: boolean;
  hungUp: boolean;
}

/** What one target gets on one channel in one step of one pass. Its timing is copied from the policy that began it. */
export interface Line {
  pass: number;
  step: number;
  channel: Channel;
  startedAt: number;
  windowMs: number;
  spacingMs: number;
  undeliveredAfterMs: number | null;
  /** Attempts that the current budget allows beyond `spentBefore`. */
  budget: number;
  /** Attempts that earlier budgets (before a snooze, another policy, a resend) have used: numbers count on. */
  spentBefore: number;
  /** The step in which it was pulled forward from a later one; null when its own step began it. */
  pulledIn: number | null;
  /** Why the person was taken to another channel: no further attempt on this one in this pass. */
  left: string | null;
  /** A call that waits for another one to end. */
  queued: { reason: OrderReason; because: string | null; since: number } | null;
  /** Belongs to an earlier pass: still learns, no longer acts. */
  retired: boolean;
  /** Begun under an earlier policy of this run: gets no further attempt, but may still fail over or be pulled forward. */
  carried: boolean;
  deliveries: LineDelivery[];
}

/** A target's part in a step: what its window is counted from. */
export interface Turn {
  step: number;
  startedAt: number;
  windowMs: number;
  extendedMs: number;
  /** The step is over for this target: nothing more is begun on its account. */
  closed: boolean;
}

/**
 * A target on its own clock: a sleeper, a reassigned or an added one. It takes no part in the run's steps, in this pass or
 * a later one; its delivery keys carry the pass in which it became late, which nothing else can use for it.
 */
export interface Late {
  pass: number;
  /** The step that it is in; 0 before it has joined. */
  step: number;
  /** Asleep: its next step begins when it wakes. */
  isWaiting: boolean;
  /** A group is told once, in the step that found it asleep; null: every personal step from the first. */
  onlyStep: number | null;
  /** It replaces somebody: while nobody else is left in a step, the run's ladder waits for it. */
  replaces: boolean;
  done: boolean;
}

interface TargetState {
  key: string;
  /** Nothing more goes to this target, and why. */
  out: string | null;
  answered: boolean;
  lines: Line[];
  turns: Turn[];
  late: Late | null;
  /** Channels that refused this target for ever. */
  banned: Channel[];
  /** Channels told under an earlier policy of this run: not repeated in this pass. */
  toldBefore: Channel[];
  /** `read` without an answer has lengthened this pass's window once. */
  isExtended: boolean;
}

export interface PersonTarget extends TargetState {
  kind: "person";
  person: RunPerson;
  /** Takes part in the run's own passes; false for those whom only role-up named. */
  isMember: boolean;
  /** Named by role-up: takes part in that pass (step null) or step. */
  roleUp: { pass: number; step: number | null } | null;
}

export interface GroupTarget extends TargetState {
  kind: "group";
  group: RunGroup;
  /** A step wanted to tell it and could not. */
  isSkipped: boolean;
}

export type Target = PersonTarget | GroupTarget;

/** Who takes part in the pass that runs. */
export type PassKind =
  | { kind: "run" }
  | { kind: "role_up"; role: Role }
  /** After a reopening: the first step tells this person alone, then the pass runs as any other. */
  | { kind: "reopened"; acknowledger: string };

export type Phase =
  /** A step is to begin. `again`: after a snooze, with new budgets. `heldUntil`: out of a hold that stood until then. */
  | { kind: "ready"; step: number; again: boolean; heldUntil: number | null }
  | { kind: "holding"; step: number; until: number; asleep: number }
  | { kind: "step"; step: number; startedAt: number }
  | {
      kind: "role_up";
      /** Null: a pass after the last; else the step that tells the next role. */
      step: number | null;
      role: Role;
      isAsked: boolean;
      answer: { persons: readonly RunPerson[]; reason: string | null } | null;
    }
  /** The run's own steps are over; late targets may not be. */
  | { kind: "over" };

export interface Draft {
  plan: RunPlan;
  targets: Record<string, Target>;
  pass: number;
  passKind: PassKind;
  phase: Phase;
  /** Highest rank that a role-up pass has asked for: each role is asked once. */
  roleUpRank: number;
  waitsForNotBefore: boolean;
  snoozedUntil: number | null;
  /** The step that stands, or the hold before it, ends now. */
  escalates: boolean;
  firstAnswerAt: number | null;
  stopped: { by: "acknowledge" | "cancel" | "resolve"; at: number } | null;
  isNoticed: boolean;
  /** Steps before the one at which another policy was entered: their silent channels go with it. */
  skippedSteps: number[];
  end: LadderEnd | null;
  seenActs: string[];
  /** Deliveries that an operator wants once more. */
  resends: DeliveryKey[];
  sequence: number;
  events: TimelineEntry[];
}

/** Opaque outside the ladder's own files. Never changed in place: every fact and every question gives a new one. */
export type RunState = Readonly<Draft>;
