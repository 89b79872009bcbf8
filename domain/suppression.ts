/**
 * Every reason for not telling somebody something, on a channel or at all. The words stand in the record, the timeline,
 * metrics and the API exactly so; a reason is added here before it is used, and never renamed.
 */
export const SUPPRESSION_REASONS = [
  // The person's own choice.
  "settings_disabled",
  "channel_off",
  "class_off",
  "type_off",
  "not_opted_in",
  "opted_out",
  "group_notifications_off",
  // The person can't be reached there.
  "no_contact",
  /** No browser and no app of theirs takes push messages. */
  "no_subscription",
  "unverified",
  "inactive",
  "off_duty",
  // Time.
  "quiet_hours",
  "always_quiet",
  "outside_send_window",
  "muted",
  "expired",
  // The routing rule, the group and the step.
  "rule_removed_channel",
  "role_empty",
  "no_assignee",
  "no_customer",
  "out_of_zone",
  "below_min_priority",
  "service_type_mismatch",
  "duplicate_person",
  "already_told",
  "actor",
  // The thing behind it.
  "ticket_closed",
  "reassigned",
  "deduplicated",
  "budget_exhausted",
  // The engine and its providers.
  "not_available",
  "no_provider",
  "no_template",
] as const;
export type SuppressionReason = (typeof SUPPRESSION_REASONS)[number];

/**
 * The thing behind the notification is over: nobody needs to be told any more, not even those whom a run has told already. Every other reason is about persons
 * and groups, and a run goes on for whom it has told.
 */
export function isMootReason(reason: string): boolean {
  return reason === "ticket_closed";
}

export function isSuppressionReason(text: string): text is SuppressionReason {
  return SUPPRESSION_REASONS.some((reason) => reason === text);
}
