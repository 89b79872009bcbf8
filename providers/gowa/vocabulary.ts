/**
 * GOWA's codes and words and what they mean here. Every answer has `code`; codes and statuses of errors: `src/pkg/error` and
 * `src/ui/rest/middleware` of the gateway; receipts: `docs/webhook-payload.md`; release 9.2.0, checked September 2026.
 */
import type { ProviderVerdict } from "../errors.ts";

/** WhatsApp lifts the restriction by itself, in hours or days: long enough for callers to use another account meanwhile. */
export const REACHOUT_PAUSE_MS = 60 * 60 * 1000;

const verdict = (
  kind: ProviderVerdict["kind"],
  scope: ProviderVerdict["scope"],
  reason: ProviderVerdict["reason"],
): ProviderVerdict => ({ kind, scope, reason });

const INVALID_RECIPIENT = verdict("rejected", "recipient", "invalid_recipient");

const CODES: Readonly<Record<string, ProviderVerdict>> = {
  VALIDATION_ERROR: verdict("rejected", "recipient", "invalid_request"),
  INVALID_JID: INVALID_RECIPIENT,
  DEVICE_ID_REQUIRED: verdict("unauthorized", "account", "not_configured"),
  DEVICE_NOT_FOUND: verdict("unauthorized", "account", "not_configured"),
  // The device is not connected or not logged in; the gateway tries again every five minutes.
  AUTHENTICATION_ERROR: verdict("unavailable", "account", "device_disconnected"),
  // WhatsApp's error 463: no new chats for now, known ones still work.
  WA_REACHOUT_TIMELOCK: verdict("rate_limited", "recipient", "spam_limit"),
  // The file did not reach WhatsApp, so no message was made of it.
  UPLOAD_MEDIA_ERROR: verdict("unavailable", "recipient", "media"),
  DEVICE_MANAGER_UNAVAILABLE: verdict("unavailable", "account", "provider_fault"),
  // The limit of 45 s: sends share one socket, and the message often goes out later (issue 727).
  GATEWAY_TIMEOUT: verdict("unknown_outcome", "account", "provider_fault"),
};

/** What the sentence beside a code adds. First match wins. */
const PHRASES: readonly (readonly [
  code: string,
  pattern: RegExp,
  word: string,
  verdict: ProviderVerdict,
])[] = [
  // The same words come when the look-up itself failed or took 10 s, so it is believed only after having been asked again.
  [
    "INVALID_JID",
    /is not on whatsapp|not registered/i,
    "INVALID_JID not on whatsapp",
    verdict("unavailable", "recipient", "not_on_channel"),
  ],
  // whatsmeow asks for a group's members before it sends: https://github.com/tulir/whatsmeow, errors.go.
  [
    "INTERNAL_SERVER_ERROR",
    /not participating in that group/i,
    "not in group",
    verdict("rejected", "recipient", "not_a_member"),
  ],
  ["INTERNAL_SERVER_ERROR", /that group does not exist/i, "no group", INVALID_RECIPIENT],
];

export type GowaRefusal = {
  readonly verdict: ProviderVerdict;
  /** A known code, or a normalised word of ours: sentences of errors quote numbers. */
  readonly word: string | null;
};

/** What an answer means that is no success; both texts are null where it is no JSON object. */
export function judgeFailure(
  status: number,
  code: string | null,
  sentence: string | null,
): GowaRefusal {
  const phrase = PHRASES.find(
    ([of, pattern]) => of === code && sentence !== null && pattern.test(sentence),
  );
  if (phrase !== undefined) return { verdict: phrase[3], word: phrase[2] };
  const known = code === null ? undefined : CODES[code];
  return known === undefined
    ? { verdict: judgeStatus(status, code !== null), word: null }
    : { verdict: known, word: code };
}

/** INTERNAL_SERVER_ERROR and INVALID_WA_CLI stand for failures before and after sending alike. */
function judgeStatus(status: number, hasCode: boolean): ProviderVerdict {
  if (status >= 500 || status === 408) {
    return verdict("unknown_outcome", "account", "provider_fault");
  }
  if (status === 429) return verdict("rate_limited", "account", "rate_limit");
  // HTTP Basic, whose body is unconfirmed: it has none of the gateway's codes.
  if (status === 401) return verdict("unauthorized", "account", "credentials");
  if (status === 403) return verdict("unauthorized", "account", "permission");
  if (status === 413) return verdict("rejected", "recipient", "media");
  return status >= 400 && hasCode
    ? verdict("rejected", "recipient", "unlisted")
    : verdict("malformed", "account", "unreadable_answer");
}

/** `ours`: about what we read ourselves; null: a word that nobody listed. */
export function readReceiptType(word: string): "delivered" | "read" | "ours" | null {
  switch (word) {
    case "delivered":
      return "delivered";
    case "read":
    // A voice message was listened to; not forwarded by this release.
    case "played":
      return "read";
    case "read-self":
    case "played-self":
    case "sender":
      return "ours";
    default:
      return null;
  }
}
