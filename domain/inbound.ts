/** What became of a message that a person wrote to us. */
export const INBOUND_STATES = [
  /** Nobody has understood it: it waits for a person. */
  "unmatched",
  /** Siaga has asked what was meant. */
  "asked",
  /** It did something. */
  "applied",
  /** It says nothing to us, or nothing that counts. */
  "ignored",
  /** By a person, after nobody had understood it. */
  "answered",
  "closed",
] as const;
export type InboundState = (typeof INBOUND_STATES)[number];

/** Why a person's answer to such a message, or its closing, was not carried out. */
export const HANDLING_REFUSALS = [
  /** Somebody was first. */
  "already_answered",
  "already_closed",
  /** It was understood, or stands in a group. */
  "not_open",
  /** Nobody knows the writer's number. */
  "no_address",
  /** The number that was written to can't send now. */
  "no_account",
  /** The vendor takes free text for a day after the writer's last message alone. */
  "window_closed",
] as const;
export type HandlingRefusal = (typeof HANDLING_REFUSALS)[number];
