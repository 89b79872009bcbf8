import type { Locale } from "../../domain/locale.ts";

export const REPLY_MEANINGS = ["acknowledge", "refuse", "all"] as const;
export type ReplyMeaning = (typeof REPLY_MEANINGS)[number];

/** Words in lower case, as people write them. `all` follows one of the others: "1 semua". */
export const REPLY_WORDS: Readonly<
  Record<Locale, Readonly<Record<ReplyMeaning, readonly string[]>>>
> = {
  id: {
    acknowledge: [
      "1",
      "ok",
      "oke",
      "okay",
      "siap",
      "ya",
      "y",
      "iya",
      "terima",
      "ambil",
      "bisa",
      "setuju",
      "👍",
      "✅",
    ],
    refuse: ["2", "tolak", "tidak", "tdk", "gak", "nggak", "ga", "👎", "❌"],
    all: ["semua", "semuanya"],
  },
  en: {
    acknowledge: ["1", "ok", "okay", "yes", "y", "accept", "take", "claim", "ack", "👍", "✅"],
    refuse: ["2", "no", "n", "refuse", "decline", "reject", "👎", "❌"],
    all: ["all", "everything"],
  },
};
