import { baseUrlOf, readAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { FailureReason, ProviderVerdict, SanitizedJson } from "../errors.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
import { callVendor, retryAfterMs } from "../http.ts";
import { parseJsonObject, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  AccountProbe,
  CallOptions,
  OutboundMessage,
  ProviderId,
  SendOptions,
  SendResult,
} from "../provider.ts";
import {
  ZENZIVA_DEFAULTS,
  ZENZIVA_LIMITS,
  ZENZIVA_SEND_PATHS,
  zenzivaCredentials,
  zenzivaSettings,
} from "./config.ts";
import { isAccepted, judgeText, readAmount } from "./vocabulary.ts";

const PROVIDER: ProviderId = "zenziva";
const SEND = "send an SMS";
const PROBE = "ask for the balance";
const SCHEMAS = { credentials: zenzivaCredentials, settings: zenzivaSettings };

/** Numbers go out as public clients write them, "08…"; whether "628…" is always taken is unconfirmed. */
const INDONESIAN_PHONE = /^\+62(\d{7,13})$/;

/** One SMS. There is no idempotency key and nothing to ask later: a lost answer stays unknown. */
export async function sendSms(
  httpCall: HttpCall,
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): Promise<SendResult> {
  const { credentials, settings } = readAccount(PROVIDER, SEND, account, SCHEMAS);
  const form = new URLSearchParams({
    userkey: credentials.userkey,
    passkey: credentials.passkey,
    to: localNumberOf(message),
    message: textOf(message),
  });
  const answer = await callVendor(
    httpCall,
    { provider: PROVIDER, attempted: SEND, effect: "sends" },
    {
      method: "POST",
      url: `${baseUrlOf(account, ZENZIVA_DEFAULTS)}${ZENZIVA_SEND_PATHS[settings.product]}`,
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
      body: form.toString(),
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    },
  );
  return readAccepted(answer, options.now);
}

/** The balance with the credentials that send. This call alone carries them in its address, as the vendor has it. */
export async function probeBalance(
  httpCall: HttpCall,
  account: AccountContext,
  options: CallOptions,
): Promise<AccountProbe> {
  const { credentials, settings } = readAccount(PROVIDER, PROBE, account, SCHEMAS);
  const query = new URLSearchParams(credentials);
  const answer = await callVendor(
    httpCall,
    { provider: PROVIDER, attempted: PROBE, effect: "reads" },
    {
      method: "GET",
      url: `${baseUrlOf(account, ZENZIVA_DEFAULTS)}/api/balance/?${query.toString()}`,
      headers: { accept: "application/json" },
      body: null,
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    },
  );
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const balance = body === null ? null : readAmount(textAt(body, "balance") ?? "");
  if (!isSuccess(answer) || balance === null) {
    throw failure(PROBE, verdictOf(answer, body, "reads"), { answer, body, now: options.now });
  }
  return {
    state: "connected",
    quotaLeft: Math.floor(balance / settings.rupiahPerMessage),
    detail: { balance },
  };
}

function textOf({ attachment, text }: OutboundMessage): string {
  if (text === "") throw refusal("invalid_request");
  if (text.length > ZENZIVA_LIMITS.textCharsMax) throw refusal("too_long");
  if (attachment !== undefined) throw refusal("unsupported_content");
  return text;
}

/** This vendor serves Indonesia only; no other number has a local form that it could mean. */
function localNumberOf({ to }: OutboundMessage): string {
  const national = to.kind === "phone" ? INDONESIAN_PHONE.exec(to.e164)?.[1] : undefined;
  if (national === undefined) throw refusal("invalid_recipient");
  return `0${national}`;
}

function refusal(reason: FailureReason): ProviderError {
  return new ProviderError({
    provider: PROVIDER,
    attempted: SEND,
    kind: "rejected",
    scope: "recipient",
    reason,
  });
}

function readAccepted(answer: HttpAnswer, now: number): SendResult {
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const status = body === null ? null : textAt(body, "status");
  const id = body === null ? null : textAt(body, "messageId");
  if (!isSuccess(answer) || body === null || status === null || !isAccepted(status)) {
    throw failure(SEND, verdictOf(answer, body, "sends"), { answer, body, now });
  }
  // Accepted, but nobody could ever say which message it was.
  if (id === null) throw failure(SEND, unreadable("sends"), { answer, body, now });
  return {
    providerMessageId: id,
    status: "accepted",
    segments: null,
    isHeldForQuality: false,
    providerResponse: {
      ...sanitize(body),
      messageId: plainId(id),
      cost: readAmount(textAt(body, "cost") ?? ""),
      balance: readAmount(textAt(body, "balance") ?? ""),
    },
  };
}

function isSuccess(answer: HttpAnswer): boolean {
  return answer.status >= 200 && answer.status < 300;
}

function unreadable(effect: "sends" | "reads"): ProviderVerdict {
  return {
    kind: effect === "sends" ? "unknown_outcome" : "malformed",
    scope: "account",
    reason: "unreadable_answer",
  };
}

/** What an answer means that is no success. After a 5xx the message may have been taken. */
function verdictOf(
  answer: HttpAnswer,
  body: JsonObject | null,
  effect: "sends" | "reads",
): ProviderVerdict {
  const { status } = answer;
  if (status >= 500 || status === 408) {
    return {
      kind: effect === "sends" ? "unknown_outcome" : "unavailable",
      scope: "account",
      reason: "provider_fault",
    };
  }
  if (status === 429) return { kind: "rate_limited", scope: "account", reason: "rate_limit" };
  const flag = body === null ? null : textAt(body, "status");
  const refused =
    body !== null && flag !== null && !isAccepted(flag) ? judgeText(reasonOf(body)) : null;
  if (refused !== null && (isSuccess(answer) || refused.word !== null)) return refused.verdict;
  if (isSuccess(answer)) return unreadable(effect);
  if (status === 401 || status === 403) {
    return { kind: "unauthorized", scope: "account", reason: "credentials" };
  }
  return unreadable("reads");
}

function reasonOf(body: JsonObject): string {
  return textAt(body, "text") ?? "";
}

function failure(
  attempted: string,
  verdict: ProviderVerdict,
  found: { readonly answer: HttpAnswer; readonly body: JsonObject | null; readonly now: number },
): ProviderError {
  const { answer, body, now } = found;
  const code = body === null ? null : statusCode(body);
  const wait = retryAfterMs(answer, now);
  return new ProviderError({
    ...verdict,
    provider: PROVIDER,
    attempted,
    httpStatus: answer.status,
    ...(code === null ? {} : { vendorCode: code }),
    ...(wait === null ? {} : { retryAfterMs: wait }),
    ...(body === null ? {} : { providerResponse: sanitize(body) }),
  });
}

/** `status` where it is a code; other text could quote anything. */
function statusCode(body: JsonObject): string | null {
  const status = textAt(body, "status");
  return status !== null && /^-?\d{1,5}$/.test(status) ? status : null;
}

/** Privacy: `to` is a number and `text` is free, so only the word of it that is known is kept. */
function sanitize(body: JsonObject): Readonly<Record<string, SanitizedJson>> {
  return { status: statusCode(body), text: judgeText(reasonOf(body)).word };
}

function plainId(text: string): string | null {
  return /^[\w-]{1,64}$/.test(text) ? text : null;
}
