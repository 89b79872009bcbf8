/**
 * Wablas's words and what they mean here. The documentation lists statuses of messages
 * (https://manual.test.co.id/docs/api/webhook-tracking-message, the same service under another name) but no texts of
 * refusals except "secret key invalid": they are unconfirmed and looked for inside the text, in lower case. Checked
 * September 2026.
 */
import type { ProviderVerdict } from "../errors.ts";
import type { AccountStateEvent, Receipt } from "../provider.ts";

type Row = readonly [label: string, phrase: RegExp, verdict: ProviderVerdict];

const CREDENTIALS: ProviderVerdict = {
  kind: "unauthorized",
  scope: "account",
  reason: "credentials",
};
const DEVICE_AWAY: ProviderVerdict = {
  kind: "unavailable",
  scope: "account",
  reason: "device_disconnected",
};

/** First match wins: what is wrong with the account stands before what is wrong with one message. */
const REFUSALS: readonly Row[] = [
  ["secret key invalid", /secret/, CREDENTIALS],
  ["token invalid", /token/, CREDENTIALS],
  ["unauthorized", /unauthori[sz]ed|unauthenticated|access denied/, CREDENTIALS],
  ["banned", /\bban(?:ned)?\b/, { ...CREDENTIALS, reason: "account_suspended" }],
  ["device disconnected", /disconnect|not connected|no device|scan qr/, DEVICE_AWAY],
  ["expired", /expired/, { kind: "unavailable", scope: "account", reason: "account_suspended" }],
  ["quota", /quota/, { kind: "unavailable", scope: "account", reason: "quota" }],
  ["file size", /\b(?:file|size|mb)\b/, { kind: "rejected", scope: "recipient", reason: "media" }],
  ["limit", /limit|too many/, { kind: "rate_limited", scope: "account", reason: "rate_limit" }],
  [
    "not a member",
    /not (?:a )?(?:member|participant)|not in (?:the )?group|bukan anggota/,
    { kind: "rejected", scope: "recipient", reason: "not_a_member" },
  ],
  [
    "phone not registered",
    /not registered|tidak terdaftar/,
    { kind: "rejected", scope: "recipient", reason: "not_on_channel" },
  ],
  [
    "phone invalid",
    /phone|number|group/,
    { kind: "rejected", scope: "recipient", reason: "invalid_recipient" },
  ],
  [
    "url invalid",
    /\b(?:url|image|document)\b/,
    { kind: "rejected", scope: "recipient", reason: "media" },
  ],
  [
    "invalid request",
    /required|invalid|format/,
    { kind: "rejected", scope: "recipient", reason: "invalid_request" },
  ],
];

/** A flagged refusal with a text that is not listed: nothing was sent, and only this message is known to fail. */
const UNLISTED: ProviderVerdict = { kind: "rejected", scope: "recipient", reason: "unlisted" };

export type WablasRefusal = {
  readonly verdict: ProviderVerdict;
  /** The row that matched; null when none did, because the text itself may quote numbers. */
  readonly label: string | null;
};

export function judgeRefusal(text: string): WablasRefusal {
  const lower = text.toLowerCase();
  const found = REFUSALS.find(([, phrase]) => phrase.test(lower));
  return found === undefined
    ? { verdict: UNLISTED, label: null }
    : { verdict: found[2], label: found[0] };
}

/** A flag of an answer or webhook: a boolean or its text, which JavaScript would take for true; null when there is none. */
export function readFlag(value: unknown): boolean | null {
  const text = typeof value === "string" ? value.trim().toLowerCase() : value;
  if (text === true || text === "true" || text === 1 || text === "1") return true;
  if (text === false || text === "false" || text === 0 || text === "0") return false;
  return null;
}

/** `queued`: Wablas still has it; nothing is proved. */
export type WablasStatus =
  | { readonly kind: "queued" }
  | { readonly kind: "receipt"; readonly status: "sent" | "delivered" | "read" }
  | { readonly kind: "failed"; readonly failure: NonNullable<Receipt["failure"]> }
  | { readonly kind: "unknown" };

const REJECTED = failed("reject", { kind: "rejected", scope: "recipient", reason: "unlisted" });
/** Taken out of the queue by a person or by age: the device never sent it. */
const CANCELED = failed("cancel", { kind: "unavailable", scope: "recipient", reason: "canceled" });
const FAILED = failed("failed", {
  kind: "unavailable",
  scope: "recipient",
  reason: "provider_fault",
});

const STATUSES: ReadonlyMap<string, WablasStatus> = new Map<string, WablasStatus>([
  ["pending", { kind: "queued" }],
  ["sent", { kind: "receipt", status: "sent" }],
  ["received", { kind: "receipt", status: "delivered" }],
  ["delivered", { kind: "receipt", status: "delivered" }],
  ["read", { kind: "receipt", status: "read" }],
  ["reject", REJECTED],
  ["rejected", REJECTED],
  ["cancel", CANCELED],
  ["canceled", CANCELED],
  ["cancelled", CANCELED],
  ["failed", FAILED],
  ["error", FAILED],
]);

function failed(vendorCode: string, verdict: ProviderVerdict): WablasStatus {
  return { kind: "failed", failure: { ...verdict, vendorCode } };
}

export function readStatus(word: string): WablasStatus {
  return STATUSES.get(word.trim().toLowerCase()) ?? { kind: "unknown" };
}

/** Of the device's webhook and of `/api/device/info`; the words are read from receivers' code and unconfirmed. */
export function readDeviceState(word: string): AccountStateEvent["state"] | null {
  const text = word.trim().toLowerCase();
  if (/\bban|blocked/.test(text)) return "banned";
  if (/disconnect|not connected|scan qr|logged? ?out|expired|offline/.test(text)) {
    return "disconnected";
  }
  return /\bconnected|ready|online/.test(text) ? "connected" : null;
}
