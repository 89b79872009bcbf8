/**
 * One request to Twilio's REST API. The official package is used for signatures and TwiML; requests are made here because
 * its client does not tell a request that never left from one whose answer was lost, and that difference decides whether a
 * message may be sent again.
 */
import { baseUrlOf } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { ProviderVerdict, SanitizedJson } from "../errors.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
import { callVendor, retryAfterMs } from "../http.ts";
import { numberAt, parseJsonObject, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { AccountContext, ProviderId } from "../provider.ts";
import { SMS_DEFAULTS } from "./config.ts";
import type { TwilioCredentials } from "./config.ts";
import { judgeRefusal } from "./vocabulary.ts";

export const PHONE = /^\+[1-9]\d{6,14}$/;

/** Names may repeat: Twilio writes lists that way. */
export type FormFields = readonly (readonly [name: string, value: string])[];

export type RestRequest = {
  readonly provider: ProviderId;
  readonly attempted: string;
  readonly effect: "sends" | "reads";
  readonly method: "GET" | "POST";
  /** Below the account: "/Messages.json". */
  readonly path: string;
  readonly form: FormFields | null;
};

export type RestOptions = {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly now: number;
};

/** The JSON object of a success; every refusal and everything unreadable is thrown as what it means. */
export async function callRest(
  httpCall: HttpCall,
  request: RestRequest,
  account: AccountContext,
  credentials: TwilioCredentials,
  options: RestOptions,
): Promise<JsonObject> {
  const user = credentials.apiKeySid ?? credentials.accountSid;
  const password = credentials.apiKeySecret ?? credentials.authToken;
  const answer = await callVendor(httpCall, request, {
    method: request.method,
    url: `${baseUrlOf(account, SMS_DEFAULTS)}/2010-04-01/Accounts/${credentials.accountSid}${request.path}`,
    headers: {
      authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
      accept: "application/json",
      ...(request.form === null ? {} : { "content-type": "application/x-www-form-urlencoded" }),
    },
    body: request.form === null ? null : encodeForm(request.form),
    timeoutMs: options.timeoutMs,
    signal: options.signal,
  });
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const isSuccess = answer.status >= 200 && answer.status < 300;
  if (isSuccess && body !== null) return body;
  throw restFailure(request, answer, body, options.now);
}

/** A success without what it must contain: for a send it may well have happened. */
export function unreadable(request: RestRequest): ProviderError {
  return new ProviderError({
    ...unreadableVerdict(request.effect),
    provider: request.provider,
    attempted: request.attempted,
  });
}

export function refusal(
  request: Pick<RestRequest, "provider" | "attempted">,
  verdict: ProviderVerdict,
): ProviderError {
  return new ProviderError({
    ...verdict,
    provider: request.provider,
    attempted: request.attempted,
  });
}

/**
 * Twilio repeats a callback once, and only where no connection came about; a storage failure of ours (5xx) would lose a
 * receipt or a pressed key. The most repeats there are, for all that can go wrong. Neither sent nor signed.
 * https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides, checked September 2026.
 */
const CONNECTION_OVERRIDES = "#rc=5&rp=all";

/** The address with the delivery's id first in its query, by which a callback tells what it is about. */
export function callbackUrl(webhookUrl: string, parameters: FormFields): string {
  const separator = webhookUrl.includes("?") ? "&" : "?";
  return `${webhookUrl}${separator}${encodeForm(parameters)}${CONNECTION_OVERRIDES}`;
}

function encodeForm(fields: FormFields): string {
  const form = new URLSearchParams();
  for (const [name, value] of fields) form.append(name, value);
  return form.toString();
}

/** Query parameters of our own in callback addresses. */
export const DELIVERY_PARAMETER = "delivery";

function unreadableVerdict(effect: "sends" | "reads"): ProviderVerdict {
  return {
    kind: effect === "sends" ? "unknown_outcome" : "malformed",
    scope: "account",
    reason: "unreadable_answer",
  };
}

function restFailure(
  request: RestRequest,
  answer: HttpAnswer,
  body: JsonObject | null,
  now: number,
): ProviderError {
  const code = body === null ? null : numberAt(body, "code");
  const requestId = answer.headers["twilio-request-id"];
  const wait = retryAfterMs(answer, now);
  return new ProviderError({
    ...verdictOf(request.effect, answer.status, code),
    provider: request.provider,
    attempted: request.attempted,
    httpStatus: answer.status,
    ...(code === null ? {} : { vendorCode: String(code) }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(wait === null ? {} : { retryAfterMs: wait }),
    providerResponse: sanitizeRefusal(answer.status, body),
  });
}

function verdictOf(
  effect: "sends" | "reads",
  httpStatus: number,
  code: number | null,
): ProviderVerdict {
  if (httpStatus >= 200 && httpStatus < 300) return unreadableVerdict(effect);
  const judged = judgeRefusal(code, httpStatus);
  return effect === "reads" && judged.kind === "unknown_outcome"
    ? { ...judged, kind: "unavailable" }
    : judged;
}

/** Privacy: Twilio's messages quote the number, so only the code is kept. */
function sanitizeRefusal(httpStatus: number, body: JsonObject | null): SanitizedJson {
  return {
    status: httpStatus,
    code: body === null ? null : numberAt(body, "code"),
    more_info: body === null ? null : moreInfo(body),
  };
}

function moreInfo(body: JsonObject): string | null {
  const link = textAt(body, "more_info");
  return link !== null && /^https:\/\/www\.twilio\.com\/docs\/(api\/)?errors\/\d+$/.test(link)
    ? link
    : null;
}

/** RFC 2822 dates, as in `date_created`, to epoch ms. */
export function dateAt(object: JsonObject, key: string): number | null {
  const at = Date.parse(textAt(object, key) ?? "");
  return Number.isNaN(at) ? null : at;
}

/** The UTC day of an instant, as Twilio's list filters take it. */
export function utcDay(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
