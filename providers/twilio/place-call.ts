import { readAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { FailureReason, SanitizedJson } from "../errors.ts";
import type { HttpCall } from "../http.ts";
import { numberAt, objectsAt, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  CallOptions,
  OutboundMessage,
  ProviderId,
  Receipt,
  SendOptions,
  SendResult,
} from "../provider.ts";
import {
  CALL_SECONDS_MAX,
  TWIML_CHARS_MAX,
  twilioCredentials,
  VOICE_LIMITS,
  voiceSettings,
} from "./config.ts";
import type { VoiceSettings } from "./config.ts";
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
import { openingTwiml } from "./twiml.ts";
import { readAnsweredBy, readCallStatus } from "./vocabulary.ts";

const PROVIDER: ProviderId = "twilio-voice";
const CALL = "place a call";
const SCHEMAS = { credentials: twilioCredentials, settings: voiceSettings };

/** A page of Twilio's list. */
const SEARCHED_MAX = 50;

/** "Call is not in-progress": it has another state than the one that a change asks for. */
const CALL_NOT_IN_PROGRESS = "21220";

export async function placeCall(
  httpCall: HttpCall,
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): Promise<SendResult> {
  const { credentials, settings } = readAccount(PROVIDER, CALL, account, SCHEMAS);
  const request: RestRequest = {
    provider: PROVIDER,
    attempted: CALL,
    effect: "sends",
    method: "POST",
    path: "/Calls.json",
    form: formOf(account, settings, message, options),
  };
  const body = await callRest(httpCall, request, account, credentials, options);
  return readCreated(request, body);
}

export async function readCall(
  httpCall: HttpCall,
  account: AccountContext,
  callSid: string,
  options: CallOptions,
): Promise<Receipt | null> {
  const attempted = "ask about a call";
  const { credentials } = readAccount(PROVIDER, attempted, account, SCHEMAS);
  const request = readRequest(attempted, callPath(callSid));
  try {
    const body = await callRest(httpCall, request, account, credentials, options);
    return receiptOf(body);
  } catch (error) {
    if (error instanceof ProviderError && error.httpStatus === 404) return null;
    throw error;
  }
}

/** By recipient and time alone: Twilio does not give back what a call was told to say. */
export async function findLostCall(
  httpCall: HttpCall,
  account: AccountContext,
  message: OutboundMessage,
  sentAfter: number,
  options: CallOptions,
): Promise<SendResult | null> {
  const attempted = "look for a lost call";
  const { credentials } = readAccount(PROVIDER, attempted, account, SCHEMAS);
  const query = new URLSearchParams({
    To: phoneOf(message),
    From: account.sender,
    "StartTime>": utcDay(sentAfter),
    PageSize: String(SEARCHED_MAX),
  });
  const request = readRequest(attempted, `/Calls.json?${query.toString()}`);
  const body = await callRest(httpCall, request, account, credentials, options);
  const found = objectsAt(body, "calls").find((candidate) => {
    const createdAt = dateAt(candidate, "date_created") ?? dateAt(candidate, "start_time");
    return createdAt !== null && createdAt >= Math.floor(sentAfter / 1000) * 1000;
  });
  return found === undefined ? null : resultOf(request, found);
}

/**
 * `completed` ends a call that talks. One that still rings or waits may have to be `canceled` instead, which Twilio says by
 * refusing or by showing it as it was; a call that had ended is left alone.
 */
export async function hangUp(
  httpCall: HttpCall,
  account: AccountContext,
  callSid: string,
  options: CallOptions,
): Promise<boolean> {
  const completed = await endCall(httpCall, account, callSid, "completed", options);
  if (completed === "ended") return true;
  const canceled = await endCall(httpCall, account, callSid, "canceled", options);
  // A call that was shown as ringing and is over by now was ended by the first request.
  return completed === "still_rings" || canceled !== "was_over";
}

async function endCall(
  httpCall: HttpCall,
  account: AccountContext,
  callSid: string,
  status: "completed" | "canceled",
  options: CallOptions,
): Promise<"ended" | "still_rings" | "was_over"> {
  const attempted = "hang up a call";
  const { credentials } = readAccount(PROVIDER, attempted, account, SCHEMAS);
  const request: RestRequest = {
    provider: PROVIDER,
    attempted,
    // Hanging up twice harms nobody.
    effect: "reads",
    method: "POST",
    path: callPath(callSid),
    form: [["Status", status]],
  };
  try {
    const body = await callRest(httpCall, request, account, credentials, options);
    const shown = textAt(body, "status") ?? "";
    return ["queued", "ringing"].includes(shown) ? "still_rings" : "ended";
  } catch (error) {
    const wasOver =
      error instanceof ProviderError &&
      (error.httpStatus === 404 || error.vendorCode === CALL_NOT_IN_PROGRESS);
    if (wasOver) return "was_over";
    throw error;
  }
}

function callPath(callSid: string): string {
  return `/Calls/${encodeURIComponent(callSid)}.json`;
}

function readRequest(attempted: string, path: string): RestRequest {
  return { provider: PROVIDER, attempted, effect: "reads", method: "GET", path, form: null };
}

function formOf(
  account: AccountContext,
  settings: VoiceSettings,
  message: OutboundMessage,
  options: SendOptions,
): FormFields {
  if (!PHONE.test(account.sender)) {
    throw refusal(
      { provider: PROVIDER, attempted: CALL },
      { kind: "unauthorized", scope: "account", reason: "not_configured" },
    );
  }
  const to = phoneOf(message);
  const twiml = twimlOf(settings, message, options);
  return [
    ["To", to],
    ["From", account.sender],
    ["Twiml", twiml],
    ["Timeout", String(settings.ringSeconds)],
    ["TimeLimit", String(CALL_SECONDS_MAX)],
    ["MachineDetection", "Enable"],
    ...(options.webhookUrl === null ? [] : callbackFields(options.webhookUrl, options.deliveryKey)),
  ];
}

/** Detection runs beside the speech: a person who picks up hears the message at once instead of silence. */
function callbackFields(webhookUrl: string, deliveryKey: string): FormFields {
  const url = callbackUrl(webhookUrl, [[DELIVERY_PARAMETER, deliveryKey]]);
  return [
    ["StatusCallback", url],
    ["StatusCallbackMethod", "POST"],
    ["StatusCallbackEvent", "ringing"],
    ["StatusCallbackEvent", "answered"],
    ["StatusCallbackEvent", "completed"],
    ["AsyncAmd", "true"],
    ["AsyncAmdStatusCallback", url],
    ["AsyncAmdStatusCallbackMethod", "POST"],
  ];
}

function twimlOf(settings: VoiceSettings, message: OutboundMessage, options: SendOptions): string {
  if (message.text === "") throw refused("invalid_request");
  if (message.attachment !== undefined) throw refused("unsupported_content");
  if (message.text.length > VOICE_LIMITS.textCharsMax) throw refused("too_long");
  const gather =
    options.webhookUrl === null
      ? null
      : { webhookUrl: options.webhookUrl, deliveryKey: options.deliveryKey };
  const twiml = openingTwiml(message.text, message.language, settings, gather);
  if (twiml.length > TWIML_CHARS_MAX) throw refused("too_long");
  return twiml;
}

function phoneOf(message: OutboundMessage): string {
  if (message.to.kind !== "phone" || !PHONE.test(message.to.e164)) {
    throw refused("invalid_recipient");
  }
  return message.to.e164;
}

function refused(reason: FailureReason): ProviderError {
  return refusal(
    { provider: PROVIDER, attempted: CALL },
    { kind: "rejected", scope: "recipient", reason },
  );
}

/** A call that is born failed is a refusal, although Twilio answers 201. */
function readCreated(request: RestRequest, body: JsonObject): SendResult {
  const result = resultOf(request, body);
  const state = readCallStatus(textAt(body, "status") ?? "", "not_told", null);
  if (state.kind !== "failed") return result;
  throw new ProviderError({
    ...state.failure,
    provider: PROVIDER,
    attempted: request.attempted,
    vendorCode: textAt(body, "status") ?? "failed",
    providerResponse: sanitize(body),
  });
}

function resultOf(request: RestRequest, body: JsonObject): SendResult {
  const sid = textAt(body, "sid");
  const state = readCallStatus(textAt(body, "status") ?? "", "not_told", null);
  if (sid === null || !/^CA\w+$/.test(sid) || state.kind === "unknown") throw unreadable(request);
  return {
    providerMessageId: sid,
    status: state.kind === "receipt" ? "sent" : "accepted",
    segments: null,
    isHeldForQuality: false,
    providerResponse: sanitize(body),
  };
}

function receiptOf(body: JsonObject): Receipt | null {
  const answeredBy = readAnsweredBy(textAt(body, "answered_by"));
  const state = readCallStatus(textAt(body, "status") ?? "", answeredBy, null);
  const at = dateAt(body, "end_time") ?? dateAt(body, "date_updated");
  if (state.kind === "receipt") return { status: state.status, at, failure: null };
  return state.kind === "failed" ? { status: "failed", at, failure: state.failure } : null;
}

/** Privacy: `to` and `uri` stay out. */
function sanitize(body: JsonObject): SanitizedJson {
  return {
    sid: textAt(body, "sid"),
    status: textAt(body, "status"),
    answered_by: textAt(body, "answered_by"),
    duration: numberAt(body, "duration"),
    price: textAt(body, "price"),
    price_unit: textAt(body, "price_unit"),
  };
}
