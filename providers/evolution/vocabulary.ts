/**
 * Evolution's words and what they mean here, from the source of 2.3.6 to 2.4.0-rc2 (September 2026). Whatever goes wrong
 * during a send is answered 400 with the exception as text, so texts decide; they are searched in lower case.
 */
import type { ProviderVerdict } from "../errors.ts";
import { isJsonObject, objectAt, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { AccountStateEvent, Receipt } from "../provider.ts";

const DISCONNECTED: ProviderVerdict = {
  kind: "unavailable",
  scope: "account",
  reason: "device_disconnected",
};
const BAD_MEDIA: ProviderVerdict = { kind: "rejected", scope: "recipient", reason: "media" };
const BAD_REQUEST: ProviderVerdict = {
  kind: "rejected",
  scope: "recipient",
  reason: "invalid_request",
};
/** The message may have been handed over before the connection broke. */
const LOST: ProviderVerdict = {
  kind: "unknown_outcome",
  scope: "account",
  reason: "connection_lost",
};

type Phrase = readonly [phrase: string, verdict: ProviderVerdict];

/**
 * What can only be said before anything was handed over: the look-up of the number and the preparation of a file, which come
 * first, answer 500 instead of 400.
 */
const BEFORE_SENDING: readonly Phrase[] = [
  ["connection closed", DISCONNECTED],
  ["unsupported image format", BAD_MEDIA],
];

/** First match wins. */
const DURING_SEND: readonly Phrase[] = [
  ["timed out", { kind: "unknown_outcome", scope: "account", reason: "timeout" }],
  ...BEFORE_SENDING,
  ["connection lost", LOST],
  ["connection was lost", LOST],
  ["stream errored", LOST],
  ["stream error", LOST],
  ["rate-overlimit", { kind: "rate_limited", scope: "account", reason: "rate_limit" }],
  ["group not found", { kind: "rejected", scope: "recipient", reason: "not_a_member" }],
  // How "Group not found" arrives when it is put into text twice: the number is no member, or its group list could not be
  // read just now.
  ["[object object]", { kind: "unavailable", scope: "recipient", reason: "not_a_member" }],
  ["must be a url or base64", BAD_MEDIA],
  ["file name must be informed", BAD_MEDIA],
  ["requires property", BAD_REQUEST],
  ["is not of a type", BAD_REQUEST],
  ["is not one of enum values", BAD_REQUEST],
  ["does not meet", BAD_REQUEST],
  ["does not match", BAD_REQUEST],
  ["cannot be empty", BAD_REQUEST],
  ["invalid format", BAD_REQUEST],
  ["is required", BAD_REQUEST],
  ["must be an array", BAD_REQUEST],
  ["reply buttons", BAD_REQUEST],
];

/** Exceptions after the hand-over (storing, uploading) are answered 400 as well, so an unlisted text proves nothing. */
const UNLISTED: ProviderVerdict = { kind: "unknown_outcome", scope: "account", reason: "unlisted" };

export type EvolutionRefusal = {
  readonly verdict: ProviderVerdict;
  /** The listed phrase; null when none decided, because the text itself may quote numbers and names. */
  readonly phrase: string | null;
};

/** `body` is null when the answer is none of the gateway's own. */
export function judgeFailure(status: number, body: JsonObject | null): EvolutionRefusal {
  if (body !== null && textAt(body, "code") === "LICENSE_REQUIRED") {
    const verdict = { kind: "unauthorized", scope: "account", reason: "permission" } as const;
    return { verdict, phrase: "LICENSE_REQUIRED" };
  }
  const said = body === null ? [] : messagesIn(body);
  const text = said
    .filter((part) => typeof part === "string")
    .join("\n")
    .toLowerCase();
  if (status >= 500 || status === 408) {
    const early = status === 500 ? matching(BEFORE_SENDING, text) : null;
    return early ?? other("unknown_outcome", "provider_fault");
  }
  if (status === 429) return other("rate_limited", "rate_limit");
  if (status === 401 || status === 403) return other("unauthorized", "credentials");
  if (status === 413) return { verdict: BAD_MEDIA, phrase: null };
  if (status === 404) return judgeNotFound(text);
  if (status === 400 && body !== null && said.length > 0) {
    return said.some(isUnknownNumber)
      ? {
          verdict: { kind: "rejected", scope: "recipient", reason: "not_on_channel" },
          phrase: "exists false",
        }
      : (matching(DURING_SEND, text) ?? { verdict: UNLISTED, phrase: null });
  }
  return other("malformed", "unreadable_answer");
}

function other(kind: ProviderVerdict["kind"], reason: ProviderVerdict["reason"]): EvolutionRefusal {
  return { verdict: { kind, scope: "account", reason }, phrase: null };
}

function judgeNotFound(text: string): EvolutionRefusal {
  if (text.includes("instance does not exist")) {
    const verdict = { kind: "unauthorized", scope: "account", reason: "not_configured" } as const;
    return { verdict, phrase: "instance does not exist" };
  }
  return (
    matching(
      DURING_SEND.filter(([phrase]) => phrase === "group not found"),
      text,
    ) ?? other("malformed", "unreadable_answer")
  );
}

function matching(phrases: readonly Phrase[], text: string): EvolutionRefusal | null {
  const found = phrases.find(([phrase]) => text.includes(phrase));
  return found === undefined ? null : { verdict: found[1], phrase: found[0] };
}

/** `response.message`: a text, or a list of texts and objects. */
function messagesIn(body: JsonObject): readonly unknown[] {
  const message = objectAt(body, "response")["message"];
  if (Array.isArray(message)) return message.flat();
  return message === undefined ? [] : [message];
}

/** `[{ jid, exists: false, number }]`: WhatsApp knows no such number. */
function isUnknownNumber(said: unknown): boolean {
  return isJsonObject(said) && said["exists"] === false;
}

/** `nothing`: known, and no evidence. */
export type EvolutionStatus =
  | { readonly kind: "nothing" }
  | { readonly kind: "receipt"; readonly status: "sent" | "delivered" | "read" }
  | { readonly kind: "failed"; readonly failure: NonNullable<Receipt["failure"]> }
  | { readonly kind: "unknown" };

const STATUSES: Readonly<Record<string, EvolutionStatus>> = {
  ERROR: {
    kind: "failed",
    failure: {
      kind: "unavailable",
      scope: "recipient",
      reason: "provider_fault",
      vendorCode: "ERROR",
    },
  },
  PENDING: { kind: "nothing" },
  SERVER_ACK: { kind: "receipt", status: "sent" },
  DELIVERY_ACK: { kind: "receipt", status: "delivered" },
  READ: { kind: "receipt", status: "read" },
  PLAYED: { kind: "receipt", status: "read" },
  // 2.3.6 calls every update without a status so; a message that was taken back says nothing about its delivery either.
  DELETED: { kind: "nothing" },
  EDITED: { kind: "nothing" },
};

export function readStatus(word: string): EvolutionStatus {
  return STATUSES[word.toUpperCase()] ?? { kind: "unknown" };
}

type AccountState = AccountStateEvent["state"];

/**
 * Why WhatsApp ended the connection, for the codes after which the gateway does not connect again. 401 (unlinked) is
 * documented by Baileys, 403 as "forbidden"; that 402 is a temporary ban and 406 a ban is what other open clients call them
 * (unconfirmed).
 */
const CLOSE_CODES: Readonly<Record<number, AccountState>> = {
  401: "disconnected",
  402: "restricted",
  403: "banned",
  406: "banned",
};

/** `state` of `connection.update` and of the connection's own page; null while it connects and for unknown words. */
export function readConnection(state: string, statusReason: number | null): AccountState | null {
  switch (state) {
    case "open":
      return "connected";
    case "close":
    case "closed":
      return (statusReason === null ? undefined : CLOSE_CODES[statusReason]) ?? "disconnected";
    default:
      return null;
  }
}
