/**
 * Wablas's three webhooks (incoming message, tracking, device status) may all point at one address; the fields tell which
 * one it is. Nothing is signed. A request is believed when it names the account's own device, by its id or its number; the
 * secret address is checked before it comes here. Tracking: https://manual.test.co.id/docs/api/webhook-tracking-message;
 * the others are read from receivers' code. Checked September 2026.
 */
import { createHash } from "node:crypto";

import { epochMsAt, objectAt, parseJsonObject, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  InboundEvent,
  RawWebhook,
  ReplyEvent,
  WebhookReader,
  WebhookVerdict,
} from "../provider.ts";
import { isSameNumber, readGroupChatId, readSenderId } from "../whatsapp-ids.ts";
import { wablasCredentials, wablasSettings } from "./config.ts";
import { readDeviceState, readFlag, readStatus } from "./vocabulary.ts";

/**
 * Who wrote in a group: a field of `group`, as one receiver found it in a real request (`phone` was the group's id there).
 * Unconfirmed; without it a group's message is nobody's.
 */
const WABLAS_GROUP_AUTHOR_FIELD = "sender";

/** Stands before the text of a pressed button. */
const BUTTON_MARK = /^<~\s*/;

export const wablasWebhook: WebhookReader = {
  verify: (request, account) => {
    const body = readBody(request);
    if (body === null) return { ok: false, reason: "unreadable" };
    if (!wablasCredentials.safeParse(account.credentials).success) {
      return { ok: false, reason: "not_configured" };
    }
    return verifyDevice(body, account);
  },

  parse: (request, account, receivedAt) => {
    const body = readBody(request);
    if (body === null) return [unrecognised(request, "unreadable body")];
    if (isMessage(body)) return [readReply(request, body, receivedAt)];
    if (textAt(body, "id") !== null) return readReceipt(request, body);
    return [readDevice(request, body, account, receivedAt)];
  },

  // Any text in the answer would be sent into the chat.
  respond: () => ({ status: 200, contentType: "text/plain; charset=utf-8", body: "" }),
};

function verifyDevice(body: JsonObject, account: AccountContext): WebhookVerdict {
  const settings = wablasSettings.safeParse(account.settings);
  if (!settings.success) return { ok: false, reason: "not_configured" };
  const expectedId = settings.data.deviceId;
  const givenId = textAt(body, "deviceId") ?? textAt(body, "device_id");
  if (expectedId !== undefined) {
    return givenId === expectedId ? { ok: true } : { ok: false, reason: "wrong_account" };
  }
  const sender = textAt(body, "sender");
  return sender !== null && isSameNumber(sender, account.sender)
    ? { ok: true }
    : { ok: false, reason: "wrong_account" };
}

/** JSON; very old servers post forms, where `group` is JSON in a field. */
function readBody(request: RawWebhook): JsonObject | null {
  if (request.method !== "POST") return null;
  const text = Buffer.from(request.body).toString("utf8");
  const json = parseJsonObject(text);
  if (json !== null) return json;
  const contentType = request.headers["content-type"] ?? "";
  if (!contentType.startsWith("application/x-www-form-urlencoded")) return null;
  const fields = Object.fromEntries(new URLSearchParams(text));
  const group = parseJsonObject(fields["group"] ?? "");
  return group === null ? fields : { ...fields, group };
}

function hashKey(...parts: readonly (string | null)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

/**
 * Tells equal requests at different times apart. Where no time is told, what comes twice within a minute is a repeat, and
 * anything later is new: an answer lost as a repeat would be worse than one recorded twice.
 */
function momentOf(body: JsonObject, receivedAt: number): string {
  return textAt(body, "timestamp") ?? `minute ${Math.floor(receivedAt / 60_000)}`;
}

/** Unix time, or a date that says its zone; null when not told. */
function instantOf(body: JsonObject): number | null {
  const text = textAt(body, "timestamp") ?? "";
  const isDated = /^\d{4}-\d{2}-\d{2}T.*(?:Z|[+-]\d{2}:?\d{2})$/.test(text);
  const dated = isDated ? Date.parse(text) : Number.NaN;
  return Number.isNaN(dated) ? epochMsAt(body, "timestamp") : dated;
}

function unrecognised(request: RawWebhook, what: string): InboundEvent {
  const body = Buffer.from(request.body).toString("base64");
  return { kind: "unrecognised", what, eventKey: `unrecognised:${hashKey(body)}` };
}

function isMessage(body: JsonObject): boolean {
  return ["message", "messageType", "pushName", "file", "url", "image"].some(
    (field) => textAt(body, field) !== null,
  );
}

function readReceipt(request: RawWebhook, body: JsonObject): readonly InboundEvent[] {
  const id = textAt(body, "id");
  const found = readStatus(textAt(body, "status") ?? "");
  if (found.kind === "unknown") {
    return [unrecognised(request, "message status in unknown words")];
  }
  if (found.kind === "queued") return [];
  const failure = found.kind === "failed" ? found.failure : null;
  const status = found.kind === "failed" ? "failed" : found.status;
  return [
    {
      kind: "receipt",
      providerMessageId: id,
      alias: null,
      deliveryKey: null,
      sequence: null,
      isBilled: null,
      receipt: { status, at: instantOf(body), failure },
      eventKey: `receipt:${hashKey(id, status, failure?.vendorCode ?? null)}`,
    },
  ];
}

function readDevice(
  request: RawWebhook,
  body: JsonObject,
  account: AccountContext,
  receivedAt: number,
): InboundEvent {
  const state = readDeviceState(textAt(body, "status") ?? "");
  if (state === null) return unrecognised(request, "neither message, status nor device state");
  const reason = textAt(body, "note");
  return {
    kind: "account_state",
    state,
    reason,
    eventKey: `device:${hashKey(account.accountId, state, reason, momentOf(body, receivedAt))}`,
  };
}

type Place = { readonly writer: string | null; readonly groupChatId: string | null };

/**
 * In a group `phone` is the group, except on older servers, which name the group in `groupId`. `isGroup` may be the text
 * "false", and `sender` is always the device.
 */
function placeOf(body: JsonObject): Place | null {
  const phone = textAt(body, "phone");
  const group = objectAt(body, "group");
  const named = [
    textAt(group, "group_id"),
    textAt(group, "id"),
    textAt(body, "groupId"),
    phone,
  ].flatMap((text) => (text === null ? [] : [text]));
  const isPhoneTheGroup = phone !== null && readGroupChatId(phone) !== null;
  if (readFlag(body["isGroup"]) !== true && !isPhoneTheGroup) {
    return { writer: phone, groupChatId: null };
  }
  const groupChatId = named.map(readGroupChatId).find((id) => id !== null);
  // A group's message that names no group must not pass for a personal one.
  if (groupChatId === undefined) return null;
  const author = textAt(group, WABLAS_GROUP_AUTHOR_FIELD);
  return { writer: author ?? (isPhoneTheGroup ? null : phone), groupChatId };
}

function readReply(request: RawWebhook, body: JsonObject, receivedAt: number): InboundEvent {
  if (readFlag(body["isFromMe"]) === true) {
    return unrecognised(request, "a message that the device itself sent");
  }
  const place = placeOf(body);
  if (place === null) return unrecognised(request, "a group message without its group");
  const from = place.writer === null ? null : readSenderId(place.writer);
  if (from === null) return unrecognised(request, "no writer's id");
  const text = (textAt(body, "message") ?? "").replace(BUTTON_MARK, "");
  const id = textAt(body, "id");
  return {
    kind: "reply",
    from: [from],
    groupChatId: place.groupChatId,
    displayName: textAt(body, "pushName"),
    text,
    quotedMessageId: null,
    buttonId: null,
    reaction: null,
    location: readLocation(body, text),
    media: readMedia(body),
    providerEventId: id,
    at: instantOf(body),
    eventKey:
      id === null
        ? `reply:${hashKey(place.writer, place.groupChatId, momentOf(body, receivedAt), text)}`
        : `inbox:${hashKey(place.groupChatId, place.writer, id)}`,
  };
}

function readMedia(body: JsonObject): ReplyEvent["media"] {
  const type = textAt(body, "messageType");
  const fileName = textAt(body, "file");
  const reference = textAt(body, "url") ?? textAt(body, "image");
  if (type === "text" || type === "location") return null;
  if (fileName === null && reference === null) return null;
  return { type: type ?? "file", reference, contentType: textAt(body, "mimeType"), fileName };
}

/** Where the pin is written is unconfirmed: as "latitude,longitude" in the text, as far as it is known. */
function readLocation(body: JsonObject, text: string): ReplyEvent["location"] {
  if (textAt(body, "messageType") !== "location") return null;
  const match = /^\s*(-?\d{1,2}(?:\.\d+)?)\s*[,;]\s*(-?\d{1,3}(?:\.\d+)?)\s*$/.exec(text);
  return match === null ? null : { latitude: Number(match[1]), longitude: Number(match[2]) };
}
