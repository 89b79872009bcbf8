/** Ending an opt-out by hand: an administrator writes down what somebody has said outside Siaga; nobody takes a refusal back for somebody else. */

/** Why an opt-out is no more. */
export const OPT_OUT_END_BASES = [
  /** The person has said, in another way than by message, that these may come again. */
  "person_asked",
  /** The person never said it: a mistaken word, a forged message. */
  "recorded_in_error",
] as const;
export type OptOutEndBasis = (typeof OPT_OUT_END_BASES)[number];

export const OPT_OUT_END_REFUSALS = [
  /** The person has not opted out of this there. */
  "not_opted_out",
  /** What needs a consent of its own (promotion, survey) comes back by the person's own START. */
  "only_the_person",
] as const;
export type OptOutEndRefusal = (typeof OPT_OUT_END_REFUSALS)[number];
