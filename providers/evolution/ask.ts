/** What the gateway can be asked without sending anything. It keeps messages and statuses only where it is set up to store them. */
import { isGroupChatId } from "../../domain/group-id.ts";
import type { SanitizedJson } from "../errors.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
import {
  epochMsAt,
  objectAt,
  objectsAt,
  parseJsonObject,
  parseJsonObjects,
  textAt,
} from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  AccountProbe,
  CallOptions,
  OutboundMessage,
  ProviderGroups,
  Receipt,
  SendResult,
} from "../provider.ts";
import { callEvolution, unreadable } from "./rest.ts";
import type { EvolutionCall } from "./rest.ts";
import { chatIdOf, keyIdOf, resultOf } from "./send.ts";
import { readConnection, readStatus } from "./vocabulary.ts";

/** The newest messages of a chat that are searched for a lost one, and statuses read of one message: a page of each. */
const PAGE_ROWS = 50;

/** Whether the instance is linked. "open" is what the gateway believes: messages can be stuck behind it all the same. */
export async function probeInstance(
  httpCall: HttpCall,
  account: AccountContext,
  options: CallOptions,
): Promise<AccountProbe> {
  const call: EvolutionCall = {
    attempted: "ask about the instance",
    effect: "reads",
    method: "GET",
    path: "/instance/connectionState",
    body: null,
  };
  const answer = await callEvolution(httpCall, account, call, options);
  const word = textAt(objectAt(bodyOf(answer, call), "instance"), "state");
  const state = word === "connecting" ? "disconnected" : readConnection(word ?? "", null);
  if (state === null) throw unreadable(call, answer);
  return { state, quotaLeft: null, detail: { state: word } satisfies SanitizedJson };
}

export async function listGroups(
  httpCall: HttpCall,
  account: AccountContext,
  options: CallOptions,
): Promise<ProviderGroups> {
  const call: EvolutionCall = {
    attempted: "list the groups",
    effect: "reads",
    method: "GET",
    path: "/group/fetchAllGroups",
    query: "getParticipants=false",
    body: null,
  };
  const answer = await callEvolution(httpCall, account, call, options);
  const found = answer.isComplete ? parseJsonObjects(answer.body) : null;
  if (found === null) throw unreadable(call, answer);
  const groups = found.flatMap((group) => {
    const groupChatId = textAt(group, "id") ?? "";
    return isGroupChatId(groupChatId)
      ? [{ groupChatId, name: textAt(group, "subject") ?? groupChatId }]
      : [];
  });
  return { groups, isComplete: true };
}

/** The furthest status that the gateway has stored of a message; null when it has none. Its rows carry no time. */
export async function readReceipt(
  httpCall: HttpCall,
  account: AccountContext,
  providerMessageId: string,
  options: CallOptions,
): Promise<Receipt | null> {
  const call: EvolutionCall = {
    attempted: "ask about a message",
    effect: "reads",
    method: "POST",
    path: "/chat/findStatusMessage",
    body: { where: { id: providerMessageId }, page: 1, offset: PAGE_ROWS },
  };
  const answer = await callEvolution(httpCall, account, call, options);
  const rows = answer.isComplete ? parseJsonObjects(answer.body) : null;
  if (rows === null) throw unreadable(call, answer);
  const found = rows
    // An older release may not filter as it is asked to.
    .filter((row) => textAt(row, "keyId") === providerMessageId && row["fromMe"] !== false)
    .map((row) => readStatus(textAt(row, "status") ?? ""));
  const reached = found.flatMap((each) => (each.kind === "receipt" ? [each.status] : []));
  const furthest = (["read", "delivered", "sent"] as const).find((each) => reached.includes(each));
  if (furthest !== undefined) return { status: furthest, at: null, failure: null };
  const failed = found.find((each) => each.kind === "failed");
  return failed === undefined ? null : { status: "failed", at: null, failure: failed.failure };
}

/**
 * Searches the recipient's chat in what the gateway has stored: it stores a message once it has handed it over. Null says
 * that no such message is stored, not that none was sent.
 */
export async function findLost(
  httpCall: HttpCall,
  destination: "phone" | "group",
  account: AccountContext,
  message: OutboundMessage,
  sentAfter: number,
  options: CallOptions,
): Promise<SendResult | null> {
  const remoteJid = chatIdOf(destination, message);
  const call: EvolutionCall = {
    attempted: "look for a message in its chat",
    effect: "reads",
    method: "POST",
    path: "/chat/findMessages",
    body: { where: { key: { remoteJid, fromMe: true } }, page: 1, offset: PAGE_ROWS },
  };
  const answer = await callEvolution(httpCall, account, call, options);
  const records = objectsAt(objectAt(bodyOf(answer, call), "messages"), "records");
  // A pin carries no text of ours: nothing would tell it from another.
  if (message.text === "") return null;
  const found = records.find((record) => {
    const key = objectAt(record, "key");
    const at = epochMsAt(record, "messageTimestamp");
    return (
      key["fromMe"] === true &&
      textAt(key, "remoteJid") === remoteJid &&
      // Its times have whole seconds.
      at !== null &&
      at >= Math.floor(sentAfter / 1000) * 1000 &&
      textOf(objectAt(record, "message")) === message.text
    );
  });
  const id = found === undefined ? null : keyIdOf(found);
  return found === undefined || id === null ? null : resultOf(id, found);
}

function bodyOf(answer: HttpAnswer, call: EvolutionCall): JsonObject {
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  if (body === null) throw unreadable(call, answer);
  return body;
}

function textOf(content: JsonObject): string | null {
  return (
    textAt(content, "conversation") ??
    textAt(objectAt(content, "extendedTextMessage"), "text") ??
    textAt(objectAt(content, "imageMessage"), "caption") ??
    textAt(objectAt(content, "documentMessage"), "caption")
  );
}
