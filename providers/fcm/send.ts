import { baseUrlOf, readAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { FailureReason, ProviderVerdict } from "../errors.ts";
import { callVendor, retryAfterMs } from "../http.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
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
import { webLink } from "../web-link.ts";
import type { AccessTokens, TokenRequest } from "./access-token.ts";
import {
  FCM_DEFAULTS,
  FCM_LIMITS,
  MESSAGE_BYTES_MAX,
  PROJECT_ID,
  TITLE_CHARS_MAX,
  TTL_SECONDS_DEFAULT,
  TTL_SECONDS_MAX,
  URGENT_SECONDS_MAX,
  fcmCredentials,
  fcmSettings,
  readServiceAccount,
} from "./config.ts";
import { judgeAnswer } from "./vocabulary.ts";

const PROVIDER: ProviderId = "fcm";
const SEND = "send a push message";
const PROBE = "ask whether a push message could be sent";

/** Nobody listens to it; a message that is only validated needs an addressee of some kind. */
const PROBE_TOPIC = "siaga-probe";

export type FcmClient = { readonly httpCall: HttpCall; readonly tokens: AccessTokens };

type Call = {
  readonly attempted: string;
  readonly effect: "sends" | "reads";
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly now: number;
};

/** Sends one message to one app. There is no idempotency key; a repeat replaces the first one on the screen by its tag. */
export async function sendToApp(
  client: FcmClient,
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): Promise<SendResult> {
  const { settings } = configOf(account, SEND);
  const body = { message: messageOf(message, options, settings.androidChannelId) };
  if (Buffer.byteLength(JSON.stringify(body.message)) > MESSAGE_BYTES_MAX) {
    throw refusal("too_long");
  }
  const { signal, timeoutMs, now } = options;
  const call: Call = { attempted: SEND, effect: "sends", signal, timeoutMs, now };
  const answer = await post(client, account, body, call);
  const name = nameIn(answer);
  if (name === null) throw failure(answer, call);
  return {
    providerMessageId: name,
    status: "accepted",
    segments: null,
    isHeldForQuality: false,
    providerResponse: { status: answer.status, name },
  };
}

/** A message that FCM only validates: proves the key, the project and the permission. */
export async function probeProject(
  client: FcmClient,
  account: AccountContext,
  options: CallOptions,
): Promise<AccountProbe> {
  const call: Call = { attempted: PROBE, effect: "reads", ...options };
  const body = {
    validate_only: true,
    message: { topic: PROBE_TOPIC, notification: { title: "Siaga" } },
  };
  const answer = await post(client, account, body, call);
  if (nameIn(answer) === null) throw failure(answer, call);
  return { state: "connected", quotaLeft: null, detail: { status: answer.status } };
}

function configOf(account: AccountContext, attempted: string) {
  const read = readAccount(PROVIDER, attempted, account, {
    credentials: fcmCredentials,
    settings: fcmSettings,
  });
  const serviceAccount = readServiceAccount(read.credentials.serviceAccount);
  if (serviceAccount === null || !PROJECT_ID.test(account.sender)) {
    throw new ProviderError({
      provider: PROVIDER,
      attempted,
      kind: "unauthorized",
      scope: "account",
      reason: "not_configured",
    });
  }
  return { settings: read.settings, serviceAccount };
}

/** A token that is refused is forgotten, so that the next message signs in anew; this one is not repeated in secret. */
async function post(
  client: FcmClient,
  account: AccountContext,
  body: unknown,
  call: Call,
): Promise<HttpAnswer> {
  const { serviceAccount } = configOf(account, call.attempted);
  const startedAt = performance.now();
  const baseUrl = baseUrlOf(account, FCM_DEFAULTS);
  const tokenRequest: TokenRequest = {
    attempted: call.attempted,
    serviceAccount,
    // An account with an address of its own (a simulated FCM) signs in there and nowhere else.
    tokenUrl: account.baseUrl === null ? serviceAccount.tokenUrl : `${baseUrl}/token`,
    signal: call.signal,
    timeoutMs: call.timeoutMs,
    now: call.now,
  };
  const token = await client.tokens.get(tokenRequest);
  const answer = await callVendor(
    client.httpCall,
    { provider: PROVIDER, attempted: call.attempted, effect: call.effect },
    {
      method: "POST",
      url: `${baseUrl}/v1/projects/${account.sender}/messages:send`,
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json; charset=utf-8",
      },
      body: JSON.stringify(body),
      // Signing in has used up part of it.
      timeoutMs: Math.max(1, call.timeoutMs - (performance.now() - startedAt)),
      signal: call.signal,
    },
  );
  if (answer.status === 401) client.tokens.forget(tokenRequest);
  return answer;
}

/**
 * `notification` is what the phone shows by itself, `data` what the app gets: all its values are text. No collapse key: FCM
 * keeps at most four of them for a device that is off, and the fifth alarm would push out another.
 */
function messageOf(
  message: OutboundMessage,
  options: SendOptions,
  androidChannelId: string | undefined,
): Readonly<Record<string, unknown>> {
  const { to } = message;
  const link = webLink(message.link);
  if (to.kind !== "push_token" || to.token === "") throw refusal("invalid_recipient");
  if (message.text === "") throw refusal("invalid_request");
  if (message.text.length > FCM_LIMITS.textCharsMax) throw refusal("too_long");
  const ttl = ttlOf(options);
  const isUrgent = ttl <= URGENT_SECONDS_MAX;
  const tag = options.deliveryKey;
  return {
    token: to.token,
    notification: {
      title: (message.subject ?? "Siaga").slice(0, TITLE_CHARS_MAX),
      body: message.text,
      ...imageOf(message),
    },
    data: {
      deliveryId: options.deliveryKey,
      language: message.language,
      ...(link === null ? {} : { url: link }),
    },
    android: {
      priority: isUrgent ? "HIGH" : "NORMAL",
      ttl: `${ttl}s`,
      notification: {
        tag,
        ...(androidChannelId === undefined ? {} : { channel_id: androidChannelId }),
      },
    },
    apns: {
      headers: {
        "apns-priority": isUrgent ? "10" : "5",
        "apns-expiration": String(Math.floor(options.now / 1_000) + ttl),
        "apns-collapse-id": tag.slice(0, APNS_COLLAPSE_ID_CHARS_MAX),
      },
      payload: { aps: { sound: "default" } },
    },
    webpush: {
      headers: { TTL: String(ttl), Urgency: isUrgent ? "high" : "normal" },
      notification: { tag },
      ...(link?.startsWith("https:") === true ? { fcm_options: { link } } : {}),
    },
  };
}

/** Apple takes 64 bytes. */
const APNS_COLLAPSE_ID_CHARS_MAX = 64;

function ttlOf(options: SendOptions): number {
  const seconds = Math.floor(options.validForSeconds ?? TTL_SECONDS_DEFAULT);
  return Math.min(Math.max(seconds, 0), TTL_SECONDS_MAX);
}

function imageOf({ attachment }: OutboundMessage): { readonly image?: string } {
  if (attachment === undefined) return {};
  if (attachment.kind !== "image") throw refusal("unsupported_content");
  return { image: attachment.url };
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

function bodyOf(answer: HttpAnswer): JsonObject | null {
  return answer.isComplete ? parseJsonObject(answer.body) : null;
}

/** The message's name of an answer that says that it was taken. */
function nameIn(answer: HttpAnswer): string | null {
  const body = answer.status === 200 ? bodyOf(answer) : null;
  return body === null || body["error"] !== undefined ? null : textAt(body, "name");
}

const UNREADABLE_SUCCESS: Readonly<Record<Call["effect"], ProviderVerdict>> = {
  sends: { kind: "unknown_outcome", scope: "account", reason: "unreadable_answer" },
  reads: { kind: "malformed", scope: "account", reason: "unreadable_answer" },
};

function failure(answer: HttpAnswer, call: Call): ProviderError {
  const body = bodyOf(answer);
  const isSuccess = answer.status >= 200 && answer.status < 300;
  const isFlagged = body !== null && body["error"] !== undefined;
  const { verdict, code } =
    isSuccess && !isFlagged
      ? { verdict: UNREADABLE_SUCCESS[call.effect], code: null }
      : judgeAnswer(answer.status, body);
  const wait = retryAfterMs(answer, call.now);
  return new ProviderError({
    ...verdict,
    kind:
      call.effect === "reads" && verdict.kind === "unknown_outcome" ? "unavailable" : verdict.kind,
    provider: PROVIDER,
    attempted: call.attempted,
    httpStatus: answer.status,
    ...(code === null ? {} : { vendorCode: code }),
    ...(wait === null ? {} : { retryAfterMs: wait }),
    providerResponse: { status: answer.status, code },
  });
}
