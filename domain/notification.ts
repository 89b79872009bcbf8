export const NOTIFICATION_STATUSES = [
  "accepted",
  "planned",
  "holding",
  "notifying",
  "waiting",
  "acknowledged",
  "settled",
] as const;
export type NotificationStatus = (typeof NOTIFICATION_STATUSES)[number];

export const OUTCOMES = [
  "acknowledged",
  "resolved",
  "delivered",
  "sent",
  "undeliverable",
  "exhausted",
  "expired",
  "cancelled",
  "suppressed",
  "superseded",
  "rejected",
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Outcomes of high and critical that stay red on the board until someone closes them with a note. */
export const UNANSWERED_OUTCOMES = ["undeliverable", "exhausted", "expired"] as const;

export const ANSWERS = ["acknowledged", "accepted", "claimed", "refused", "rated"] as const;
export type Answer = (typeof ANSWERS)[number];

/** What a type asks of the people whom it tells. */
export const ANSWER_KINDS = ["none", "acknowledge", "accept", "claim", "rate"] as const;
export type AnswerKind = (typeof ANSWER_KINDS)[number];

export const STOP_ACTS = ["acknowledge", "cancel", "resolve"] as const;
export type StopAct = (typeof STOP_ACTS)[number];
export const STEERING_ACTS = [
  "refuse",
  "escalate",
  "snooze",
  "reprioritise",
  "reassign",
  "resend",
  "move",
] as const;
export const ACTS = [...STOP_ACTS, ...STEERING_ACTS, "rate", "close"] as const;
export type ActKind = (typeof ACTS)[number];

/** Why an act was not applied: a domain "no", never an error. */
export const ACT_REFUSALS = [
  "already_acknowledged",
  "already_claimed",
  "already_cancelled",
  "already_resolved",
  "already_settled",
  "not_possible",
] as const;
export type ActRefusal = (typeof ACT_REFUSALS)[number];

/** Timeline kinds, spelled as in the API. */
export const TIMELINE_KINDS = [
  "accepted",
  "planned",
  "held",
  "resumed",
  "step_started",
  "delivery_attempted",
  "delivery_accepted",
  "delivery_failed",
  "delivery_unknown",
  "delivery_skipped",
  "pulled_forward",
  "failed_over",
  "receipt",
  "reply",
  "step_ended",
  "acknowledged",
  "refused",
  "escalated",
  "snoozed",
  "cancelled",
  "reprioritised",
  "reassigned",
  "moved",
  "resent",
  "replanned",
  "repeated",
  "role_up",
  "reopened",
  "resolved",
  "rated",
  "suppressed",
  "window_extended",
  "call_hung_up",
  "operator_notice",
  "closing_sent",
  "settled",
  "closed",
] as const;
export type TimelineKind = (typeof TIMELINE_KINDS)[number];
