/**
 * The one exception that leaves a provider. Its text names what was attempted and the provider's own codes and request
 * id; never a phone number, a message text, a token or a URL.
 */

import { VERDICTS } from "../domain/result-kind.ts";
import type { FailureKind, ResultScope } from "../domain/result-kind.ts";

/**
 * Why, in words that are the same for all providers, so that callers can branch, count and explain without vendor codes.
 * `window_closed` asks for a template, `unsupported_content` and `media` ask for plain text, `pair_limit` asks for a pause
 * towards this recipient only.
 */
export const FAILURE_REASONS = [
  // The recipient or the address.
  "invalid_recipient",
  "not_on_channel",
  "not_a_member",
  /** This browser or app will never take a message again: forget its address. */
  "subscription_gone",
  "recipient_unreachable",
  "busy",
  "no_answer",
  "voicemail",
  "opted_out",
  "pair_limit",
  // The message.
  "window_closed",
  "template",
  /** What the vendor says of the very template, whatever its list said before. */
  "template_paused",
  "template_disabled",
  "template_unknown",
  "media",
  "too_long",
  "unsupported_content",
  "content_blocked",
  "invalid_request",
  "expired_in_queue",
  "canceled",
  // The account.
  "credentials",
  "permission",
  "not_configured",
  "account_suspended",
  "device_disconnected",
  "quota",
  "payment",
  "rate_limit",
  "spam_limit",
  // The way there.
  "no_connection",
  "aborted_before_send",
  "timeout",
  "connection_lost",
  "provider_fault",
  "unreadable_answer",
  "unlisted",
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

/** One row of a provider's vocabulary: what a vendor code means to us. */
export type ProviderVerdict = {
  readonly kind: FailureKind;
  readonly scope: ResultScope;
  readonly reason: FailureReason;
};

/** JSON that is safe to keep in the record: built field by field from an answer, never copied whole. */
export type SanitizedJson =
  | string
  | number
  | boolean
  | null
  | readonly SanitizedJson[]
  | { readonly [key: string]: SanitizedJson };

export type ProviderErrorDetails = ProviderVerdict & {
  readonly provider: string;
  /** What was attempted, in words without data: "send a text message". */
  readonly attempted: string;
  readonly httpStatus?: number;
  /** The provider's own code or normalised word; never free text of the provider, which may quote numbers and texts. */
  readonly vendorCode?: string;
  readonly retryAfterMs?: number;
  readonly requestId?: string;
  readonly providerResponse?: SanitizedJson;
  readonly cause?: unknown;
};

export class ProviderError extends Error {
  override readonly name = "ProviderError";
  readonly kind: FailureKind;
  readonly scope: ResultScope;
  readonly reason: FailureReason;
  readonly provider: string;
  readonly httpStatus: number | null;
  readonly vendorCode: string | null;
  /** Set when the provider said how long to wait. */
  readonly retryAfterMs: number | null;
  readonly requestId: string | null;
  readonly providerResponse: SanitizedJson;

  constructor(details: ProviderErrorDetails) {
    super(errorText(details), details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = details.kind;
    this.scope = details.scope;
    this.reason = details.reason;
    this.provider = details.provider;
    this.httpStatus = details.httpStatus ?? null;
    this.vendorCode = details.vendorCode ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.requestId = details.requestId ?? null;
    this.providerResponse = details.providerResponse ?? null;
  }

  /** True when no copy of the message can have left: another account or attempt cannot double it. */
  get surelyNotSent(): boolean {
    return VERDICTS[this.kind].isSurelyNotSent;
  }
}

function errorText(details: ProviderErrorDetails): string {
  const facts = [
    `${details.kind} (${details.scope}, ${details.reason})`,
    details.httpStatus === undefined ? null : `http ${details.httpStatus}`,
    details.vendorCode === undefined ? null : `code ${details.vendorCode}`,
    details.requestId === undefined ? null : `request ${details.requestId}`,
  ].filter((fact) => fact !== null);
  return `${details.provider} could not ${details.attempted}: ${facts.join(", ")}`;
}
