/**
 * One-time passwords: their measures, and what sets their notifications apart from all others. Whoever reads the six digits off the phone that they were sent to
 * has that phone.
 */
import type { PersonChannel } from "./channel.ts";
import type { Priority } from "./priority.ts";

/** The notification type that tells a code. Its own lane: never behind anything else, asleep or opted out or not. */
export const OTP_TYPE = "otp";
/** What the texts call the code. */
export const OTP_VARIABLE = "otp_code";
/** Its messages are as urgent as critical ones; what a doubtful or undelivered one pulls forward follows from `high`. */
export const OTP_PRIORITY: Priority = "high";
/** An inbox is read by who is signed in already, and what a call or a browser says can be heard and seen by others. */
export const OTP_CHANNELS: readonly PersonChannel[] = ["whatsapp_personal", "sms", "email"];

export const OTP_DIGITS = 6;
export const OTP_VALID_MS = 300_000;
/** Wrong or right; five of a million is what a guess is worth. */
export const OTP_CHECKS_MAX = 5;
export const OTP_SENDS_PER_NUMBER_MAX = 5;
/** Nobody needs more for themselves and the staff of a zone; it bounds how many strangers one person can have messages sent to. */
export const OTP_SENDS_PER_PERSON_MAX = 20;
/** A portal with ten sign-ins a minute; it bounds what a key that was stolen costs and guesses. */
export const OTP_SENDS_PER_SYSTEM_MAX = 600;
/** The span of the three limits above: a send counts until just before this much time has passed. */
export const OTP_SENDS_WITHIN_MS = 3_600_000;
/** Limits look back an hour; after a day a number that nobody has is forgotten. */
export const OTP_KEPT_MS = 86_400_000;

/** Stands in the record where the code stood in the message: as long, and in every alphabet. */
export const OTP_MASK = "x".repeat(OTP_DIGITS);

export function isOtp(type: string): boolean {
  return type === OTP_TYPE;
}

/** Six digits, each code as likely as any other. `random` gives whole numbers from 0 to below its argument, from a source that nobody can foresee. */
export function makeOtpCode(random: (below: number) => number): string {
  return String(random(10 ** OTP_DIGITS)).padStart(OTP_DIGITS, "0");
}

/** As people type it: spaces and hyphens between the digits say nothing. Null: no code. */
export function readOtpCode(input: string): string | null {
  const digits = input.replace(/[\s-]/g, "");
  return digits.length === OTP_DIGITS && /^\d+$/.test(digits) ? digits : null;
}

/** Epoch ms from which on one more may be sent, given the instants of those within the limit's span, oldest first; null: at once. */
export function sendsAgainAt(sentAt: readonly number[], sendsMax: number): number | null {
  const blocking = sentAt[sentAt.length - sendsMax];
  return blocking === undefined ? null : blocking + OTP_SENDS_WITHIN_MS;
}
