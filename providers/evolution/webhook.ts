/**
 * Evolution's webhook: one POST per event to the instance's own address, repeated up to ten times within about half an hour,
 * but never after 400, 401, 403, 404 or 422. Messages may be told twice (2.3.7) and receipts in any release, so repeats are
 * recognised by what is told. `webhook.controller.ts` and `whatsapp.baileys.service.ts` of 2.3.6 to 2.4.0-rc2, September 2026.
 */
import { createHash } from "node:crypto";

import {
  epochMsAt,
  isJsonObject,
  numberAt,
  objectAt,
  objectsAt,
  parseJsonObject,
  textAt,
} from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  InboundEvent,
  RawWebhook,
  Receipt,
  ReplyEvent,
  SenderId,
  WebhookReader,
} from "../provider.ts";
import { readGroupChatId, readSenderId } from "../whatsapp-ids.ts";
import { deliveryKeyOf } from "../whatsapp-message-id.ts";
import { evolutionCredentials, evolutionSettings } from "./config.ts";
import {
  EVOLUTION_SECRET_HEADER,
  isEvolutionAuthorizationValid,
  isSameSecret,
} from "./signature.ts";
import { readConnection, readStatus } from "./vocabulary.ts";

/** Events that say nothing about a message, an answer or the number's state. */
const QUIET_EVENTS: readonly string[] = [
  "application.startup",
  "call",
  "chamaai.action",
  "chats.delete",
  "chats.set",
  "chats.update",
  "chats.upsert",
  "contacts.set",
  "contacts.update",
  "contacts.upsert",
  "group.participants.update",
  "group.update",
  "groups.update",
  "groups.upsert",
  "instance.create",
  "labels.association",
  "labels.edit",
  "messages.delete",
  "messages.edited",
  "messages.set",
  "presence.update",
  "qrcode.updated",
  // What the gateway itself has sent: the answer to the request says so already.
  "send.message",
  "send.message.update",
  "typebot.change.status",
  "typebot.start",
];

export const evolutionWebhook: WebhookReader = {
  verify: (request, account) => {
    const body = readBody(request);
    if (body === null) return { ok: false, reason: "unreadable" };
    const credentials = evolutionCredentials.safeParse(account.credentials);
    const settings = evolutionSettings.safeParse(account.settings);
    if (!credentials.success || !settings.success || settings.data.instance === undefined) {
      return { ok: false, reason: "not_configured" };
    }
    const { webhookSecret } = credentials.data;
    const given = request.headers[EVOLUTION_SECRET_HEADER];
    const authorization = request.headers["authorization"];
    if (given !== undefined) {
      if (!isSameSecret(given, webhookSecret)) return { ok: false, reason: "wrong_secret" };
    } else if (authorization === undefined) {
      return { ok: false, reason: "missing_secret" };
    } else if (!isEvolutionAuthorizationValid(authorization, webhookSecret)) {
      return { ok: false, reason: "wrong_signature" };
    }
    return textAt(body, "instance") === settings.data.instance
      ? { ok: true }
      : { ok: false, reason: "wrong_account" };
  },

  parse: (request) => {
    const body = readBody(request);
    if (body === null) return [unrecognised("unreadable body", request.body)];
    // "messages.upsert", and "MESSAGES_UPSERT" as the settings write it.
    const event = (textAt(body, "event") ?? "").toLowerCase().replace(/[_-]/g, ".");
    switch (event) {
      case "messages.update":
        return dataOf(body).flatMap(readReceipt);
      case "messages.upsert":
        return dataOf(body).flatMap(readMessage);
      case "connection.update":
      case "status.instance":
      case "logout.instance":
      case "remove.instance":
        return readAccountState(event, body);
      default:
        return QUIET_EVENTS.includes(event)
          ? []
          : [unrecognised(event === "" ? "no event" : `event ${event.slice(0, 60)}`, body)];
    }
  },

  respond: () => ({ status: 200, contentType: "text/plain; charset=utf-8", body: "ok" }),
};

function readBody(request: RawWebhook): JsonObject | null {
  return request.method === "POST"
    ? parseJsonObject(Buffer.from(request.body).toString("utf8"))
    : null;
}

/** One thing, or a list of them in older releases. */
function dataOf(body: JsonObject): readonly JsonObject[] {
  return Array.isArray(body["data"]) ? objectsAt(body, "data") : [objectAt(body, "data")];
}

function hashKey(...parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

function unrecognised(what: string, content: unknown): InboundEvent {
  const text = content instanceof Uint8Array ? Buffer.from(content).toString("base64") : content;
  return { kind: "unrecognised", what, eventKey: `unrecognised:${hashKey(text)}` };
}

function readReceipt(data: JsonObject): readonly InboundEvent[] {
  // What became of a message that we received.
  if (data["fromMe"] === false) return [];
  const id = textAt(data, "keyId") ?? textAt(objectAt(data, "key"), "id");
  const word = textAt(data, "status") ?? "";
  const status = readStatus(word);
  if (id === null || status.kind === "unknown") {
    return [unrecognised("message status in unknown words", data)];
  }
  // 2.3.7 calls an edit without a status SERVER_ACK: its content tells it from the real one.
  if (status.kind === "nothing" || isJsonObject(data["message"])) return [];
  return [
    {
      kind: "receipt",
      providerMessageId: id,
      alias: null,
      deliveryKey: deliveryKeyOf(id),
      sequence: null,
      isBilled: null,
      ...memberOf(data, status.kind === "failed" ? "failed" : status.status),
      // `date_time` is local time that calls itself UTC, so no time is told.
      receipt:
        status.kind === "failed"
          ? { status: "failed", at: null, failure: status.failure }
          : { status: status.status, at: null, failure: null },
      eventKey: `receipt:${hashKey(id, word, textAt(data, "participant"))}`,
    },
  ];
}

/** What goes beyond `sent` is one member's, named or not; the rest is of the whole message unless it names one. */
function memberOf(
  data: JsonObject,
  status: Receipt["status"],
): { readonly member?: readonly SenderId[] } {
  if (readGroupChatId(textAt(data, "remoteJid") ?? "") === null) return {};
  const member = sendersIn(data, MEMBER_KEYS);
  if (member !== null) return { member };
  return status === "delivered" || status === "read" ? { member: [] } : {};
}

/** `state` and `statusReason`, or `status` and `disconnectionReasonCode`, depending on the event. */
function readAccountState(event: string, body: JsonObject): readonly InboundEvent[] {
  const data = objectAt(body, "data");
  const isGone = event === "logout.instance" || event === "remove.instance";
  const word = isGone ? "close" : (textAt(data, "state") ?? textAt(data, "status") ?? "");
  if (word === "connecting") return [];
  const code = numberAt(data, "statusReason") ?? numberAt(data, "disconnectionReasonCode");
  const state = readConnection(word, code);
  if (state === null) return [unrecognised("connection in unknown words", body)];
  return [
    {
      kind: "account_state",
      state,
      reason: code === null || state === "connected" ? null : String(code),
      eventKey: `state:${hashKey(event, textAt(body, "instance"), state, code, textAt(body, "date_time"))}`,
    },
  ];
}

function readMessage(data: JsonObject): readonly InboundEvent[] {
  const key = objectAt(data, "key");
  const id = textAt(key, "id");
  const chat = textAt(key, "remoteJid");
  if (id === null || chat === null) return [unrecognised("message without id or chat", data)];
  // Written on the number's own phone, a status, a channel.
  if (key["fromMe"] === true || /@(?:broadcast|newsletter)$/.test(chat)) return [];
  const groupChatId = readGroupChatId(chat);
  const from = groupChatId === null ? sendersIn(key, PERSONAL_KEYS) : sendersIn(key, MEMBER_KEYS);
  if (from === null) return [unrecognised("message without sender", data)];
  const content = contentOf(data, id);
  if (content === null) return [];
  return [
    {
      kind: "reply",
      from,
      groupChatId,
      displayName: textAt(data, "pushName"),
      ...content,
      providerEventId: id,
      at: epochMsAt(data, "messageTimestamp"),
      eventKey: `message:${hashKey(id, chat, textAt(key, "participant"))}`,
    },
  ];
}

/** Where the writer stands. The second names are those of earlier releases. */
const PERSONAL_KEYS = ["remoteJid", "remoteJidAlt", "senderPn", "senderLid", "previousRemoteJid"];
const MEMBER_KEYS = ["participant", "participantAlt", "participantPn", "participantLid"];

/** Every id once, phones first: an alias alone is all there is of a hidden number. */
function sendersIn(key: JsonObject, names: readonly string[]): ReplyEvent["from"] | null {
  const found = names.flatMap((name) => {
    const id = textAt(key, name);
    const sender = id === null ? null : readSenderId(id);
    return sender === null ? [] : [sender];
  });
  const byText = new Map(found.map((sender) => [JSON.stringify(sender), sender]));
  const ids: readonly SenderId[] = [...byText.values()];
  const [first, ...rest] = [
    ...ids.filter(({ kind }) => kind === "phone"),
    ...ids.filter(({ kind }) => kind !== "phone"),
  ];
  return first === undefined ? null : [first, ...rest];
}

type Content = Pick<
  ReplyEvent,
  "text" | "quotedMessageId" | "buttonId" | "reaction" | "location" | "media"
>;

/** Parts that hold a message inside a message. */
const WRAPPERS = [
  "ephemeralMessage",
  "viewOnceMessage",
  "viewOnceMessageV2",
  "viewOnceMessageV2Extension",
  "documentWithCaptionMessage",
] as const;

/** More than one inside another has not been seen. */
const WRAPPERS_DEEP_MAX = 3;

/** Parts that are no writing of a person: keys, edits, deletions, votes that nobody asked for. */
const SILENT: readonly string[] = [
  "encReactionMessage",
  "keepInChatMessage",
  "messageContextInfo",
  "pinInChatMessage",
  "pollUpdateMessage",
  "protocolMessage",
  "senderKeyDistributionMessage",
];

const MEDIA_PARTS: Readonly<Record<string, string>> = {
  imageMessage: "image",
  videoMessage: "video",
  ptvMessage: "video",
  audioMessage: "voice",
  documentMessage: "document",
  stickerMessage: "sticker",
};

/** Null for what is not to be told on. `id` is the reference by which the gateway hands out a file. */
function contentOf(data: JsonObject, id: string): Content | null {
  const message = unwrapped(objectAt(data, "message"));
  // Parts of a message are objects; what the gateway adds (an address, a file in Base64) is text.
  const name =
    Object.keys(message).find((each) => isJsonObject(message[each]) && !SILENT.includes(each)) ??
    "";
  const conversation = textAt(message, "conversation");
  if (name === "" && conversation === null) return null;
  const part = objectAt(message, name);
  const nothing: Content = {
    text: "",
    quotedMessageId:
      textAt(objectAt(data, "contextInfo"), "stanzaId") ??
      textAt(objectAt(part, "contextInfo"), "stanzaId"),
    buttonId: null,
    reaction: null,
    location: null,
    media: null,
  };
  if (conversation !== null) return { ...nothing, text: conversation };
  switch (name) {
    case "extendedTextMessage":
      return { ...nothing, text: textAt(part, "text") ?? "" };
    case "reactionMessage":
      return {
        ...nothing,
        quotedMessageId: textAt(objectAt(part, "key"), "id"),
        // Empty when the reaction is taken back.
        reaction: textAt(part, "text") ?? "",
      };
    case "buttonsResponseMessage":
    case "templateButtonReplyMessage":
      return {
        ...nothing,
        text: textAt(part, "selectedDisplayText") ?? "",
        buttonId: textAt(part, "selectedButtonId") ?? textAt(part, "selectedId"),
      };
    case "interactiveResponseMessage":
      return { ...nothing, ...interactiveAnswer(part) };
    case "listResponseMessage":
      return {
        ...nothing,
        text: textAt(part, "title") ?? "",
        buttonId: textAt(objectAt(part, "singleSelectReply"), "selectedRowId"),
      };
    case "locationMessage":
    case "liveLocationMessage":
      return {
        ...nothing,
        text: textAt(part, "name") ?? textAt(part, "caption") ?? "",
        location: locationIn(part),
      };
    default:
      return {
        ...nothing,
        text: textAt(part, "caption") ?? "",
        media: {
          type: MEDIA_PARTS[name] ?? name,
          // Its own store's address, where it keeps files; WhatsApp's address is of no use without its key.
          reference: textAt(message, "mediaUrl") ?? (Object.hasOwn(MEDIA_PARTS, name) ? id : null),
          contentType: textAt(part, "mimetype"),
          fileName: textAt(part, "fileName") ?? textAt(part, "title"),
        },
      };
  }
}

function unwrapped(message: JsonObject): JsonObject {
  let inner = message;
  for (let depth = 0; depth < WRAPPERS_DEEP_MAX; depth += 1) {
    const wrapper = WRAPPERS.find((name) => isJsonObject(inner[name]));
    if (wrapper === undefined) return inner;
    inner = objectAt(objectAt(inner, wrapper), "message");
  }
  return inner;
}

/** The button's id stands in JSON inside the JSON. Unconfirmed for every client. */
function interactiveAnswer(part: JsonObject): Pick<Content, "text" | "buttonId"> {
  const parameters = parseJsonObject(
    textAt(objectAt(part, "nativeFlowResponseMessage"), "paramsJson") ?? "",
  );
  return {
    text:
      textAt(objectAt(part, "body"), "text") ??
      (parameters === null ? null : textAt(parameters, "display_text")) ??
      "",
    buttonId: parameters === null ? null : textAt(parameters, "id"),
  };
}

function locationIn(part: JsonObject): ReplyEvent["location"] {
  const latitude = numberAt(part, "degreesLatitude");
  const longitude = numberAt(part, "degreesLongitude");
  return latitude === null || longitude === null ? null : { latitude, longitude };
}
