/** One request to the gateway, and what an answer means that is no success. */
import { readGatewayAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
import { callVendor, retryAfterMs } from "../http.ts";
import { isJsonObject, numberAt, parseJsonObject } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { AccountContext, ProviderId } from "../provider.ts";
import { evolutionCredentials, evolutionSettings } from "./config.ts";
import { judgeFailure } from "./vocabulary.ts";

export const PROVIDER: ProviderId = "evolution";

export type EvolutionCall = {
  /** As in ProviderErrorDetails.attempted. */
  readonly attempted: string;
  readonly effect: "sends" | "reads";
  readonly method: "GET" | "POST";
  /** Before the instance's name: "/message/sendText". */
  readonly path: string;
  readonly query?: string;
  readonly body: JsonObject | null;
};

export type RestOptions = {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly now: number;
};

/** An answer of HTTP 2xx that is not one of the gateway's own failures; every other is thrown as what it means. */
export async function callEvolution(
  httpCall: HttpCall,
  account: AccountContext,
  call: EvolutionCall,
  options: RestOptions,
): Promise<HttpAnswer> {
  const { baseUrl, credentials, settings } = readGatewayAccount(PROVIDER, call.attempted, account, {
    credentials: evolutionCredentials,
    settings: evolutionSettings,
  });
  if (settings.instance === undefined) throw notConfigured(call.attempted);
  const query = call.query === undefined ? "" : `?${call.query}`;
  const answer = await callVendor(
    httpCall,
    { provider: PROVIDER, attempted: call.attempted, effect: call.effect },
    {
      method: call.method,
      url: `${baseUrl}${call.path}/${encodeURIComponent(settings.instance)}${query}`,
      headers: {
        apikey: credentials.apiKey,
        accept: "application/json",
        ...(call.body === null ? {} : { "content-type": "application/json" }),
      },
      body: call.body === null ? null : JSON.stringify(call.body),
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    },
  );
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const status = statusOf(answer, body);
  if (status >= 200 && status < 300) return answer;
  const { phrase, verdict } = judgeFailure(status, body);
  const isRead = call.effect === "reads" && verdict.kind === "unknown_outcome";
  const wait = retryAfterMs(answer, options.now);
  throw new ProviderError({
    ...verdict,
    ...(isRead ? { kind: "unavailable" as const } : {}),
    provider: PROVIDER,
    attempted: call.attempted,
    httpStatus: answer.status,
    ...(phrase === null ? {} : { vendorCode: phrase }),
    ...(wait === null ? {} : { retryAfterMs: wait }),
    // Privacy: the gateway's texts quote numbers and the instance's name.
    providerResponse: { status, message: phrase },
  });
}

/** The gateway's failures name their status in the body; one that some proxy turned into a success is a failure all the same. */
function statusOf(answer: HttpAnswer, body: JsonObject | null): number {
  const isSuccess = answer.status >= 200 && answer.status < 300;
  if (!isSuccess || body === null || !isJsonObject(body["response"])) return answer.status;
  const told = numberAt(body, "status");
  return told !== null && told >= 400 && told < 600 ? told : answer.status;
}

export function notConfigured(attempted: string): ProviderError {
  return new ProviderError({
    provider: PROVIDER,
    attempted,
    kind: "unauthorized",
    scope: "account",
    reason: "not_configured",
  });
}

/** A success without what it must contain: for a send it may well have happened. */
export function unreadable(
  call: Pick<EvolutionCall, "attempted" | "effect">,
  answer: HttpAnswer,
): ProviderError {
  return new ProviderError({
    provider: PROVIDER,
    attempted: call.attempted,
    kind: call.effect === "sends" ? "unknown_outcome" : "malformed",
    scope: "account",
    reason: "unreadable_answer",
    httpStatus: answer.status,
  });
}
