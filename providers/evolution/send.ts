/**
 * One request per message. From 2.4.0-rc2 texts and files take an id of ours, which holds the delivery's: receipts then give
 * it back and a repeat has the same id. Older releases ignore the field, and whether WhatsApp shows a message once that was
 * sent twice under one id is promised nowhere, so a lost answer stays unknown.
 */
import { isGroupChatId } from "../../domain/group-id.ts";
import { readGatewayAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { FailureReason, SanitizedJson } from "../errors.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
import { objectAt, parseJsonObject, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  Attachment,
  OutboundMessage,
  SendOptions,
  SendResult,
} from "../provider.ts";
import { messageIdFor } from "../whatsapp-message-id.ts";
import {
  EVOLUTION_CAPTION_CHARS_MAX,
  EVOLUTION_LIMITS,
  evolutionCredentials,
  evolutionSettings,
} from "./config.ts";
import { callEvolution, PROVIDER, unreadable } from "./rest.ts";
import type { EvolutionCall } from "./rest.ts";
import { readStatus } from "./vocabulary.ts";

const SEND = "send a WhatsApp message";

const PHONE = /^\+[1-9]\d{6,14}$/;

/** The field for an id of our own. In 2.4.0-rc2; that a final release has it is unconfirmed. */
const MESSAGE_ID_FIELD = "messageId";

export async function sendMessage(
  httpCall: HttpCall,
  destination: "phone" | "group",
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): Promise<SendResult> {
  const { settings } = readGatewayAccount(PROVIDER, SEND, account, {
    credentials: evolutionCredentials,
    settings: evolutionSettings,
  });
  const { path, body } = contentOf(message, settings.hasButtons, options.deliveryKey);
  const call: EvolutionCall = {
    attempted: SEND,
    effect: "sends",
    method: "POST",
    path,
    // No typing is played before the message: `delay` would hold the answer back.
    body: { number: chatIdOf(destination, message), ...body, delay: 0 },
  };
  return readAccepted(call, await callEvolution(httpCall, account, call, options));
}

/** The whole id: digits alone would be rewritten for some countries, and long ones taken for a group. */
export function chatIdOf(destination: "phone" | "group", message: OutboundMessage): string {
  const to = message.to;
  if (to.kind !== destination) throw refusal("invalid_recipient");
  if (to.kind === "phone" && PHONE.test(to.e164)) return `${to.e164.slice(1)}@s.whatsapp.net`;
  if (to.kind === "group" && isGroupChatId(to.groupChatId)) return to.groupChatId;
  throw refusal("invalid_recipient");
}

type Content = { readonly path: string; readonly body: JsonObject };

/** Everything that the gateway or WhatsApp would refuse for its form is refused here, before anything is sent. */
function contentOf(message: OutboundMessage, hasButtons: boolean, deliveryKey: string): Content {
  const { attachment, buttons = [], text } = message;
  const id = { [MESSAGE_ID_FIELD]: messageIdFor(deliveryKey) };
  if (attachment !== undefined) return attachmentContent(attachment, text, id);
  if (text.trim() === "") throw refusal("invalid_request");
  if (text.length > EVOLUTION_LIMITS.textCharsMax) throw refusal("too_long");
  if (hasButtons && buttons.length > 0) return buttonContent(text, buttons);
  // A preview opens the links of a message, the acknowledgment link included.
  return { path: "/message/sendText", body: { text, linkPreview: false, ...id } };
}

/** The gateway writes the title in bold above the description, so the text's first line becomes the title. */
function buttonContent(text: string, buttons: NonNullable<OutboundMessage["buttons"]>): Content {
  const isWellFormed =
    buttons.length <= EVOLUTION_LIMITS.buttonsMax &&
    buttons.every(
      ({ id, title }) =>
        id !== "" && title.trim() !== "" && title.length <= EVOLUTION_LIMITS.buttonTitleCharsMax,
    );
  if (!isWellFormed) throw refusal("invalid_request");
  const [title = "", ...rest] = text.trimStart().split("\n");
  return {
    path: "/message/sendButtons",
    body: {
      title,
      description: rest.join("\n").trim(),
      footer: "",
      buttons: buttons.map(({ id, title: displayText }) => ({ type: "reply", displayText, id })),
    },
  };
}

function attachmentContent(attachment: Attachment, text: string, id: JsonObject): Content {
  if (attachment.kind === "location") {
    // A pin has no caption: dropping the text silently would lose it.
    if (text !== "") throw refusal("unsupported_content");
    const { address, latitude, longitude, name } = attachment;
    const coordinates = `${latitude}, ${longitude}`;
    return {
      path: "/message/sendLocation",
      // The gateway asks for both texts.
      body: {
        latitude,
        longitude,
        name: name ?? coordinates,
        address: address ?? name ?? coordinates,
      },
    };
  }
  if (text.length > EVOLUTION_CAPTION_CHARS_MAX) throw refusal("too_long");
  const { content, fileName, kind } = attachment;
  // The file goes as it is: an address would be fetched from inside our network, past the guard that checks addresses.
  if (content === null || content.bytes.length === 0) throw refusal("media");
  return {
    path: "/message/sendMedia",
    body: {
      mediatype: kind,
      mimetype: content.contentType,
      media: Buffer.from(content.bytes).toString("base64"),
      fileName: namedByType(fileName, content.contentType),
      ...(text === "" ? {} : { caption: text }),
      ...id,
    },
  };
}

const EXTENSIONS: Readonly<Record<string, string>> = {
  "application/pdf": "pdf",
  "application/zip": "zip",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
  "text/csv": "csv",
  "text/plain": "txt",
};

/** The gateway tells a file's type by its name alone: a name without an extension gets one, or phones could not open it. */
function namedByType(fileName: string, contentType: string): string {
  if (/\.[A-Za-z0-9]{1,5}$/.test(fileName)) return fileName;
  const extension = EXTENSIONS[contentType.split(";")[0]?.trim().toLowerCase() ?? ""];
  return extension === undefined ? fileName : `${fileName}.${extension}`;
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

/** A success names the message by WhatsApp's id; one that says ERROR is none. */
function readAccepted(call: EvolutionCall, answer: HttpAnswer): SendResult {
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const id = body === null ? null : keyIdOf(body);
  if (body === null || id === null) throw unreadable(call, answer);
  const status = readStatus(textAt(body, "status") ?? "");
  if (status.kind !== "failed") return resultOf(id, body);
  throw new ProviderError({
    ...status.failure,
    provider: PROVIDER,
    attempted: SEND,
    httpStatus: answer.status,
    vendorCode: "ERROR",
    providerResponse: sanitize(body),
  });
}

/** WhatsApp's id of a message, as receipts name it; the gateway's own database id is another. */
export function keyIdOf(message: JsonObject): string | null {
  const id = textAt(objectAt(message, "key"), "id");
  return id !== null && /^[\w.-]{1,128}$/.test(id) ? id : null;
}

export function resultOf(providerMessageId: string, message: JsonObject): SendResult {
  return {
    providerMessageId,
    // PENDING: handed to the library, nothing more.
    status: readStatus(textAt(message, "status") ?? "").kind === "receipt" ? "sent" : "accepted",
    segments: null,
    isHeldForQuality: false,
    providerResponse: sanitize(message),
  };
}

/** Privacy: `key` has the number, `message` the text, `pushName` a name. */
function sanitize(message: JsonObject): SanitizedJson {
  const status = textAt(message, "status");
  const isKnown = status !== null && readStatus(status).kind !== "unknown";
  return {
    status: isKnown ? status : null,
    messageTimestamp: textAt(message, "messageTimestamp"),
  };
}
