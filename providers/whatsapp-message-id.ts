/**
 * Ids of WhatsApp messages that a linked device may choose itself. Ours hold the delivery's own id: a receipt then says which
 * delivery it is about even when the answer to the send was lost, and a repeat of the send has the same id.
 */
import { createHash } from "node:crypto";

/** What ids of linked web clients begin with. */
const WEB_PREFIX = "3EB0";

/** Hexadecimal digits of an id as web clients make them, after the prefix. */
const USUAL_DIGITS = 18;

/** Crockford's digits, in which our ids are written: 26 of them hold 128 bits. */
const CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz";
const CROCKFORD_DIGITS = 26;
const HEX_DIGITS = 32;

const DELIVERY_ID = /^dlv_([0-7][0-9a-hjkmnp-tv-z]{25})$/;

/** The same for the same key. Only a delivery's id can be read back; other keys make an id of the usual length. */
export function messageIdFor(deliveryKey: string): string {
  const body = DELIVERY_ID.exec(deliveryKey)?.[1];
  if (body === undefined) {
    const hash = createHash("sha256").update(deliveryKey).digest("hex");
    return `${WEB_PREFIX}${hash.slice(0, USUAL_DIGITS).toUpperCase()}`;
  }
  let value = 0n;
  for (const digit of body) value = value * 32n + BigInt(CROCKFORD.indexOf(digit));
  return `${WEB_PREFIX}${value.toString(16).padStart(HEX_DIGITS, "0").toUpperCase()}`;
}

/** The delivery whose id this message id holds; null for every other message. */
export function deliveryKeyOf(messageId: string): string | null {
  const hex = /^3EB0([0-9A-F]{32})$/.exec(messageId)?.[1];
  if (hex === undefined) return null;
  let value = BigInt(`0x${hex}`);
  let body = "";
  for (let place = 0; place < CROCKFORD_DIGITS; place += 1) {
    body = `${CROCKFORD.charAt(Number(value % 32n))}${body}`;
    value /= 32n;
  }
  return `dlv_${body}`;
}
