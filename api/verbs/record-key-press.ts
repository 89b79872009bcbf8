import { recordActWithin } from "../../db/acts.ts";
import { findAnsweredCall } from "../../db/calls.ts";
import type { AnsweredCall } from "../../db/calls.ts";
import {
  insertInbound,
  interpretInbound,
  readInterpretation,
  writeReplyEvent,
} from "../../db/inbound.ts";
import { newId } from "../../db/new-id.ts";
import { loadSubjects } from "../../db/subjects.ts";
import { withTransaction } from "../../db/transaction.ts";
import { situationAfter } from "../../domain/answer-situation.ts";
import type { AnswerSituation } from "../../domain/answer-situation.ts";
import type { ActKind } from "../../domain/notification.ts";
import type { KeyPressEvent, Speech } from "../../providers/provider.ts";
import { answerText } from "../../rendering/answer-text.ts";
import { notificationSubject } from "../../rendering/notification-subject.ts";
import type { EventDeps, Received } from "./inbound-deps.ts";
import { signalAct } from "./tell-run.ts";

/**
 * A key that a person pressed during a call: 1 takes what the call was about, 2 refuses it, in the name of whoever was called. A voicemail presses no key.
 *
 * Idempotency: the event, the act and what is said stand in one transaction; a repeat says the same again.
 */
export async function recordKeyPress(
  deps: EventDeps,
  received: Received<KeyPressEvent>,
): Promise<Speech | null> {
  const { account, event } = received;
  const call = await findAnsweredCall(deps.pool, {
    accountId: account.row.id,
    callId: event.callId,
    deliveryKey: event.deliveryKey,
  });
  const situation = await storeKeyPress(deps, received, call);
  // What the provider says by itself after a key fits everything but somebody else's being first.
  return situation === null || situation.kind === "thanks" || call === null
    ? null
    : speak(deps, call, situation);
}

async function storeKeyPress(
  deps: EventDeps,
  { account, event, receivedAt }: Received<KeyPressEvent>,
  call: AnsweredCall | null,
): Promise<AnswerSituation | null> {
  const { deviceKey } = account.row;
  const inboundId = newId("inb", receivedAt);
  const stored = await withTransaction(deps.pool, async (client) => {
    const isNew = await insertInbound(client, {
      id: inboundId,
      accountId: account.row.id,
      deviceKey,
      eventKey: event.eventKey,
      address: event.callId,
      groupChatId: null,
      kind: "keypress",
      body: event.digit,
      quotedProviderMessageId: event.callId,
      state: "unmatched",
      receivedAt,
    });
    if (!isNew || call === null) return { isNew, answer: null, situation: null };
    const actId = newId("act", receivedAt);
    const kind: ActKind = event.answer === "accept" ? "acknowledge" : "refuse";
    const { notificationId, user } = call;
    const answer = await recordActWithin(client, {
      actId,
      notificationId,
      kind,
      by: { kind: "user", userId: user?.id ?? null, name: user?.name ?? null },
      via: "keypress",
      note: null,
      params: {},
      now: deps.now(),
    });
    const situation = situationAfter(answer, { notificationId, kind, userId: user?.id ?? null });
    await interpretInbound(client, inboundId, {
      state: "applied",
      userId: user?.id ?? null,
      groupId: null,
      notificationId,
      actId,
      detail: { act: kind, tiedBy: "call", deliveryId: call.deliveryId, situation },
      forgetBody: false,
    });
    await writeReplyEvent(client, {
      inboundId,
      notificationId,
      at: receivedAt,
      target: user?.id ?? null,
      channel: "call",
      accountId: account.row.id,
      reason: kind,
      detail: { inboundId, via: "keypress", deliveryId: call.deliveryId },
    });
    return { isNew, answer, situation };
  });
  if (stored.answer?.kind === "applied" || stored.answer?.kind === "pending") {
    deps.announce?.({ kind: "act", actId: stored.answer.act.actId });
    signalAct(deps, stored.answer.workflowId, stored.answer.act);
  }
  return stored.isNew ? stored.situation : saidBefore(deps, deviceKey, event.eventKey);
}

async function saidBefore(
  { pool }: EventDeps,
  deviceKey: string,
  eventKey: string,
): Promise<AnswerSituation | null> {
  const detail = await readInterpretation(pool, deviceKey, eventKey);
  return storedSituation(detail?.["situation"]);
}

/** Written by `storeKeyPress` of this or an earlier release. */
function storedSituation(value: unknown): AnswerSituation | null {
  return (value ?? null) as AnswerSituation | null;
}

async function speak(
  deps: EventDeps,
  call: AnsweredCall,
  situation: AnswerSituation,
): Promise<Speech> {
  const language = call.user?.locale ?? "id";
  const subjects = await loadSubjects(deps.pool, [call.notificationId]);
  const named = [...subjects.values()].map(
    (facts) => [facts.id, { subject: notificationSubject(facts, language), code: null }] as const,
  );
  const reply = answerText(situation, {
    channel: "call",
    locale: language,
    timeZone: call.user?.timeZone ?? deps.inbound.timeZone,
    named: new Map(named),
  });
  return { text: call.text, language, reply };
}

/** What a call goes on with when it has to say its text again. */
export async function readSpeech(
  { pool }: EventDeps,
  accountId: string,
  deliveryKey: string,
): Promise<Speech | null> {
  const call = await findAnsweredCall(pool, { accountId, callId: null, deliveryKey });
  return call && { text: call.text, language: call.user?.locale ?? "id", reply: null };
}
