import { getCountryCallingCode, parsePhoneNumberFromString } from "libphonenumber-js/max";
import type { CountryCode } from "libphonenumber-js/max";
import { looksLikeGroupId } from "./group-id.ts";

declare const phoneNumberBrand: unique symbol;
/** A number that exists in its country's plan, in E.164: "+" and at most 15 digits. */
export type PhoneNumber = string & { readonly [phoneNumberBrand]: true };

export const PHONE_REFUSALS = [
  "empty",
  /** A group chat, with or without its suffix. */
  "group_id",
  /** A WhatsApp `@lid`: an alias of a person that holds no number. */
  "alias",
  /** A switchboard number with an extension: nothing can be sent to it. */
  "has_extension",
  /** Letters, an e-mail address, several numbers, too much text. */
  "not_a_phone_number",
  /** Digits that no numbering plan has: too short, too long, an unused prefix. */
  "invalid_number",
] as const;
export type PhoneRefusal = (typeof PHONE_REFUSALS)[number];

export type PhoneResult =
  | { readonly ok: true; readonly phone: PhoneNumber }
  | { readonly ok: false; readonly reason: PhoneRefusal };

/** The country of numbers written without a country code, unless the installation says otherwise. */
const DEFAULT_COUNTRY: CountryCode = "ID";

/** Twice the longest number with generous punctuation; longer text isn't worth parsing. */
const INPUT_CHARS_MAX = 64;

/** WhatsApp's address of a person's phone, with an optional device part; `c.us` is WAHA's spelling. */
const PHONE_CHAT = /^\+?(\d{5,15})(?::\d{1,3})?@(?:s\.whatsapp\.net|c\.us)$/i;

/** E.164 allows fifteen; whatever is longer was never one number. */
const E164_DIGITS_MAX = 15;

/**
 * Reads a phone number as people and vendors write it (`0812…`, `+62 812-…`, `62812…`, `812…`, fixed lines, `tel:`,
 * `…@s.whatsapp.net`, `…@c.us`) into E.164. A leading country code without "+" is tried before the national meaning:
 * vendors write numbers so. Reading a result again gives the same result.
 */
export function normalisePhone(input: string, country: CountryCode = DEFAULT_COUNTRY): PhoneResult {
  const text = input.trim().replace(/^tel:/i, "");
  if (text === "") return refused("empty");
  if (looksLikeGroupId(text)) return refused("group_id");
  if (text.length > INPUT_CHARS_MAX) return refused("not_a_phone_number");
  if (/@lid$/i.test(text)) return refused("alias");

  const chat = PHONE_CHAT.exec(text);
  if (chat?.[1] !== undefined) return parseInternational(chat[1]);

  if (/[\p{L}@,;]/u.test(text)) {
    return refused(/\d\s*(?:;?ext|x)/i.test(text) ? "has_extension" : "not_a_phone_number");
  }
  const digits = text.normalize("NFKC").replace(/\D/g, "");
  if (digits === "") return refused("not_a_phone_number");
  if (digits.length > E164_DIGITS_MAX + 3) return refused("not_a_phone_number");

  const isWrittenInternationally = /^\s*\+/.test(text.normalize("NFKC"));
  if (!isWrittenInternationally && digits.startsWith(getCountryCallingCode(country))) {
    const international = parseInternational(digits);
    if (international.ok) return international;
  }
  return parse(text, country);
}

/** True for the stored form only: E.164 of a number that exists. */
export function isPhoneNumber(text: string): text is PhoneNumber {
  const result = /^\+\d{5,15}$/.test(text) ? parseInternational(text.slice(1)) : null;
  return result?.ok === true && result.phone === text;
}

/**
 * Privacy: the form for pages and logs: country code and the last three digits ("+62•••070"), enough to recognise one's
 * own and too little to dial. Text that isn't a number shows nothing of itself.
 */
export function maskPhone(phone: string): string {
  const parsed = parsePhoneNumberFromString(phone, { extract: false });
  if (parsed === undefined || parsed.nationalNumber.length < 6) return "•••";
  return `+${parsed.countryCallingCode}•••${parsed.nationalNumber.slice(-3)}`;
}

function parseInternational(digits: string): PhoneResult {
  return parse(`+${digits}`, DEFAULT_COUNTRY);
}

function parse(text: string, country: CountryCode): PhoneResult {
  const parsed = parsePhoneNumberFromString(text, { defaultCountry: country, extract: false });
  if (parsed === undefined) return refused("invalid_number");
  if (parsed.ext !== undefined) return refused("has_extension");
  // The library reads some longer numbers of Germany's as valid.
  const isTooLong = parsed.number.length > "+".length + E164_DIGITS_MAX;
  if (isTooLong || !parsed.isValid()) return refused("invalid_number");
  return { ok: true, phone: asPhoneNumber(parsed.number) };
}

function refused(reason: PhoneRefusal): PhoneResult {
  return { ok: false, reason };
}

/** Only for what the library has found valid: its `number` is E.164. */
function asPhoneNumber(e164: string): PhoneNumber {
  return e164 as PhoneNumber;
}
