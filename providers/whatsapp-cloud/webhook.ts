/**
 * Meta's webhook: one signed POST may carry many entries, changes, statuses and messages, repeated for up to seven days
 * until it is answered 200, in any order. Statuses are receipts, messages are replies; other fields tell about templates
 * and the account. https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/, checked
 * September 2026.
 */
import { createHash, timingSafeEqual } from "node:crypto";

import { epochMsAt, numberAt, objectAt, objectsAt, parseJsonObject, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  InboundEvent,
  ReplyEvent,
  SenderId,
  WebhookReader,
} from "../provider.ts";
import { metaCredentials, metaSettings } from "./config.ts";
import { isMetaSignatureValid, META_SIGNATURE_HEADER } from "./signature.ts";
import {
  judgeFailedStatus,
  readAccountEvent,
  readBillingClass,
  readMessageStatus,
  readTemplateState,
} from "./vocabulary.ts";

export const metaWebhook: WebhookReader = {
  verify: (request, account) => {
    const credentials = metaCredentials.safeParse(account.credentials);
    if (!credentials.success) return { ok: false, reason: "not_configured" };
    if (request.method === "GET") {
      const query = new URL(request.url).searchParams;
      const isOurs =
        query.get("hub.mode") === "subscribe" &&
        query.get("hub.challenge") !== null &&
        isSame(query.get("hub.verify_token") ?? "", credentials.data.verifyToken);
      return isOurs ? { ok: true } : { ok: false, reason: "wrong_verify_token" };
    }
    const signature = request.headers[META_SIGNATURE_HEADER];
    if (signature === undefined) return { ok: false, reason: "missing_signature" };
    return isMetaSignatureValid(request.body, signature, credentials.data.appSecret)
      ? { ok: true }
      : { ok: false, reason: "wrong_signature" };
  },

  parse: (request, account) => {
    if (request.method === "GET") return [];
    const body = parseJsonObject(Buffer.from(request.body).toString("utf8"));
    if (body === null) return [unrecognised("unreadable body", request.body)];
    const changes = objectsAt(body, "entry").flatMap((entry) =>
      objectsAt(entry, "changes").map((change) => ({ change, time: numberAt(entry, "time") })),
    );
    if (changes.length === 0) return [unrecognised("no changes", request.body)];
    return changes.flatMap(({ change, time }) => readChange(change, account, time));
  },

  respond: (request) => {
    const text = { status: 200, contentType: "text/plain; charset=utf-8" };
    if (request.method !== "GET") return { ...text, body: "" };
    return { ...text, body: new URL(request.url).searchParams.get("hub.challenge") ?? "" };
  },
};

function isSame(given: string, expected: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}

function hashKey(...parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

function unrecognised(what: string, content: unknown): InboundEvent {
  const text = content instanceof Uint8Array ? Buffer.from(content).toString("base64") : content;
  return { kind: "unrecognised", what, eventKey: `unrecognised:${hashKey(text)}` };
}

/** `time` is the entry's: two changes to one and the same state differ in nothing else. */
function readChange(
  change: JsonObject,
  account: AccountContext,
  time: number | null,
): readonly InboundEvent[] {
  const value = objectAt(change, "value");
  const field = textAt(change, "field") ?? "";
  switch (field) {
    case "messages":
      return readMessages(value, account);
    case "message_template_status_update":
      return [readTemplateUpdate(value, time)];
    case "account_update":
      return [readAccountUpdate(value, time)];
    default:
      return [unrecognised(`field ${field.slice(0, 60)}`, change)];
  }
}

function readMessages(value: JsonObject, account: AccountContext): readonly InboundEvent[] {
  const toNumber = textAt(objectAt(value, "metadata"), "phone_number_id");
  const settings = metaSettings.safeParse(account.settings);
  const ours = (settings.success ? settings.data.phoneNumberId : undefined) ?? account.sender;
  // An app has one address for all its numbers unless a number overrides it: what is another number's is not ours to match.
  if (toNumber !== null && toNumber !== ours) return [unrecognised("another phone number", value)];
  const contacts = objectsAt(value, "contacts");
  const events = [
    ...objectsAt(value, "statuses").map(readStatus),
    ...objectsAt(value, "messages").map((message) => readMessage(message, contacts)),
  ];
  const hasErrors = objectsAt(value, "errors").length > 0;
  return hasErrors || events.length === 0
    ? [...events, unrecognised(hasErrors ? "errors of the number" : "nothing in it", value)]
    : events;
}

function readStatus(status: JsonObject): InboundEvent {
  const id = textAt(status, "id");
  const word = textAt(status, "status") ?? "";
  const state = readMessageStatus(word);
  if (id === null || state === null) return unrecognised("status in unknown words", status);
  const code = objectsAt(status, "errors").map((error) => numberAt(error, "code"))[0] ?? null;
  const pricing = objectAt(status, "pricing");
  const isBilled = pricing["billable"];
  return {
    kind: "receipt",
    providerMessageId: id,
    alias: null,
    deliveryKey: textAt(status, "biz_opaque_callback_data"),
    sequence: null,
    isBilled: typeof isBilled === "boolean" ? isBilled : null,
    billingClass: readBillingClass(textAt(pricing, "category") ?? ""),
    receipt: {
      status: state,
      at: epochMsAt(status, "timestamp"),
      failure: state === "failed" ? judgeFailedStatus(code) : null,
    },
    eventKey: `status:${hashKey(id, word, code, textAt(status, "recipient_participant_id"))}`,
  };
}

function readMessage(message: JsonObject, contacts: readonly JsonObject[]): InboundEvent {
  const id = textAt(message, "id");
  const contact = contactOf(message, contacts);
  const from = sendersOf(message, contact);
  if (id === null || from === null) return unrecognised("message without id or sender", message);
  return {
    kind: "reply",
    from,
    groupChatId: textAt(message, "group_id"),
    displayName: textAt(objectAt(contact, "profile"), "name"),
    ...contentOf(message),
    providerEventId: id,
    at: epochMsAt(message, "timestamp"),
    eventKey: `message:${hashKey(id)}`,
  };
}

function contactOf(message: JsonObject, contacts: readonly JsonObject[]): JsonObject {
  const phone = textAt(message, "from");
  const userId = userIdOf(message);
  return (
    contacts.find(
      (contact) =>
        (phone !== null && textAt(contact, "wa_id") === phone) ||
        (userId !== null && textAt(contact, "user_id") === userId),
    ) ?? (contacts.length === 1 ? (contacts[0] ?? {}) : {})
  );
}

function userIdOf(message: JsonObject): string | null {
  return textAt(message, "from_user_id") ?? textAt(message, "user_id");
}

/** The phone is missing for people who hide it behind a user name; then their business-scoped id is all there is. */
function sendersOf(message: JsonObject, contact: JsonObject): ReplyEvent["from"] | null {
  const phone = textAt(message, "from") ?? textAt(contact, "wa_id");
  const userId = userIdOf(message) ?? textAt(contact, "user_id");
  const ids: readonly SenderId[] = [
    ...(phone !== null && /^\d{7,15}$/.test(phone)
      ? [{ kind: "phone", e164: `+${phone}` } as const]
      : []),
    ...(userId === null ? [] : [{ kind: "bsuid", id: userId } as const]),
  ];
  const [first, ...rest] = ids;
  return first === undefined ? null : [first, ...rest];
}

type Content = Pick<
  ReplyEvent,
  "text" | "quotedMessageId" | "buttonId" | "reaction" | "location" | "media"
>;

function contentOf(message: JsonObject): Content {
  const type = textAt(message, "type") ?? "";
  const nothing: Content = {
    text: "",
    quotedMessageId: textAt(objectAt(message, "context"), "id"),
    buttonId: null,
    reaction: null,
    location: null,
    media: null,
  };
  const part = objectAt(message, type);
  switch (type) {
    case "text":
      return { ...nothing, text: textAt(part, "body") ?? "" };
    case "button":
      return { ...nothing, text: textAt(part, "text") ?? "", buttonId: textAt(part, "payload") };
    case "interactive": {
      const chosen = objectAt(part, textAt(part, "type") ?? "");
      return {
        ...nothing,
        text: textAt(chosen, "title") ?? textAt(chosen, "body") ?? "",
        buttonId: textAt(chosen, "id"),
      };
    }
    case "reaction":
      return {
        ...nothing,
        quotedMessageId: textAt(part, "message_id"),
        // Left out when the reaction is taken back.
        reaction: textAt(part, "emoji") ?? "",
      };
    case "location":
      return { ...nothing, text: textAt(part, "name") ?? "", location: readLocation(part) };
    default:
      return {
        ...nothing,
        text: textAt(part, "caption") ?? textAt(part, "body") ?? "",
        media: {
          type: type === "" ? "unknown" : type,
          reference: textAt(part, "id"),
          contentType: textAt(part, "mime_type"),
          fileName: textAt(part, "filename"),
        },
      };
  }
}

function readLocation(part: JsonObject): ReplyEvent["location"] {
  const latitude = numberAt(part, "latitude");
  const longitude = numberAt(part, "longitude");
  return latitude === null || longitude === null ? null : { latitude, longitude };
}

function readTemplateUpdate(value: JsonObject, time: number | null): InboundEvent {
  const name = textAt(value, "message_template_name");
  const languageCode = textAt(value, "message_template_language");
  if (name === null || languageCode === null) return unrecognised("template without name", value);
  return {
    kind: "template_state",
    name,
    languageCode,
    state: readTemplateState(textAt(value, "event") ?? ""),
    eventKey: `template:${hashKey(value, time)}`,
  };
}

function readAccountUpdate(value: JsonObject, time: number | null): InboundEvent {
  const event = textAt(value, "event") ?? "";
  const state = readAccountEvent(event);
  if (state === null) return unrecognised(`account event ${event.slice(0, 60)}`, value);
  return {
    kind: "account_state",
    state,
    reason: event,
    eventKey: `account:${hashKey(value, time)}`,
  };
}
