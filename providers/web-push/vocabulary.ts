/**
 * What a push service's answer means: its status alone, the bodies differ between services. RFC 8030 sections 5 and 8.4,
 * https://mozilla-services.github.io/autopush-rs/errors.html, checked September 2026.
 */
import type { ProviderVerdict } from "../errors.ts";

const GONE: ProviderVerdict = {
  kind: "rejected",
  scope: "recipient",
  reason: "subscription_gone",
};

const VERDICTS: Readonly<Record<number, ProviderVerdict>> = {
  // A header that the service cannot read: our mistake, and the same for every browser.
  400: { kind: "malformed", scope: "account", reason: "invalid_request" },
  401: { kind: "unauthorized", scope: "account", reason: "credentials" },
  // This browser subscribed with another key. One forgotten browser must not take the account from all others.
  403: { kind: "unauthorized", scope: "recipient", reason: "credentials" },
  404: GONE,
  410: GONE,
  413: { kind: "rejected", scope: "recipient", reason: "too_long" },
  429: { kind: "rate_limited", scope: "account", reason: "rate_limit" },
  503: { kind: "unavailable", scope: "account", reason: "provider_fault" },
};

/** After any other 5xx the message may have been kept. */
const FAULT: ProviderVerdict = {
  kind: "unknown_outcome",
  scope: "account",
  reason: "provider_fault",
};
const UNLISTED: ProviderVerdict = {
  kind: "malformed",
  scope: "account",
  reason: "unreadable_answer",
};

export function judgeStatus(status: number): ProviderVerdict {
  return VERDICTS[status] ?? (status >= 500 ? FAULT : UNLISTED);
}
