import { isGroupChatId } from "../../domain/group-id.ts";
import { ProviderError } from "../errors.ts";
import type { FailureReason } from "../errors.ts";
import type { HttpCall } from "../http.ts";
import { numberAt, objectAt, objectsAt, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  CallOptions,
  OutboundMessage,
  ProviderGroups,
  SendOptions,
  SendResult,
} from "../provider.ts";
import { WOOWA_LIMITS } from "./config.ts";
import { callWoowa, openAccount, PROVIDER, sanitize, unreadable } from "./rest.ts";
import { WOOWA_ACCEPTED_CODE } from "./vocabulary.ts";

const SEND = "send a WhatsApp message";
const LIST_GROUPS = "list the groups";

const PHONE = /^\+[1-9]\d{6,14}$/;

type Order = { readonly path: string; readonly fields: JsonObject };

/** Sends one message to one person or group. There is no idempotency key; a lost answer stays unknown. */
export async function sendMessage(
  httpCall: HttpCall,
  destination: "phone" | "group",
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): Promise<SendResult> {
  const { isQueued } = openAccount(SEND, account);
  const order = destination === "phone" ? personalOrder(message, isQueued) : groupOrder(message);
  const request = { ...order, attempted: SEND, effect: "sends", method: "POST" } as const;
  const found = await callWoowa(httpCall, request, account, options);
  const id = textAt(objectAt(found.body, "results"), "id_message");
  if (numberAt(found.body, "code") !== WOOWA_ACCEPTED_CODE || id === null) {
    throw unreadable(request, found);
  }
  return {
    providerMessageId: id,
    status: "accepted",
    segments: null,
    isHeldForQuality: false,
    providerResponse: sanitize(found.body),
  };
}

/** The groups that the number is in. It is a GET with a body, which many clients can't make. */
export async function listGroups(
  httpCall: HttpCall,
  account: AccountContext,
  options: CallOptions,
): Promise<ProviderGroups> {
  const request = {
    attempted: LIST_GROUPS,
    effect: "reads",
    method: "GET",
    path: "/get_group_id",
    fields: {},
  } as const;
  const found = await callWoowa(httpCall, request, account, options);
  if (!Array.isArray(found.body["results"])) throw unreadable(request, found);
  const groups = objectsAt(found.body, "results").flatMap((group) => {
    const groupChatId = textAt(group, "id") ?? "";
    if (!isGroupChatId(groupChatId)) return [];
    const name = textAt(group, "subject") ?? textAt(group, "name") ?? groupChatId;
    return [{ groupChatId, name }];
  });
  // The documentation doesn't say how old the list may be.
  return { groups, isComplete: false };
}

function personalOrder(message: OutboundMessage, isQueued: boolean): Order {
  const { attachment, text, to } = message;
  if (to.kind !== "phone" || !PHONE.test(to.e164)) throw refusal("invalid_recipient");
  const fields = { phone_no: to.e164.slice(1), message: checkedText(message) };
  if (attachment === undefined) {
    if (text === "") throw refusal("invalid_request");
    return {
      path: isQueued ? "/async_send_message" : "/send_message",
      // A preview opens the links of a message, the acknowledgment link included.
      fields: { ...fields, skip_link: true },
    };
  }
  if (attachment.kind !== "image") throw refusal("unsupported_content");
  return { path: "/send_image_url", fields: { ...fields, url: attachment.url } };
}

function groupOrder(message: OutboundMessage): Order {
  const { attachment, text, to } = message;
  if (to.kind !== "group" || !isGroupChatId(to.groupChatId)) throw refusal("invalid_recipient");
  if (attachment !== undefined) throw refusal("unsupported_content");
  if (text === "") throw refusal("invalid_request");
  return {
    path: "/send_message_group_id",
    fields: { group_id: to.groupChatId, message: checkedText(message) },
  };
}

function checkedText({ text }: OutboundMessage): string {
  if (text.length > WOOWA_LIMITS.textCharsMax) throw refusal("too_long");
  return text;
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
