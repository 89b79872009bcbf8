import { bareGroupNumber, isGroupChatId } from "../../domain/group-id.ts";
import { ProviderError } from "../errors.ts";
import type { FailureReason } from "../errors.ts";
import type { HttpCall } from "../http.ts";
import { objectAt, objectsAt, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type { AccountContext, OutboundMessage, SendOptions, SendResult } from "../provider.ts";
import { WABLAS_LIMITS } from "./config.ts";
import { callWablas, PROVIDER, sanitize, unreadable, wablasFailure } from "./rest.ts";
import { readStatus } from "./vocabulary.ts";

const SEND = "send a WhatsApp message";

const PHONE = /^\+[1-9]\d{6,14}$/;

/**
 * Our delivery's id in the request. Answers and reports have a field of this name and several integrations fill it, but no
 * page says that it is kept: nothing relies on it. https://wablas.com/documentation/api, checked September 2026.
 */
const WABLAS_REFERENCE_FIELD = "ref_id";

/**
 * The text beside a document. The pages name it for images and videos only; integrations send it with documents too.
 * Unconfirmed: null makes a document with a text a refusal, so that the text goes out alone.
 */
const WABLAS_DOCUMENT_TEXT_FIELD: "caption" | null = "caption";

/** Past the queue of other messages, as the documented example of v2 asks for. */
const AT_ONCE = "instant";

type Order = { readonly path: string; readonly item: JsonObject };

/**
 * Sends one message to one person or group by the list endpoints (v2) with a list of one, so that the id in the answer
 * belongs to it. There is no idempotency key; a lost answer stays unknown.
 */
export async function sendMessage(
  httpCall: HttpCall,
  destination: "phone" | "group",
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): Promise<SendResult> {
  const request = { attempted: SEND, effect: "sends", method: "POST" } as const;
  const { path, item } = orderOf(destination, message);
  const body = JSON.stringify({
    data: [{ ...item, [WABLAS_REFERENCE_FIELD]: options.deliveryKey }],
  });
  const answer = await callWablas(httpCall, { ...request, path, body }, account, options);
  const [made] = objectsAt(objectAt(answer, "data"), "messages");
  if (made === undefined) throw unreadable(request, answer);
  const status = readStatus(textAt(made, "status") ?? "");
  // A success for the request can carry a failure of its only message.
  if (status.kind === "failed") throw wablasFailure(request, status.failure, answer);
  const id = textAt(made, "id");
  if (id === null) throw unreadable(request, answer);
  return {
    providerMessageId: id,
    status: "accepted",
    segments: null,
    isHeldForQuality: false,
    providerResponse: sanitize(answer),
  };
}

function orderOf(destination: "phone" | "group", message: OutboundMessage): Order {
  const to = recipientOf(destination, message);
  const { attachment, text } = message;
  if (text.length > WABLAS_LIMITS.textCharsMax) throw refusal("too_long");
  if (attachment === undefined) {
    if (text === "") throw refusal("invalid_request");
    return { path: "/api/v2/send-message", item: { ...to, message: text, flag: AT_ONCE } };
  }
  switch (attachment.kind) {
    case "image":
      return {
        path: "/api/v2/send-image",
        item: { ...to, image: attachment.url, ...(text === "" ? {} : { caption: text }) },
      };
    case "document":
      return {
        path: "/api/v2/send-document",
        item: { ...to, document: attachment.url, ...documentText(text) },
      };
    case "location": {
      // A pin has no caption: dropping the text silently would lose it.
      if (text !== "") throw refusal("unsupported_content");
      const { latitude, longitude, name, address } = attachment;
      return {
        path: "/api/v2/send-location",
        item: {
          ...to,
          message: {
            name: name ?? `${latitude}, ${longitude}`,
            address: address ?? "",
            latitude,
            longitude,
          },
        },
      };
    }
  }
}

function documentText(text: string): JsonObject {
  if (text === "") return {};
  if (WABLAS_DOCUMENT_TEXT_FIELD === null) throw refusal("unsupported_content");
  return { [WABLAS_DOCUMENT_TEXT_FIELD]: text };
}

/** Groups are named without suffix and flagged by a text, as in the documented examples; a comma would make a list. */
function recipientOf(destination: "phone" | "group", message: OutboundMessage): JsonObject {
  const { to } = message;
  if (to.kind !== destination) throw refusal("invalid_recipient");
  if (to.kind === "phone" && PHONE.test(to.e164)) {
    return { phone: to.e164.slice(1), isGroup: false };
  }
  if (to.kind === "group" && isGroupChatId(to.groupChatId)) {
    return { phone: bareGroupNumber(to.groupChatId), isGroup: "true" };
  }
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
