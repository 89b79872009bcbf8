import { createHash, timingSafeEqual } from "node:crypto";

/**
 * Name of the body field that carries the device's webhook secret key. Fonnte announced the key in February 2025 without
 * naming the field; one integrator names it so. Unconfirmed: change it here when a real device shows another.
 * https://docs.fonnte.com/update-6-february-2025/, checked September 2026.
 */
export const FONNTE_SECRET_FIELD = "secret";

/** Fonnte signs nothing: what proves a request is the secret inside it. Returns the body with the secret in it. */
export function signFonnteWebhook<T extends Readonly<Record<string, unknown>>>(
  body: T,
  secret: string,
): T & Readonly<Record<string, unknown>> {
  return { ...body, [FONNTE_SECRET_FIELD]: secret };
}

/** Compares hashes, so that neither content nor length can be learnt from the time it takes. */
export function isFonnteSecretValid(given: string, expected: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}
