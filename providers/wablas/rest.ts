/** One request to a Wablas server, and what its answer means. */
import { readGatewayAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { ProviderVerdict, SanitizedJson } from "../errors.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
import { callVendor, retryAfterMs } from "../http.ts";
import { numberAt, objectAt, objectsAt, parseJsonObject, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { AccountContext, ProviderId } from "../provider.ts";
import { wablasCredentials, wablasSettings } from "./config.ts";
import type { WablasCredentials } from "./config.ts";
import { judgeRefusal, readFlag } from "./vocabulary.ts";

export const PROVIDER: ProviderId = "wablas";

type Effect = "sends" | "reads";
type What = { readonly attempted: string; readonly effect: Effect };

export type WablasRequest = What & {
  readonly method: "GET" | "POST";
  /** From the server's root, with its query. */
  readonly path: string;
  /** JSON; null for a GET. */
  readonly body: string | null;
};

export type CallTimes = {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly now: number;
};

/** What a request needs of an account; without a server's address there is none to ask. */
export function openAccount(
  attempted: string,
  account: AccountContext,
): { readonly credentials: WablasCredentials; readonly baseUrl: string } {
  return readGatewayAccount(PROVIDER, attempted, account, {
    credentials: wablasCredentials,
    settings: wablasSettings,
  });
}

/** The body of an answer that says `status: true` with HTTP 2xx; every other answer is thrown as what it means. */
export async function callWablas(
  httpCall: HttpCall,
  request: WablasRequest,
  account: AccountContext,
  options: CallTimes,
): Promise<JsonObject> {
  const { credentials, baseUrl } = openAccount(request.attempted, account);
  const { token, secretKey } = credentials;
  const answer = await callVendor(
    httpCall,
    { ...request, provider: PROVIDER },
    {
      method: request.method,
      url: `${baseUrl}${request.path}`,
      headers: {
        // Token and secret joined by a dot; Wablas knows no "Bearer".
        authorization: secretKey === undefined ? token : `${token}.${secretKey}`,
        accept: "application/json",
        ...(request.body === null ? {} : { "content-type": "application/json" }),
      },
      body: request.body,
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    },
  );
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const isSuccess = answer.status >= 200 && answer.status < 300;
  const flag = body === null ? null : readFlag(body["status"]);
  if (isSuccess && body !== null && flag === true) return body;
  const verdict =
    isSuccess && flag === null
      ? unreadableVerdict(request.effect)
      : verdictOf(answer.status, body, flag, request.effect);
  throw wablasFailure(request, verdict, body, { answer, now: options.now });
}

/** A success without what it must contain: for a send it may well have happened. */
export function unreadable(what: What, body: JsonObject): ProviderError {
  return wablasFailure(what, unreadableVerdict(what.effect), body);
}

export function wablasFailure(
  what: What,
  verdict: ProviderVerdict,
  body: JsonObject | null,
  found?: { readonly answer: HttpAnswer; readonly now: number },
): ProviderError {
  const label = body === null ? null : labelOf(body);
  const wait = found === undefined ? null : retryAfterMs(found.answer, found.now);
  return new ProviderError({
    ...verdict,
    provider: PROVIDER,
    attempted: what.attempted,
    ...(found === undefined ? {} : { httpStatus: found.answer.status }),
    ...(label === null ? {} : { vendorCode: label }),
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

/** Refusals come with 200 as well as with 4xx, so the flag is asked first; after a 5xx the message may be queued. */
function verdictOf(
  status: number,
  body: JsonObject | null,
  flag: boolean | null,
  effect: Effect,
): ProviderVerdict {
  if (status >= 500 || status === 408) {
    return {
      kind: effect === "sends" ? "unknown_outcome" : "unavailable",
      scope: "account",
      reason: "provider_fault",
    };
  }
  if (status === 429) return { kind: "rate_limited", scope: "account", reason: "rate_limit" };
  const refused = flag === false && body !== null ? judgeRefusal(textOf(body)) : null;
  if (refused !== null && (status < 300 || refused.label !== null)) return refused.verdict;
  if (status === 401 || status === 403) {
    return { kind: "unauthorized", scope: "account", reason: "credentials" };
  }
  if (status === 413) return { kind: "rejected", scope: "recipient", reason: "too_long" };
  return { kind: "malformed", scope: "account", reason: "unreadable_answer" };
}

function textOf(body: JsonObject): string {
  return textAt(body, "message") ?? textAt(objectAt(body, "data"), "message") ?? "";
}

/** The text of a success has other words. */
function labelOf(body: JsonObject): string | null {
  return readFlag(body["status"]) === true ? null : judgeRefusal(textOf(body)).label;
}

/** Privacy: `message`, `phone` and `ref_id` quote the request, so only known words, ids and numbers are kept. */
export function sanitize(body: JsonObject): SanitizedJson {
  const data = objectAt(body, "data");
  const [made] = objectsAt(data, "messages");
  return {
    status: readFlag(body["status"]),
    reason: labelOf(body),
    quota: numberAt(data, "quota"),
    device_id: textAt(data, "device_id"),
    id: made === undefined ? null : textAt(made, "id"),
    message_status: made === undefined ? null : textAt(made, "status"),
  };
}
