import { createHmac, timingSafeEqual } from "node:crypto";

/** Header that carries the signature, in lower case. */
export const META_SIGNATURE_HEADER = "x-hub-signature-256";

/**
 * What Meta puts into `X-Hub-Signature-256`: HMAC-SHA256 with the app secret over the bytes as they were sent. Parsing and
 * writing the JSON again changes escapes and with them the signature.
 * https://developers.facebook.com/docs/graph-api/webhooks/getting-started#validate-payloads, checked September 2026.
 */
export function signMetaWebhook(body: Uint8Array | string, appSecret: string): string {
  return `sha256=${createHmac("sha256", appSecret).update(body).digest("hex")}`;
}

export function isMetaSignatureValid(
  body: Uint8Array,
  signature: string,
  appSecret: string,
): boolean {
  const expected = Buffer.from(signMetaWebhook(body, appSecret));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
