import type { Locale } from "../domain/locale.ts";

/** Web addresses as they stand in texts. */
export const LINKS = /https?:\/\/\S+/giu;

const PICTURES =
  /[\p{Extended_Pictographic}\p{Regional_Indicator}\u{1f3fb}-\u{1f3ff}\u20e3\ufe0e\ufe0f\u200d]/gu;

const SPOKEN_SIGNS: Readonly<Record<Locale, Readonly<Record<string, string>>>> = {
  id: {
    "%": " persen",
    "&": " dan ",
    "+": " plus ",
    "→": " menjadi ",
    "@": " di ",
    "=": " sama dengan ",
  },
  en: { "%": " percent", "&": " and ", "+": " plus ", "→": " to ", "@": " at ", "=": " equals " },
};

/** Emoji and their joiners removed: they double the price of an SMS and a voice reads their names aloud. */
export function withoutPictures(text: string): string {
  // Digits, # and * are pictographic by property only as the base of a keycap, so ASCII stays.
  return text.replace(PICTURES, (picture) => (/^[\u0020-\u007e]$/u.test(picture) ? picture : ""));
}

/**
 * Text → sentences that a voice can read: no emoji, marks, rules or links; a line becomes a sentence; the digits of a
 * ticket's number are read one by one. What remains needs no escaping in XML.
 */
export function toSpeech(text: string, locale: Locale): string {
  const signs = SPOKEN_SIGNS[locale];
  const lines = withoutPictures(text.replace(LINKS, " "))
    .replace(/\bTKT-?(\d+)\b/gu, (_, digits: string) => `T K T ${Array.from(digits).join(" ")}`)
    .replace(/[%&+→@=]/gu, (sign) => signs[sign] ?? " ")
    .split(/\r?\n/u)
    .map((line) =>
      line
        .replace(/[^\p{L}\p{M}\p{N}\s.,:;!?()/'’-]/gu, " ")
        .replace(/\s+/gu, " ")
        .replace(/ ([.,:;!?])/gu, "$1")
        .replace(/^[\s.,:;!?/'-]+/u, "")
        .trim(),
    )
    // A label whose value was a link has nothing left to say.
    .filter((line) => line !== "" && !/^[^:]*:$/u.test(line));
  return lines
    .map((line) => (/[.!?]$/u.test(line) ? line : `${line.replace(/[,:;]$/u, "")}.`))
    .join(" ");
}
