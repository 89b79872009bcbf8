import { assert } from "./assert.ts";

/** What each prefix stands for; the text before the underscore is visible in logs, links and tables. */
export const ID_PREFIXES = {
  notification: "ntf",
  user: "usr",
  group: "grp",
  member: "mem",
  delivery: "dlv",
  message: "msg",
  receipt: "rcp",
  inboundMessage: "inb",
  inAppMessage: "ina",
  policy: "pol",
  template: "tpl",
  rule: "rul",
  account: "acc",
  broadcast: "brd",
  duty: "dty",
  leave: "lve",
  apiKey: "key",
  session: "ses",
  event: "evt",
  act: "act",
  mute: "mut",
  contact: "con",
  optOut: "out",
  answer: "ans",
  pushSubscription: "psh",
  otpChallenge: "otp",
  intakeSource: "int",
  kpi: "kpi",
  budget: "bud",
  price: "prc",
  summary: "sum",
  webhookEndpoint: "whe",
  webhookDelivery: "whd",
  auditEntry: "aud",
  drill: "drl",
} as const;
export type IdPrefix = (typeof ID_PREFIXES)[keyof typeof ID_PREFIXES];

declare const idBrand: unique symbol;
/** An id of one kind. Ids of one prefix sort by the millisecond in which they were made. */
export type Id<Prefix extends IdPrefix> = `${Prefix}_${string}` & { readonly [idBrand]: Prefix };

export type PolicyId = Id<"pol">;

/** 80 random bits: even a million ids of one millisecond hold an equal pair less often than once in 10^12. */
export const ID_RANDOM_BYTES = 10;
/** The first instant that no longer fits 48 bits, in the year 10889. */
const ID_INSTANT_MS_END = 2 ** 48;
const ID_TIME_CHARS = 10;
const ID_RANDOM_CHARS = 16;

/** Crockford's digits in ascending ASCII order, so that text order is time order under a byte-wise collation. */
const SORTABLE_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const ID_BODY = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** RFC 4648, section 6, in lower case and without padding. */
const BASE32_DIGITS = "abcdefghijklmnopqrstuvwxyz234567";

/** A new id of the ULID layout: 48 bits of `nowMs`, then the first ten of `randomBytes` (cryptographic, fresh for each id). */
export function makeId<Prefix extends IdPrefix>(
  prefix: Prefix,
  nowMs: number,
  randomBytes: Uint8Array,
): Id<Prefix> {
  assert(
    Number.isInteger(nowMs) && nowMs >= 0 && nowMs < ID_INSTANT_MS_END,
    "an id is made at a whole epoch millisecond that fits 48 bits",
  );
  assert(randomBytes.length >= ID_RANDOM_BYTES, `an id needs ${ID_RANDOM_BYTES} random bytes`);
  const time = timeDigits(nowMs);
  const random = encodeBase32(randomBytes.subarray(0, ID_RANDOM_BYTES), SORTABLE_DIGITS);
  assert(random.length === ID_RANDOM_CHARS, "ten bytes are sixteen base-32 digits");
  return asId(prefix, `${prefix}_${time}${random}`);
}

/** True for an id that `makeId` could have made with this prefix: anything else must not reach a query. */
export function isId<Prefix extends IdPrefix>(prefix: Prefix, text: string): text is Id<Prefix> {
  return text.startsWith(`${prefix}_`) && ID_BODY.test(text.slice(prefix.length + 1));
}

/** The epoch milliseconds at which an id was made. */
export function instantOfId(id: Id<IdPrefix>): number {
  const start = id.indexOf("_") + 1;
  let instant = 0;
  for (const digit of id.slice(start, start + ID_TIME_CHARS)) {
    instant = instant * 32 + SORTABLE_DIGITS.indexOf(digit);
  }
  return instant;
}

/**
 * The text whose SHA-256 names a request that has a key. Idempotency: the HTTP road and the direct start hash the same
 * text and so meet the same run. JSON keeps ("a", "bc") and ("ab", "c") apart.
 */
export function notificationRefText(sender: string, key: string): string {
  return JSON.stringify([sender, key]);
}

/**
 * The last part of a workflow id for a request that has a key: base32 of the SHA-256 of `notificationRefText`, 52
 * characters. It holds no underscore and so never equals a `ntf_` id, which is the reference of a request without a key.
 */
export function notificationRef(sha256: Uint8Array): string {
  assert(sha256.length === 32, "a SHA-256 digest has 32 bytes");
  return encodeBase32(sha256, BASE32_DIGITS);
}

function timeDigits(instantMs: number): string {
  let rest = instantMs;
  let digits = "";
  for (let place = 0; place < ID_TIME_CHARS; place += 1) {
    digits = SORTABLE_DIGITS.charAt(rest % 32) + digits;
    rest = Math.floor(rest / 32);
  }
  return digits;
}

function encodeBase32(bytes: Uint8Array, alphabet: string): string {
  let text = "";
  let pending = 0;
  let pendingBits = 0;
  for (const byte of bytes) {
    pending = (pending << 8) | byte;
    pendingBits += 8;
    while (pendingBits >= 5) {
      pendingBits -= 5;
      text += alphabet.charAt((pending >> pendingBits) & 31);
      pending &= (1 << pendingBits) - 1;
    }
  }
  return pendingBits === 0 ? text : text + alphabet.charAt((pending << (5 - pendingBits)) & 31);
}

/** The caller has composed `text` from `prefix`, an underscore and the body that `isId` accepts. */
function asId<Prefix extends IdPrefix>(prefix: Prefix, text: string): Id<Prefix> {
  assert(isId(prefix, text), `an id of ${prefix} has the shape of one`);
  return text;
}
