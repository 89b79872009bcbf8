/**
 * GOWA's webhooks: one signed POST per event, from parallel senders in any order, tried five times within half a minute and
 * then lost for good. Events have no id of their own, so repeats are recognised by what is told. `docs/webhook-payload.md` of
 * the gateway, release 9.2.0, checked September 2026.
 */
import { createHash } from "node:crypto";

import { isGroupChatId } from "../../domain/group-id.ts";
import { isJsonObject, numberAt, objectAt, parseJsonObject, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  InboundEvent,
  ReplyEvent,
  SenderId,
  WebhookReader,
} from "../provider.ts";
import { isSameNumber, readSenderId } from "../whatsapp-ids.ts";
import { gowaCredentials, gowaSettings } from "./config.ts";
import { GOWA_SIGNATURE_HEADER, isGowaSignatureValid } from "./signature.ts";
import { readReceiptType } from "./vocabulary.ts";

/** Fields that hold a file, and what the file is. */
const MEDIA_FIELDS = {
  image: "image",
  video: "video",
  video_note: "video",
  audio: "voice",
  document: "document",
  sticker: "sticker",
} as const;

export const gowaWebhook: WebhookReader = {
  verify: (request, account) => {
    const credentials = gowaCredentials.safeParse(account.credentials);
    if (!credentials.success) return { ok: false, reason: "not_configured" };
    if (request.method !== "POST") return { ok: false, reason: "unreadable" };
    const signature = request.headers[GOWA_SIGNATURE_HEADER];
    if (signature === undefined) return { ok: false, reason: "missing_signature" };
    return isGowaSignatureValid(request.body, signature, credentials.data.webhookSecret)
      ? { ok: true }
      : { ok: false, reason: "wrong_signature" };
  },

  parse: (request, account) => {
    const body = parseJsonObject(Buffer.from(request.body).toString("utf8"));
    if (body === null) return [unrecognised("unreadable body", request.body)];
    // The gateway's global webhook tells about all of its devices.
    if (!isOurs(body, account)) return [unrecognised("another device", body)];
    const payload = objectAt(body, "payload");
    const event = textAt(body, "event") ?? "";
    switch (event) {
      case "message":
        return readMessage(payload);
      case "message.reaction":
        return readReaction(payload);
      case "message.ack":
        return readReceipts(payload, body);
      default:
        return [unrecognised(event === "" ? "no event" : `event ${event.slice(0, 60)}`, body)];
    }
  },

  // Every success will do.
  respond: () => ({ status: 200, contentType: "text/plain; charset=utf-8", body: "ok" }),
};

function hashKey(...parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

function unrecognised(what: string, content: unknown): InboundEvent {
  const text = content instanceof Uint8Array ? Buffer.from(content).toString("base64") : content;
  return { kind: "unrecognised", what, eventKey: `unrecognised:${hashKey(text)}` };
}

/** By the name that the account gives its device, or by the device's number. */
function isOurs(body: JsonObject, account: AccountContext): boolean {
  const settings = gowaSettings.safeParse(account.settings);
  const deviceId = settings.success ? settings.data.deviceId : undefined;
  const names = [textAt(body, "session_id"), textAt(body, "device_id")].filter(
    (name) => name !== null,
  );
  return (
    names.length === 0 ||
    names.some((name) => name === deviceId || isSameNumber(name, account.sender))
  );
}

function readHead(
  payload: JsonObject,
):
  | Pick<
      ReplyEvent,
      "kind" | "from" | "groupChatId" | "displayName" | "providerEventId" | "at" | "buttonId"
    >
  | "our own"
  | null {
  if (payload["is_from_me"] === true) return "our own";
  const id = textAt(payload, "id");
  const chat = textAt(payload, "chat_id") ?? "";
  const from = sendersOf(payload);
  const isGroup = isGroupChatId(chat);
  // Stories and channels are no chats: "status@broadcast".
  const isChat = isGroup || readSenderId(chat) !== null;
  if (id === null || from === null || !isChat) return null;
  return {
    kind: "reply",
    from,
    groupChatId: isGroup ? chat : null,
    displayName: textAt(payload, "from_name") ?? textAt(payload, "sender_display_name"),
    buttonId: null,
    providerEventId: id,
    at: instantAt(payload),
  };
}

/** `from` is the phone where the gateway knows it, else the alias; `from_lid` is always the alias. */
function sendersOf(payload: JsonObject): ReplyEvent["from"] | null {
  const found = [textAt(payload, "from"), textAt(payload, "from_lid")].flatMap(
    (text): readonly SenderId[] => {
      const id = text === null ? null : readSenderId(text);
      return id === null ? [] : [id];
    },
  );
  const [first, ...rest] = [...new Map(found.map((id) => [JSON.stringify(id), id])).values()];
  return first === undefined ? null : [first, ...rest];
}

function readMessage(payload: JsonObject): readonly InboundEvent[] {
  const head = readHead(payload);
  if (head === "our own") return [];
  if (head === null) return [unrecognised("message without id, writer or chat", payload)];
  const media = readMedia(payload);
  return [
    {
      ...head,
      text: textAt(payload, "body") ?? media?.caption ?? "",
      quotedMessageId: textAt(payload, "replied_to_id"),
      reaction: null,
      location: readLocation(payload),
      media: media?.file ?? null,
      eventKey: `message:${hashKey(head.groupChatId, head.from, head.providerEventId)}`,
    },
  ];
}

function readReaction(payload: JsonObject): readonly InboundEvent[] {
  const head = readHead(payload);
  if (head === "our own") return [];
  const messageId = textAt(payload, "reacted_message_id");
  if (head === null || messageId === null) {
    return [unrecognised("reaction without id, writer or chat", payload)];
  }
  // Empty when it was taken back.
  const emoji = textAt(payload, "reaction") ?? "";
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

/** One request may tell about many messages; in a group each member's comes by itself. */
function readReceipts(payload: JsonObject, body: JsonObject): readonly InboundEvent[] {
  const listed: unknown = payload["ids"];
  const ids = (Array.isArray(listed) ? listed : []).flatMap((id: unknown) =>
    typeof id === "string" && id !== "" ? [id] : [],
  );
  if (ids.length === 0) return [unrecognised("receipt without id", body)];
  const status = readReceiptType(textAt(payload, "receipt_type") ?? "");
  if (status === null) return [unrecognised("receipt in unknown words", body)];
  if (status === "ours") return [];
  const from = textAt(payload, "from");
  const isOfGroup = isGroupChatId(textAt(payload, "chat_id") ?? "");
  const member = isOfGroup ? (sendersOf(payload) ?? []) : null;
  return [...new Set(ids)].map((id) => ({
    kind: "receipt",
    providerMessageId: id,
    alias: null,
    deliveryKey: null,
    sequence: null,
    isBilled: null,
    ...(member === null ? {} : { member }),
    receipt: { status, at: instantAt(body), failure: null },
    eventKey: `ack:${hashKey(id, status, from)}`,
  }));
}

/** RFC 3339 to epoch ms. */
function instantAt(object: JsonObject): number | null {
  const at = Date.parse(textAt(object, "timestamp") ?? "");
  return Number.isNaN(at) ? null : at;
}

function readLocation(payload: JsonObject): ReplyEvent["location"] {
  for (const field of ["location", "live_location"]) {
    const place = objectAt(payload, field);
    const latitude = numberAt(place, "degreesLatitude");
    const longitude = numberAt(place, "degreesLongitude");
    if (latitude !== null && longitude !== null) return { latitude, longitude };
  }
  return null;
}

/** A path within the gateway, or an object with `path` or WhatsApp's own `url`. */
function readMedia(payload: JsonObject): {
  readonly file: NonNullable<ReplyEvent["media"]>;
  readonly caption: string | null;
} | null {
  for (const [field, type] of Object.entries(MEDIA_FIELDS)) {
    const value = payload[field];
    const file = isJsonObject(value) ? value : {};
    const path = textAt(payload, field) ?? textAt(file, "path") ?? textAt(file, "url");
    if (path === null && !isJsonObject(value)) continue;
    return {
      file: {
        type,
        reference: path,
        contentType: textAt(file, "mime_type"),
        fileName: textAt(file, "filename"),
      },
      caption: textAt(file, "caption"),
    };
  }
  return null;
}
