/**
 * What proves that a webhook is the gateway's: a static header that its owner configures, or, for an instance whose webhook
 * has the entry `jwt_key`, a token (HS256) in `Authorization`. Neither covers the body.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

import { parseJsonObject, textAt } from "../json.ts";

/** Our own name for the header: the gateway sends what it is told. */
export const EVOLUTION_SECRET_HEADER = "x-siaga-secret";

const TOKEN_HEADER = { alg: "HS256", typ: "JWT" };
const TOKEN_CLAIMS = { app: "evolution", action: "webhook" };
const TOKEN_LIFETIME_SECONDS = 600;

/** `Authorization` as the gateway writes it at `nowMs`. */
export function evolutionAuthorization(secret: string, nowMs: number): string {
  const iat = Math.floor(nowMs / 1000);
  const claims = { iat, exp: iat + TOKEN_LIFETIME_SECONDS, ...TOKEN_CLAIMS };
  const signed = `${encode(TOKEN_HEADER)}.${encode(claims)}`;
  return `Bearer ${signed}.${hmac(signed, secret)}`;
}

/**
 * The token's lifetime is not enforced: the gateway repeats a post for longer than that with the same token, and a refusal
 * would make it give the event up. A token that is shown twice gains nothing, because repeats change nothing.
 */
export function isEvolutionAuthorizationValid(authorization: string, secret: string): boolean {
  const [header = "", claims = "", signature = "", ...rest] = authorization
    .replace(/^Bearer /i, "")
    .split(".");
  if (rest.length > 0 || !isSameSecret(signature, hmac(`${header}.${claims}`, secret)))
    return false;
  const decodedHeader = decode(header);
  const decodedClaims = decode(claims);
  return (
    decodedHeader !== null &&
    decodedClaims !== null &&
    textAt(decodedHeader, "alg") === TOKEN_HEADER.alg &&
    textAt(decodedClaims, "app") === TOKEN_CLAIMS.app &&
    textAt(decodedClaims, "action") === TOKEN_CLAIMS.action
  );
}

/** Compares hashes, so that neither content nor length can be learnt from the time it takes. */
export function isSameSecret(given: string, expected: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}

function hmac(text: string, secret: string): string {
  return createHmac("sha256", secret).update(text).digest("base64url");
}

function encode(value: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(part: string): Readonly<Record<string, unknown>> | null {
  return parseJsonObject(Buffer.from(part, "base64url").toString("utf8"));
}
