import { createHmac, timingSafeEqual } from "node:crypto";

/** Headers that carry the signature and how it was made, in lower case. */
export const WAHA_SIGNATURE_HEADER = "x-webhook-hmac";
export const WAHA_ALGORITHM_HEADER = "x-webhook-hmac-algorithm";

/**
 * What WAHA puts into `X-Webhook-Hmac`: HMAC-SHA512 in hexadecimal digits, with the webhook's own key, over the bytes as they
 * were sent. https://waha.devlike.pro/docs/how-to/events/#hmac-authentication, checked September 2026.
 */
export function signWahaWebhook(body: Uint8Array | string, hmacKey: string): string {
  return createHmac("sha512", hmacKey).update(body).digest("hex");
}

export function isWahaSignatureValid(
  body: Uint8Array,
  signature: string,
  hmacKey: string,
): boolean {
  const expected = Buffer.from(signWahaWebhook(body, hmacKey));
  const given = Buffer.from(signature.toLowerCase());
  return given.length === expected.length && timingSafeEqual(given, expected);
}
