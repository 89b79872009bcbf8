/**
 * One request per message. On the engines that let us choose a message's id it holds the delivery's own, which receipts give
 * back; whether WhatsApp shows a message once that was sent twice under one id is promised nowhere, so a lost answer stays
 * unknown until a receipt or the chat itself tells. Files have no such id.
 */
import { isGroupChatId } from "../../domain/group-id.ts";
import { readGatewayAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { FailureReason, ProviderVerdict, SanitizedJson } from "../errors.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
import { callVendor, retryAfterMs } from "../http.ts";
import { objectAt, parseJsonObject, parseJsonObjects, textAt } from "../json.ts";
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
import { messageIdFor } from "../whatsapp-message-id.ts";
import { WAHA_CAPTION_CHARS_MAX, WAHA_LIMITS, wahaCredentials, wahaSettings } from "./config.ts";
import type { WahaSettings } from "./config.ts";
import { keyIdOfMessage } from "./message-id.ts";
import { judgeFailure, readAck, readSessionState, REACHOUT_PAUSE_MS } from "./vocabulary.ts";

const PROVIDER: ProviderId = "waha";
const SEND = "send a WhatsApp message";
const PROBE = "ask about the session";
const LIST_GROUPS = "list the groups";
const FIND_LOST = "look for a message in its chat";

const PHONE = /^\+[1-9]\d{6,14}$/;

const SCHEMAS = { credentials: wahaCredentials, settings: wahaSettings };

/** A number is in so many groups at most that one page holds them all. */
const GROUPS_MAX = 1000;

/** The newest messages of a chat that are searched for a lost one. */
const MESSAGES_SEARCHED_MAX = 50;

const UNREADABLE: ProviderVerdict = {
  kind: "malformed",
  scope: "account",
  reason: "unreadable_answer",
};

export async function sendMessage(
  httpCall: HttpCall,
  destination: "phone" | "group",
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): Promise<SendResult> {
  const { settings } = readGatewayAccount(PROVIDER, SEND, account, SCHEMAS);
  const { path, body } = requestOf(destination, message, settings, options.deliveryKey);
  const answer = await call(httpCall, account, { method: "POST", path, body }, SEND, options);
  return readAccepted(answer, options.now);
}

/** Whether the session works. The engine it runs on is in the detail, because what it reports depends on that. */
export async function probeSession(
  httpCall: HttpCall,
  account: AccountContext,
  options: CallOptions,
): Promise<AccountProbe> {
  const { settings } = readGatewayAccount(PROVIDER, PROBE, account, SCHEMAS);
  const path = `/api/sessions/${settings.session}`;
  const answer = await call(httpCall, account, { method: "GET", path, body: null }, PROBE, options);
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  if (answer.status !== 200 || body === null) throw failure(PROBE, "reads", answer, options.now);
  const found = readSessionState(textAt(body, "status") ?? "");
  if (found === null) throw unreadable(PROBE, answer);
  return {
    // One that only starts can't send either.
    state: found.state === "connected" ? "connected" : "disconnected",
    quotaLeft: null,
    detail: { status: found.word, engine: textAt(objectAt(body, "engine"), "engine") },
  };
}

/** What the gateway knows; it is not refreshed from WhatsApp, because that is rate-limited. */
export async function listGroups(
  httpCall: HttpCall,
  account: AccountContext,
  options: CallOptions,
): Promise<ProviderGroups> {
  const { settings } = readGatewayAccount(PROVIDER, LIST_GROUPS, account, SCHEMAS);
  const path = `/api/${settings.session}/groups?limit=${GROUPS_MAX}&exclude=participants`;
  const answer = await call(
    httpCall,
    account,
    { method: "GET", path, body: null },
    LIST_GROUPS,
    options,
  );
  if (answer.status !== 200) throw failure(LIST_GROUPS, "reads", answer, options.now);
  const found = listed(answer, LIST_GROUPS);
  const groups = found.flatMap((group) => {
    const groupChatId = groupIdOf(group);
    if (groupChatId === null) return [];
    const meta = objectAt(group, "groupMetadata");
    const name =
      textAt(group, "subject") ??
      textAt(group, "name") ??
      textAt(group, "Name") ??
      textAt(meta, "subject") ??
      groupChatId;
    return [{ groupChatId, name }];
  });
  return { groups, isComplete: found.length < GROUPS_MAX };
}

/**
 * Searches the recipient's chat. Null says that the gateway has not kept such a message: NOWEB keeps messages only with its
 * store switched on, and a message that still waits for WhatsApp may come later.
 */
export async function findLost(
  httpCall: HttpCall,
  destination: "phone" | "group",
  account: AccountContext,
  message: OutboundMessage,
  sentAfter: number,
  options: CallOptions,
): Promise<SendResult | null> {
  const { settings } = readGatewayAccount(PROVIDER, FIND_LOST, account, SCHEMAS);
  const chatId = encodeURIComponent(chatIdOf(destination, message));
  const query = new URLSearchParams({
    limit: String(MESSAGES_SEARCHED_MAX),
    downloadMedia: "false",
    "filter.timestamp.gte": String(Math.floor(sentAfter / 1000)),
    "filter.fromMe": "true",
  });
  const path = `/api/${settings.session}/chats/${chatId}/messages?${query.toString()}`;
  const answer = await call(
    httpCall,
    account,
    { method: "GET", path, body: null },
    FIND_LOST,
    options,
  );
  if (answer.status !== 200) throw failure(FIND_LOST, "reads", answer, options.now);
  // A pin carries no text of ours: nothing would tell it from another.
  if (message.text === "") return null;
  const found = listed(answer, FIND_LOST).find(
    (each) => each["fromMe"] === true && textAt(each, "body") === message.text,
  );
  const id = found === undefined ? null : keyIdOfMessage(found);
  return found === undefined || id === null ? null : resultOf(id, found);
}

type WahaRequest = { readonly path: string; readonly body: JsonObject };

/** Everything that the gateway or WhatsApp would refuse for its form is refused here, before anything is sent. */
function requestOf(
  destination: "phone" | "group",
  message: OutboundMessage,
  settings: WahaSettings,
  deliveryKey: string,
): WahaRequest {
  const { attachment, text } = message;
  const to = { session: settings.session, chatId: chatIdOf(destination, message) };
  const hasOwnIds = settings.engine === "NOWEB" || settings.engine === "GOWS";
  const id = hasOwnIds ? { id: messageIdFor(deliveryKey) } : {};
  if (attachment === undefined) {
    if (text === "") throw refusal("invalid_request");
    if (text.length > WAHA_LIMITS.textCharsMax) throw refusal("too_long");
    // A preview opens the links of a message, the acknowledgment link included.
    return { path: "/api/sendText", body: { ...to, ...id, text, linkPreview: false } };
  }
  if (attachment.kind === "location") {
    // A pin has a title and no text: dropping the text silently would lose it.
    if (text !== "") throw refusal("unsupported_content");
    const { address, latitude, longitude, name } = attachment;
    const title = [name, address].filter((part) => part !== null && part !== "").join(", ");
    return {
      path: "/api/sendLocation",
      body: {
        ...to,
        ...id,
        latitude,
        longitude,
        title: title === "" ? `${latitude}, ${longitude}` : title,
      },
    };
  }
  if (text.length > WAHA_CAPTION_CHARS_MAX) throw refusal("too_long");
  // The file goes as it is: an address would be fetched from inside our network, past the guard that checks addresses.
  if (attachment.content === null) throw refusal("media");
  return {
    path: attachment.kind === "image" ? "/api/sendImage" : "/api/sendFile",
    body: {
      ...to,
      file: {
        mimetype: attachment.content.contentType,
        filename: attachment.fileName,
        data: Buffer.from(attachment.content.bytes).toString("base64"),
      },
      ...(text === "" ? {} : { caption: text }),
    },
  };
}

function chatIdOf(destination: "phone" | "group", message: OutboundMessage): string {
  const to = message.to;
  if (to.kind !== destination) throw refusal("invalid_recipient");
  if (to.kind === "phone" && PHONE.test(to.e164)) return `${to.e164.slice(1)}@c.us`;
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
  request: {
    readonly method: "GET" | "POST";
    readonly path: string;
    readonly body: JsonObject | null;
  },
  attempted: string,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<HttpAnswer> {
  const { baseUrl, credentials } = readGatewayAccount(PROVIDER, attempted, account, SCHEMAS);
  return callVendor(
    httpCall,
    { provider: PROVIDER, attempted, effect: attempted === SEND ? "sends" : "reads" },
    {
      method: request.method,
      url: `${baseUrl}${request.path}`,
      headers: {
        "x-api-key": credentials.apiKey,
        accept: "application/json",
        ...(request.body === null ? {} : { "content-type": "application/json" }),
      },
      body: request.body === null ? null : JSON.stringify(request.body),
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    },
  );
}

/** A success names the message; one that carries the engine's own "ERROR" is none. */
function readAccepted(answer: HttpAnswer, now: number): SendResult {
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const isSuccess = answer.status >= 200 && answer.status < 300;
  if (!isSuccess) throw failure(SEND, "sends", answer, now);
  const id = body === null ? null : keyIdOfMessage(body);
  if (body === null || id === null) throw unreadable(SEND, answer);
  const ack = readAck(body);
  if (ack.kind !== "failed") return resultOf(id, body);
  throw new ProviderError({
    ...ack.failure,
    provider: PROVIDER,
    attempted: SEND,
    httpStatus: answer.status,
    vendorCode: "ack ERROR",
    providerResponse: sanitizeMessage(body),
  });
}

function resultOf(providerMessageId: string, message: JsonObject): SendResult {
  return {
    providerMessageId,
    // SERVER or more: WhatsApp has it. PENDING and nothing said: only the gateway has.
    status: readAck(message).kind === "receipt" ? "sent" : "accepted",
    segments: null,
    isHeldForQuality: false,
    providerResponse: sanitizeMessage(message),
  };
}

/** Privacy: ids, `from`, `to` and `_data` hold numbers, `body` the text. */
function sanitizeMessage(message: JsonObject): SanitizedJson {
  const ack = readAck(message);
  return {
    ack: ack.kind === "receipt" ? ack.status : ack.kind,
    timestamp: textAt(message, "timestamp"),
  };
}

function unreadable(attempted: string, answer: HttpAnswer): ProviderError {
  return new ProviderError({
    ...UNREADABLE,
    kind: attempted === SEND ? "unknown_outcome" : "malformed",
    provider: PROVIDER,
    attempted,
    httpStatus: answer.status,
  });
}

function failure(
  attempted: string,
  effect: "sends" | "reads",
  answer: HttpAnswer,
  now: number,
): ProviderError {
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const { code, verdict } = judgeFailure(answer.status, body);
  const isRead = effect === "reads" && verdict.kind === "unknown_outcome";
  const wait =
    retryAfterMs(answer, now) ?? (verdict.reason === "spam_limit" ? REACHOUT_PAUSE_MS : null);
  return new ProviderError({
    ...verdict,
    ...(isRead ? { kind: "unavailable" as const } : {}),
    provider: PROVIDER,
    attempted,
    httpStatus: answer.status,
    ...(code === null ? {} : { vendorCode: code }),
    ...(wait === null ? {} : { retryAfterMs: wait }),
    // Privacy: messages of errors quote chats, texts and whole requests.
    providerResponse: { http: answer.status, code },
  });
}

/** A list of objects; NOWEB may give an object of them by their ids instead. */
function listed(answer: HttpAnswer, attempted: string): readonly JsonObject[] {
  if (!answer.isComplete) throw unreadable(attempted, answer);
  const list = parseJsonObjects(answer.body);
  if (list !== null) return list;
  const byId = parseJsonObject(answer.body);
  if (byId === null) throw unreadable(attempted, answer);
  return Object.keys(byId).map((id) => ({ id, ...objectAt(byId, id) }));
}

/** `id` as text or as an object, or whatsmeow's `JID`. */
function groupIdOf(group: JsonObject): string | null {
  const id =
    textAt(group, "id") ??
    textAt(objectAt(group, "id"), "_serialized") ??
    textAt(group, "JID") ??
    "";
  return isGroupChatId(id) ? id : null;
}
