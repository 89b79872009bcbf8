import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

/**
 * Secrets at rest: provider credentials, webhook tokens, and where push messages reach a device.
 *
 * Envelope: version (1 byte), key id (4), nonce (12), tag (16), ciphertext. AES-256-GCM under a key derived from
 * SIAGA_SECRET_KEY for this use alone. Purpose and account are authenticated with it, so a secret copied into another
 * row or column does not open there.
 *
 * One derived key seals far fewer than the 2^32 secrets for which random nonces are safe (NIST SP 800-38D, 8.3).
 */

const VERSION = 1;
const KEY_ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES;
const KEY_BYTES = 32;

export const SECRET_PURPOSES = [
  "provider_credentials",
  "webhook_token",
  /** A vendor's answer that the database could not take yet; it waits in Temporal. */
  "kept_acceptance",
  /** Where a browser or app takes push messages. */
  "push_destination",
  /** Where a file that somebody sent can be fetched. */
  "inbound_media",
  /** A code that somebody is to prove a number with. */
  "one_time_password",
] as const;
export type SecretPurpose = (typeof SECRET_PURPOSES)[number];

/** Where a secret belongs: it opens there and nowhere else. */
export type SecretPlace = {
  readonly purpose: SecretPurpose;
  /** Id of what it belongs to: an account, a push subscription, an inbound message, a one-time password's challenge. */
  readonly accountId: string;
};

/** Privacy: names the place and the reason, never key or content. */
export class SecretNotOpened extends Error {
  readonly reason: "unreadable" | "other_version" | "other_key" | "not_authentic";

  constructor(place: SecretPlace, reason: SecretNotOpened["reason"]) {
    super(`the ${place.purpose} of ${place.accountId} can't be opened: ${reason}`);
    this.name = "SecretNotOpened";
    this.reason = reason;
  }
}

/** `secretKey` is SIAGA_SECRET_KEY: 32 bytes. Sealing the same text twice gives two different envelopes. */
export function sealSecret(text: string, secretKey: Uint8Array, place: SecretPlace): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", deriveKey(secretKey, "seal"), nonce);
  const header = Buffer.concat([Buffer.of(VERSION), keyId(secretKey), nonce]);
  cipher.setAAD(authenticated(header, place));
  const ciphertext = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([header, cipher.getAuthTag(), ciphertext]);
}

/** @throws SecretNotOpened */
export function openSecret(sealed: Uint8Array, secretKey: Uint8Array, place: SecretPlace): string {
  const envelope = Buffer.from(sealed);
  if (envelope.length < HEADER_BYTES) throw new SecretNotOpened(place, "unreadable");
  if (envelope[0] !== VERSION) throw new SecretNotOpened(place, "other_version");
  if (!envelope.subarray(1, 1 + KEY_ID_BYTES).equals(keyId(secretKey))) {
    throw new SecretNotOpened(place, "other_key");
  }
  const tagStart = HEADER_BYTES - TAG_BYTES;
  const nonce = envelope.subarray(1 + KEY_ID_BYTES, tagStart);
  const decipher = createDecipheriv("aes-256-gcm", deriveKey(secretKey, "seal"), nonce, {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(authenticated(envelope.subarray(0, tagStart), place));
  decipher.setAuthTag(envelope.subarray(tagStart, HEADER_BYTES));
  try {
    const text = Buffer.concat([
      decipher.update(envelope.subarray(HEADER_BYTES)),
      decipher.final(),
    ]);
    return text.toString("utf8");
  } catch {
    throw new SecretNotOpened(place, "not_authentic");
  }
}

/** A provider's credentials, as its own schema names them. */
export type Credentials = Readonly<Record<string, string>>;

export function sealCredentials(
  credentials: Credentials,
  secretKey: Uint8Array,
  accountId: string,
): Buffer {
  return sealSecret(JSON.stringify(credentials), secretKey, credentialsOf(accountId));
}

/** @throws SecretNotOpened */
export function openCredentials(
  sealed: Uint8Array,
  secretKey: Uint8Array,
  accountId: string,
): Credentials {
  const opened: unknown = JSON.parse(openSecret(sealed, secretKey, credentialsOf(accountId)));
  if (!isCredentials(opened)) throw new SecretNotOpened(credentialsOf(accountId), "unreadable");
  return opened;
}

export function sealWebhookToken(token: string, secretKey: Uint8Array, accountId: string): Buffer {
  return sealSecret(token, secretKey, { purpose: "webhook_token", accountId });
}

/** @throws SecretNotOpened */
export function openWebhookToken(
  sealed: Uint8Array,
  secretKey: Uint8Array,
  accountId: string,
): string {
  return openSecret(sealed, secretKey, { purpose: "webhook_token", accountId });
}

function credentialsOf(accountId: string): SecretPlace {
  return { purpose: "provider_credentials", accountId };
}

function isCredentials(value: unknown): value is Credentials {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((field) => typeof field === "string")
  );
}

/** Tells secrets of a replaced key from damaged ones; gives nothing of the key away. */
function keyId(secretKey: Uint8Array): Buffer {
  return deriveKey(secretKey, "key-id").subarray(0, KEY_ID_BYTES);
}

type KeyUse = "seal" | "key-id" | "ack-link" | "otp-code";

/** By the key's own object, which a process has one of: each message opens two secrets, and deriving costs more than opening. */
const derived = new WeakMap<Uint8Array, Map<KeyUse, Buffer>>();

/** One key for each use, so that what proves one thing never proves another. */
export function deriveKey(secretKey: Uint8Array, use: KeyUse): Buffer {
  const known = derived.get(secretKey) ?? new Map<KeyUse, Buffer>();
  derived.set(secretKey, known);
  const key = known.get(use) ?? derive(secretKey, use);
  known.set(use, key);
  return key;
}

function derive(secretKey: Uint8Array, use: KeyUse): Buffer {
  if (secretKey.length !== KEY_BYTES) throw new RangeError("the secret key has 32 bytes");
  return Buffer.from(hkdfSync("sha256", secretKey, "", `siaga secret v1 ${use}`, KEY_BYTES));
}

/** JSON keeps purpose and account apart from each other. */
function authenticated(header: Uint8Array, { purpose, accountId }: SecretPlace): Buffer {
  return Buffer.concat([header, Buffer.from(JSON.stringify([purpose, accountId]), "utf8")]);
}
