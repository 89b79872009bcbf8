/**
 * What a run knows and what it is told to do: the vocabulary shared by the planner (who builds a RunPlan), the ladder (who judges), the workflow
 * (who waits and carries out) and the activities (who act).
 *
 * Privacy: everything here may stand in Temporal's history, so it carries ids, states and times only: no numbers, names or texts.
 * Instants are epoch milliseconds; durations carry their unit in the name.
 */
import type { Channel, PersonChannel } from "./channel.ts";
import type { PolicyRules, QuietHoursTreatment } from "./escalation-policy.ts";
import type { AnswerKind, NotificationStatus, Outcome, TimelineKind } from "./notification.ts";
import type { Priority } from "./priority.ts";
import type { ResultKind, ResultScope } from "./result-kind.ts";
import type { Role } from "./role.ts";

/** One account that could carry a channel for a target, with what it can tell about a message. */
export interface AccountRoute {
  readonly accountId: string;
  /** The account reports `sent`; then its absence by `receiptDeadlineMs` after acceptance is a reason to fail over. */
  readonly givesSent: boolean;
  readonly givesDelivered: boolean;
  readonly receiptDeadlineMs: number;
}

/** Accounts of one channel for one target, best first. Never empty. */
export type Route = readonly AccountRoute[];

/** A stretch in which nobody is told anything: start inclusive, end exclusive. */
export interface QuietWindow {
  readonly from: number;
  readonly until: number;
}

export interface RunPerson {
  /** The user's id; the target key. */
  readonly key: string;
  readonly role: Role;
  /** Where the person came from; `role_up` persons are added later and take part in role-up passes or steps alone. */
  readonly origin: "audience" | "role_up" | "reassigned" | "added";
  /** Channels that can carry a message to this person; a channel that is absent was skipped, with its reason in the recorded plan. in_app has no route. */
  readonly routes: Partial<Readonly<Record<Exclude<PersonChannel, "in_app">, Route>>>;
  readonly inApp: boolean;
  /** Channels of the first step after a rule added or removed some; null: the policy's. */
  readonly firstStepChannels: readonly PersonChannel[] | null;
  /** A rule's `only`: holds for the whole ladder; such a person keeps no step open and is not counted as told in person. */
  readonly only: readonly PersonChannel[] | null;
  /** In-app, e-mail or push alone may satisfy this person: the ladder names no phone channel for it, or its own settings switched those off. */
  readonly silentSuffices: boolean;
  /** Quiet hours: told from this instant on. Null: awake. */
  readonly asleepUntil: number | null;
  /**
   * Quiet windows that begin later, ascending, as far as the run may last: a ladder that is awake at its first step may not
   * be at its third. Absent: none is known.
   */
  readonly quietWindows?: readonly QuietWindow[];
  readonly quietTreatment: QuietHoursTreatment;
}

export interface RunGroup {
  readonly key: string;
  readonly primary: boolean;
  /** Empty: no account can reach the group; the step records it and does not wait. */
  readonly route: readonly AccountRoute[];
  readonly asleepUntil: number | null;
  /** As for persons. */
  readonly quietWindows?: readonly QuietWindow[];
}

/** The plan as the run carries it: pinned policy and targets. The whole plan, with times, costs and skip reasons, is a row in PostgreSQL. */
export interface RunPlan {
  readonly notificationId: string;
  readonly type: string;
  readonly priority: Priority;
  readonly zone: string | null;
  readonly ticketId: string | null;
  readonly answerKind: AnswerKind;
  readonly policyId: string;
  readonly policyVersion: number;
  readonly rules: PolicyRules;
  readonly acceptedAt: number;
  readonly notBefore: number | null;
  readonly notAfter: number | null;
  readonly persons: readonly RunPerson[];
  readonly groups: readonly RunGroup[];
  /** Why nobody is told, when settings, mutes or a closed ticket leave nobody; null otherwise. */
  readonly suppressed: string | null;
  /** In-app rows of the first step of pass 1 were written together with the plan for these persons. */
  readonly inAppWritten: readonly string[];
}

/** Names one delivery; unique per notification. */
export interface DeliveryKey {
  readonly pass: number;
  /** 1-based index into the policy's steps, disabled ones counted. */
  readonly step: number;
  readonly target: string;
  readonly channel: Channel;
  readonly attempt: number;
  /** 0 for the first account; each failover raises it. */
  readonly handOver: number;
}

export const ORDER_REASONS = [
  "step",
  "attempt",
  "pulled_forward",
  "failed_over",
  "late_target",
  "resend",
] as const;
export type OrderReason = (typeof ORDER_REASONS)[number];

/** "Hand this to that account now." The workflow starts `deliver` on the account's queue. */
export interface DeliveryOrder extends DeliveryKey {
  readonly accountId: string;
  readonly reason: OrderReason;
  /** What made the order necessary, for the timeline: a result kind, `undelivered`, `no_sent_receipt`, … */
  readonly because: string | null;
  /** Not sent after this instant: the rest of the target's window. */
  readonly deadlineAt: number;
  /** Seconds that the message is of use in the vendor's own queue. */
  readonly validForSeconds: number;
  /** Receipt kinds that can move this run, by the pinned policy and the route; only these are signalled. `failed` always is. */
  readonly evidence: readonly ("sent" | "delivered" | "read")[];
}

export type DeliveryResult =
  | { readonly kind: "accepted"; readonly status: "accepted" | "sent" | "delivered" | "read" }
  /** Surely not sent, and the transport retries inside the attempt are used up. */
  | {
      readonly kind: "failed";
      readonly resultKind: Exclude<ResultKind, "accepted" | "unknown_outcome">;
      readonly scope: ResultScope;
      readonly reason: string;
    }
  | { readonly kind: "unknown"; readonly reason: string }
  /**
   * Nothing was sent: the notification was stopped, the order was cancelled, or its time was over. `not_needed`: ordered for want of `sent`, and the record
   * knows by now that the hand-over before has left.
   */
  | { readonly kind: "not_sent"; readonly reason: "stopped" | "cancelled" | "not_needed" };

/** A receipt as the ladder sees it. `failed` with `final: false` (busy, no answer) leaves the next attempt to the spacing. */
export interface ReceiptFact extends DeliveryKey {
  readonly kind: "receipt";
  readonly status: "sent" | "delivered" | "read" | "failed";
  readonly final: boolean;
  readonly at: number;
  readonly reason: string | null;
}

export type Fact =
  | ReceiptFact
  | {
      readonly kind: "result";
      readonly key: DeliveryKey;
      readonly result: DeliveryResult;
      readonly at: number;
    }
  /** Decided by the referee (the database): the whole run is stopped. */
  | {
      readonly kind: "stopped";
      readonly by: "acknowledge" | "cancel" | "resolve";
      readonly actId: string;
      readonly at: number;
    }
  /** With acknowledgment `all`: this person has answered, others have not. */
  | {
      readonly kind: "answered";
      readonly target: string;
      readonly actId: string;
      readonly at: number;
    }
  | {
      readonly kind: "refuse";
      readonly target: string;
      readonly actId: string;
      readonly at: number;
    }
  | { readonly kind: "escalate"; readonly actId: string; readonly at: number }
  | {
      readonly kind: "snooze";
      readonly until: number;
      readonly actId: string;
      readonly at: number;
    }
  | {
      readonly kind: "resend";
      readonly key: DeliveryKey;
      readonly actId: string;
      readonly at: number;
    }
  /** Another policy or version takes over: reprioritise and move. */
  | {
      readonly kind: "policy_changed";
      readonly by: "reprioritise" | "move";
      readonly plan: RunPlan;
      readonly actId: string;
      readonly at: number;
    }
  | {
      readonly kind: "reassigned";
      readonly from: string | null;
      readonly person: RunPerson;
      readonly actId: string;
      readonly at: number;
    }
  /** Persons were decided again (settings, zone, contacts, ticket): new sleep times and routes, persons gone and persons added. */
  | {
      readonly kind: "replanned";
      readonly persons: readonly RunPerson[];
      readonly groups: readonly RunGroup[];
      /** As in the plan: why nobody is told any more. */
      readonly suppressed: string | null;
      readonly reason: string;
      readonly at: number;
    }
  /** The answer to a RoleUpRequest. No persons: that role is empty, with the reason. */
  | {
      readonly kind: "role_up_planned";
      readonly role: Role;
      readonly persons: readonly RunPerson[];
      readonly reason: string | null;
      readonly at: number;
    }
  /** `reopenAfter` won against a resolve: the next pass begins with the acknowledger alone. */
  | { readonly kind: "reopened"; readonly acknowledger: string | null; readonly at: number };

/** Ask the planner for the persons of this role. */
export interface RoleUpRequest {
  readonly role: Role;
  readonly pass: number;
  readonly step: number | null;
}

/** One line of the timeline, written with the next activity of the run. `sequence` makes a rerun harmless. */
export interface TimelineEntry {
  readonly sequence: number;
  readonly at: number;
  readonly kind: TimelineKind;
  readonly pass: number | null;
  readonly step: number | null;
  readonly target: string | null;
  readonly channel: Channel | null;
  readonly accountId: string | null;
  readonly reason: string | null;
  /** More facts by name: `until`, `attempt`, `role`, …: ids, states, times. */
  readonly detail: Readonly<Record<string, string | number | boolean | null>> | null;
}

/** What the run waits for, in the words that the Temporal UI and the board show. Ordered by what happens first. */
export type WaitingFor =
  | { readonly kind: "nothing" }
  | { readonly kind: "not_before"; readonly until: number }
  | { readonly kind: "quiet_hours"; readonly until: number; readonly asleep: number }
  | { readonly kind: "snooze"; readonly until: number }
  | {
      readonly kind: "answer" | "evidence";
      readonly step: number;
      readonly pass: number;
      readonly until: number;
    }
  | { readonly kind: "sleepers"; readonly until: number; readonly asleep: number }
  | { readonly kind: "deliveries_in_flight" }
  | { readonly kind: "role_up" };

export interface InAppOrder {
  readonly target: string;
  readonly pass: number;
  readonly step: number;
}

export interface LadderEnd {
  readonly outcome: Outcome;
  readonly reason: string | null;
  /** Persons and groups that never met the policy's condition, for the record. */
  readonly unreached: readonly string[];
  readonly unanswered: readonly string[];
}

export interface Todo {
  readonly deliveries: readonly DeliveryOrder[];
  readonly inApp: readonly InAppOrder[];
  /** Queued sends to withdraw: their targets are out, stopped, or pulled forward elsewhere. */
  readonly withdraw: readonly DeliveryKey[];
  /** Ringing calls to end, where the vendor can. */
  readonly hangUp: readonly DeliveryKey[];
  readonly roleUp: RoleUpRequest | null;
  /** The steps are over and only sleepers are left: one operator_notice goes out now. */
  readonly noticeSleepersOnly: boolean;
  readonly events: readonly TimelineEntry[];
  readonly status: NotificationStatus;
  readonly pass: number;
  readonly step: number;
  /** When the next step (or pass, or hold end) comes if nothing else happens; for the board. */
  readonly nextStepAt: number | null;
  /** When `next` must be asked again at the latest; null while only a fact can move the run. */
  readonly wakeAt: number | null;
  readonly waitingFor: WaitingFor;
  readonly end: LadderEnd | null;
}
