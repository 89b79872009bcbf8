import type pg from "pg";
import { recordActWithin } from "../../db/acts.ts";
import type { ActBy, RecordActAnswer } from "../../db/acts.ts";
import { insertAnswer } from "../../db/answers.ts";
import type { AnswerToStart } from "../../db/answers.ts";
import { interpretInbound, writeReplyEvent } from "../../db/inbound.ts";
import { newId } from "../../db/new-id.ts";
import { endOptOuts, recordOptOuts } from "../../db/opt-outs.ts";
import { askPrompt, endPrompt } from "../../db/replies.ts";
import type { ReplyWriter } from "../../db/replies.ts";
import type { StaleRun } from "../../db/stale-plans.ts";
import { storableText } from "../../db/storable-text.ts";
import { situationAfter } from "../../domain/answer-situation.ts";
import type { AnswerSituation } from "../../domain/answer-situation.ts";
import type { InboundState } from "../../domain/inbound.ts";
import type { ReplyDecision, ReplyFacts } from "../../domain/reply-decision.ts";
import type { ReplyEvent } from "../../providers/provider.ts";
import type { EventDeps, Received } from "./inbound-deps.ts";
import { holderOf } from "./reply-facts.ts";
import type { ReplyMessage } from "./reply-message.ts";
import type { MessageVerification } from "./verify-by-message.ts";

type Told = Extract<RecordActAnswer, { kind: "applied" | "pending" }>;

/** What is left to do once the transaction stands: runs to tell, an answer to send, runs to plan again and why. */
export type Aftermath = {
  readonly told: readonly Told[];
  readonly answer: AnswerToStart | null;
  readonly stale: readonly StaleRun[];
  readonly staleBy: "consent_changed" | "contact_verified";
};

export const NOTHING_LEFT: Aftermath = {
  told: [],
  answer: null,
  stale: [],
  staleBy: "consent_changed",
};

/** A message, and whose it is. */
export type MetWriter = {
  readonly message: ReplyMessage;
  readonly writer: ReplyWriter;
  readonly addresses: readonly string[];
  /** In a personal chat, the number that the quoted message of ours went to. */
  readonly quotedTo: string | null;
};

export type DecidedReply = MetWriter & {
  readonly facts: ReplyFacts;
  readonly decision: ReplyDecision;
};

/** Does what was decided, notes it, and writes what is said about it. */
export async function carryOut(
  client: pg.PoolClient,
  deps: EventDeps,
  received: Received<ReplyEvent>,
  decided: DecidedReply,
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
      return { ...NOTHING_LEFT, told: done.told, answer };
    }
    case "act_all":
      return actOnAll(client, deps, received, decided, decision.notificationIds);
    case "opt_out":
    case "opt_in":
      return changeConsent(client, deps, received, decided, decision);
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
      return { ...NOTHING_LEFT, answer };
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
      return { ...NOTHING_LEFT, answer };
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

/** What came of the words of a verification link, noted and said. `writer` is who has the number by now. */
export async function carryOutVerification(
  client: pg.PoolClient,
  deps: EventDeps,
  received: Received<ReplyEvent>,
  met: MetWriter,
  verification: MessageVerification,
): Promise<Aftermath> {
  const { message, writer, addresses } = met;
  await endPrompt(client, received.account.row.deviceKey, addresses);
  const isVerified = verification.kind === "verified";
  const situation: AnswerSituation = isVerified
    ? {
        kind: "phone_verified",
        name: writer.user?.name ?? null,
        isPrimary: verification.isPrimary,
      }
    : { kind: "phone_not_verified", reason: verification.reason };
  const answer = await say(client, deps, received, met, [situation], false);
  await interpret(client, message.inboundId, {
    // Who can't be answered is left to people.
    state: isVerified ? "applied" : answer === null ? "unmatched" : "asked",
    userId: writer.user?.id ?? null,
    detail: { verification: isVerified ? "verified" : verification.reason },
  });
  return {
    ...NOTHING_LEFT,
    answer,
    stale: isVerified ? verification.stale : [],
    staleBy: "contact_verified",
  };
}

async function act(
  client: pg.PoolClient,
  deps: EventDeps,
  { message, writer, facts }: DecidedReply,
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
function isWorthSaying(situation: AnswerSituation, { groupChatId, via }: ReplyMessage): boolean {
  if (groupChatId === null) return true;
  return via !== "reaction" && situation.kind !== "thanks" && situation.kind !== "taken_by_you";
}

function actedBy({ groupChatId, name }: ReplyMessage, { user, group, member }: ReplyWriter): ActBy {
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
  decided: DecidedReply,
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
  return { ...NOTHING_LEFT, told, answer };
}

/** Records that the writer wants no more of something on this channel, or wants it again; runs that it outdates plan again. */
async function changeConsent(
  client: pg.PoolClient,
  deps: EventDeps,
  received: Received<ReplyEvent>,
  decided: DecidedReply,
  decision: Extract<ReplyDecision, { kind: "opt_out" | "opt_in" }>,
): Promise<Aftermath> {
  const { message, writer, quotedTo } = decided;
  const { classes, kind, notificationId, tiedBy } = decision;
  const holder = holderOf(message, writer, quotedTo);
  if (holder === null) throw new Error("Invariant broken: consent is somebody's");
  const change = {
    ...holder,
    channel: personalChannel(received.account.row),
    classes,
    inboundMessageId: message.inboundId,
    now: message.receivedAt,
  };
  const stale =
    kind === "opt_out"
      ? await recordOptOuts(client, { ...change, deliveryId: null })
      : await endOptOuts(client, change);
  await note(client, received, decided, {
    state: "applied",
    notificationId,
    actId: null,
    reason: kind === "opt_out" ? "opted_out" : "opted_in",
    detail: { [kind === "opt_out" ? "optedOut" : "optedIn"]: classes, tiedBy },
  });
  const isStaff = writer.user !== null && writer.user.role !== "customer";
  const situation: AnswerSituation =
    kind === "opt_in" ? { kind: "started" } : { kind: isStaff ? "stopped_staff" : "stopped" };
  const answer = await say(client, deps, received, decided, [situation], false);
  return { ...NOTHING_LEFT, answer, stale };
}

/** An account for groups hears what is written to its number in person, too. */
export function personalChannel({ channel }: { readonly channel: string }): string {
  return channel === "whatsapp_group" ? "whatsapp_personal" : channel;
}

/** A question that a bare word may answer is remembered; anything else that was said ends the one before. */
async function ask(
  client: pg.PoolClient,
  { account }: Received<ReplyEvent>,
  { addresses, facts, message }: DecidedReply,
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
  { message, writer, addresses, quotedTo }: MetWriter,
  situations: readonly AnswerSituation[],
  isUnmatched: boolean,
): Promise<AnswerToStart | null> {
  const isGroup = message.groupChatId !== null;
  // A hidden number can be answered where the message that it quotes went.
  const address = message.groupChatId ?? addresses[0] ?? quotedTo ?? undefined;
  if (situations.length === 0 || address === undefined) return null;
  const { row } = account;
  return insertAnswer(client, {
    inboundMessageId: message.inboundId,
    deviceKey: row.deviceKey,
    provider: row.provider,
    channel: isGroup ? "whatsapp_group" : personalChannel(row),
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
  { message, writer }: DecidedReply,
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

/** What is not given is not known. */
export async function interpret(
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
