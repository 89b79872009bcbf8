import { baseUrlOf, readAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { FailureReason, ProviderVerdict } from "../errors.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
import { callVendor, retryAfterMs } from "../http.ts";
import { objectsAt, parseJsonObject, textAt } from "../json.ts";
import type {
  AccountContext,
  OutboundMessage,
  ProviderId,
  SendOptions,
  SendResult,
} from "../provider.ts";
import {
  NUSASMS_DEFAULTS,
  NUSASMS_LIMITS,
  NUSASMS_SEND_PATH,
  NUSASMS_UNICODE,
  nusasmsCredentials,
  nusasmsSettings,
} from "./config.ts";
import { judgeStatus, needsUnicode } from "./vocabulary.ts";

const PROVIDER: ProviderId = "nusasms";
const SEND = "send an SMS";
const SCHEMAS = { credentials: nusasmsCredentials, settings: nusasmsSettings };

const PHONE = /^\+[1-9]\d{6,14}$/;

/**
 * One SMS, by GET: the credentials and the text stand in the address, as the vendor has it, so that address appears in no
 * error and no log. There is no idempotency key and nothing to ask later: a lost answer stays unknown.
 */
export async function sendSms(
  httpCall: HttpCall,
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): Promise<SendResult> {
  const { credentials, settings } = readAccount(PROVIDER, SEND, account, SCHEMAS);
  const text = textOf(message);
  const query = queryOf([
    ["user", credentials.user],
    ["password", credentials.password],
    ["GSM", numberOf(message)],
    ["SMSText", text],
    ["output", "json"],
    ...(settings.maskingName === undefined ? [] : [["sender", settings.maskingName] as const]),
    ...(settings.isForOtp || message.tellsCode === true ? [["otp", "Y"] as const] : []),
    ...(needsUnicode(text) ? [["unicode", NUSASMS_UNICODE] as const] : []),
  ]);
  const answer = await callVendor(
    httpCall,
    { provider: PROVIDER, attempted: SEND, effect: "sends" },
    {
      method: "GET",
      url: `${baseUrlOf(account, NUSASMS_DEFAULTS)}${NUSASMS_SEND_PATH}?${query}`,
      headers: { accept: "application/json" },
      body: null,
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    },
  );
  return readAccepted(answer, options.now);
}

/** Spaces as %20: that every reader of an address understands, "+" only readers of forms. */
function queryOf(parameters: readonly (readonly [name: string, value: string])[]): string {
  const query = new URLSearchParams(Object.fromEntries(parameters));
  return query.toString().replaceAll("+", "%20");
}

function textOf({ attachment, text }: OutboundMessage): string {
  if (text === "") throw refusal("invalid_request");
  if (text.length > NUSASMS_LIMITS.textCharsMax) throw refusal("too_long");
  if (attachment !== undefined) throw refusal("unsupported_content");
  return text;
}

/** With country code, without `+`. */
function numberOf({ to }: OutboundMessage): string {
  if (to.kind !== "phone" || !PHONE.test(to.e164)) throw refusal("invalid_recipient");
  return to.e164.slice(1);
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
  // One number was asked for, so one result is the answer.
  const result = body === null ? undefined : objectsAt(body, "results")[0];
  const status = result === undefined ? null : textAt(result, "status");
  const judged = status === null ? null : judgeStatus(status);
  const id = result === undefined ? null : textAt(result, "messageid");
  const isSuccess = answer.status >= 200 && answer.status < 300;
  if (isSuccess && judged?.kind === "accepted" && id !== null) {
    return {
      providerMessageId: id,
      status: "accepted",
      segments: null,
      isHeldForQuality: false,
      // Privacy: `destination` is the number.
      providerResponse: { status, messageid: /^[\w-]{1,64}$/.test(id) ? id : null },
    };
  }
  const refused = judged?.kind === "refused" ? judged.verdict : null;
  const wait = retryAfterMs(answer, now);
  throw new ProviderError({
    ...verdictOf(answer.status, refused),
    provider: PROVIDER,
    attempted: SEND,
    httpStatus: answer.status,
    ...(refused === null || status === null ? {} : { vendorCode: status }),
    ...(wait === null ? {} : { retryAfterMs: wait }),
    ...(refused === null ? {} : { providerResponse: { status } }),
  });
}

/** What an answer means that is no success. After a 5xx the message may have been taken. */
function verdictOf(httpStatus: number, refused: ProviderVerdict | null): ProviderVerdict {
  if (httpStatus >= 500 || httpStatus === 408) {
    return { kind: "unknown_outcome", scope: "account", reason: "provider_fault" };
  }
  if (httpStatus === 429) return { kind: "rate_limited", scope: "account", reason: "rate_limit" };
  if (refused !== null) return refused;
  if (httpStatus >= 200 && httpStatus < 300) {
    return { kind: "unknown_outcome", scope: "account", reason: "unreadable_answer" };
  }
  if (httpStatus === 401 || httpStatus === 403) {
    return { kind: "unauthorized", scope: "account", reason: "credentials" };
  }
  return { kind: "malformed", scope: "account", reason: "unreadable_answer" };
}
