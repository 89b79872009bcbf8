/**
 * Zenziva's words and what they mean here. Only `status` "1" with text "Success" is known from public clients (September
 * 2026); the list of refusals is unconfirmed, so their texts are searched, in lower case, for what they speak about.
 */
import type { ProviderVerdict } from "../errors.ts";

/** In JSON; the old XML interface, which is not used, says 0 for the same. */
const ACCEPTED = "1";

/** First match wins: a sentence about a key may mention a number too. */
const TOPICS: readonly (readonly [words: readonly string[], verdict: ProviderVerdict])[] = [
  [
    ["userkey", "passkey", "user key", "pass key"],
    { kind: "unauthorized", scope: "account", reason: "credentials" },
  ],
  [
    ["saldo", "kredit", "balance", "credit"],
    { kind: "unavailable", scope: "account", reason: "payment" },
  ],
  [
    ["nomor", "tujuan", "number", "destination"],
    { kind: "rejected", scope: "recipient", reason: "invalid_recipient" },
  ],
];

/** Refused without a topic that is known: nothing was sent, and only this message is known to fail. */
const UNLISTED: ProviderVerdict = { kind: "rejected", scope: "recipient", reason: "unlisted" };

export type ZenzivaRefusal = {
  readonly verdict: ProviderVerdict;
  /** The word that decided; null when there was none, because the text itself may quote numbers. */
  readonly word: string | null;
};

export function isAccepted(status: string): boolean {
  return status.trim() === ACCEPTED;
}

export function judgeText(text: string): ZenzivaRefusal {
  const lower = text.toLowerCase();
  for (const [words, verdict] of TOPICS) {
    const word = words.find((candidate) => lower.includes(candidate));
    if (word !== undefined) return { verdict, word };
  }
  return { verdict: UNLISTED, word: null };
}

/** "12,345" is twelve thousand: the comma parts thousands. Null for what is no amount. */
export function readAmount(text: string): number | null {
  return /^\d{1,3}(?:,\d{3})*(?:\.\d+)?$|^\d+(?:\.\d+)?$/.test(text)
    ? Number(text.replaceAll(",", ""))
    : null;
}
