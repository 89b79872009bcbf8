/**
 * The activities that a run may ask for: names, inputs, results. Types over the domain only, so that workflow code can import them.
 *
 * Privacy: nothing here carries a number, a name or a text; activities load those from PostgreSQL by id.
 */
import type { GivenAttachment } from "../domain/attachment.ts";
import type { Channel } from "../domain/channel.ts";
import type { Outcome, NotificationStatus } from "../domain/notification.ts";
import type { Role } from "../domain/role.ts";
import type {
  DeliveryKey,
  DeliveryOrder,
  DeliveryResult,
  InAppOrder,
  LadderEnd,
  RunPerson,
  RunPlan,
  TimelineEntry,
  WaitingFor,
} from "../domain/run.ts";

/** A direct start (without HTTP): what `startNotification` puts into the run's input. */
export interface DirectRequest {
  readonly sender: string;
  readonly key: string | null;
  readonly bodyHash: string;
  readonly type: string;
  readonly priority?: string;
  readonly zone?: string;
  readonly ticketId?: string;
  readonly assigneeId?: string;
  readonly customerId?: string;
  readonly actorId?: string;
  readonly category?: string;
  readonly recipients?: {
    readonly userIds?: readonly string[];
    readonly groupIds?: readonly string[];
    readonly roles?: readonly string[];
  };
  readonly policyId?: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
  /** These only with the payload codec; refused otherwise. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly attachments?: readonly GivenAttachment[];
}

/** An act as the run learns of it; notes and names stay in PostgreSQL. */
export interface RecordedAct {
  readonly actId: string;
  readonly kind: string;
  readonly at: number;
  readonly userId: string | null;
  /** Whether the referee's row is stopped by it (acknowledge of `any`, the last of `all`, cancel, resolve). */
  readonly stops: boolean;
  readonly params: {
    readonly until?: number;
    readonly priority?: string;
    readonly userId?: string;
    readonly fromUserId?: string;
    readonly policyVersion?: number;
    /** For resend: the delivery that is repeated. */
    readonly resend?: DeliveryKey;
  };
}

export interface PlanInput {
  readonly workflowId: string;
  readonly runId: string;
  readonly direct: DirectRequest | null;
}
export type PlanAnswer =
  | {
      readonly kind: "planned";
      readonly plan: RunPlan;
      /** Acts recorded before the run existed. */
      readonly acts: readonly RecordedAct[];
      /** What the ladder will answer first is in the record already. */
      readonly opening?: WrittenOpening;
    }
  /** Nothing to do here: another run owns the record, it is settled, or the direct request was refused. Sends nothing. */
  | { readonly kind: "not_ours"; readonly outcome: Outcome | null; readonly reason: string };

/** Where a run stands at its beginning, as written with its plan. */
export interface WrittenOpening {
  readonly status: NotificationStatus;
  readonly pass: number;
  readonly step: number;
  /** Kinds of its timeline entries, in order; their numbers are used up. */
  readonly entries: readonly TimelineEntry["kind"][];
}

export interface ReplanInput {
  readonly notificationId: string;
  readonly why:
    | { readonly kind: "reason"; readonly reason: string }
    | { readonly kind: "reprioritise"; readonly priority: string; readonly actId: string }
    | { readonly kind: "move"; readonly policyVersion: number | null; readonly actId: string }
    | {
        readonly kind: "reassign";
        readonly userId: string;
        readonly fromUserId: string | null;
        readonly actId: string;
      };
}
export type ReplanAnswer =
  | {
      readonly kind: "replanned";
      readonly plan: RunPlan;
      /** With an act: answers of persons that the old policy took before the new one was stored. The run has them before the new policy. */
      readonly answers?: readonly RecordedAct[];
    }
  | { readonly kind: "reassigned"; readonly from: string | null; readonly person: RunPerson }
  | { readonly kind: "refused"; readonly reason: string };

export interface RoleUpInput {
  readonly notificationId: string;
  readonly role: Role;
  /** Persons that the run knows already; they are not named again. */
  readonly known: readonly string[];
}
export interface RoleUpAnswer {
  readonly role: Role;
  readonly persons: readonly RunPerson[];
  readonly reason: string | null;
}

/** The run's own part of the record; rides with other activities. Written only when `sequence` is newer than the row's. */
export interface Progress {
  readonly sequence: number;
  readonly status: NotificationStatus;
  readonly pass: number;
  readonly step: number;
  readonly nextStepAt: number | null;
  readonly waitingFor: WaitingFor;
  readonly events: readonly TimelineEntry[];
  readonly inApp: readonly InAppOrder[];
  /** What the policy says of acts that the run carried out: applied or not, for the caller who waits. */
  readonly actAnswers: readonly {
    readonly actId: string;
    readonly applied: boolean;
    readonly reason: string | null;
  }[];
}

/** A closing message: tells someone who was told that it is taken or over. */
export interface ClosingOrder {
  /** Counts the closings of a run: one per acknowledgment, one per resolution. */
  readonly closing: number;
  readonly target: string;
  readonly channel: Channel;
  readonly accountId: string;
  /** Not before this instant: the end of the person's quiet hours. Null: now. */
  readonly at: number | null;
}

export interface DeliverInput {
  readonly notificationId: string;
  readonly priorityKey: number;
  readonly order:
    | ({ readonly purpose: "ladder" } & DeliveryOrder)
    | ({ readonly purpose: "closing" } & ClosingOrder);
  readonly progress: Progress | null;
}
/** Failures are thrown as ApplicationFailure with `type` = result kind and details [{ scope, reason }]; see activities/failure.ts. */
export interface DeliverAnswer {
  readonly deliveryId: string;
  readonly at: number;
  readonly result: Extract<DeliveryResult, { kind: "accepted" | "not_sent" }>;
  /** A failure that the vendor reported before its own answer was recorded. */
  readonly earlyFailure: { readonly final: boolean; readonly reason: string | null } | null;
}

export interface SettleInput {
  readonly notificationId: string;
  readonly end: LadderEnd;
  readonly progress: Progress | null;
}
export interface SettleAnswer {
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly closing: readonly ClosingOrder[];
  /** Set while the policy tracks resolution: the run goes on waiting until then. */
  readonly awaitResolution: {
    readonly until: number;
    readonly reopenAt: number | null;
    /** Which acknowledgment it is that may be asked again. */
    readonly acknowledgedAt?: number;
  } | null;
}

export interface ResolutionInput {
  readonly notificationId: string;
  readonly event: "resolved" | "resolution_time_over" | "reopen";
  /** Of the acknowledgment that the run waits with; a later one is not asked again by it. */
  readonly acknowledgedAt?: number;
}
export type ResolutionAnswer =
  | {
      readonly kind: "settled";
      readonly outcome: Outcome;
      readonly closing: readonly ClosingOrder[];
    }
  | { readonly kind: "reopened"; readonly acknowledger: string | null }
  /** A resolve came first, or the reopening did: the row says what is true. */
  | { readonly kind: "not_possible" };

export interface HangUpInput {
  readonly notificationId: string;
  readonly key: DeliveryKey;
}

export interface TemporalUiActInput {
  readonly notificationId: string;
  readonly actId: string;
  readonly kind: "acknowledge" | "cancel" | "resolve" | "escalate" | "snooze";
  readonly minutes: number | null;
  readonly note: string | null;
}
export interface TemporalUiActAnswer {
  readonly applied: boolean | null;
  readonly reason: string | null;
  /** Null when it was refused. */
  readonly act: RecordedAct | null;
}

/** What is said to somebody who wrote. */
export interface AnswerInput {
  /** The answer's id: that of the message where Siaga answers by itself. */
  readonly inboundMessageId: string;
}
export interface AnswerOutcome {
  readonly status: "accepted" | "not_sent" | "unknown";
  readonly reason: string | null;
}

export interface ProbeInput {
  readonly accountId: string;
}
/** `state`: the account's health after the answer; null: nobody could be asked. */
export interface ProbeAnswer {
  readonly state: "healthy" | "probing" | "out" | "draining" | null;
}

export interface AskInput {
  readonly deliveryId: string;
}
/** How far the vendor says that the message is; null: it has none, or could not say. */
export interface AskAnswer {
  readonly found: "accepted" | "sent" | "delivered" | "read" | "failed" | null;
}

export interface InventoryInput {
  readonly accountId: string;
  readonly kind: "templates" | "groups";
}
/** How many the vendor listed; null: it could not be asked, or gives no such list. */
export interface InventoryAnswer {
  readonly listed: number | null;
}

export interface NoticeInput {
  readonly notificationId: string;
  readonly reason: "unanswered" | "sleepers_only";
}

export interface SweepAnswer {
  readonly started: number;
  readonly acts: number;
  readonly receipts: number;
  readonly replans: number;
  readonly answers: number;
}

export interface Activities {
  planNotification(input: PlanInput): Promise<PlanAnswer>;
  replanNotification(input: ReplanInput): Promise<ReplanAnswer>;
  planRoleUp(input: RoleUpInput): Promise<RoleUpAnswer>;
  deliverMessage(input: DeliverInput): Promise<DeliverAnswer>;
  recordProgress(input: { notificationId: string; progress: Progress }): Promise<void>;
  settleNotification(input: SettleInput): Promise<SettleAnswer>;
  advanceResolution(input: ResolutionInput): Promise<ResolutionAnswer>;
  hangUpCall(input: HangUpInput): Promise<{ hungUp: boolean; reason: string | null }>;
  recordTemporalUiAct(input: TemporalUiActInput): Promise<TemporalUiActAnswer>;
  raiseOperatorNotice(input: NoticeInput): Promise<void>;
  sendAnswer(input: AnswerInput): Promise<AnswerOutcome>;
  /** It could not be sent in time: the row says so, and nobody sends it any more. */
  dropAnswer(input: AnswerInput & { readonly reason: string }): Promise<void>;
  probeAccount(input: ProbeInput): Promise<ProbeAnswer>;
  askVendor(input: AskInput): Promise<AskAnswer>;
  takeInventory(input: InventoryInput): Promise<InventoryAnswer>;
  sweep(): Promise<SweepAnswer>;
}
