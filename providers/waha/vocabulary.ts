/**
 * WAHA's words and what they mean here. Acknowledgments and session states: https://waha.devlike.pro/docs/how-to/events/;
 * errors: `src/core/abc/manager.abc.ts` of github.com/devlikeapro/waha for a session that does not work, issue 2084 and
 * others for the rest; checked September 2026.
 */
import type { ProviderVerdict } from "../errors.ts";
import { numberAt, objectAt, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { Receipt } from "../provider.ts";

/** WhatsApp lifts the restriction by itself, in hours or days: long enough for callers to use another account meanwhile. */
export const REACHOUT_PAUSE_MS = 60 * 60 * 1000;

const verdict = (
  kind: ProviderVerdict["kind"],
  scope: ProviderVerdict["scope"],
  reason: ProviderVerdict["reason"],
): ProviderVerdict => ({ kind, scope, reason });

const PROVIDER_FAULT = verdict("unknown_outcome", "account", "provider_fault");

/** What an engine says when WhatsApp's server refused the message itself: surely nothing left. First match wins. */
const ENGINE_REFUSALS: readonly (readonly [
  pattern: RegExp,
  code: string,
  verdict: ProviderVerdict,
])[] = [
  // The account may start no new chats for now (463), or no more of them in this cycle (475). Known chats still work.
  [/server returned error 463\b/, "463", verdict("rate_limited", "recipient", "spam_limit")],
  [/server returned error 475\b/, "475", verdict("rate_limited", "recipient", "spam_limit")],
  // whatsmeow asks for a group's members before it sends: https://github.com/tulir/whatsmeow, errors.go.
  [
    /not participating in that group/,
    "not in group",
    verdict("rejected", "recipient", "not_a_member"),
  ],
  [/that group does not exist/, "no group", verdict("rejected", "recipient", "invalid_recipient")],
];

export type WahaRefusal = {
  readonly verdict: ProviderVerdict;
  /** A normalised word of ours: messages of errors quote chats and texts. */
  readonly code: string | null;
};

/** What an answer means that is no success; `body` is null where it is no JSON object. */
export function judgeFailure(status: number, body: JsonObject | null): WahaRefusal {
  if (status >= 500 || status === 408) {
    const said = body === null ? "" : engineMessage(body);
    const found = ENGINE_REFUSALS.find(([pattern]) => pattern.test(said));
    return found === undefined
      ? { verdict: PROVIDER_FAULT, code: null }
      : { verdict: found[2], code: found[1] };
  }
  return body !== null && status === 422
    ? judgeUnprocessable(body)
    : { verdict: judgeStatus(status, body), code: null };
}

function engineMessage(body: JsonObject): string {
  const exception = objectAt(body, "exception");
  return `${textAt(exception, "message") ?? ""} ${textAt(exception, "details") ?? ""}`;
}

/** Either the session is not WORKING, or its engine has no such call. */
function judgeUnprocessable(body: JsonObject): WahaRefusal {
  const state = readSessionState(textAt(body, "status") ?? "");
  return body["expected"] !== undefined || state !== null
    ? {
        verdict: verdict("unavailable", "account", "device_disconnected"),
        code: state === null ? "session" : `session ${state.word}`,
      }
    : {
        verdict: verdict("rejected", "recipient", "unsupported_content"),
        code: "not implemented",
      };
}

function judgeStatus(status: number, body: JsonObject | null): ProviderVerdict {
  if (status === 429) return verdict("rate_limited", "account", "rate_limit");
  if (status === 401) return verdict("unauthorized", "account", "credentials");
  if (status === 403) return verdict("unauthorized", "account", "permission");
  if (status === 413) return verdict("rejected", "recipient", "media");
  if (body === null) return verdict("malformed", "account", "unreadable_answer");
  if (status === 404) {
    // No such session, or nothing at this address ("Cannot POST …"): nobody can be told over this account.
    const said = textAt(body, "message") ?? "";
    return /session|^cannot /i.test(said)
      ? verdict("unauthorized", "account", "not_configured")
      : verdict("rejected", "recipient", "invalid_recipient");
  }
  return status >= 400
    ? verdict("rejected", "recipient", "invalid_request")
    : verdict("malformed", "account", "unreadable_answer");
}

/** `none`: nothing proved yet. */
export type WahaAck =
  | { readonly kind: "none" }
  | { readonly kind: "receipt"; readonly status: "sent" | "delivered" | "read" }
  | { readonly kind: "failed"; readonly failure: NonNullable<Receipt["failure"]> }
  | { readonly kind: "unknown" };

const ACK_NAMES: Readonly<Record<string, number>> = {
  ERROR: -1,
  PENDING: 0,
  SERVER: 1,
  DEVICE: 2,
  READ: 3,
  PLAYED: 4,
};

/** By number, else by name; NOWEB's raw answer has `status` with the same names. */
export function readAck(message: JsonObject): WahaAck {
  const word = textAt(message, "ackName") ?? textAt(message, "status") ?? "";
  switch (numberAt(message, "ack") ?? ACK_NAMES[word.toUpperCase()]) {
    case -1:
      return {
        kind: "failed",
        failure: {
          ...verdict("unavailable", "recipient", "provider_fault"),
          vendorCode: "ack ERROR",
        },
      };
    case 0:
      return { kind: "none" };
    case 1:
      return { kind: "receipt", status: "sent" };
    case 2:
      return { kind: "receipt", status: "delivered" };
    case 3:
    // A voice message was listened to.
    case 4:
      return { kind: "receipt", status: "read" };
    default:
      return { kind: "unknown" };
  }
}

/** Null for a word that nobody listed; `passing` for one that is no state to stay in. */
export function readSessionState(
  word: string,
): { readonly word: string; readonly state: "connected" | "disconnected" | "passing" } | null {
  switch (word) {
    case "WORKING":
      return { word, state: "connected" };
    case "STARTING":
      return { word, state: "passing" };
    case "STOPPED":
    case "FAILED":
    case "SCAN_QR_CODE":
    case "PASSKEY_REQUIRED":
    case "PASSKEY_CONFIRMATION_REQUIRED":
      return { word, state: "disconnected" };
    default:
      return null;
  }
}

/** WORKING, and yet no new chats: https://waha.devlike.pro/docs/how-to/sessions/#reachout-timelock and #message-capping. */
export function readRestriction(data: JsonObject): "reachout timelock" | "message capping" | null {
  if (objectAt(data, "reachoutTimelock")["isActive"] === true) return "reachout timelock";
  return objectAt(data, "messageCapping")["cappingStatus"] === "CAPPED" ? "message capping" : null;
}
