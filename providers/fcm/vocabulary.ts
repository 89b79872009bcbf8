/**
 * FCM's words and what they mean here. `details[].errorCode` is the most exact, then the canonical status, then HTTP's.
 * https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode,
 * https://firebase.google.com/docs/cloud-messaging/error-codes, checked September 2026.
 */
import type { ProviderVerdict } from "../errors.ts";
import { objectAt, objectsAt, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";

const GONE: ProviderVerdict = {
  kind: "rejected",
  scope: "recipient",
  reason: "subscription_gone",
};
const BAD_REQUEST: ProviderVerdict = {
  kind: "rejected",
  scope: "recipient",
  reason: "invalid_request",
};
const BAD_CREDENTIALS: ProviderVerdict = {
  kind: "unauthorized",
  scope: "account",
  reason: "credentials",
};
const LIMITED: ProviderVerdict = {
  kind: "rate_limited",
  scope: "account",
  reason: "rate_limit",
};
const AWAY: ProviderVerdict = {
  kind: "unavailable",
  scope: "account",
  reason: "provider_fault",
};
/** "The server encountered an error while trying to process the request": it may have been processed. */
const FAULT: ProviderVerdict = {
  kind: "unknown_outcome",
  scope: "account",
  reason: "provider_fault",
};
const UNREADABLE: ProviderVerdict = {
  kind: "malformed",
  scope: "account",
  reason: "unreadable_answer",
};

/** FCM's own codes. `INVALID_ARGUMENT` has two causes and is not among them. */
const CODES: Readonly<Record<string, ProviderVerdict>> = {
  UNREGISTERED: GONE,
  UNREGISTERED_FID: GONE,
  // The app was built for another project. One stale token must not take the account from all others.
  SENDER_ID_MISMATCH: { kind: "unauthorized", scope: "recipient", reason: "permission" },
  QUOTA_EXCEEDED: LIMITED,
  UNAVAILABLE: AWAY,
  INTERNAL: FAULT,
  // The key for Apple's or the browsers' push services, as it is stored at Firebase.
  THIRD_PARTY_AUTH_ERROR: BAD_CREDENTIALS,
  APNS_AUTH_ERROR: BAD_CREDENTIALS,
};

/** Google's canonical statuses, for answers without a code of FCM. */
const STATUSES: Readonly<Record<string, ProviderVerdict>> = {
  NOT_FOUND: GONE,
  INVALID_ARGUMENT: BAD_REQUEST,
  FAILED_PRECONDITION: BAD_REQUEST,
  OUT_OF_RANGE: BAD_REQUEST,
  UNAUTHENTICATED: BAD_CREDENTIALS,
  PERMISSION_DENIED: { kind: "unauthorized", scope: "account", reason: "permission" },
  RESOURCE_EXHAUSTED: LIMITED,
  UNAVAILABLE: AWAY,
  INTERNAL: FAULT,
  UNKNOWN: FAULT,
  DEADLINE_EXCEEDED: FAULT,
};

export type FcmFault = {
  readonly verdict: ProviderVerdict;
  /** A listed word; null when the answer has none. */
  readonly code: string | null;
};

/** `body` is null for what is no JSON. */
export function judgeAnswer(httpStatus: number, body: JsonObject | null): FcmFault {
  const error = body === null ? {} : objectAt(body, "error");
  const status = textAt(error, "status") ?? "";
  const details = objectsAt(error, "details");
  const code = details
    .filter((detail) => typeIs(detail, "google.firebase.fcm.v1.FcmError"))
    .map((detail) => textAt(detail, "errorCode") ?? "")
    .find((word) => word !== "");
  if (code === "INVALID_ARGUMENT") {
    return { verdict: isAboutToken(details) ? GONE : BAD_REQUEST, code };
  }
  const known = code === undefined ? undefined : CODES[code];
  if (known !== undefined) return { verdict: known, code: code ?? null };
  const canonical = STATUSES[status];
  if (canonical !== undefined) return { verdict: canonical, code: status };
  return { verdict: byHttpStatus(httpStatus), code: null };
}

/**
 * The code alone, or with a violation of the field `message.token`: a token that never was one. Any other violation is a
 * mistake in what we wrote, and the token may be good.
 */
function isAboutToken(details: readonly JsonObject[]): boolean {
  const violations = details
    .filter((detail) => typeIs(detail, "google.rpc.BadRequest"))
    .flatMap((detail) => objectsAt(detail, "fieldViolations"));
  return violations.every((violation) => textAt(violation, "field") === "message.token");
}

function typeIs(detail: JsonObject, name: string): boolean {
  return textAt(detail, "@type") === `type.googleapis.com/${name}`;
}

/** What stands before FCM answers with pages. */
function byHttpStatus(status: number): ProviderVerdict {
  if (status === 401) return BAD_CREDENTIALS;
  if (status === 403) return { kind: "unauthorized", scope: "account", reason: "permission" };
  if (status === 429) return LIMITED;
  if (status === 503) return AWAY;
  return status >= 500 ? FAULT : UNREADABLE;
}
