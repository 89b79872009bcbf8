/**
 * NusaSMS's codes and what they mean here. https://nusasms.com/sms-api, checked September 2026. Other negative codes exist
 * and are not listed there (unconfirmed): each ends this attempt only.
 */
import type { ProviderVerdict } from "../errors.ts";

const REFUSALS: Readonly<Record<string, ProviderVerdict>> = {
  "-5": { kind: "unauthorized", scope: "account", reason: "credentials" },
  // Missing, malformed, or in the local form "08…".
  "-13": { kind: "rejected", scope: "recipient", reason: "invalid_recipient" },
};

const UNLISTED: ProviderVerdict = { kind: "rejected", scope: "recipient", reason: "unlisted" };

/** Null for what is no code of this vendor: nothing may be concluded from it. */
export function judgeStatus(
  status: string,
):
  | { readonly kind: "accepted" }
  | { readonly kind: "refused"; readonly verdict: ProviderVerdict }
  | null {
  if (status === "0") return { kind: "accepted" };
  if (!/^-\d{1,5}$/.test(status)) return null;
  return { kind: "refused", verdict: REFUSALS[status] ?? UNLISTED };
}

/** 3GPP TS 23.038, the default alphabet and its extension table. */
const GSM_ALPHABET = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€",
);

/** Whether the text has characters for which the vendor wants its `unicode` parameter. */
export function needsUnicode(text: string): boolean {
  return Array.from(text).some((character) => !GSM_ALPHABET.has(character));
}
