/**
 * Woowa's answers and what they mean here. Integrations agree on `code` 200 for accepted; all other codes and every text are
 * unconfirmed, so texts are looked for in lower case, and what is not understood may have been sent. Checked September 2026.
 */
import type { ProviderVerdict } from "../errors.ts";

export const WOOWA_ACCEPTED_CODE = 200;

export type WoowaRefusal = {
  readonly verdict: ProviderVerdict;
  /** Of the row that matched; null when none did, because the text itself may quote numbers. */
  readonly label: string | null;
};

type Row = readonly [label: string, phrase: RegExp, verdict: ProviderVerdict];

/** First match wins: what is wrong with the account stands before what is wrong with one number. */
const ACCOUNT_REFUSALS: readonly Row[] = [
  [
    "key",
    /\b(?:api[ _-]?)?key\b|\bauth|unauthori[sz]ed|\btoken\b|\blicen[sc]e/,
    { kind: "unauthorized", scope: "account", reason: "credentials" },
  ],
  [
    "device",
    /device|connect|offline|scan|\bqr\b/,
    { kind: "unavailable", scope: "account", reason: "device_disconnected" },
  ],
];

/** Only believed together with a 4xx code. */
const RECIPIENT_REFUSALS: readonly Row[] = [
  [
    "not registered",
    /not registered|not on whatsapp|tidak terdaftar/,
    { kind: "rejected", scope: "recipient", reason: "not_on_channel" },
  ],
  [
    "number",
    /number|phone|nomor|format|group/,
    { kind: "rejected", scope: "recipient", reason: "invalid_recipient" },
  ],
];

const NOT_UNDERSTOOD: ProviderVerdict = {
  kind: "unknown_outcome",
  scope: "account",
  reason: "unlisted",
};

export function judgeRefusal(code: number, text: string): WoowaRefusal {
  const lower = text.toLowerCase();
  const isOurFault = code >= 400 && code < 500;
  const rows = isOurFault ? [...ACCOUNT_REFUSALS, ...RECIPIENT_REFUSALS] : ACCOUNT_REFUSALS;
  const found = rows.find(([, phrase]) => phrase.test(lower));
  return found === undefined
    ? { verdict: NOT_UNDERSTOOD, label: null }
    : { verdict: found[2], label: found[0] };
}
