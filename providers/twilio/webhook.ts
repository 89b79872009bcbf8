/**
 * Twilio's callbacks: signed forms, at least once, in any order. Messages report their status and bring inbound texts to the
 * same address; calls report their progress, the answering machine detection and the keys pressed. Every answer is TwiML,
 * because Twilio would send plain text on as a message.
 * https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks,
 * https://www.twilio.com/docs/voice/api/call-resource#statuscallback, checked September 2026.
 */
import { createHash } from "node:crypto";

import { numberAt, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  InboundEvent,
  RawWebhook,
  ReplyEvent,
  Receipt,
  SenderId,
  WebhookAnswer,
  WebhookReader,
} from "../provider.ts";
import { twilioCredentials, voiceSettings } from "./config.ts";
import { DELIVERY_PARAMETER, PHONE } from "./rest.ts";
import { isTwilioSignatureValid, parseForm, TWILIO_SIGNATURE_HEADER } from "./signature.ts";
import { emptyTwiml, followingTwiml, readGather } from "./twiml.ts";
import type { GatherRequest } from "./twiml.ts";
import {
  judgeMessage,
  readAnsweredBy,
  readCallStatus,
  readMessageStatus,
  VOICEMAIL,
} from "./vocabulary.ts";
import type { CallState } from "./vocabulary.ts";

/** The same on every repeat of one request. https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides */
const REPEAT_TOKEN_HEADER = "i-twilio-idempotency-token";

const verify: WebhookReader["verify"] = (request, account) => {
  const credentials = twilioCredentials.safeParse(account.credentials);
  if (!credentials.success) return { ok: false, reason: "not_configured" };
  const signature = request.headers[TWILIO_SIGNATURE_HEADER];
  if (signature === undefined) return { ok: false, reason: "missing_signature" };
  const body = Buffer.from(request.body).toString("utf8");
  const isValid = isTwilioSignatureValid({
    url: request.url,
    body,
    params: parseForm(body),
    signature,
    authToken: credentials.data.authToken,
  });
  return isValid ? { ok: true } : { ok: false, reason: "wrong_signature" };
};

export const smsWebhook: WebhookReader = {
  verify,
  parse: (request) => {
    const form = readForm(request);
    if (textAt(form, "MessageStatus") !== null) return readMessageReceipt(request, form);
    if (textAt(form, "From") !== null) return [readInbound(request, form)];
    return [unrecognised(request, "neither a status nor a message")];
  },
  respond: () => twiml(emptyTwiml()),
};

export const voiceWebhook: WebhookReader = {
  verify,
  parse: (request) => {
    const form = readForm(request);
    const gather = gatherOf(request, form);
    if (gather !== null) return readKeyPress(request, form, gather);
    return readCallReceipt(request, form);
  },
  speechWanted: (request) => {
    const gather = gatherOf(request, readForm(request));
    const needsText = gather !== null && gather.decision !== "end" && gather.decision !== "confirm";
    return needsText ? gather.deliveryKey : null;
  },
  respond: (request, account, speech) => {
    const gather = gatherOf(request, readForm(request));
    if (gather === null) return twiml(emptyTwiml());
    const settings = voiceSettings.safeParse(account.settings);
    return twiml(
      followingTwiml(gather, speech, settings.success ? settings.data : voiceSettings.parse({})),
    );
  },
};

function twiml(body: string): WebhookAnswer {
  return { status: 200, contentType: "text/xml; charset=utf-8", body };
}

/** Of a name that comes more than once, the first value. */
function readForm(request: RawWebhook): JsonObject {
  const form = parseForm(Buffer.from(request.body).toString("utf8"));
  return Object.fromEntries(
    Object.entries(form).map(([name, value]) => [
      name,
      typeof value === "string" ? value : value[0],
    ]),
  );
}

function deliveryKeyOf(request: RawWebhook): string | null {
  const key = new URL(request.url).searchParams.get(DELIVERY_PARAMETER);
  return key === "" ? null : key;
}

function hashKey(...parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

/** Twilio's own token where it comes; else what makes the event this one. */
function eventKey(request: RawWebhook, kind: string, ...identity: readonly unknown[]): string {
  const token = request.headers[REPEAT_TOKEN_HEADER];
  return `${kind}:${hashKey(token ?? identity)}`;
}

function unrecognised(request: RawWebhook, what: string): InboundEvent {
  const body = Buffer.from(request.body).toString("base64");
  return { kind: "unrecognised", what, eventKey: eventKey(request, "unrecognised", body) };
}

/** What is still on its way inside Twilio is no event. */
function readMessageReceipt(request: RawWebhook, form: JsonObject): readonly InboundEvent[] {
  const id = textAt(form, "MessageSid") ?? textAt(form, "SmsSid");
  const word = textAt(form, "MessageStatus") ?? "";
  const code = numberAt(form, "ErrorCode");
  const state = readMessageStatus(word);
  if (id === null || state.kind === "unknown") {
    return [unrecognised(request, "message status in unknown words")];
  }
  if (state.kind === "waiting" || state.kind === "inbound") return [];
  return [
    {
      kind: "receipt",
      providerMessageId: id,
      alias: null,
      deliveryKey: deliveryKeyOf(request),
      sequence: null,
      isBilled: null,
      receipt: {
        status: state.kind === "failed" ? "failed" : state.status,
        // The carrier's date names no zone and no seconds.
        at: null,
        failure: state.kind === "failed" ? judgeMessage(word, code) : null,
      },
      eventKey: eventKey(request, "status", id, word, code),
    },
  ];
}

function readInbound(request: RawWebhook, form: JsonObject): InboundEvent {
  const id = textAt(form, "MessageSid") ?? textAt(form, "SmsSid");
  const from = readSenderId(textAt(form, "From") ?? "");
  if (id === null || from === null) return unrecognised(request, "message without id or number");
  const latitude = numberAt(form, "Latitude");
  const longitude = numberAt(form, "Longitude");
  return {
    kind: "reply",
    from: [from],
    groupChatId: null,
    displayName: textAt(form, "ProfileName"),
    text: textAt(form, "Body") ?? textAt(form, "ButtonText") ?? "",
    // Unconfirmed: only WhatsApp senders on Twilio are said to report it.
    quotedMessageId: textAt(form, "OriginalRepliedMessageSid"),
    buttonId: textAt(form, "ButtonPayload"),
    reaction: null,
    location: latitude === null || longitude === null ? null : { latitude, longitude },
    media: (numberAt(form, "NumMedia") ?? 0) > 0 ? readMedia(form) : null,
    providerEventId: id,
    at: null,
    eventKey: eventKey(request, "message", id),
  };
}

function readMedia(form: Parameters<typeof textAt>[0]): ReplyEvent["media"] {
  const contentType = textAt(form, "MediaContentType0");
  return {
    type: contentType?.split("/")[0] ?? "file",
    reference: textAt(form, "MediaUrl0"),
    contentType,
    fileName: null,
  };
}

function readSenderId(address: string): SenderId | null {
  const number = address.replace(/^whatsapp:/, "");
  return PHONE.test(number) ? { kind: "phone", e164: number } : null;
}

function gatherOf(request: RawWebhook, form: JsonObject): GatherRequest | null {
  return readGather(request.url, {
    digits: textAt(form, "Digits"),
    answeredBy: textAt(form, "AnsweredBy"),
  });
}

/** A believed key press proves that the message was heard, too. */
function readKeyPress(
  request: RawWebhook,
  form: JsonObject,
  gather: GatherRequest,
): readonly InboundEvent[] {
  const callId = textAt(form, "CallSid");
  if (callId === null) return [unrecognised(request, "key press without a call")];
  if (gather.decision !== "accept" && gather.decision !== "refuse") return [];
  const identity = [callId, gather.round, gather.isConfirming, gather.digits];
  return [
    receiptEvent(
      request,
      callId,
      form,
      { status: "read", at: null, failure: null },
      "heard",
      identity,
    ),
    {
      kind: "keypress",
      callId,
      deliveryKey: gather.deliveryKey,
      digit: gather.digits,
      answer: gather.decision,
      eventKey: eventKey(request, "key", ...identity),
    },
  ];
}

/** Progress reports carry `CallStatus`; the report of the answering machine detection carries `AnsweredBy` alone. */
function readCallReceipt(request: RawWebhook, form: JsonObject): readonly InboundEvent[] {
  const callId = textAt(form, "CallSid");
  const status = textAt(form, "CallStatus");
  const answeredBy = textAt(form, "AnsweredBy");
  const state =
    status === null
      ? stateOfAnswer(answeredBy)
      : readCallStatus(status, readAnsweredBy(answeredBy), numberAt(form, "SipResponseCode"));
  if (callId === null || state.kind === "unknown") {
    return [unrecognised(request, "neither a call's progress nor a key press")];
  }
  const receipt = receiptOf(state, callTime(form));
  const identity = [callId, status, answeredBy, textAt(form, "SequenceNumber")];
  return receipt === null ? [] : [receiptEvent(request, callId, form, receipt, "call", identity)];
}

function stateOfAnswer(answeredBy: string | null): CallState {
  switch (readAnsweredBy(answeredBy)) {
    case "human":
      return { kind: "receipt", status: "delivered" };
    case "machine":
      return VOICEMAIL;
    case "unsure":
      return { kind: "nothing" };
    case "not_told":
      return { kind: "unknown" };
  }
}

function receiptOf(state: CallState, at: number | null): Receipt | null {
  if (state.kind === "receipt") return { status: state.status, at, failure: null };
  return state.kind === "failed" ? { status: "failed", at, failure: state.failure } : null;
}

function callTime(form: JsonObject): number | null {
  const at = Date.parse(textAt(form, "Timestamp") ?? "");
  return Number.isNaN(at) ? null : at;
}

function receiptEvent(
  request: RawWebhook,
  callId: string,
  form: JsonObject,
  receipt: Receipt,
  kind: string,
  identity: readonly unknown[],
): InboundEvent {
  return {
    kind: "receipt",
    providerMessageId: callId,
    alias: null,
    deliveryKey: deliveryKeyOf(request),
    sequence: numberAt(form, "SequenceNumber"),
    isBilled: null,
    callSeconds: numberAt(form, "CallDuration"),
    receipt,
    eventKey: eventKey(request, kind, ...identity),
  };
}
