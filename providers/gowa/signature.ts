import { createHmac, timingSafeEqual } from "node:crypto";

/** Header that carries the signature, in lower case. */
export const GOWA_SIGNATURE_HEADER = "x-hub-signature-256";

/**
 * What GOWA puts into `X-Hub-Signature-256`: HMAC-SHA256 with the webhook secret over the bytes as they were sent.
 * `docs/webhook-payload.md` of the gateway, checked September 2026.
 */
export function signGowaWebhook(body: Uint8Array | string, webhookSecret: string): string {
  return `sha256=${createHmac("sha256", webhookSecret).update(body).digest("hex")}`;
}

export function isGowaSignatureValid(
  body: Uint8Array,
  signature: string,
  webhookSecret: string,
): boolean {
  const expected = Buffer.from(signGowaWebhook(body, webhookSecret));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
