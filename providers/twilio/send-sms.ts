import { readAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { FailureReason, SanitizedJson } from "../errors.ts";
import type { HttpCall } from "../http.ts";
import { numberAt, objectsAt, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  AccountProbe,
  CallOptions,
  OutboundMessage,
  ProviderId,
  Receipt,
  SendOptions,
  SendResult,
} from "../provider.ts";
import {
  isMessagingService,
  SMS_LIMITS,
  smsSettings,
  twilioCredentials,
  VALIDITY_SECONDS_MAX,
  VALIDITY_SECONDS_MIN,
} from "./config.ts";
import {
  callbackUrl,
  callRest,
  dateAt,
  DELIVERY_PARAMETER,
  PHONE,
  refusal,
  unreadable,
  utcDay,
} from "./rest.ts";
import type { FormFields, RestRequest } from "./rest.ts";
import { judgeMessage, readMessageStatus } from "./vocabulary.ts";

const PROVIDER: ProviderId = "twilio-sms";
const SEND = "send an SMS";
const SCHEMAS = { credentials: twilioCredentials, settings: smsSettings };

/** How many of the newest messages to one number are searched for a lost one; a page of Twilio's list. */
const SEARCHED_MAX = 50;

export async function sendSms(
  httpCall: HttpCall,
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): Promise<SendResult> {
  const { credentials } = readAccount(PROVIDER, SEND, account, SCHEMAS);
  const request: RestRequest = {
    provider: PROVIDER,
    attempted: SEND,
    effect: "sends",
    method: "POST",
    path: "/Messages.json",
    form: formOf(account, message, options),
  };
  const body = await callRest(httpCall, request, account, credentials, options);
  return readCreated(request, body);
}

export async function readSms(
  httpCall: HttpCall,
  account: AccountContext,
  messageSid: string,
  options: CallOptions,
): Promise<Receipt | null> {
  const attempted = "ask about an SMS";
  const { credentials } = readAccount(PROVIDER, attempted, account, SCHEMAS);
  const path = `/Messages/${encodeURIComponent(messageSid)}.json`;
  const request = readRequest(attempted, path);
  try {
    return receiptOf(await callRest(httpCall, request, account, credentials, options));
  } catch (error) {
    if (error instanceof ProviderError && error.httpStatus === 404) return null;
    throw error;
  }
}

/** Twilio cannot be asked by our own id, so the text tells the lost message from others to the same number. */
export async function findLostSms(
  httpCall: HttpCall,
  account: AccountContext,
  message: OutboundMessage,
  sentAfter: number,
  options: CallOptions,
): Promise<SendResult | null> {
  const attempted = "look for a lost SMS";
  const { credentials } = readAccount(PROVIDER, attempted, account, SCHEMAS);
  const query = new URLSearchParams({
    To: phoneOf(message),
    "DateSent>": utcDay(sentAfter),
    PageSize: String(SEARCHED_MAX),
  });
  const request = readRequest(attempted, `/Messages.json?${query.toString()}`);
  const body = await callRest(httpCall, request, account, credentials, options);
  const found = objectsAt(body, "messages").find((candidate) => {
    const createdAt = dateAt(candidate, "date_created");
    // Their dates have whole seconds.
    const isRecent = createdAt !== null && createdAt >= Math.floor(sentAfter / 1000) * 1000;
    return isRecent && textAt(candidate, "body") === message.text;
  });
  return found === undefined ? null : readCreated(request, found);
}

/** Reads one line of the message list with the credentials that send: a suspended account or a lost key is refused. */
export async function probeAccount(
  httpCall: HttpCall,
  provider: ProviderId,
  account: AccountContext,
  options: CallOptions,
): Promise<AccountProbe> {
  const attempted = "ask about the account";
  const { credentials } = readAccount(provider, attempted, account, {
    credentials: twilioCredentials,
    settings: smsSettings,
  });
  const request = { ...readRequest(attempted, "/Messages.json?PageSize=1"), provider };
  const body = await callRest(httpCall, request, account, credentials, options);
  if (!Array.isArray(body["messages"])) throw unreadable(request);
  return { state: "connected", quotaLeft: null, detail: null };
}

function readRequest(attempted: string, path: string): RestRequest {
  return { provider: PROVIDER, attempted, effect: "reads", method: "GET", path, form: null };
}

function formOf(
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): FormFields {
  if (message.text === "") throw refused("invalid_request");
  if (message.text.length > SMS_LIMITS.textCharsMax) throw refused("too_long");
  if (message.attachment !== undefined) throw refused("unsupported_content");
  return [
    ["To", phoneOf(message)],
    [isMessagingService(account.sender) ? "MessagingServiceSid" : "From", account.sender],
    ["Body", message.text],
    ...(options.validForSeconds === null
      ? []
      : [["ValidityPeriod", String(validitySeconds(options.validForSeconds))] as const]),
    ...(options.webhookUrl === null
      ? []
      : [
          [
            "StatusCallback",
            callbackUrl(options.webhookUrl, [[DELIVERY_PARAMETER, options.deliveryKey]]),
          ] as const,
        ]),
  ];
}

function validitySeconds(seconds: number): number {
  return Math.min(Math.max(Math.floor(seconds), VALIDITY_SECONDS_MIN), VALIDITY_SECONDS_MAX);
}

function phoneOf(message: OutboundMessage): string {
  if (message.to.kind !== "phone" || !PHONE.test(message.to.e164)) {
    throw refused("invalid_recipient");
  }
  return message.to.e164;
}

function refused(reason: FailureReason): ProviderError {
  return refusal(
    { provider: PROVIDER, attempted: SEND },
    { kind: "rejected", scope: "recipient", reason },
  );
}

/** A message that is born failed is a refusal, although Twilio answers 201. */
function readCreated(request: RestRequest, body: JsonObject): SendResult {
  const sid = textAt(body, "sid");
  const status = textAt(body, "status");
  if (sid === null || status === null || !/^(SM|MM)\w+$/.test(sid)) throw unreadable(request);
  const state = readMessageStatus(status);
  switch (state.kind) {
    case "failed":
      throw new ProviderError({
        ...judgeMessage(status, numberAt(body, "error_code")),
        provider: PROVIDER,
        attempted: request.attempted,
        vendorCode: textAt(body, "error_code") ?? status,
        providerResponse: sanitize(body),
      });
    case "unknown":
    case "inbound":
      throw unreadable(request);
    case "waiting":
    case "receipt":
      return {
        providerMessageId: sid,
        status: state.kind === "waiting" ? "accepted" : "sent",
        segments: numberAt(body, "num_segments"),
        isHeldForQuality: false,
        providerResponse: sanitize(body),
      };
  }
}

function receiptOf(body: JsonObject): Receipt | null {
  const status = textAt(body, "status") ?? "";
  const state = readMessageStatus(status);
  const at = dateAt(body, "date_updated");
  if (state.kind === "receipt") return { status: state.status, at, failure: null };
  if (state.kind !== "failed") return null;
  return { status: "failed", at, failure: judgeMessage(status, numberAt(body, "error_code")) };
}

/** Privacy: `to`, `body` and `uri` stay out. */
function sanitize(body: JsonObject): SanitizedJson {
  return {
    sid: textAt(body, "sid"),
    status: textAt(body, "status"),
    error_code: numberAt(body, "error_code"),
    num_segments: textAt(body, "num_segments"),
    price: textAt(body, "price"),
    price_unit: textAt(body, "price_unit"),
  };
}
