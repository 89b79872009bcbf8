/**
 * Twilio's codes and words and what they mean here. Codes: https://www.twilio.com/docs/api/errors; statuses of messages and
 * calls: the enumerations of `twilio_api_v2010.json`; checked September 2026. Codes are split into finer ones from time to
 * time, so families have a meaning too.
 */
import type { FailureReason, ProviderVerdict } from "../errors.ts";
import type { Receipt } from "../provider.ts";

const verdict = (
  kind: ProviderVerdict["kind"],
  scope: ProviderVerdict["scope"],
  reason: FailureReason,
): ProviderVerdict => ({ kind, scope, reason });

const INVALID_RECIPIENT = verdict("rejected", "recipient", "invalid_recipient");
const BLOCKED = verdict("rejected", "recipient", "content_blocked");
const PERMISSION = verdict("unauthorized", "account", "permission");
const SUSPENDED = verdict("unauthorized", "account", "account_suspended");
const NOT_CONFIGURED = verdict("unauthorized", "account", "not_configured");
const RATE_LIMIT = verdict("rate_limited", "account", "rate_limit");
const CARRIER_FAULT = verdict("unavailable", "recipient", "provider_fault");
const TWILIO_FAULT = verdict("unavailable", "account", "provider_fault");

const CODES: Readonly<Record<number, ProviderVerdict>> = {
  // The receiver of their webhooks is ours to repair.
  11200: verdict("unavailable", "account", "not_configured"),
  20003: verdict("unauthorized", "account", "credentials"),
  20005: SUSPENDED,
  20404: NOT_CONFIGURED,
  20429: RATE_LIMIT,
  // "POST is not idempotent; a retry may reach the customer twice."
  20500: verdict("unknown_outcome", "account", "provider_fault"),
  20503: TWILIO_FAULT,
  21211: INVALID_RECIPIENT,
  21214: INVALID_RECIPIENT,
  21215: PERMISSION,
  21408: PERMISSION,
  21606: verdict("rejected", "recipient", "not_configured"),
  21608: INVALID_RECIPIENT,
  21610: verdict("opted_out", "recipient", "opted_out"),
  21612: INVALID_RECIPIENT,
  21614: verdict("rejected", "recipient", "not_on_channel"),
  30001: RATE_LIMIT,
  30002: SUSPENDED,
  30003: verdict("unavailable", "recipient", "recipient_unreachable"),
  30004: BLOCKED,
  30005: INVALID_RECIPIENT,
  30006: verdict("rejected", "recipient", "not_on_channel"),
  30007: BLOCKED,
  30008: CARRIER_FAULT,
  30034: NOT_CONFIGURED,
  30410: CARRIER_FAULT,
  30500: TWILIO_FAULT,
  63016: verdict("rejected", "recipient", "window_closed"),
  63018: RATE_LIMIT,
  63024: INVALID_RECIPIENT,
  63119: RATE_LIMIT,
  // "Message SID already exists": made before, by a request whose answer was lost (unconfirmed).
  90009: verdict("unknown_outcome", "account", "unlisted"),
};

/** What a refusal at once means. Listed codes first, then what the HTTP status proves, then the family of the code. */
export function judgeRefusal(code: number | null, httpStatus: number): ProviderVerdict {
  const known = code === null ? undefined : CODES[code];
  if (known !== undefined) return known;
  if (httpStatus >= 500 || httpStatus === 408) {
    return verdict("unknown_outcome", "account", "provider_fault");
  }
  if (httpStatus === 429) return RATE_LIMIT;
  if (httpStatus === 401) return verdict("unauthorized", "account", "credentials");
  if (httpStatus === 403) return PERMISSION;
  if (code === null) {
    return httpStatus === 404
      ? NOT_CONFIGURED
      : verdict("malformed", "account", "unreadable_answer");
  }
  if (code >= 20000 && code <= 29999) return verdict("rejected", "recipient", "invalid_request");
  return verdict("rejected", "recipient", "unlisted");
}

/** What the code of a message means that was accepted and failed later: nothing about it is unknown any more. */
export function judgeFailedMessage(code: number | null): NonNullable<Receipt["failure"]> {
  const vendorCode = code === null ? null : String(code);
  const known = code === null ? undefined : CODES[code];
  if (known !== undefined) {
    return { ...(known.kind === "unknown_outcome" ? CARRIER_FAULT : known), vendorCode };
  }
  // 3xxxx: the carrier. 63xxx and the rest: this channel will not do it.
  const isCarrier = code === null || (code >= 30000 && code <= 39999);
  return {
    ...(isCarrier ? CARRIER_FAULT : verdict("rejected", "recipient", "unlisted")),
    vendorCode,
  };
}

/** `waiting`: still on its way inside Twilio. `inbound`: not one of ours. */
export type MessageState =
  | { readonly kind: "waiting" }
  | { readonly kind: "inbound" }
  | { readonly kind: "receipt"; readonly status: "sent" | "delivered" | "read" }
  | { readonly kind: "failed" }
  | { readonly kind: "unknown" };

export function readMessageStatus(status: string): MessageState {
  switch (status) {
    case "accepted":
    case "scheduled":
    case "queued":
    case "sending":
      return { kind: "waiting" };
    case "sent":
    // Some parts arrived: what was received cannot be relied on.
    case "partially_delivered":
      return { kind: "receipt", status: "sent" };
    case "delivered":
    case "read":
      return { kind: "receipt", status };
    case "undelivered":
    case "failed":
    case "canceled":
      return { kind: "failed" };
    case "receiving":
    case "received":
      return { kind: "inbound" };
    default:
      return { kind: "unknown" };
  }
}

export function judgeMessage(status: string, code: number | null): NonNullable<Receipt["failure"]> {
  return status === "canceled" && code === null
    ? { ...verdict("unavailable", "recipient", "canceled"), vendorCode: null }
    : judgeFailedMessage(code);
}

/** The detailed words are documentation knowledge, so whatever is not `human` does not count as one. */
export type AnsweredBy = "human" | "machine" | "unsure" | "not_told";

export function readAnsweredBy(word: string | null): AnsweredBy {
  if (word === null) return "not_told";
  const text = word.toLowerCase();
  if (text === "human") return "human";
  return text.startsWith("machine") || text === "fax" ? "machine" : "unsure";
}

/** `nothing`: it proves neither that anything rings nor that it will not. */
export type CallState =
  | { readonly kind: "nothing" }
  | { readonly kind: "receipt"; readonly status: "sent" | "delivered" }
  | { readonly kind: "failed"; readonly failure: NonNullable<Receipt["failure"]> }
  | { readonly kind: "unknown" };

const callFailure = (
  word: string,
  kind: ProviderVerdict["kind"],
  reason: FailureReason,
): CallState => ({
  kind: "failed",
  failure: { kind, scope: "recipient", reason, vendorCode: word },
});

export const VOICEMAIL: CallState = callFailure("machine", "unavailable", "voicemail");

/**
 * `completed` means answered and over, which a voicemail achieves as well: only a detected human counts as reached, and only
 * a key press as an answer.
 */
export function readCallStatus(
  status: string,
  answeredBy: AnsweredBy,
  sipCode: number | null,
): CallState {
  switch (status) {
    case "queued":
    case "initiated":
      return { kind: "nothing" };
    case "ringing":
      return { kind: "receipt", status: "sent" };
    case "in-progress":
    case "completed":
      if (answeredBy === "machine") return VOICEMAIL;
      return { kind: "receipt", status: answeredBy === "human" ? "delivered" : "sent" };
    case "busy":
      return callFailure(status, "unavailable", "busy");
    case "no-answer":
      return callFailure(status, "unavailable", "no_answer");
    case "canceled":
      return callFailure(status, "unavailable", "canceled");
    case "failed":
      return readFailedCall(sipCode);
    default:
      return { kind: "unknown" };
  }
}

/** SIP tells apart what Twilio calls `failed`: a phone that is off from a number that does not exist. RFC 3261, 21. */
function readFailedCall(sipCode: number | null): CallState {
  const word = sipCode === null ? "failed" : `failed ${sipCode}`;
  if (sipCode === 408 || sipCode === 480) return callFailure(word, "unavailable", "no_answer");
  if (sipCode === 486 || sipCode === 600) return callFailure(word, "unavailable", "busy");
  if (sipCode !== null && sipCode >= 500 && sipCode <= 599) {
    return callFailure(word, "unavailable", "provider_fault");
  }
  return callFailure(word, "rejected", "recipient_unreachable");
}
