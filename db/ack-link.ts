import { createHmac, timingSafeEqual } from "node:crypto";

import { deriveKey } from "./sealed-secret.ts";

/**
 * The link by which somebody answers without signing in. Whoever has it may answer for the person or group that it was sent to, so it stands in that message
 * alone, and in no log.
 *
 * Token: base64url of version (1 byte), kind of target (1), notification (16), target (16), end (5: epoch seconds), tag (16: HMAC-SHA-256, cut). It is short
 * enough for an SMS, and needs no row: what the notification says by then decides what the page shows.
 */
export interface AckLink {
  readonly notificationId: string;
  readonly target:
    | { readonly kind: "user"; readonly id: string }
    | { readonly kind: "group"; readonly id: string };
  /** Epoch ms; whole seconds. */
  readonly expiresAt: number;
}

const VERSION = 1;
const KINDS = { user: 1, group: 2 } as const;
const ID_BYTES = 16;
const END_BYTES = 5;
const TAG_BYTES = 16;
const BODY_BYTES = 2 + 2 * ID_BYTES + END_BYTES;

/** The 26 digits behind an id's prefix are a number of 128 bits. */
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";

/** Both ids are of ours: 26 digits behind their prefix. */
export function signAckLink(link: AckLink, secretKey: Uint8Array): string {
  const body = Buffer.alloc(BODY_BYTES);
  body[0] = VERSION;
  body[1] = KINDS[link.target.kind];
  writeId(body, 2, link.notificationId);
  writeId(body, 2 + ID_BYTES, link.target.id);
  body.writeUIntBE(Math.floor(link.expiresAt / 1000), 2 + 2 * ID_BYTES, END_BYTES);
  return Buffer.concat([body, tagOf(body, secretKey)]).toString("base64url");
}

/** Null: we never made this token. Whether it has ended is for the reader to say. */
export function readAckLink(token: string, secretKey: Uint8Array): AckLink | null {
  const bytes = Buffer.from(token, "base64url");
  // Base64 reads some texts that it would never write.
  if (bytes.length !== BODY_BYTES + TAG_BYTES || bytes.toString("base64url") !== token) return null;
  const body = bytes.subarray(0, BODY_BYTES);
  if (!timingSafeEqual(tagOf(body, secretKey), bytes.subarray(BODY_BYTES))) return null;
  const kind = body[1] === KINDS.user ? "user" : "group";
  return {
    notificationId: readId(body, 2, "ntf"),
    target: { kind, id: readId(body, 2 + ID_BYTES, kind === "user" ? "usr" : "grp") },
    expiresAt: body.readUIntBE(2 + 2 * ID_BYTES, END_BYTES) * 1000,
  };
}

/** Gives each message its link. */
export function createAckLinks(deps: {
  readonly secretKey: Uint8Array;
  /** SIAGA_PUBLIC_URL, without a slash at its end; null: nobody can reach us. */
  readonly publicUrl: string | null;
}): (link: AckLink) => string | null {
  return (link) => deps.publicUrl && `${deps.publicUrl}/a/${signAckLink(link, deps.secretKey)}`;
}

function tagOf(body: Uint8Array, secretKey: Uint8Array): Buffer {
  return createHmac("sha256", deriveKey(secretKey, "ack-link"))
    .update(body)
    .digest()
    .subarray(0, TAG_BYTES);
}

function writeId(into: Buffer, at: number, id: string): void {
  const digits = id.slice(id.indexOf("_") + 1);
  let value = 0n;
  for (const digit of digits) value = value * 32n + BigInt(DIGITS.indexOf(digit));
  for (let place = ID_BYTES - 1; place >= 0; place -= 1) {
    into[at + place] = Number(value & 0xffn);
    value >>= 8n;
  }
}

function readId(from: Buffer, at: number, prefix: "ntf" | "usr" | "grp"): string {
  let value = BigInt(`0x${from.subarray(at, at + ID_BYTES).toString("hex")}`);
  let digits = "";
  for (let place = 0; place < 26; place += 1) {
    digits = DIGITS.charAt(Number(value % 32n)) + digits;
    value /= 32n;
  }
  return `${prefix}_${digits}`;
}
