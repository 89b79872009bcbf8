import {
  getExpectedBodyHash,
  getExpectedTwilioSignature,
  validateRequest,
  validateRequestWithBody,
} from "twilio/lib/webhooks/webhooks.js";

/** Header that carries the signature, in lower case. */
export const TWILIO_SIGNATURE_HEADER = "x-twilio-signature";

/** Query parameter by which Twilio signs a body that is not a form. */
const BODY_HASH_PARAMETER = "bodySHA256";

export type FormParameters = Readonly<Record<string, string | readonly string[]>>;

/**
 * What Twilio puts into `X-Twilio-Signature` for a form: Base64 of HMAC-SHA1 over the address as configured, followed by
 * every parameter's name and value in the order of the names.
 * https://www.twilio.com/docs/usage/webhooks/webhooks-security, checked September 2026.
 */
export function signTwilioWebhook(url: string, params: FormParameters, authToken: string): string {
  return getExpectedTwilioSignature(authToken, url, { ...params });
}

/** The address and signature of a request whose body is not a form: the body's hash is part of the signed address. */
export function signTwilioBody(
  url: string,
  body: string,
  authToken: string,
): { readonly url: string; readonly signature: string } {
  const separator = url.includes("?") ? "&" : "?";
  const signedUrl = `${url}${separator}${BODY_HASH_PARAMETER}=${getExpectedBodyHash(body)}`;
  return { url: signedUrl, signature: getExpectedTwilioSignature(authToken, signedUrl, {}) };
}

/**
 * True when Twilio signed this request. With a body hash in the address the raw body must match it; otherwise the form's
 * parameters must match the signature.
 */
export function isTwilioSignatureValid(request: {
  readonly url: string;
  readonly body: string;
  readonly params: FormParameters;
  readonly signature: string;
  readonly authToken: string;
}): boolean {
  const hasBodyHash = new URL(request.url).searchParams.has(BODY_HASH_PARAMETER);
  return hasBodyHash
    ? validateRequestWithBody(request.authToken, request.signature, request.url, request.body)
    : validateRequest(request.authToken, request.signature, request.url, { ...request.params });
}

/** A form's parameters as Twilio signs them: a name that comes more than once has all its values. */
export function parseForm(body: string): FormParameters {
  const values = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(body)) {
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return Object.fromEntries(
    [...values].map(([name, all]): [string, string | string[]] => [
      name,
      all.length === 1 ? (all[0] ?? "") : all,
    ]),
  );
}
