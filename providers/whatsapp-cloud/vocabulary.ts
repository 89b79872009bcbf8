/**
 * Meta's codes and words and what they mean here. The same codes come at once in the answer and later in a `failed` status;
 * Meta asks to branch on the code alone.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes, checked September 2026.
 */
import type { BillingClass } from "../../domain/price.ts";
import type { ProviderVerdict } from "../errors.ts";
import type { TemplateState } from "../../domain/provider-template.ts";
import type { Receipt } from "../provider.ts";

/** Meta names about one message every 6 s to one person. */
export const PAIR_LIMIT_PAUSE_MS = 6_000;

/** A quality limit is lifted in hours, not seconds: long enough for callers to use another account meanwhile. */
export const SPAM_LIMIT_PAUSE_MS = 60 * 60 * 1000;

const verdict = (
  kind: ProviderVerdict["kind"],
  scope: ProviderVerdict["scope"],
  reason: ProviderVerdict["reason"],
): ProviderVerdict => ({ kind, scope, reason });

const CREDENTIALS = verdict("unauthorized", "account", "credentials");
const PERMISSION = verdict("unauthorized", "account", "permission");
const SUSPENDED = verdict("unauthorized", "account", "account_suspended");
const NOT_CONFIGURED = verdict("unauthorized", "account", "not_configured");
const RATE_LIMIT = verdict("rate_limited", "account", "rate_limit");
const TEMPORARY = verdict("unavailable", "account", "provider_fault");
const INVALID_REQUEST = verdict("rejected", "recipient", "invalid_request");
const INVALID_RECIPIENT = verdict("rejected", "recipient", "invalid_recipient");
const BLOCKED = verdict("rejected", "recipient", "content_blocked");
const MEDIA = verdict("rejected", "recipient", "media");
const TEMPLATE = verdict("rejected", "recipient", "template");
/** These fail for everybody until someone acts. */
const TEMPLATE_UNKNOWN = verdict("rejected", "account", "template_unknown");
const TEMPLATE_PAUSED = verdict("rejected", "account", "template_paused");
const TEMPLATE_DISABLED = verdict("rejected", "account", "template_disabled");

const CODES: Readonly<Record<number, ProviderVerdict>> = {
  0: CREDENTIALS,
  1: verdict("unknown_outcome", "account", "provider_fault"),
  2: TEMPORARY,
  3: PERMISSION,
  4: RATE_LIMIT,
  10: PERMISSION,
  33: INVALID_REQUEST,
  100: INVALID_REQUEST,
  190: CREDENTIALS,
  368: SUSPENDED,
  80007: RATE_LIMIT,
  130429: RATE_LIMIT,
  130472: BLOCKED,
  130497: BLOCKED,
  131000: TEMPORARY,
  131005: PERMISSION,
  131008: INVALID_REQUEST,
  131009: INVALID_REQUEST,
  131016: TEMPORARY,
  131020: verdict("rejected", "recipient", "not_a_member"),
  131021: INVALID_RECIPIENT,
  131026: verdict("rejected", "recipient", "not_on_channel"),
  131030: INVALID_RECIPIENT,
  131031: SUSPENDED,
  131037: NOT_CONFIGURED,
  131041: INVALID_RECIPIENT,
  131042: verdict("unauthorized", "account", "payment"),
  131045: NOT_CONFIGURED,
  131047: verdict("rejected", "recipient", "window_closed"),
  131048: verdict("rate_limited", "account", "spam_limit"),
  131049: BLOCKED,
  131050: verdict("opted_out", "recipient", "opted_out"),
  131051: verdict("rejected", "recipient", "unsupported_content"),
  131052: MEDIA,
  131053: MEDIA,
  131056: verdict("rate_limited", "recipient", "pair_limit"),
  131057: TEMPORARY,
  131207: INVALID_RECIPIENT,
  131208: verdict("rate_limited", "recipient", "rate_limit"),
  132000: TEMPLATE,
  132001: TEMPLATE_UNKNOWN,
  132005: TEMPLATE,
  132007: TEMPLATE,
  132012: TEMPLATE,
  132015: TEMPLATE_PAUSED,
  132016: TEMPLATE_DISABLED,
  133004: TEMPORARY,
  133010: NOT_CONFIGURED,
  133016: RATE_LIMIT,
};

/** Codes that Meta answers at once, with the HTTP status where the code alone is not enough. */
export function judgeCode(code: number, httpStatus: number): ProviderVerdict {
  const known = CODES[code];
  if (known !== undefined) {
    // "Something went wrong" with a server error does not say whether it went wrong before or after sending.
    return code === 131000 && httpStatus >= 500
      ? verdict("unknown_outcome", "account", "provider_fault")
      : known;
  }
  if (code >= 200 && code <= 299) return PERMISSION;
  if (code >= 132000 && code <= 132999) return TEMPLATE;
  return judgeHttpStatus(httpStatus);
}

/** What an HTTP status says when no known code does. */
export function judgeHttpStatus(status: number): ProviderVerdict {
  if (status >= 500 || status === 408) {
    return verdict("unknown_outcome", "account", "provider_fault");
  }
  if (status === 429) return RATE_LIMIT;
  if (status === 401) return CREDENTIALS;
  if (status === 403) return PERMISSION;
  return verdict("rejected", "recipient", "unlisted");
}

/** Codes in a `failed` status: the message is known to have failed, so nothing about it is unknown any more. */
export function judgeFailedStatus(code: number | null): NonNullable<Receipt["failure"]> {
  if (code === null) {
    return { ...verdict("rejected", "recipient", "unlisted"), vendorCode: null };
  }
  const found = CODES[code] ?? judgeCode(code, 400);
  const isUnknown = found.kind === "unknown_outcome";
  return { ...(isUnknown ? TEMPORARY : found), vendorCode: String(code) };
}

/** Null: a status that tells nothing about delivery, or one that is not known. */
export function readMessageStatus(status: string): Receipt["status"] | null {
  switch (status) {
    case "sent":
    case "delivered":
    case "read":
    case "failed":
      return status;
    // A voice message was listened to.
    case "played":
      return "read";
    default:
      return null;
  }
}

/** States of a template in lists and the events that announce them. */
export function readTemplateState(word: string): TemplateState {
  switch (word.toUpperCase()) {
    case "APPROVED":
    case "REINSTATED":
    case "UNPAUSED":
    case "UNARCHIVED":
    // A warning: the template stays approved until it is disabled.
    case "FLAGGED":
      return "approved";
    case "PENDING":
    case "IN_APPEAL":
    case "PENDING_REVIEW":
      return "pending";
    case "PAUSED":
      return "paused";
    case "DISABLED":
    case "DELETED":
    case "PENDING_DELETION":
    case "ARCHIVED":
    case "LIMIT_EXCEEDED":
      return "disabled";
    case "REJECTED":
      return "rejected";
    default:
      return "unknown";
  }
}

/** `status` of a phone number in the Graph API; words that are not listed are taken as working, since Meta answered. */
export function readPhoneNumberState(
  word: string,
): "connected" | "disconnected" | "banned" | "restricted" {
  switch (word.toUpperCase()) {
    case "BANNED":
    case "DELETED":
      return "banned";
    case "RESTRICTED":
    case "RATE_LIMITED":
      return "restricted";
    case "DISCONNECTED":
    case "MIGRATED":
    case "PENDING":
    case "UNLINKED":
    case "UNVERIFIED":
      return "disconnected";
    default:
      return "connected";
  }
}

/** Events of the `account_update` webhook that say whether the business account may send; null for all others. */
export function readAccountEvent(word: string): "connected" | "banned" | "restricted" | null {
  switch (word.toUpperCase()) {
    case "DISABLED_UPDATE":
    case "ACCOUNT_DELETED":
      return "banned";
    case "ACCOUNT_RESTRICTION":
    case "ACCOUNT_VIOLATION":
      return "restricted";
    default:
      return null;
  }
}

/** The price list's categories, from `pricing.category`: https://developers.facebook.com/documentation/business-messaging/whatsapp/pricing */
export function readBillingClass(category: string): BillingClass | null {
  switch (category) {
    case "utility":
    case "marketing":
    case "service":
      return category;
    case "marketing_lite":
      return "marketing";
    case "authentication":
    case "authentication_international":
    case "authentication-international":
      return "authentication";
    // A conversation that an advertisement opened is free, as service is.
    case "referral_conversion":
      return "service";
    default:
      return null;
  }
}
