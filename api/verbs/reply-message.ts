import type { InboundKind } from "../../db/inbound.ts";
import { newId } from "../../db/new-id.ts";
import type { SenderAddress } from "../../db/replies.ts";
import { storableText } from "../../db/storable-text.ts";
import type { ReplyFacts } from "../../domain/reply-decision.ts";
import { parseButton, parseReaction, parseReply } from "../../domain/reply.ts";
import type { ReplyWords, Said } from "../../domain/reply.ts";
import { hideVerificationCodes } from "../../domain/verification-code.ts";
import type { ReplyEvent, SenderId } from "../../providers/provider.ts";

/** What a person wrote, reacted or pressed, as we keep it. */
export type ReplyMessage = {
  readonly inboundId: string;
  readonly from: readonly SenderAddress[];
  readonly groupChatId: string | null;
  readonly name: string | null;
  readonly via: ReplyFacts["via"];
  readonly kind: InboundKind;
  readonly body: string;
  /** Epoch ms. */
  readonly receivedAt: number;
};

const NAME_CHARS_MAX = 200;

export function toMessage(event: ReplyEvent, receivedAt: number): ReplyMessage {
  const isButton = event.buttonId !== null && parseButton(event.buttonId) !== null;
  const via = event.reaction === null ? (isButton ? "button" : "reply") : "reaction";
  const body = hideVerificationCodes(event.reaction ?? (event.text || (event.buttonId ?? "")));
  const kinds: Readonly<Record<ReplyFacts["via"], InboundKind>> = {
    reaction: "reaction",
    button: "button",
    reply: event.text === "" ? "other" : "text",
  };
  return {
    inboundId: newId("inb", receivedAt),
    from: event.from.map(toAddress),
    groupChatId: event.groupChatId,
    name: event.displayName && storableText(event.displayName, NAME_CHARS_MAX),
    via,
    kind: kinds[via],
    body,
    receivedAt,
  };
}

export function toAddress(sender: SenderId): SenderAddress {
  return sender.kind === "phone"
    ? { kind: "phone", value: sender.e164 }
    : { kind: sender.kind, value: storableText(sender.id, NAME_CHARS_MAX) };
}

export function readSaid(event: ReplyEvent, message: ReplyMessage, words: ReplyWords): Said {
  switch (message.via) {
    case "reaction":
      return parseReaction(message.body, words);
    case "button":
      return parseButton(event.buttonId ?? "") ?? { kind: "nothing" };
    case "reply":
      return parseReply(event.text, words);
  }
}
