import type { Locale } from "../../domain/locale.ts";
import { WORD_MEANINGS } from "../../domain/reply.ts";
import type { WordMeaning } from "../../domain/reply.ts";

export const REPLY_MEANINGS = WORD_MEANINGS;
export type ReplyMeaning = WordMeaning;

/** Words in lower case, as people write them. `all` follows one of the others: "1 semua"; `polite` says nothing by itself; `stop` and `start` stand alone. */
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
    stop: ["stop", "berhenti", "berhenti berlangganan", "hentikan promosi"],
    start: ["start", "mulai"],
    polite: [
      "terima kasih",
      "makasih",
      "trims",
      "pak",
      "bapak",
      "bu",
      "ibu",
      "mas",
      "mbak",
      "bang",
      "kak",
      "bos",
      "ndan",
    ],
  },
  en: {
    acknowledge: ["1", "ok", "okay", "yes", "y", "accept", "take", "claim", "ack", "👍", "✅"],
    refuse: ["2", "no", "n", "refuse", "decline", "reject", "👎", "❌"],
    all: ["all", "everything"],
    // The second is what WhatsApp's own button says under offers.
    stop: ["stop", "stop promotions", "unsubscribe"],
    start: ["start", "subscribe"],
    polite: ["thanks", "thank you", "thx", "please", "sir", "madam", "boss"],
  },
};
