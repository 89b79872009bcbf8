/**
 * Fonnte's three webhooks (inbound, message status, device status) may all point at one address; the fields tell which
 * one it is. Nothing is signed. A request is believed when the secret inside it is the account's, where one is
 * configured, and when it names the account's own device; the secret address is checked before it comes here.
 * https://docs.fonnte.com/webhook-reply-message/, https://docs.fonnte.com/webhook-update-message-status/, checked
 * September 2026.
 */
import { createHash } from "node:crypto";

import { epochMsAt, parseJsonObject, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  InboundEvent,
  RawWebhook,
  Receipt,
  ReplyEvent,
  SenderId,
  WebhookReader,
} from "../provider.ts";
import { fonnteCredentials } from "./config.ts";
import { FONNTE_SECRET_FIELD, isFonnteSecretValid } from "./signature.ts";
import { readDeviceState, readStatus } from "./vocabulary.ts";

export const fonnteWebhook: WebhookReader = {
  verify: (request, account) => {
    const body = readBody(request);
    if (body === null) return { ok: false, reason: "unreadable" };
    const credentials = fonnteCredentials.safeParse(account.credentials);
    if (!credentials.success) return { ok: false, reason: "not_configured" };
    const secret = credentials.data.webhookSecret;
    if (secret !== undefined) {
      const given = textAt(body, FONNTE_SECRET_FIELD);
      if (given === null) return { ok: false, reason: "missing_secret" };
      if (!isFonnteSecretValid(given, secret)) return { ok: false, reason: "wrong_secret" };
    }
    const device = digitsOf(textAt(body, "device") ?? "");
    return device !== "" && device === digitsOf(account.sender)
      ? { ok: true }
      : { ok: false, reason: "wrong_account" };
  },

  parse: (request, account, receivedAt) => {
    const body = readBody(request);
    if (body === null) return [unrecognised(request, "unreadable body")];
    if (senderOf(body) !== null) {
      return [readReply(body, receivedAt) ?? unrecognised(request, "no sender id")];
    }
    if (textAt(body, "id") !== null || textAt(body, "stateid") !== null) {
      return readReceipts(request, body);
    }
    return [readDevice(request, body, account, receivedAt)];
  },

  // Anything but 200 is repeated fifteen times at one-minute spacing.
  respond: () => ({ status: 200, contentType: "text/plain; charset=utf-8", body: "ok" }),
};

/** JSON or a form, depending on the age and settings of the device. */
function readBody(request: RawWebhook): JsonObject | null {
  if (request.method !== "POST") return null;
  const text = Buffer.from(request.body).toString("utf8");
  const json = parseJsonObject(text);
  if (json !== null) return json;
  const contentType = request.headers["content-type"] ?? "";
  if (!contentType.startsWith("application/x-www-form-urlencoded")) return null;
  return Object.fromEntries(new URLSearchParams(text));
}

function digitsOf(text: string): string {
  return text.replace(/\D/g, "");
}

function hashKey(...parts: readonly (string | null)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

/**
 * Tells equal requests at different times apart. Older devices send no time: then what comes twice within a minute is a
 * repeat, and anything later is new, because an answer lost as a repeat would be worse than one recorded twice.
 */
function momentOf(body: JsonObject, receivedAt: number): string {
  return textAt(body, "timestamp") ?? `minute ${Math.floor(receivedAt / 60_000)}`;
}

function unrecognised(request: RawWebhook, what: string): InboundEvent {
  const body = Buffer.from(request.body).toString("base64");
  return { kind: "unrecognised", what, eventKey: `unrecognised:${hashKey(body)}` };
}

/** One shape tells both ids and ties them together, the others tell one of them. */
function readReceipts(request: RawWebhook, body: JsonObject): readonly InboundEvent[] {
  const id = textAt(body, "id");
  const stateId = textAt(body, "stateid");
  const at = epochMsAt(body, "timestamp");
  const words = [textAt(body, "status"), textAt(body, "state")].filter((word) => word !== null);
  const found = words.map(readStatus);
  const receipts = [...strongest(found), ...firstFailure(found)];
  const links: readonly InboundEvent[] =
    id !== null && stateId !== null
      ? [
          {
            kind: "link",
            providerMessageId: id,
            alias: stateId,
            eventKey: `link:${hashKey(id, stateId)}`,
          },
        ]
      : [];
  const isKnown = found.some((status) => status.kind !== "unknown");
  if (!isKnown) return [...links, unrecognised(request, "message status in unknown words")];
  return [
    ...links,
    ...receipts.map((receipt): InboundEvent => ({
      kind: "receipt",
      providerMessageId: id,
      alias: stateId,
      deliveryKey: null,
      sequence: null,
      isBilled: null,
      receipt: { ...receipt, at },
      eventKey: `receipt:${hashKey(id, stateId, receipt.status, receipt.failure?.vendorCode ?? null)}`,
    })),
  ];
}

type FoundStatus = ReturnType<typeof readStatus>;
type UndatedReceipt = Omit<Receipt, "at">;

/** `status` speaks of Fonnte's queue and `state` of the phone: the further of the two is what happened. */
function strongest(found: readonly FoundStatus[]): readonly UndatedReceipt[] {
  const order = ["sent", "delivered", "read"] as const;
  const reached = found.flatMap((status) => (status.kind === "receipt" ? [status.status] : []));
  const furthest = order.findLast((status) => reached.includes(status));
  return furthest === undefined ? [] : [{ status: furthest, failure: null }];
}

function firstFailure(found: readonly FoundStatus[]): readonly UndatedReceipt[] {
  const failure = found.find((status) => status.kind === "failed");
  return failure === undefined ? [] : [{ status: "failed", failure: failure.failure }];
}

function readDevice(
  request: RawWebhook,
  body: JsonObject,
  account: AccountContext,
  receivedAt: number,
): InboundEvent {
  const word = textAt(body, "device_status") ?? textAt(body, "status") ?? "";
  const state = readDeviceState(word);
  if (state === null) return unrecognised(request, "neither message, status nor device state");
  return {
    kind: "account_state",
    state,
    reason: textAt(body, "reason"),
    eventKey: `device:${hashKey(account.accountId, state, momentOf(body, receivedAt))}`,
  };
}

function senderOf(body: JsonObject): string | null {
  return textAt(body, "sender") ?? textAt(body, "pengirim");
}

/** In a group `sender` is the group and `member` the one who wrote. */
function readReply(body: JsonObject, receivedAt: number): ReplyEvent | null {
  const sender = senderOf(body) ?? "";
  const isGroup = sender.endsWith("@g.us");
  const writer = isGroup ? textAt(body, "member") : sender;
  const from = writer === null ? null : readSenderId(writer);
  if (from === null) return null;
  const text =
    textAt(body, "message") ??
    textAt(body, "pesan") ??
    textAt(body, "text") ??
    textAt(body, "choices") ??
    "";
  const inboxId = inboxIdOf(body);
  return {
    kind: "reply",
    from: [from],
    groupChatId: isGroup ? sender : null,
    displayName: textAt(body, "name"),
    text,
    quotedMessageId: null,
    buttonId: null,
    reaction: null,
    location: readLocation(textAt(body, "location")),
    media: readMedia(body),
    providerEventId: inboxId,
    at: epochMsAt(body, "timestamp"),
    eventKey:
      inboxId === null
        ? `reply:${hashKey(textAt(body, "device"), sender, textAt(body, "member"), momentOf(body, receivedAt), text)}`
        : `inbox:${inboxId}`,
  };
}

function readMedia(body: JsonObject): ReplyEvent["media"] {
  const url = textAt(body, "url");
  const extension = textAt(body, "extension");
  if (url === null && extension === null) return null;
  return {
    type: textAt(body, "type") ?? extension ?? "file",
    reference: url,
    contentType: null,
    fileName: textAt(body, "filename"),
  };
}

/** Present only while autoread and inbox are switched on; 0 stands for none. */
function inboxIdOf(body: JsonObject): string | null {
  const id = textAt(body, "inboxid");
  return id === "0" ? null : id;
}

/**
 * Witnesses disagree whether members always come as phones (unconfirmed): a suffix decides where there is one, and digits
 * that are no possible phone are taken for an alias.
 */
function readSenderId(text: string): SenderId | null {
  const [name = "", domain = ""] = text.split("@");
  const digits = digitsOf(name.split(":")[0] ?? "");
  if (domain === "lid") return digits === "" ? null : { kind: "lid", id: `${digits}@lid` };
  if (domain !== "" && domain !== "s.whatsapp.net" && domain !== "c.us") return null;
  if (digits.length > 15) return { kind: "lid", id: `${digits}@lid` };
  // Fonnte serves Indonesia: a number in national form is an Indonesian one.
  const international = digits.startsWith("0") ? `62${digits.slice(1)}` : digits;
  return /^[1-9]\d{6,14}$/.test(international)
    ? { kind: "phone", e164: `+${international}` }
    : null;
}

function readLocation(text: string | null): ReplyEvent["location"] {
  const match = /^\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*$/.exec(text ?? "");
  return match === null ? null : { latitude: Number(match[1]), longitude: Number(match[2]) };
}
