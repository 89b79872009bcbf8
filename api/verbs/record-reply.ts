/**
 * What a person wrote, from the vendor's event to its effect: stored once, tied to a person and a notification, carried out by the referee, answered in the same
 * chat. All of it is one transaction, so that a repeat finds everything or nothing; runs are told, and the answer sent, behind it.
 */
import type pg from "pg";
import { recordActWithin } from "../../db/acts.ts";
import type { ActBy, RecordActAnswer } from "../../db/acts.ts";
import { insertAnswer, markAnswerStarted } from "../../db/answers.ts";
import type { AnswerToStart } from "../../db/answers.ts";
import { insertInbound, interpretInbound, writeReplyEvent } from "../../db/inbound.ts";
import type { InboundKind, InboundState } from "../../db/inbound.ts";
import { newId } from "../../db/new-id.ts";
import {
  askPrompt,
  endPrompt,
  findWriter,
  isEcho,
  loadReplyFacts,
  openWindow,
  rememberAliases,
} from "../../db/replies.ts";
import type {
  FoundFacts,
  FoundNotification,
  ReplyWriter,
  SenderAddress,
} from "../../db/replies.ts";
import { storableText } from "../../db/storable-text.ts";
import { withTransaction } from "../../db/transaction.ts";
import { situationAfter } from "../../domain/answer-situation.ts";
import type { AnswerSituation } from "../../domain/answer-situation.ts";
import { may } from "../../domain/permissions.ts";
import { decideReply, NO_TIE } from "../../domain/reply-decision.ts";
import type {
  ReplyDecision,
  ReplyFacts,
  Tie,
  TiedNotification,
} from "../../domain/reply-decision.ts";
import { parseButton, parseReaction, parseReply, replyWords } from "../../domain/reply.ts";
import type { ReplyWords, Said } from "../../domain/reply.ts";
import type { ReplyEvent, SenderId } from "../../providers/provider.ts";
import type { EventDeps, Received } from "./inbound-deps.ts";
import { signalAct } from "./tell-run.ts";

const NAME_CHARS_MAX = 200;

type Told = Extract<RecordActAnswer, { kind: "applied" | "pending" }>;

/** What is left to do once the transaction stands. */
type Aftermath = { readonly told: readonly Told[]; readonly answer: AnswerToStart | null };

export async function recordReply(deps: EventDeps, received: Received<ReplyEvent>): Promise<void> {
  const words = await deps.inbound.readWords();
  const { told, answer } = await withTransaction(deps.pool, (client) =>
    store(client, deps, received, (locale) => replyWords(words, locale)),
  );
  for (const { workflowId, act } of told) {
    if (act.kind !== "rate") signalAct(deps, workflowId, act);
  }
  if (answer !== null) {
    deps.background.run(async () => {
      await deps.inbound.startAnswer(answer);
      await markAnswerStarted(deps.pool, answer.inboundMessageId);
    });
  }
}

/** The message as the steps below see it. */
type Message = {
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

const NOTHING_LEFT: Aftermath = { told: [], answer: null };

async function store(
  client: pg.PoolClient,
  deps: EventDeps,
  received: Received<ReplyEvent>,
  wordsFor: (locale: string) => ReplyWords,
): Promise<Aftermath> {
  const { account, event, receivedAt } = received;
  const { deviceKey } = account.row;
  const message = toMessage(event, receivedAt);
  const address = message.from[0]?.value ?? "";
  const isNew = await insertInbound(client, {
    id: message.inboundId,
    accountId: account.row.id,
    deviceKey,
    eventKey: event.eventKey,
    address,
    groupChatId: message.groupChatId,
    kind: message.kind,
    body: message.body,
    quotedProviderMessageId: event.quotedMessageId,
    state: "ignored",
    receivedAt,
  });
  if (!isNew) return NOTHING_LEFT;
  const { groupChatId } = message;
  if (
    groupChatId !== null &&
    (await isEcho(client, {
      id: message.inboundId,
      deviceKey,
      groupChatId,
      address,
      body: message.body,
      receivedAt,
    }))
  ) {
    await interpret(client, message.inboundId, { state: "ignored", detail: { echo: true } });
    return NOTHING_LEFT;
  }
  const writer = await findWriter(client, message.from, groupChatId);
  const addresses = await meetWriter(client, deps, received, message, writer);
  const said = readSaid(event, message, wordsFor(writer.user?.locale ?? deps.inbound.locale));
  const found = await loadReplyFacts(client, {
    deviceKey,
    userId: writer.user?.id ?? null,
    groupChatId,
    groupId: writer.group?.id ?? null,
    addresses,
    code: "code" in said ? said.code : null,
    quotedProviderMessageId: event.quotedMessageId,
    now: receivedAt,
  });
  const facts = toFacts(received, message, writer, said, found);
  return carryOut(client, deps, received, {
    message,
    writer,
    addresses,
    facts,
    decision: isTakenBack(event) ? TAKEN_BACK : decideReply(facts),
  });
}

const TAKEN_BACK: ReplyDecision = { kind: "ignore", reason: "taken_back", notificationId: null };

function isTakenBack(event: ReplyEvent): boolean {
  return event.reaction === "";
}

function toMessage(event: ReplyEvent, receivedAt: number): Message {
  const isButton = event.buttonId !== null && parseButton(event.buttonId) !== null;
  const via = event.reaction === null ? (isButton ? "button" : "reply") : "reaction";
  const body = event.reaction ?? (event.text || (event.buttonId ?? ""));
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

function toAddress(sender: SenderId): SenderAddress {
  return sender.kind === "phone"
    ? { kind: "phone", value: sender.e164 }
    : { kind: sender.kind, value: storableText(sender.id, NAME_CHARS_MAX) };
}

function readSaid(event: ReplyEvent, message: Message, words: ReplyWords): Said {
  switch (message.via) {
    case "reaction":
      return parseReaction(message.body, words);
    case "button":
      return parseButton(event.buttonId ?? "") ?? { kind: "nothing" };
    case "reply":
      return parseReply(event.text, words);
  }
}

/** Keeps what the message teaches about its writer; returns the addresses under which we write to this person's chat. */
async function meetWriter(
  client: pg.PoolClient,
  { now }: EventDeps,
  { account, event, receivedAt }: Received<ReplyEvent>,
  { from, groupChatId }: Message,
  { user }: ReplyWriter,
): Promise<readonly string[]> {
  const named = from.filter(({ kind }) => kind === "phone").map(({ value }) => value);
  const newAliases = from.filter(
    ({ kind, value }) => kind !== "phone" && user !== null && !user.aliases.includes(value),
  );
  // Only a number ties an alias to a person: an alias that came alone found nobody.
  if (user !== null && named.length > 0) await rememberAliases(client, user.id, newAliases, now());
  const addresses = [...new Set([...named, ...(user?.phones ?? [])])];
  if (groupChatId === null && addresses.length > 0) {
    const opened = named.length > 0 ? named : addresses.slice(0, 1);
    const at = Math.min(event.at ?? receivedAt, receivedAt);
    await openWindow(client, account.row.deviceKey, opened, at);
  }
  return addresses;
}

function toFacts(
  { account, event, receivedAt }: Received<ReplyEvent>,
  message: Message,
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
    writer: kindOfWriter(message, writer),
    said,
    quoted: tie(found.quoted, event.quotedMessageId !== null),
    coded: tie(found.coded, "code" in said && said.code !== null),
    last: tie(lastSeen(found.last, event.at ?? receivedAt), false),
    open: found.open.map(toTied),
    prompt: found.prompt,
  };
}

/** Vendors tell whole seconds. */
const VENDOR_CLOCK_MS = 1_000;

/** The last message that the writer can have seen. One that left after the reply was written makes it unclear which of two was meant. */
function lastSeen(
  last: FoundFacts["last"],
  writtenAt: number,
): readonly FoundNotification[] | null {
  const [newest, before] = last;
  if (!newest) return null;
  if (newest.at <= writtenAt + VENDOR_CLOCK_MS || !before) return newest.notifications;
  const both = [...(newest.notifications ?? []), ...(before.notifications ?? [])];
  return [...new Map(both.map((notification) => [notification.id, notification])).values()];
}

/** Staff who write in a group are known there, registered as its members or not; a customer in it is a stranger. */
function kindOfWriter(
  { from, groupChatId }: Message,
  { user, member }: ReplyWriter,
): ReplyFacts["writer"] {
  if (groupChatId !== null) {
    return member !== null || (user !== null && user.role !== "customer") ? "known" : "stranger";
  }
  if (user !== null) return "known";
  return from.some(({ kind }) => kind === "phone") ? "stranger" : "alias";
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

type Decided = {
  readonly message: Message;
  readonly writer: ReplyWriter;
  readonly addresses: readonly string[];
  readonly facts: ReplyFacts;
  readonly decision: ReplyDecision;
};

async function carryOut(
  client: pg.PoolClient,
  deps: EventDeps,
  received: Received<ReplyEvent>,
  decided: Decided,
): Promise<Aftermath> {
  const { decision, message } = decided;
  switch (decision.kind) {
    case "act": {
      const { notificationId } = decision;
      const done = await act(client, deps, decided, decision);
      await note(client, received, decided, {
        state: "applied",
        notificationId,
        actId: done.actId,
        reason: decision.act,
        detail: { act: decision.act, tiedBy: decision.tiedBy },
      });
      const answer = await say(client, deps, received, decided, done.said, false);
      return { told: done.told, answer };
    }
    case "act_all":
      return actOnAll(client, deps, received, decided, decision.notificationIds);
    case "ask": {
      await note(client, received, decided, {
        state: "asked",
        notificationId: decision.notificationId,
        actId: null,
        reason: "asked",
        detail: { asked: decision.situations.map(({ kind }) => kind) },
      });
      await ask(client, received, decided, decision);
      const answer = await say(client, deps, received, decided, decision.situations, false);
      return { told: [], answer };
    }
    case "unmatched": {
      await note(client, received, decided, {
        state: "unmatched",
        notificationId: null,
        actId: null,
        reason: "unmatched",
        detail: {},
      });
      const answer = await say(client, deps, received, decided, decision.situations, true);
      return { told: [], answer };
    }
    case "ignore": {
      const isChatter = message.groupChatId !== null && decision.notificationId === null;
      await note(client, received, decided, {
        state: "ignored",
        notificationId: decision.notificationId,
        actId: null,
        reason: decision.reason,
        detail: { ignored: decision.reason },
        forgetBody: isChatter,
      });
      return NOTHING_LEFT;
    }
  }
}

async function act(
  client: pg.PoolClient,
  deps: EventDeps,
  { message, writer, facts }: Decided,
  decision: Extract<ReplyDecision, { kind: "act" }>,
): Promise<{
  readonly actId: string;
  readonly told: readonly Told[];
  readonly said: readonly AnswerSituation[];
}> {
  const now = deps.now();
  const actId = newId("act", now);
  const { notificationId, act: kind, rating } = decision;
  const hasComment = facts.said.kind === "answer" && facts.said.hasComment;
  const result = await recordActWithin(client, {
    actId,
    notificationId,
    kind,
    by: actedBy(message, writer),
    via: message.via,
    note: hasComment ? storableText(message.body, NOTE_CHARS_MAX) : null,
    params: rating === null ? {} : { rating },
    now,
  });
  const situation = situationAfter(result, {
    notificationId,
    kind,
    userId: writer.user?.id ?? null,
  });
  return {
    actId,
    told: isTold(result) ? [result] : [],
    said: situation !== null && isWorthSaying(situation, message) ? [situation] : [],
  };
}

const NOTE_CHARS_MAX = 2_000;

function isTold(result: RecordActAnswer): result is Told {
  return result.kind === "applied" || result.kind === "pending";
}

/** A group hears by the closing message that something was taken; only who was too late by words is told so there. */
function isWorthSaying(situation: AnswerSituation, { groupChatId, via }: Message): boolean {
  if (groupChatId === null) return true;
  return via !== "reaction" && situation.kind !== "thanks" && situation.kind !== "taken_by_you";
}

function actedBy({ groupChatId, name }: Message, { user, group, member }: ReplyWriter): ActBy {
  const groupId = groupChatId === null ? null : (group?.id ?? null);
  if (user !== null) return { kind: "user", userId: user.id, groupId, name: user.name ?? name };
  return member === null
    ? { kind: "stranger", userId: null, groupId, name }
    : { kind: "group", userId: null, groupId, name: member.name ?? name };
}

/** Ordering: rows are locked in the order of their ids, so that two confirmations never wait for each other. */
async function actOnAll(
  client: pg.PoolClient,
  deps: EventDeps,
  received: Received<ReplyEvent>,
  decided: Decided,
  notificationIds: readonly string[],
): Promise<Aftermath> {
  const told: Told[] = [];
  for (const notificationId of notificationIds.toSorted()) {
    const done = await act(client, deps, decided, {
      kind: "act",
      act: "acknowledge",
      rating: null,
      notificationId,
      tiedBy: "last_message",
    });
    told.push(...done.told);
  }
  await endPrompt(client, received.account.row.deviceKey, decided.addresses);
  await interpret(client, decided.message.inboundId, {
    state: "applied",
    userId: decided.writer.user?.id ?? null,
    actId: told[0]?.act.actId ?? null,
    detail: { act: "acknowledge", all: notificationIds, applied: told.length },
  });
  const situation: AnswerSituation =
    told.length === 0 ? { kind: "nothing_open" } : { kind: "all_done", count: told.length };
  const answer = await say(client, deps, received, decided, [situation], false);
  return { told, answer };
}

/** A question that a bare word may answer is remembered; anything else that was said ends the one before. */
async function ask(
  client: pg.PoolClient,
  { account }: Received<ReplyEvent>,
  { addresses, facts, message }: Decided,
  decision: Extract<ReplyDecision, { kind: "ask" }>,
): Promise<void> {
  const [address] = addresses;
  if (facts.chat === "group" || address === undefined) return;
  const { deviceKey } = account.row;
  await endPrompt(client, deviceKey, addresses);
  const question = decision.situations.find(
    (situation) => situation.kind === "which_one" || situation.kind === "confirm_all",
  );
  if (question === undefined) return;
  await askPrompt(client, {
    deviceKey,
    address,
    kind: question.kind,
    meaning: decision.meaning,
    notificationIds: question.notificationIds,
    now: message.receivedAt,
  });
}

async function say(
  client: pg.PoolClient,
  deps: EventDeps,
  { account }: Received<ReplyEvent>,
  { message, writer, addresses }: Decided,
  situations: readonly AnswerSituation[],
  isUnmatched: boolean,
): Promise<AnswerToStart | null> {
  const isGroup = message.groupChatId !== null;
  const address = message.groupChatId ?? addresses[0];
  if (situations.length === 0 || address === undefined) return null;
  const { row } = account;
  const personal = row.channel === "whatsapp_group" ? "whatsapp_personal" : row.channel;
  return insertAnswer(client, {
    inboundMessageId: message.inboundId,
    deviceKey: row.deviceKey,
    provider: row.provider,
    channel: isGroup ? "whatsapp_group" : personal,
    address,
    locale: writer.user?.locale ?? writer.group?.locale ?? deps.inbound.locale,
    timeZone: writer.user?.timeZone ?? writer.group?.timeZone ?? deps.inbound.timeZone,
    toName: isGroup ? (writer.user?.name ?? writer.member?.name ?? message.name) : null,
    situations,
    isUnmatched,
    now: message.receivedAt,
  });
}

/** How the message was taken: on its own row, and on the timeline of the notification that it was about. */
async function note(
  client: pg.PoolClient,
  { account, receivedAt }: Received<ReplyEvent>,
  { message, writer }: Decided,
  taken: {
    readonly state: InboundState;
    readonly notificationId: string | null;
    readonly actId: string | null;
    readonly reason: string;
    readonly detail: Readonly<Record<string, unknown>>;
    readonly forgetBody?: boolean;
  },
): Promise<void> {
  const userId = writer.user?.id ?? null;
  const groupId = writer.group?.id ?? null;
  await interpret(client, message.inboundId, { ...taken, userId, groupId });
  if (taken.notificationId === null) return;
  await writeReplyEvent(client, {
    inboundId: message.inboundId,
    notificationId: taken.notificationId,
    at: receivedAt,
    target: userId ?? groupId,
    channel: message.groupChatId === null ? account.row.channel : "whatsapp_group",
    accountId: account.row.id,
    reason: taken.reason,
    detail: {
      inboundId: message.inboundId,
      via: message.via,
      byName: writer.user?.name ?? writer.member?.name ?? message.name,
      ...taken.detail,
    },
  });
}

async function interpret(
  client: pg.PoolClient,
  inboundId: string,
  taken: Partial<Parameters<typeof interpretInbound>[2]> & {
    readonly state: InboundState;
    readonly detail: Readonly<Record<string, unknown>>;
  },
): Promise<void> {
  await interpretInbound(client, inboundId, {
    userId: null,
    groupId: null,
    notificationId: null,
    actId: null,
    forgetBody: false,
    ...taken,
  });
}
