/**
 * Fonnte's words and what they mean here. Reasons of refusals: https://docs.fonnte.com/api-send-message/; statuses of
 * messages: https://docs.fonnte.com/message-status/ and https://docs.fonnte.com/webhook-update-message-status/; checked
 * September 2026. The list of reasons may be incomplete and the strings of `state` are unconfirmed, so both are looked
 * for inside the text, in lower case.
 */
import type { ProviderVerdict } from "../errors.ts";
import type { Receipt } from "../provider.ts";

/** First match wins. */
const REASONS: readonly (readonly [phrase: string, verdict: ProviderVerdict])[] = [
  ["token invalid", { kind: "unauthorized", scope: "account", reason: "credentials" }],
  ["invalid token", { kind: "unauthorized", scope: "account", reason: "credentials" }],
  ["unknown user", { kind: "unauthorized", scope: "account", reason: "credentials" }],
  ["disconnected device", { kind: "unavailable", scope: "account", reason: "device_disconnected" }],
  ["insufficient quota", { kind: "unavailable", scope: "account", reason: "quota" }],
  ["target invalid", { kind: "rejected", scope: "recipient", reason: "invalid_recipient" }],
  ["input invalid", { kind: "rejected", scope: "recipient", reason: "invalid_request" }],
  ["url invalid", { kind: "rejected", scope: "recipient", reason: "media" }],
  ["url unreachable", { kind: "rejected", scope: "recipient", reason: "media" }],
  ["file format not supported", { kind: "rejected", scope: "recipient", reason: "media" }],
  ["file size must under", { kind: "rejected", scope: "recipient", reason: "media" }],
  ["json format invalid", { kind: "rejected", scope: "recipient", reason: "invalid_request" }],
];

/** A flagged refusal with a reason that is not listed: nothing was sent, and only this message is known to fail. */
const UNLISTED: ProviderVerdict = { kind: "rejected", scope: "recipient", reason: "unlisted" };

export type FonnteRefusal = {
  readonly verdict: ProviderVerdict;
  /** The listed phrase; null when the reason is none of them, because its own text may quote numbers. */
  readonly phrase: string | null;
};

export function judgeReason(reason: string): FonnteRefusal {
  const text = reason.toLowerCase();
  const found = REASONS.find(([phrase]) => text.includes(phrase));
  return found === undefined
    ? { verdict: UNLISTED, phrase: null }
    : { verdict: found[1], phrase: found[0] };
}

/** The flag of an answer: `status` or `Status`, a boolean or its text; null when there is none. */
export function readFlag(value: unknown): boolean | null {
  const text = typeof value === "string" ? value.trim().toLowerCase() : value;
  if (text === true || text === "true" || text === 1 || text === "1") return true;
  if (text === false || text === "false" || text === 0 || text === "0") return false;
  return null;
}

/** `queued`: Fonnte still has it; nothing is proved. */
export type FonnteStatus =
  | { readonly kind: "queued" }
  | { readonly kind: "receipt"; readonly status: "sent" | "delivered" | "read" }
  | { readonly kind: "failed"; readonly failure: NonNullable<Receipt["failure"]> }
  | { readonly kind: "unknown" };

const failed = (verdict: ProviderVerdict, vendorCode: string): FonnteStatus => ({
  kind: "failed",
  failure: { ...verdict, vendorCode },
});

/** Words that would be mistaken for their opposites further down come first. First match wins. */
const STATUSES: readonly (readonly [word: string, status: FonnteStatus])[] = [
  [
    "invalid",
    failed({ kind: "rejected", scope: "recipient", reason: "invalid_recipient" }, "invalid"),
  ],
  [
    "expired",
    failed({ kind: "unavailable", scope: "account", reason: "expired_in_queue" }, "expired"),
  ],
  [
    "unreachable",
    failed({ kind: "rejected", scope: "recipient", reason: "media" }, "url unreachable"),
  ],
  [
    "undeliver",
    failed(
      { kind: "unavailable", scope: "recipient", reason: "recipient_unreachable" },
      "undelivered",
    ),
  ],
  ["reject", failed({ kind: "rejected", scope: "recipient", reason: "unlisted" }, "reject")],
  ["cancel", failed({ kind: "unavailable", scope: "recipient", reason: "canceled" }, "cancel")],
  ["fail", failed({ kind: "unavailable", scope: "recipient", reason: "provider_fault" }, "fail")],
  ["error", failed({ kind: "unavailable", scope: "recipient", reason: "provider_fault" }, "error")],
  // Not connected, or sending failed and is tried again the next minute.
  ["pending", { kind: "queued" }],
  ["waiting", { kind: "queued" }],
  ["processing", { kind: "queued" }],
  ["unread", { kind: "receipt", status: "delivered" }],
  ["read", { kind: "receipt", status: "read" }],
  ["deliver", { kind: "receipt", status: "delivered" }],
  ["received", { kind: "receipt", status: "delivered" }],
  ["sent", { kind: "receipt", status: "sent" }],
  ["success", { kind: "receipt", status: "sent" }],
];

export function readStatus(word: string): FonnteStatus {
  const text = word.toLowerCase();
  return STATUSES.find(([known]) => text.includes(known))?.[1] ?? { kind: "unknown" };
}

/** `device_status` of `POST /device` and of the device webhook, whose exact words are unconfirmed. */
export function readDeviceState(word: string): "connected" | "disconnected" | null {
  const text = word.toLowerCase();
  if (text.includes("disconnect")) return "disconnected";
  return text.includes("connect") ? "connected" : null;
}
