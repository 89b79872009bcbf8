/**
 * WAHA's webhooks: one signed POST per event, repeated fifteen times every two seconds until it is answered with success. A
 * webhook of the session and one of the whole gateway, or `message` and `message.any`, tell the same thing under different
 * event ids, so repeats are recognised by what is told. https://waha.devlike.pro/docs/how-to/events/ and issues 1384, 1564,
 * 1627, 1718, 2031, checked September 2026.
 */
import { createHash } from "node:crypto";

import { isGroupChatId } from "../../domain/group-id.ts";
import { epochMsAt, numberAt, objectAt, parseJsonObject, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  InboundEvent,
  ReplyEvent,
  SenderId,
  WebhookReader,
} from "../provider.ts";
import { readSenderId } from "../whatsapp-ids.ts";
import { deliveryKeyOf } from "../whatsapp-message-id.ts";
import { wahaCredentials, wahaSettings } from "./config.ts";
import { keyIdOf, keyIdOfMessage } from "./message-id.ts";
import { isWahaSignatureValid, WAHA_ALGORITHM_HEADER, WAHA_SIGNATURE_HEADER } from "./signature.ts";
import { readAck, readRestriction, readSessionState } from "./vocabulary.ts";

/**
 * Where engines put the other name of a writer who comes under an alias, within `_data`. Unconfirmed: raw data of the
 * engines, of which WAHA says that it may change.
 */
const RAW_ALIASES = {
  key: ["participantPn", "participantAlt", "senderPn", "remoteJidAlt"],
  Info: ["SenderAlt"],
} as const;

export const wahaWebhook: WebhookReader = {
  verify: (request, account) => {
    const credentials = wahaCredentials.safeParse(account.credentials);
    if (!credentials.success) return { ok: false, reason: "not_configured" };
    if (request.method !== "POST") return { ok: false, reason: "unreadable" };
    const signature = request.headers[WAHA_SIGNATURE_HEADER];
    if (signature === undefined) return { ok: false, reason: "missing_signature" };
    const algorithm = request.headers[WAHA_ALGORITHM_HEADER] ?? "sha512";
    return algorithm.toLowerCase() === "sha512" &&
      isWahaSignatureValid(request.body, signature, credentials.data.webhookHmacKey)
      ? { ok: true }
      : { ok: false, reason: "wrong_signature" };
  },

  parse: (request, account, receivedAt) => {
    const body = parseJsonObject(Buffer.from(request.body).toString("utf8"));
    if (body === null) return [unrecognised("unreadable body", request.body)];
    // A webhook of the whole gateway tells about all of its sessions.
    if (!isOurs(body, account)) return [unrecognised("another session", body)];
    const payload = objectAt(body, "payload");
    const event = textAt(body, "event") ?? "";
    switch (event) {
      case "message":
      case "message.any":
        return readMessage(payload);
      case "message.reaction":
        return readReaction(payload);
      case "message.ack":
      case "message.ack.group":
        return readReceipt(payload, body);
      case "session.status":
        return readSession(payload, body, receivedAt);
      default:
        return [unrecognised(event === "" ? "no event" : `event ${event.slice(0, 60)}`, body)];
    }
  },

  respond: () => ({ status: 200, contentType: "text/plain; charset=utf-8", body: "ok" }),
};

function hashKey(...parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

function unrecognised(what: string, content: unknown): InboundEvent {
  const text = content instanceof Uint8Array ? Buffer.from(content).toString("base64") : content;
  return { kind: "unrecognised", what, eventKey: `unrecognised:${hashKey(text)}` };
}

function isOurs(body: JsonObject, account: AccountContext): boolean {
  const settings = wahaSettings.safeParse(account.settings);
  const session = textAt(body, "session");
  return session === null || (settings.success && session === settings.data.session);
}

/** Null for a message of our own. */
function readHead(
  payload: JsonObject,
):
  | Pick<
      ReplyEvent,
      "from" | "groupChatId" | "displayName" | "providerEventId" | "at" | "buttonId" | "kind"
    >
  | "our own"
  | null {
  if (payload["fromMe"] === true) return "our own";
  const id = keyIdOfMessage(payload);
  const chat = textAt(payload, "from") ?? "";
  const isGroup = isGroupChatId(chat);
  const writer = isGroup ? (textAt(payload, "participant") ?? textAt(payload, "author")) : chat;
  const from = writer === null ? null : sendersOf(writer, payload);
  if (id === null || from === null) return null;
  const raw = objectAt(payload, "_data");
  return {
    kind: "reply",
    from,
    groupChatId: isGroup ? chat : null,
    displayName:
      textAt(raw, "notifyName") ??
      textAt(raw, "pushName") ??
      textAt(objectAt(raw, "Info"), "PushName"),
    buttonId: null,
    providerEventId: id,
    at: epochMsAt(payload, "timestamp"),
  };
}

/** The phone first, where one is known. */
function sendersOf(writer: string, payload: JsonObject): ReplyEvent["from"] | null {
  const raw = objectAt(payload, "_data");
  const others = [
    ...RAW_ALIASES.key.map((field) => textAt(objectAt(raw, "key"), field)),
    ...RAW_ALIASES.Info.map((field) => textAt(objectAt(raw, "Info"), field)),
  ];
  const found = [writer, ...others].flatMap((text): readonly SenderId[] => {
    const id = text === null ? null : readSenderId(text);
    return id === null ? [] : [id];
  });
  const [first, ...rest] = distinct([
    ...found.filter(({ kind }) => kind === "phone"),
    ...found.filter(({ kind }) => kind !== "phone"),
  ]);
  // Whoever wrote must be named by the event itself: raw data alone could be about somebody else.
  return first === undefined || readSenderId(writer) === null ? null : [first, ...rest];
}

function distinct(ids: readonly SenderId[]): readonly SenderId[] {
  return [...new Map(ids.map((id) => [JSON.stringify(id), id])).values()];
}

function readMessage(payload: JsonObject): readonly InboundEvent[] {
  const head = readHead(payload);
  if (head === "our own") return [];
  if (head === null) return [unrecognised("message without id or writer", payload)];
  return [
    {
      ...head,
      text: textAt(payload, "body") ?? "",
      quotedMessageId: keyIdOf(objectAt(payload, "replyTo")["id"]),
      reaction: null,
      location: readLocation(objectAt(payload, "location")),
      media: readMedia(payload),
      eventKey: `message:${hashKey(head.groupChatId, head.from, head.providerEventId)}`,
    },
  ];
}

function readReaction(payload: JsonObject): readonly InboundEvent[] {
  const head = readHead(payload);
  if (head === "our own") return [];
  const reaction = objectAt(payload, "reaction");
  const messageId = keyIdOf(reaction["messageId"]);
  if (head === null || messageId === null) {
    return [unrecognised("reaction without id or writer", payload)];
  }
  // Empty when it was taken back.
  const emoji = textAt(reaction, "text") ?? "";
  return [
    {
      ...head,
      text: "",
      quotedMessageId: messageId,
      reaction: emoji,
      location: null,
      media: null,
      eventKey: `reaction:${hashKey(head.groupChatId, head.from, head.providerEventId, messageId, emoji)}`,
    },
  ];
}

/** In a group one event for each member. `from` and `to` are written both ways round, so only `fromMe` and the key count. */
function readReceipt(payload: JsonObject, body: JsonObject): readonly InboundEvent[] {
  const id = keyIdOfMessage(payload);
  if (id === null) return [unrecognised("receipt without id", payload)];
  // Of messages that others wrote we tell whether we read them.
  if (payload["fromMe"] === false) return [];
  const ack = readAck(payload);
  if (ack.kind === "none") return [];
  if (ack.kind === "unknown") return [unrecognised("acknowledgment in unknown words", payload)];
  const failure = ack.kind === "failed" ? ack.failure : null;
  const status = ack.kind === "failed" ? "failed" : ack.status;
  const participant = textAt(payload, "participant");
  return [
    {
      kind: "receipt",
      providerMessageId: id,
      alias: null,
      deliveryKey: deliveryKeyOf(id),
      sequence: null,
      isBilled: null,
      ...(participant === null ? {} : { member: sendersOf(participant, payload) ?? [] }),
      receipt: { status, at: epochMsAt(body, "timestamp"), failure },
      eventKey: `ack:${hashKey(id, status, participant)}`,
    },
  ];
}

/** WORKING tells by its data whether new chats may be started. */
function readSession(
  payload: JsonObject,
  body: JsonObject,
  receivedAt: number,
): readonly InboundEvent[] {
  const found = readSessionState(textAt(payload, "status") ?? "");
  if (found === null) return [unrecognised("session in an unknown state", body)];
  if (found.state === "passing") return [];
  const restriction =
    found.state === "connected" ? readRestriction(objectAt(payload, "data")) : null;
  const moment = textAt(body, "id") ?? textAt(body, "timestamp");
  return [
    {
      kind: "account_state",
      state: restriction === null ? found.state : "restricted",
      reason: restriction ?? found.word,
      // Without id and time, what comes twice within a minute is a repeat.
      eventKey: `session:${hashKey(found.word, restriction, moment ?? Math.floor(receivedAt / 60_000))}`,
    },
  ];
}

function readLocation(location: JsonObject): ReplyEvent["location"] {
  const latitude = numberAt(location, "latitude");
  const longitude = numberAt(location, "longitude");
  return latitude === null || longitude === null ? null : { latitude, longitude };
}

/** The address is the gateway's own and needs its key; without a download there is none. */
function readMedia(payload: JsonObject): ReplyEvent["media"] {
  const media = objectAt(payload, "media");
  const contentType = textAt(media, "mimetype");
  const reference = textAt(media, "url");
  if (payload["hasMedia"] !== true && contentType === null && reference === null) return null;
  const [kind = ""] = (contentType ?? "").split("/");
  const types: Readonly<Record<string, string>> = {
    image: "image",
    audio: "voice",
    video: "video",
  };
  return {
    type: types[kind] ?? "file",
    reference,
    contentType,
    fileName: textAt(media, "filename"),
  };
}
