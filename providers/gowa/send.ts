/**
 * One request per message, answered after WhatsApp's server has it. There is no idempotency key: a lost answer stays unknown
 * until the chat itself tells. Addresses are always written in full, because the gateway takes every bare value of more than
 * fifteen characters for a group.
 */
import { isGroupChatId } from "../../domain/group-id.ts";
import { readGatewayAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { FailureReason, ProviderVerdict, SanitizedJson } from "../errors.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
import { callVendor, retryAfterMs } from "../http.ts";
import { objectAt, objectsAt, parseJsonObject, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  AccountProbe,
  CallOptions,
  OutboundMessage,
  ProviderGroups,
  ProviderId,
  SendOptions,
  SendResult,
} from "../provider.ts";
import { GOWA_CAPTION_CHARS_MAX, GOWA_LIMITS, gowaCredentials, gowaSettings } from "./config.ts";
import type { GowaCredentials } from "./config.ts";
import { multipart } from "./form.ts";
import { judgeFailure, REACHOUT_PAUSE_MS } from "./vocabulary.ts";

const PROVIDER: ProviderId = "gowa";
const SEND = "send a WhatsApp message";
const PROBE = "ask about the device";
const LIST_GROUPS = "list the groups";
const FIND_LOST = "look for a message in its chat";

const PHONE = /^\+[1-9]\d{6,14}$/;

const SCHEMAS = { credentials: gowaCredentials, settings: gowaSettings };

/** WhatsApp answers the gateway with so many groups at most. */
const GROUPS_MAX = 500;

/** The newest messages of a chat that are searched for a lost one; the gateway gives 100 at most. */
const MESSAGES_SEARCHED_MAX = 50;

export async function sendMessage(
  httpCall: HttpCall,
  destination: "phone" | "group",
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): Promise<SendResult> {
  // Before the form is written: an account that is not configured is told as such.
  readGatewayAccount(PROVIDER, SEND, account, SCHEMAS);
  const request = requestOf(destination, message);
  const answer = await call(httpCall, account, request, SEND, options);
  const results = acceptedResults(answer, SEND, "sends", options.now);
  const id = textAt(results, "message_id");
  if (id === null) throw unreadable(SEND, "sends", answer);
  return accepted(id);
}

/** Whether the device is connected and logged in; without a device's id, the gateway's only device. */
export async function probeDevice(
  httpCall: HttpCall,
  account: AccountContext,
  options: CallOptions,
): Promise<AccountProbe> {
  const { settings } = readGatewayAccount(PROVIDER, PROBE, account, SCHEMAS);
  const path =
    settings.deviceId === undefined
      ? "/app/status"
      : `/devices/${encodeURIComponent(settings.deviceId)}/status`;
  const answer = await call(httpCall, account, get(path), PROBE, options);
  const results = acceptedResults(answer, PROBE, "reads", options.now);
  const isConnected = results["is_connected"];
  const isLoggedIn = results["is_logged_in"];
  if (typeof isConnected !== "boolean" || typeof isLoggedIn !== "boolean") {
    throw unreadable(PROBE, "reads", answer);
  }
  return {
    state: isConnected && isLoggedIn ? "connected" : "disconnected",
    quotaLeft: null,
    detail: { is_connected: isConnected, is_logged_in: isLoggedIn },
  };
}

export async function listGroups(
  httpCall: HttpCall,
  account: AccountContext,
  options: CallOptions,
): Promise<ProviderGroups> {
  const answer = await call(httpCall, account, get("/user/my/groups"), LIST_GROUPS, options);
  const results = acceptedResults(answer, LIST_GROUPS, "reads", options.now);
  const found = objectsAt(results, "data");
  const groups = found.flatMap((group) => {
    const groupChatId = textAt(group, "JID") ?? "";
    return isGroupChatId(groupChatId)
      ? [{ groupChatId, name: textAt(group, "Name") ?? groupChatId }]
      : [];
  });
  return { groups, isComplete: found.length < GROUPS_MAX };
}

/**
 * Searches the recipient's chat in the gateway's own storage, which has a message once WhatsApp's server took it. Null says
 * that it has none yet: a send that ran into the time limit may still go out.
 */
export async function findLost(
  httpCall: HttpCall,
  destination: "phone" | "group",
  account: AccountContext,
  message: OutboundMessage,
  sentAfter: number,
  options: CallOptions,
): Promise<SendResult | null> {
  const chat = encodeURIComponent(chatIdOf(destination, message));
  const query = new URLSearchParams({
    limit: String(MESSAGES_SEARCHED_MAX),
    is_from_me: "true",
    // Messages are dated in whole seconds.
    start_time: new Date(Math.floor(sentAfter / 1000) * 1000).toISOString(),
  });
  const path = `/chat/${chat}/messages?${query.toString()}`;
  const answer = await call(httpCall, account, get(path), FIND_LOST, options);
  // Nothing was ever written in this chat.
  if (answer.status === 404 && !isDeviceMissing(answer)) return null;
  const results = acceptedResults(answer, FIND_LOST, "reads", options.now);
  // A pin carries no text of ours: nothing would tell it from another.
  if (message.text === "") return null;
  const found = objectsAt(results, "data").find((each) => {
    const content = textAt(each, "content") ?? "";
    const isSame = content === message.text || textWithin(content) === message.text;
    return each["is_from_me"] === true && isSame;
  });
  const id = found === undefined ? null : textAt(found, "id");
  return id === null ? null : accepted(id);
}

function isDeviceMissing(answer: HttpAnswer): boolean {
  const body = parseJsonObject(answer.body);
  return body !== null && textAt(body, "code") === "DEVICE_NOT_FOUND";
}

/** A caption is kept behind a mark for its kind of file: "🖼️ Foto ODP". */
function textWithin(content: string): string {
  return content.replace(/^\p{Extended_Pictographic}\uFE0F? /u, "");
}

function accepted(providerMessageId: string): SendResult {
  return {
    providerMessageId,
    status: "sent",
    segments: null,
    isHeldForQuality: false,
    // Privacy: `message` and `status` name the recipient.
    providerResponse: { code: "SUCCESS" },
  };
}

type GowaRequest = {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly contentType: string | null;
  readonly body: string | Uint8Array | null;
};

function get(path: string): GowaRequest {
  return { method: "GET", path, contentType: null, body: null };
}

function postJson(path: string, body: JsonObject): GowaRequest {
  return { method: "POST", path, contentType: "application/json", body: JSON.stringify(body) };
}

/** Everything that the gateway or WhatsApp would refuse for its form is refused here, before anything is sent. */
function requestOf(destination: "phone" | "group", message: OutboundMessage): GowaRequest {
  const { attachment, text } = message;
  const phone = chatIdOf(destination, message);
  if (attachment === undefined) {
    if (text === "") throw refusal("invalid_request");
    if (text.length > GOWA_LIMITS.textCharsMax) throw refusal("too_long");
    return postJson("/send/message", { phone, message: text });
  }
  if (attachment.kind === "location") {
    // A pin has neither text nor name here: dropping the text silently would lose it.
    if (text !== "") throw refusal("unsupported_content");
    return postJson("/send/location", {
      phone,
      latitude: String(attachment.latitude),
      longitude: String(attachment.longitude),
    });
  }
  if (text.length > GOWA_CAPTION_CHARS_MAX) throw refusal("too_long");
  // The file goes as it is: an address would be fetched from inside our network, past the guard that checks addresses.
  if (attachment.content === null) throw refusal("media");
  const isImage = attachment.kind === "image";
  const form = multipart(
    {
      phone,
      ...(text === "" ? {} : { caption: text }),
      // Compressed images are 600 pixels wide: too small to read a meter on.
      ...(isImage ? { view_once: "false", compress: "false" } : {}),
    },
    {
      field: isImage ? "image" : "file",
      fileName: attachment.fileName,
      contentType: attachment.content.contentType,
      bytes: attachment.content.bytes,
    },
  );
  return { method: "POST", path: isImage ? "/send/image" : "/send/file", ...form };
}

function chatIdOf(destination: "phone" | "group", message: OutboundMessage): string {
  const to = message.to;
  if (to.kind !== destination) throw refusal("invalid_recipient");
  if (to.kind === "phone" && PHONE.test(to.e164)) return `${to.e164.slice(1)}@s.whatsapp.net`;
  if (to.kind === "group" && isGroupChatId(to.groupChatId)) return to.groupChatId;
  throw refusal("invalid_recipient");
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

function call(
  httpCall: HttpCall,
  account: AccountContext,
  request: GowaRequest,
  attempted: string,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<HttpAnswer> {
  const { baseUrl, credentials, settings } = readGatewayAccount(
    PROVIDER,
    attempted,
    account,
    SCHEMAS,
  );
  return callVendor(
    httpCall,
    { provider: PROVIDER, attempted, effect: attempted === SEND ? "sends" : "reads" },
    {
      method: request.method,
      url: `${baseUrl}${request.path}`,
      headers: {
        accept: "application/json",
        ...authorizationOf(credentials),
        ...(settings.deviceId === undefined ? {} : { "x-device-id": settings.deviceId }),
        ...(request.contentType === null ? {} : { "content-type": request.contentType }),
      },
      body: request.body,
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    },
  );
}

function authorizationOf({
  username,
  password,
}: GowaCredentials): Readonly<Record<string, string>> {
  if (username === undefined) return {};
  const pair = Buffer.from(`${username}:${password ?? ""}`).toString("base64");
  return { authorization: `Basic ${pair}` };
}

/** `results` of an answer that says SUCCESS with HTTP 200; every other answer is thrown as what it means. */
function acceptedResults(
  answer: HttpAnswer,
  attempted: string,
  effect: "sends" | "reads",
  now: number,
): JsonObject {
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const isSuccess = answer.status >= 200 && answer.status < 300;
  const code = body === null ? null : textAt(body, "code");
  if (isSuccess && body !== null && code === "SUCCESS") return objectAt(body, "results");
  const { verdict, word } = judgeFailure(
    answer.status,
    code,
    body === null ? null : textAt(body, "message"),
  );
  // A success without its word, or with one that nobody listed, says nothing.
  if (isSuccess && word === null) throw unreadable(attempted, effect, answer);
  const wait =
    retryAfterMs(answer, now) ?? (verdict.reason === "spam_limit" ? REACHOUT_PAUSE_MS : null);
  throw failure(attempted, answer, readable(verdict, effect), { word, wait });
}

/** Repeating a question harms nobody, so its outcome is never unknown. */
function readable(verdict: ProviderVerdict, effect: "sends" | "reads"): ProviderVerdict {
  return effect === "reads" && verdict.kind === "unknown_outcome"
    ? { ...verdict, kind: "unavailable" }
    : verdict;
}

function unreadable(
  attempted: string,
  effect: "sends" | "reads",
  answer: HttpAnswer,
): ProviderError {
  const kind = effect === "sends" ? "unknown_outcome" : "malformed";
  const verdict: ProviderVerdict = { kind, scope: "account", reason: "unreadable_answer" };
  return failure(attempted, answer, verdict, { word: null, wait: null });
}

function failure(
  attempted: string,
  answer: HttpAnswer,
  verdict: ProviderVerdict,
  found: { readonly word: string | null; readonly wait: number | null },
): ProviderError {
  const response: SanitizedJson = { http: answer.status, code: found.word };
  return new ProviderError({
    ...verdict,
    provider: PROVIDER,
    attempted,
    httpStatus: answer.status,
    ...(found.word === null ? {} : { vendorCode: found.word }),
    ...(found.wait === null ? {} : { retryAfterMs: found.wait }),
    providerResponse: response,
  });
}
