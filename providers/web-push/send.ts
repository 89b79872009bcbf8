import { createHash } from "node:crypto";

import webPush from "web-push";

import { readAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { FailureReason } from "../errors.ts";
import { callVendor, retryAfterMs } from "../http.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
import { numberAt, parseJsonObject } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  OutboundMessage,
  ProviderId,
  SendOptions,
  SendResult,
} from "../provider.ts";
import { webLink } from "../web-link.ts";
import {
  PAYLOAD_BYTES_MAX,
  TITLE_CHARS_MAX,
  TTL_SECONDS_DEFAULT,
  TTL_SECONDS_MAX,
  URGENT_SECONDS_MAX,
  WEB_PUSH_LIMITS,
  isPushService,
  vapidSubject,
  webPushCredentials,
  webPushSettings,
} from "./config.ts";
import { judgeStatus } from "./vocabulary.ts";

const PROVIDER: ProviderId = "web-push";
const SEND = "send a push message";

/** Longest address of a kept message that is taken as its id. */
const LOCATION_CHARS_MAX = 1_000;
const TOPIC_CHARS = 32;

/**
 * Sends one message to one browser. The library encrypts and signs; the request goes the way of all requests, which knows
 * what surely did not leave. A repeat has the same topic and tag: it replaces the first one wherever that is.
 */
export async function sendPush(
  httpCall: HttpCall,
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): Promise<SendResult> {
  const request = requestOf(account, message, options);
  const answer = await callVendor(
    httpCall,
    { provider: PROVIDER, attempted: SEND, effect: "sends" },
    {
      method: "POST",
      url: request.endpoint,
      headers: request.headers,
      body: request.body,
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    },
  );
  if (answer.status < 200 || answer.status > 299) throw failure(answer, options.now);
  const location = answer.headers["location"]?.slice(0, LOCATION_CHARS_MAX) ?? "";
  return {
    // RFC 8030 names the kept message; services that do not are told by our own name for it.
    providerMessageId: location === "" ? options.deliveryKey : location,
    status: "accepted",
    segments: null,
    isHeldForQuality: false,
    providerResponse: { status: answer.status, location: location !== "" },
  };
}

type PushRequest = {
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
};

function requestOf(
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): PushRequest {
  const { credentials, settings } = readAccount(PROVIDER, SEND, account, {
    credentials: webPushCredentials,
    settings: webPushSettings,
  });
  const subject = vapidSubject.safeParse(account.sender);
  if (!subject.success) throw notConfigured();
  const { to } = message;
  if (to.kind !== "push_subscription") throw refusal("invalid_recipient");
  if (!isPushService(to.endpoint, account.baseUrl, settings.pushServices)) {
    throw refusal("invalid_recipient");
  }
  const ttl = ttlOf(options);
  const payload = payloadOf(message, options.deliveryKey, isUrgent(ttl));
  try {
    const { headers, body } = webPush.generateRequestDetails(
      { endpoint: to.endpoint, keys: { p256dh: to.p256dh, auth: to.auth } },
      payload,
      {
        vapidDetails: { subject: subject.data, ...credentials },
        TTL: ttl,
        urgency: isUrgent(ttl) ? "high" : "normal",
        topic: topicOf(options.deliveryKey),
        contentEncoding: "aes128gcm",
      },
    );
    return { endpoint: to.endpoint, headers: asTexts(headers), body };
  } catch {
    // The library's own error is dropped: it may quote the keys that it could not use.
    throw refusal("invalid_recipient");
  }
}

function ttlOf(options: SendOptions): number {
  const seconds = Math.floor(options.validForSeconds ?? TTL_SECONDS_DEFAULT);
  return Math.min(Math.max(seconds, 0), TTL_SECONDS_MAX);
}

function isUrgent(ttlSeconds: number): boolean {
  return ttlSeconds <= URGENT_SECONDS_MAX;
}

/** Letters and digits only: Mozilla's service takes nothing else. */
function topicOf(deliveryKey: string): string {
  return createHash("sha256").update(deliveryKey).digest("hex").slice(0, TOPIC_CHARS);
}

/**
 * `title`, and the rest as `showNotification` of a service worker takes it. `data.url` is where a click leads, and
 * `data.deliveryId` what the worker tells us when it has shown the message.
 */
function payloadOf(message: OutboundMessage, deliveryKey: string, isPressing: boolean): string {
  if (message.text === "") throw refusal("invalid_request");
  if (message.text.length > WEB_PUSH_LIMITS.textCharsMax) throw refusal("too_long");
  const link = webLink(message.link);
  const payload = JSON.stringify({
    title: (message.subject ?? "Siaga").slice(0, TITLE_CHARS_MAX),
    body: message.text,
    lang: message.language,
    tag: deliveryKey,
    requireInteraction: isPressing,
    ...imageOf(message),
    ...actionsOf(message),
    data: {
      deliveryId: deliveryKey,
      ...(link === null ? {} : { url: link }),
    },
  });
  if (Buffer.byteLength(payload) > PAYLOAD_BYTES_MAX) throw refusal("too_long");
  return payload;
}

function imageOf({ attachment }: OutboundMessage): { readonly image?: string } {
  if (attachment === undefined) return {};
  if (attachment.kind !== "image") throw refusal("unsupported_content");
  return { image: attachment.url };
}

function actionsOf({ buttons = [] }: OutboundMessage): { readonly actions?: readonly unknown[] } {
  if (buttons.length === 0) return {};
  const fits =
    buttons.length <= WEB_PUSH_LIMITS.buttonsMax &&
    buttons.every(({ title }) => title.length <= WEB_PUSH_LIMITS.buttonTitleCharsMax);
  if (!fits) throw refusal("unsupported_content");
  return { actions: buttons.map(({ id, title }) => ({ action: id, title })) };
}

/** The library writes some of its headers as numbers. */
function asTexts(headers: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
}

function refusal(
  reason: Extract<
    FailureReason,
    "invalid_recipient" | "invalid_request" | "too_long" | "unsupported_content"
  >,
): ProviderError {
  return new ProviderError({
    provider: PROVIDER,
    attempted: SEND,
    kind: "rejected",
    scope: "recipient",
    reason,
  });
}

function notConfigured(): ProviderError {
  return new ProviderError({
    provider: PROVIDER,
    attempted: SEND,
    kind: "unauthorized",
    scope: "account",
    reason: "not_configured",
  });
}

/** Mozilla's own, of three digits. */
function errnoOf(body: JsonObject): number | null {
  const number = numberAt(body, "errno");
  return number !== null && Number.isInteger(number) && number > 0 && number < 1_000
    ? number
    : null;
}

/** Of a body only Mozilla's number is kept: texts of other services may quote the address. */
function failure(answer: HttpAnswer, now: number): ProviderError {
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const number = body === null ? null : errnoOf(body);
  const wait = retryAfterMs(answer, now);
  return new ProviderError({
    ...judgeStatus(answer.status),
    provider: PROVIDER,
    attempted: SEND,
    httpStatus: answer.status,
    ...(number === null ? {} : { vendorCode: String(number) }),
    ...(wait === null ? {} : { retryAfterMs: wait }),
    providerResponse: { status: answer.status, errno: number },
  });
}
