/** How many parts an SMS goes out in, and what makes it fewer. Alphabets and their tables are the vendor's own: sms-segments-calculator is Twilio's. */
import { SegmentedMessage } from "sms-segments-calculator";

import { cutText } from "./cut.ts";

/** What gateways join to one message: 918 characters of the GSM alphabet, 402 of any other. Each part is paid for. */
export const SMS_PARTS_MAX = 6;

export type SmsParts = { readonly alphabet: "GSM-7" | "UCS-2"; readonly segments: number };

/** An empty text is one part. */
export function smsParts(text: string): SmsParts {
  const { encodingName, segmentsCount } = new SegmentedMessage(text);
  return { alphabet: encodingName, segments: Math.max(segmentsCount, 1) };
}

/**
 * The same text in the GSM alphabet where only signs such as curly quotes, dashes and odd spaces stand in the way; one of them would halve what a part holds.
 * A text that needs another alphabet for its words stays as it is.
 */
export function inSmsAlphabet(text: string): string {
  if (smsParts(text).alphabet === "GSM-7") return text;
  const plain = new SegmentedMessage(text.replace(/[^\S\n]/gu, " "), "auto", true);
  return plain.encodingName === "GSM-7" ? plain.graphemes.join("") : text;
}

/** The text without its end, so that what stands around it (`whole`) goes out in at most `SMS_PARTS_MAX` parts. */
export function cutToParts(text: string, whole: (kept: string) => string): string {
  const fits = (kept: string): boolean => smsParts(whole(kept)).segments <= SMS_PARTS_MAX;
  if (fits(text)) return text;
  let [shortest, tooLong] = [0, text.length];
  while (tooLong - shortest > 1) {
    const middle = Math.floor((shortest + tooLong) / 2);
    if (fits(cutText(text, middle, "..."))) shortest = middle;
    else tooLong = middle;
  }
  return cutText(text, shortest, "...");
}
