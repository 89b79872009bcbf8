/**
 * The code that a person's first message to our number carries: it stands for that person, so whoever writes it proves that both are one. Made to be sent by a
 * link and not to be typed: long enough that nobody guesses one, and of a shape that nobody writes by chance.
 */
import { assert } from "./assert.ts";

/** Crockford's digits: none of them is mistaken for another. */
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_DIGITS = 10;
const PREFIX = "SIAGA";

/** One byte makes one digit. 50 bits: with a thousand open codes, one guess in 10^12 hits. */
export const CODE_RANDOM_BYTES = CODE_DIGITS;

/** For the person's own link: long enough to find the phone, short enough that a picture of the page is worth nothing tomorrow. */
export const OWN_LINK_LASTS_MS = 15 * 60_000;
/** For a link that somebody else hands over: whoever gets it may be out until the end of the shift. */
export const HANDED_LINK_LASTS_MS = 24 * 3_600_000;
/** A page that is loaded again asks again, and the code that was scanned before is still good; more than this nobody has in hand. */
export const OPEN_CODES_MAX = 5;

/** As it is written: "SIAGA-7K3QF-9XW2M". */
export function makeVerificationCode(randomBytes: Uint8Array): string {
  assert(randomBytes.length >= CODE_RANDOM_BYTES, `a code needs ${CODE_RANDOM_BYTES} random bytes`);
  const digits = Array.from(randomBytes.subarray(0, CODE_DIGITS), (byte) =>
    DIGITS.charAt(byte & 31),
  ).join("");
  return `${PREFIX}-${digits.slice(0, 5)}-${digits.slice(5)}`;
}

/** Hyphens of any make: some keyboards and applications replace them. */
const CODE =
  /(?<![\p{L}\p{N}])SIAGA\p{Pd}([0-9A-TV-Z]{5})\p{Pd}([0-9A-TV-Z]{5})(?![\p{L}\p{N}])/giu;

/** The one code that stands in a text, as `makeVerificationCode` writes it; null where there is none, or more than one. */
export function findVerificationCode(text: string): string | null {
  const found = new Set(
    [...text.normalize("NFKC").matchAll(CODE)].map(
      ([, first = "", second = ""]) => `${PREFIX}-${asWritten(first)}-${asWritten(second)}`,
    ),
  );
  const [code] = found;
  return found.size === 1 && code !== undefined ? code : null;
}

/** Letters that Crockford leaves out, because people read a digit for them. */
function asWritten(digits: string): string {
  return digits.toUpperCase().replace(/[IL]/g, "1").replace(/O/g, "0");
}

/** Privacy: whoever may read what people wrote must not be able to use a code that is still good. */
export function hideVerificationCodes(text: string): string {
  return findsCode(text) ? text.normalize("NFKC").replace(CODE, `${PREFIX}-•••••-•••••`) : text;
}

function findsCode(text: string): boolean {
  return text.normalize("NFKC").search(CODE) !== -1;
}

export const VERIFICATION_REFUSALS = [
  /** No code of ours, or the person whom it stood for is switched off. */
  "unknown",
  "expired",
  /** It has verified a number, or newer ones took its place, or a group has read it. */
  "used",
  /** The vendor hides the writer's number. */
  "no_number",
  /** Another active person has the number. */
  "taken",
  /** The person has as many numbers as anybody may. */
  "too_many",
] as const;
export type VerificationRefusal = (typeof VERIFICATION_REFUSALS)[number];
