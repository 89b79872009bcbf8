/** One request to Woowa, and what its answer means. */
import { baseUrlOf, readAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { ProviderVerdict, SanitizedJson } from "../errors.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
import { callVendor, retryAfterMs } from "../http.ts";
import { numberAt, objectAt, parseJsonObject, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { AccountContext, ProviderId } from "../provider.ts";
import { WOOWA_DEFAULTS, woowaCredentials, woowaSettings } from "./config.ts";
import type { WoowaCredentials } from "./config.ts";
import { judgeRefusal, WOOWA_ACCEPTED_CODE } from "./vocabulary.ts";

export const PROVIDER: ProviderId = "woowa";

type Effect = "sends" | "reads";
type What = { readonly attempted: string; readonly effect: Effect };

export type WoowaRequest = What & {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** The key is added to it. */
  readonly fields: JsonObject;
};

export type CallTimes = {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly now: number;
};

export function openAccount(
  attempted: string,
  account: AccountContext,
): { readonly credentials: WoowaCredentials; readonly isQueued: boolean } {
  const { credentials, settings } = readAccount(PROVIDER, attempted, account, {
    credentials: woowaCredentials,
    settings: woowaSettings,
  });
  return { credentials, isQueued: settings.isQueued };
}

/** The JSON object of an answer with HTTP 2xx; every other answer is thrown as what it means. */
export async function callWoowa(
  httpCall: HttpCall,
  request: WoowaRequest,
  account: AccountContext,
  options: CallTimes,
): Promise<{ readonly body: JsonObject; readonly answer: HttpAnswer }> {
  const { credentials } = openAccount(request.attempted, account);
  const payload = JSON.stringify({ ...request.fields, key: credentials.key });
  const answer = await callVendor(
    httpCall,
    { ...request, provider: PROVIDER },
    {
      method: request.method,
      url: `${baseUrlOf(account, WOOWA_DEFAULTS)}${request.path}`,
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        // A GET's body is left out of the request unless its length is told.
        "content-length": String(Buffer.byteLength(payload)),
      },
      body: payload,
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    },
  );
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const isSuccess = answer.status >= 200 && answer.status < 300;
  const code = body === null ? null : numberAt(body, "code");
  const isRefused = code !== null && code !== WOOWA_ACCEPTED_CODE;
  if (isSuccess && body !== null && !isRefused) return { body, answer };
  throw woowaFailure(request, verdictOf(answer.status, body, code, request.effect), body, {
    answer,
    now: options.now,
  });
}

/** A success without what it must contain: for a send it may well have happened. */
export function unreadable(
  what: What,
  found: { readonly body: JsonObject; readonly answer: HttpAnswer },
): ProviderError {
  return woowaFailure(what, unreadableVerdict(what.effect), found.body, {
    answer: found.answer,
    now: 0,
  });
}

function woowaFailure(
  what: What,
  verdict: ProviderVerdict,
  body: JsonObject | null,
  { answer, now }: { readonly answer: HttpAnswer; readonly now: number },
): ProviderError {
  const wait = verdict.kind === "rate_limited" ? retryAfterMs(answer, now) : null;
  const code = body === null ? null : numberAt(body, "code");
  return new ProviderError({
    ...verdict,
    provider: PROVIDER,
    attempted: what.attempted,
    httpStatus: answer.status,
    ...(code === null ? {} : { vendorCode: String(code) }),
    ...(wait === null ? {} : { retryAfterMs: wait }),
    ...(body === null ? {} : { providerResponse: sanitize(body) }),
  });
}

function unreadableVerdict(effect: Effect): ProviderVerdict {
  return {
    kind: effect === "sends" ? "unknown_outcome" : "malformed",
    scope: "account",
    reason: "unreadable_answer",
  };
}

function verdictOf(
  status: number,
  body: JsonObject | null,
  code: number | null,
  effect: Effect,
): ProviderVerdict {
  if (status >= 500 || status === 408) {
    return asRead(effect, {
      kind: "unknown_outcome",
      scope: "account",
      reason: "provider_fault",
    });
  }
  if (status === 429) return { kind: "rate_limited", scope: "account", reason: "rate_limit" };
  if (body !== null) {
    const refused = judgeRefusal(code ?? status, textOf(body));
    // Without a code it is no answer of theirs, unless its words say what is wrong.
    if (code !== null || refused.label !== null) return asRead(effect, refused.verdict);
  }
  if (status >= 200 && status < 300) return unreadableVerdict(effect);
  if (status === 401 || status === 403) {
    return { kind: "unauthorized", scope: "account", reason: "credentials" };
  }
  if (status === 413) return { kind: "rejected", scope: "recipient", reason: "too_long" };
  return { kind: "malformed", scope: "account", reason: "unreadable_answer" };
}

/** Repeating a question harms nobody, so it has no unknown outcome. */
function asRead(effect: Effect, verdict: ProviderVerdict): ProviderVerdict {
  return effect === "reads" && verdict.kind === "unknown_outcome"
    ? { ...verdict, kind: "unavailable" }
    : verdict;
}

function textOf(body: JsonObject): string {
  const results = objectAt(body, "results");
  return [
    textAt(body, "message"),
    textAt(body, "error"),
    textAt(body, "results"),
    textAt(results, "message"),
    textAt(results, "error"),
  ]
    .filter((text) => text !== null)
    .join(" ");
}

/** Privacy: `query` repeats the request and texts quote numbers, so only codes, ids and known words are kept. */
export function sanitize(body: JsonObject): SanitizedJson {
  const code = numberAt(body, "code");
  const results = objectAt(body, "results");
  const isRefused = code !== WOOWA_ACCEPTED_CODE;
  return {
    code,
    id_message: textAt(results, "id_message"),
    type_chat: textAt(results, "type_chat"),
    reason: isRefused ? judgeRefusal(code ?? 0, textOf(body)).label : null,
  };
}
