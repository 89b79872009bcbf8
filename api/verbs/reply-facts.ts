import type { ConsentHolder } from "../../db/opt-outs.ts";
import type { FoundFacts, FoundNotification, ReplyWriter } from "../../db/replies.ts";
import { may } from "../../domain/permissions.ts";
import { NO_TIE } from "../../domain/reply-decision.ts";
import type { ReplyFacts, Tie, TiedNotification } from "../../domain/reply-decision.ts";
import type { Said } from "../../domain/reply.ts";
import type { ReplyEvent } from "../../providers/provider.ts";
import type { Received } from "./inbound-deps.ts";
import type { ReplyMessage } from "./reply-message.ts";

/** What the record says about a reply, in the terms in which it is decided. */
export function toFacts(
  { account, event, receivedAt }: Received<ReplyEvent>,
  message: ReplyMessage,
  writer: ReplyWriter,
  said: Said,
  found: FoundFacts,
): ReplyFacts {
  const toTied = (notification: FoundNotification): TiedNotification => ({
    ...notification,
    mayAnswer: mayAnswer(writer, notification),
  });
  const tie = (notifications: readonly FoundNotification[] | null, wasNamed: boolean): Tie => {
    if (notifications === null) return wasNamed ? { kind: "unknown" } : NO_TIE;
    const [first, ...others] = notifications.map(toTied);
    if (first === undefined) return NO_TIE;
    return others.length === 0
      ? { kind: "one", notification: first }
      : { kind: "several", notifications: [first, ...others] };
  };
  return {
    chat: message.groupChatId === null ? "personal" : "group",
    via: message.via,
    isSigned: account.capabilities.signedWebhooks,
    writer: kindOfWriter(message, writer, found.recentMisses),
    said,
    quoted: tie(found.quoted, event.quotedMessageId !== null),
    coded: tie(found.coded, "code" in said && said.code !== null),
    last: tie(lastSeen(found.last, event.at ?? receivedAt), false),
    open: found.open.map(toTied),
    prompt: found.prompt,
    consent: {
      lastTold: tie(found.lastTold, false),
      optedOut: found.optedOut,
      hasHolder: holderOf(message, writer, found.quotedTo) !== null,
    },
  };
}

/** Whose consent it is; null: nobody whom we could find again. */
export function holderOf(
  { from, groupChatId }: ReplyMessage,
  { user }: ReplyWriter,
  quotedTo: string | null,
): ConsentHolder | null {
  if (groupChatId !== null) return null;
  const address = from.find(({ kind }) => kind === "phone")?.value ?? quotedTo;
  if (user === null && address === null) return null;
  return { userId: user?.id ?? null, address };
}

/** Vendors tell whole seconds, and their clocks and ours may differ by as much again. */
export const VENDOR_CLOCK_MS = 2_000;

/**
 * The last message that the writer can have seen. A reply may reach us late: then the newest message left after it was written, and which one was meant is
 * for the writer to say.
 */
function lastSeen(
  last: FoundFacts["last"],
  writtenAt: number,
): readonly FoundNotification[] | null {
  const [newest, before] = last;
  if (!newest) return null;
  if (newest.at <= writtenAt + VENDOR_CLOCK_MS) return newest.notifications;
  const seen = before?.notifications ?? null;
  if (seen === null || newest.notifications === null) return seen;
  const both = [...newest.notifications, ...seen];
  return [...new Map(both.map((notification) => [notification.id, notification])).values()];
}

/** Four digits can be guessed by who may try for long; a person who types them from a message seldom misses twice. */
const MISSES_PER_HOUR_MAX = 5;

/** Staff who write in a group are known there, registered as its members or not; a customer in it is a stranger. */
function kindOfWriter(
  { from, groupChatId }: ReplyMessage,
  { user, member }: ReplyWriter,
  recentMisses: number,
): ReplyFacts["writer"] {
  if (groupChatId !== null) {
    return member !== null || (user !== null && user.role !== "customer") ? "known" : "stranger";
  }
  if (user !== null) return "known";
  const isNumber = from.some(({ kind }) => kind === "phone");
  return isNumber || recentMisses >= MISSES_PER_HOUR_MAX ? "stranger" : "alias";
}

function mayAnswer({ user }: ReplyWriter, { isOwn, type, zone }: FoundNotification): boolean {
  if (isOwn || user === null) return isOwn;
  const actor = {
    kind: "user",
    userId: user.id,
    role: user.role,
    zones: user.zones,
    name: user.name,
    sender: "",
    keyId: null,
  } as const;
  return may(actor, "answer_notification", { zone, type, isOwn });
}
