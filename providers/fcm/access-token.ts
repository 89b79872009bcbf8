/**
 * Access tokens for FCM: a statement signed with the service account's key is exchanged for a token of about an hour. They
 * are kept until shortly before they end; a request for one sends no message, whatever becomes of it.
 * https://developers.google.com/identity/protocols/oauth2/service-account, RFC 7523; checked September 2026.
 */
import { createHash, createSign } from "node:crypto";

import { ProviderError } from "../errors.ts";
import type { ProviderVerdict } from "../errors.ts";
import { callVendor, retryAfterMs } from "../http.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
import { numberAt, parseJsonObject, textAt } from "../json.ts";
import type { ProviderId } from "../provider.ts";
import type { ServiceAccount } from "./config.ts";

const PROVIDER: ProviderId = "fcm";
const SCOPE = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** The longest that Google allows. */
const STATEMENT_SECONDS = 3_600;
/** A token is given up so long before its end that no request can outlive it. */
const SPARE_MS = 5 * 60_000;

export type TokenRequest = {
  readonly attempted: string;
  readonly serviceAccount: ServiceAccount;
  readonly tokenUrl: string;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Epoch ms. */
  readonly now: number;
};

export type AccessTokens = {
  /** Throws ProviderError; nothing has been sent then. */
  readonly get: (request: TokenRequest) => Promise<string>;
  /** For a token that was refused. */
  readonly forget: (request: TokenRequest) => void;
};

/** One memory for the accounts of one process. */
export function createAccessTokens(httpCall: HttpCall): AccessTokens {
  const kept = new Map<string, { readonly token: string; readonly until: number }>();
  return {
    get: async (request) => {
      const key = keyOf(request);
      const known = kept.get(key);
      if (known !== undefined && request.now < known.until) return known.token;
      const { token, lifetimeMs } = await fetchToken(httpCall, request);
      kept.set(key, { token, until: request.now + lifetimeMs - SPARE_MS });
      return token;
    },
    forget: (request) => void kept.delete(keyOf(request)),
  };
}

/** A changed key has tokens of its own. */
function keyOf({ serviceAccount, tokenUrl }: TokenRequest): string {
  const parts = [tokenUrl, serviceAccount.clientEmail, serviceAccount.privateKey];
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

async function fetchToken(
  httpCall: HttpCall,
  request: TokenRequest,
): Promise<{ readonly token: string; readonly lifetimeMs: number }> {
  const answer = await callVendor(
    httpCall,
    { provider: PROVIDER, attempted: request.attempted, effect: "reads" },
    {
      method: "POST",
      url: request.tokenUrl,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ grant_type: GRANT, assertion: statement(request) }).toString(),
      timeoutMs: request.timeoutMs,
      signal: request.signal,
    },
  );
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const token = body === null ? null : textAt(body, "access_token");
  const lifetime = body === null ? null : numberAt(body, "expires_in");
  if (answer.status === 200 && token !== null && lifetime !== null) {
    return { token, lifetimeMs: lifetime * 1_000 };
  }
  throw refusal(request, answer);
}

/** A JWT about ourselves, signed with RS256. */
function statement({ attempted, now, serviceAccount, tokenUrl }: TokenRequest): string {
  const issuedAt = Math.floor(now / 1_000);
  const header = {
    alg: "RS256",
    typ: "JWT",
    ...(serviceAccount.privateKeyId === null ? {} : { kid: serviceAccount.privateKeyId }),
  };
  const claims = {
    iss: serviceAccount.clientEmail,
    scope: SCOPE,
    aud: tokenUrl,
    iat: issuedAt,
    exp: issuedAt + STATEMENT_SECONDS,
  };
  const signed = `${base64url(header)}.${base64url(claims)}`;
  try {
    const signature = createSign("RSA-SHA256").update(signed).sign(serviceAccount.privateKey);
    return `${signed}.${signature.toString("base64url")}`;
  } catch {
    // A key that cannot sign; the reason is dropped with it.
    throw new ProviderError({
      provider: PROVIDER,
      attempted,
      kind: "unauthorized",
      scope: "account",
      reason: "not_configured",
    });
  }
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function refusal(request: TokenRequest, answer: HttpAnswer): ProviderError {
  const wait = retryAfterMs(answer, request.now);
  return new ProviderError({
    ...verdictOf(answer.status),
    provider: PROVIDER,
    attempted: request.attempted,
    httpStatus: answer.status,
    vendorCode: "no access token",
    ...(wait === null ? {} : { retryAfterMs: wait }),
  });
}

/** A 4xx is about the key (revoked, deleted, a clock that is wrong); nothing has been sent in any case. */
function verdictOf(status: number): ProviderVerdict {
  if (status === 429) return { kind: "rate_limited", scope: "account", reason: "rate_limit" };
  if (status >= 500) return { kind: "unavailable", scope: "account", reason: "provider_fault" };
  if (status >= 400) return { kind: "unauthorized", scope: "account", reason: "credentials" };
  return { kind: "malformed", scope: "account", reason: "unreadable_answer" };
}
