/**
 * Inbound messages by a mapping of the account: the names of Woowa's fields are documented nowhere, so an administrator
 * writes them down from a real request (unrecognised requests are kept whole). Nothing is signed. What proves a request is
 * the secret address, checked before it comes here, and a mapped secret or device where there is one.
 */
import { createHash, timingSafeEqual } from "node:crypto";

import { epochMsAt, isJsonObject, parseJsonObject, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  InboundEvent,
  RawWebhook,
  WebhookReader,
  WebhookVerdict,
} from "../provider.ts";
import { isSameNumber, readGroupChatId, readSenderId } from "../whatsapp-ids.ts";
import { woowaCredentials, woowaSettings } from "./config.ts";
import type { WoowaCredentials, WoowaInbound } from "./config.ts";

export const woowaWebhook: WebhookReader = {
  verify: (request, account) => {
    const body = readBody(request);
    if (body === null) return { ok: false, reason: "unreadable" };
    const credentials = woowaCredentials.safeParse(account.credentials);
    const inbound = inboundOf(account);
    if (!credentials.success || inbound === null) return { ok: false, reason: "not_configured" };
    const secret = verifySecret(body, inbound, credentials.data);
    return secret.ok ? verifyDevice(body, inbound, account) : secret;
  },

  parse: (request, account, receivedAt) => {
    const body = readBody(request);
    if (body === null) return [unrecognised(request, "unreadable body")];
    const inbound = inboundOf(account);
    if (inbound === null) return [unrecognised(request, "no mapping of its fields")];
    return [readReply(body, inbound, receivedAt) ?? unrecognised(request, "no writer or text")];
  },

  // What it does with an answer is unknown; an empty one can't be sent into a chat.
  respond: () => ({ status: 200, contentType: "text/plain; charset=utf-8", body: "" }),
};

function inboundOf(account: AccountContext): WoowaInbound | null {
  const settings = woowaSettings.safeParse(account.settings);
  return settings.success ? (settings.data.inbound ?? null) : null;
}

/** Compares hashes, so that neither content nor length can be learnt from the time it takes. */
function verifySecret(
  body: JsonObject,
  inbound: WoowaInbound,
  credentials: WoowaCredentials,
): WebhookVerdict {
  if (inbound.secret === undefined) return { ok: true };
  const expected = credentials.webhookSecret;
  if (expected === undefined) return { ok: false, reason: "not_configured" };
  const given = read(body, inbound.secret);
  if (given === null) return { ok: false, reason: "missing_secret" };
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(expected))
    ? { ok: true }
    : { ok: false, reason: "wrong_secret" };
}

function verifyDevice(
  body: JsonObject,
  inbound: WoowaInbound,
  account: AccountContext,
): WebhookVerdict {
  if (inbound.device === undefined) return { ok: true };
  const device = read(body, inbound.device);
  return device !== null && isSameNumber(device, account.sender)
    ? { ok: true }
    : { ok: false, reason: "wrong_account" };
}

/** JSON or a form. */
function readBody(request: RawWebhook): JsonObject | null {
  if (request.method !== "POST") return null;
  const text = Buffer.from(request.body).toString("utf8");
  const json = parseJsonObject(text);
  if (json !== null) return json;
  const contentType = request.headers["content-type"] ?? "";
  if (!contentType.startsWith("application/x-www-form-urlencoded")) return null;
  return Object.fromEntries(new URLSearchParams(text));
}

type FieldPath = string | undefined;

/** The object in which the last name of the way stands, and that name. */
function placeOf(body: JsonObject, path: string): readonly [JsonObject, string] {
  const names = path.split(".");
  let place: JsonObject = body;
  for (const name of names.slice(0, -1)) {
    const next = place[name];
    place = isJsonObject(next) ? next : {};
  }
  return [place, names.at(-1) ?? ""];
}

function read(body: JsonObject, path: FieldPath): string | null {
  return path === undefined ? null : textAt(...placeOf(body, path));
}

function hashKey(...parts: readonly (string | null)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

function unrecognised(request: RawWebhook, what: string): InboundEvent {
  const body = Buffer.from(request.body).toString("base64");
  return { kind: "unrecognised", what, eventKey: `unrecognised:${hashKey(body)}` };
}

function readReply(
  body: JsonObject,
  inbound: WoowaInbound,
  receivedAt: number,
): InboundEvent | null {
  const sender = read(body, inbound.sender);
  const text = read(body, inbound.text);
  if (sender === null || text === null) return null;
  const named = read(body, inbound.group) ?? "";
  const groupChatId = readGroupChatId(named) ?? readGroupChatId(sender);
  // Something stands where the group should, and it is none: it must not pass for a personal message.
  if (named !== "" && groupChatId === null) return null;
  const writer = groupChatId === null ? sender : (read(body, inbound.writer) ?? sender);
  const from = readSenderId(writer);
  if (from === null) return null;
  const id = read(body, inbound.id);
  // Where no time is told, what comes twice within a minute is a repeat: an answer lost as one would be worse than two.
  const moment = read(body, inbound.time) ?? `minute ${Math.floor(receivedAt / 60_000)}`;
  return {
    kind: "reply",
    from: [from],
    groupChatId,
    displayName: read(body, inbound.name),
    text,
    quotedMessageId: null,
    buttonId: null,
    reaction: null,
    location: null,
    media: null,
    providerEventId: id,
    at: inbound.time === undefined ? null : epochMsAt(...placeOf(body, inbound.time)),
    eventKey:
      id === null
        ? `reply:${hashKey(writer, groupChatId, moment, text)}`
        : `inbox:${hashKey(groupChatId, writer, id)}`,
  };
}
