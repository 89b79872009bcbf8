/**
 * Says something to a person who wrote: once, in the same chat, quiet hours or not, because that person is awake and waiting. The states are those of a
 * delivery: `sending` on entry means that an earlier execution died with the request, and is never sent again.
 */
import type pg from "pg";

import {
  loadAnswer,
  recordAnswerAccepted,
  recordAnswerNotSent,
  reserveAnswerSlot,
  type LoadedAnswer,
} from "../db/answers.ts";
import { takeReplyCode, type AccountRow } from "../db/deliveries.ts";
import { newId } from "../db/new-id.ts";
import type { OpenedAccount } from "../db/opened-account.ts";
import { loadSubjects } from "../db/subjects.ts";
import { withTransaction } from "../db/transaction.ts";
import type { AnswerSituation } from "../domain/answer-situation.ts";
import { retryOf, VERDICTS } from "../domain/result-kind.ts";
import { ProviderError } from "../providers/errors.ts";
import type { OutboundMessage, Provider, SendResult } from "../providers/provider.ts";
import type { ProviderRegistry } from "../providers/registry.ts";
import { answerText } from "../rendering/answer-text.ts";
import { notificationSubject } from "../rendering/notification-subject.ts";
import type { AnswerInput, AnswerOutcome } from "./contract.ts";
import { tryAgain } from "./failure.ts";

export interface AnswerDeps {
  readonly pool: pg.Pool;
  readonly providers: ProviderRegistry;
  readonly openAccount: (row: AccountRow) => OpenedAccount;
  /** Null: no limit. Otherwise the only numbers and group ids that a message may go to. */
  readonly sendOnlyTo: ReadonlySet<string> | null;
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly cancelled: () => AbortSignal;
}

/** Ten minutes after somebody wrote, the answer would be a riddle. */
const ANSWER_LASTS_MS = 600_000;
/** A slot this near is waited for here. */
const AHEAD_SECONDS = 2;
/** A slot comes later than it was given by as much as those before it left late; more often than this it is asked for anew. */
const WAITS_MAX = 5;
const RECORD_TRIES_MAX = 4;
const RECORD_PAUSE_MS = 500;

export function createSendAnswer(deps: AnswerDeps) {
  return async function sendAnswer({ inboundMessageId }: AnswerInput): Promise<AnswerOutcome> {
    const loaded = await loadAnswer(deps.pool, inboundMessageId);
    if (loaded === null) return { status: "not_sent", reason: "gone" };
    switch (loaded.status) {
      case "intended":
        return send(deps, inboundMessageId, loaded);
      case "sending":
        await end(deps, inboundMessageId, "unknown", "sender_died");
        return { status: "unknown", reason: "sender_died" };
      case "unknown":
        return { status: "unknown", reason: null };
      case "accepted":
        return { status: "accepted", reason: null };
      case "failed":
      case "dropped":
        return { status: "not_sent", reason: loaded.status };
    }
  };
}

interface Ready {
  readonly provider: Provider;
  readonly account: AccountRow;
  readonly opened: OpenedAccount;
  readonly outbound: OutboundMessage;
  readonly messageId: string;
  readonly deadlineAt: number;
}

async function send(
  deps: AnswerDeps,
  inboundMessageId: string,
  answer: LoadedAnswer,
): Promise<AnswerOutcome> {
  const ready = await prepare(deps, answer);
  if (typeof ready === "string") return drop(deps, inboundMessageId, ready);
  const refusal = await waitForSlot(deps, inboundMessageId, answer, ready);
  if (refusal !== null) return drop(deps, inboundMessageId, refusal);
  let result: SendResult;
  try {
    result = await ready.provider.send(ready.opened.context, ready.outbound, {
      signal: AbortSignal.timeout(ready.provider.defaults.sendTimeoutMs),
      timeoutMs: ready.provider.defaults.sendTimeoutMs,
      deliveryKey: ready.messageId,
      webhookUrl: ready.opened.webhookUrl,
      validForSeconds: ANSWER_LASTS_MS / 1000,
      now: deps.now(),
    });
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return refused(deps, inboundMessageId, answer, ready, error);
  }
  await recordAccepted(deps, inboundMessageId, ready, result);
  return { status: "accepted", reason: null };
}

/** Why it can't be said, or everything that saying it takes. */
async function prepare(deps: AnswerDeps, answer: LoadedAnswer): Promise<Ready | string> {
  const { account, address } = answer;
  const deadlineAt = answer.createdAt + ANSWER_LASTS_MS;
  if (deps.now() >= deadlineAt) return "too_late";
  if (!account?.enabled || account.healthState === "draining") return "account_disabled";
  if (deps.sendOnlyTo && !deps.sendOnlyTo.has(address)) return "not_in_send_only_to";
  const provider = deps.providers.all.find(
    ({ id, channel }) => id === account.provider && channel === account.channel,
  );
  if (provider === undefined) return "no_provider";
  const text = answer.writtenText ?? (await textOf(deps, answer, account, provider));
  if (text === null) return "nothing_to_say";
  return {
    provider,
    account,
    opened: deps.openAccount(account),
    outbound: {
      to: answer.isGroup
        ? { kind: "group", groupChatId: address }
        : { kind: "phone", e164: address },
      text,
      language: answer.locale,
      // They have just written to us.
      isWindowOpen: true,
    },
    messageId: answer.messageId ?? newId("msg", deps.now()),
    deadlineAt,
  };
}

async function textOf(
  deps: AnswerDeps,
  { locale, situations, timeZone, toName }: LoadedAnswer,
  { deviceKey }: AccountRow,
  { channel }: Provider,
): Promise<string | null> {
  const subjects = await loadSubjects(deps.pool, [...new Set(situations.flatMap(idsIn))]);
  const coded = new Set(situations.filter(needsCode).flatMap(idsIn));
  const named = new Map<string, { readonly subject: string; readonly code: string | null }>();
  for (const facts of subjects.values()) {
    named.set(facts.id, {
      subject: notificationSubject(facts, locale),
      code: coded.has(facts.id)
        ? await takeReplyCode(deps.pool, {
            deviceKey,
            notificationId: facts.id,
            random: deps.random,
          })
        : null,
    });
  }
  const texts = situations.flatMap(
    (situation) => answerText(situation, { channel, locale, timeZone, toName, named }) ?? [],
  );
  return texts.length === 0 ? null : texts.join("\n\n");
}

function idsIn(situation: AnswerSituation): readonly string[] {
  if ("notificationIds" in situation) return situation.notificationIds;
  return "notificationId" in situation ? [situation.notificationId] : [];
}

function needsCode({ kind }: AnswerSituation): boolean {
  return (
    kind === "which_one" ||
    kind === "confirm_all" ||
    kind === "code_needed" ||
    kind === "rate_range"
  );
}

/** Null once the answer is `sending`; else why it will not be. */
async function waitForSlot(
  deps: AnswerDeps,
  inboundMessageId: string,
  { address }: LoadedAnswer,
  { account, deadlineAt, messageId, outbound }: Ready,
): Promise<string | null> {
  const request = {
    answerId: inboundMessageId,
    account,
    address,
    aheadSeconds: AHEAD_SECONDS,
    messageId,
    body: outbound.text,
  };
  let slot = await reserveAnswerSlot(deps.pool, { ...request, isReserved: false });
  for (let waits = 0; slot.kind === "wait" && waits < WAITS_MAX; waits += 1) {
    await deps.sleep(slot.slotAt - deps.now(), deps.cancelled());
    slot = await reserveAnswerSlot(deps.pool, { ...request, isReserved: true });
  }
  switch (slot.kind) {
    case "send":
      return null;
    case "capped":
      return "daily_cap";
    case "wait":
    case "later":
      if (slot.slotAt >= deadlineAt) return "pace";
      throw tryAgain("the account has no free slot yet", slot.slotAt - deps.now());
    case "not_intended":
      throw tryAgain("another execution of this answer is at work", 1_000);
  }
}

async function refused(
  deps: AnswerDeps,
  inboundMessageId: string,
  answer: LoadedAnswer,
  { deadlineAt }: Ready,
  error: ProviderError,
): Promise<AnswerOutcome> {
  const now = deps.now();
  const repeat = retryOf(
    { kind: error.kind, scope: error.scope, retryAfterMs: error.retryAfterMs },
    {
      retriesUsed: answer.tries,
      elapsedMs: now - answer.createdAt,
      windowLeftMs: deadlineAt - now,
    },
  );
  if (repeat.retry) {
    await end(deps, inboundMessageId, "intended", error.reason);
    throw tryAgain(`${error.kind}: ${error.reason}`, repeat.afterMs);
  }
  const { status } = VERDICTS[error.kind];
  await end(deps, inboundMessageId, status, error.reason);
  return { status: status === "unknown" ? "unknown" : "not_sent", reason: error.reason };
}

async function drop(
  deps: AnswerDeps,
  inboundMessageId: string,
  reason: string,
): Promise<AnswerOutcome> {
  await end(deps, inboundMessageId, "dropped", reason);
  return { status: "not_sent", reason };
}

async function end(
  { pool, now }: Pick<AnswerDeps, "pool" | "now">,
  inboundMessageId: string,
  status: "intended" | "failed" | "unknown" | "dropped",
  reason: string,
): Promise<void> {
  await recordAnswerNotSent(pool, { answerId: inboundMessageId, status, reason, now: now() });
}

export function createDropAnswer(deps: Pick<AnswerDeps, "pool" | "now">) {
  return async function dropAnswer({
    inboundMessageId,
    reason,
  }: AnswerInput & { readonly reason: string }): Promise<void> {
    await end(deps, inboundMessageId, "dropped", reason);
  };
}

/** The vendor has the message: PostgreSQL gets a few seconds to come back before that knowledge is lost. */
async function recordAccepted(
  deps: AnswerDeps,
  inboundMessageId: string,
  { account, messageId }: Ready,
  result: SendResult,
): Promise<void> {
  const at = deps.now();
  for (let tries = 1; ; tries += 1) {
    try {
      await withTransaction(deps.pool, (client) =>
        recordAnswerAccepted(client, {
          ...result,
          answerId: inboundMessageId,
          messageId,
          accountId: account.id,
          at,
        }),
      );
      return;
    } catch (error) {
      if (tries >= RECORD_TRIES_MAX) throw error;
      await deps.sleep(RECORD_PAUSE_MS * 2 ** tries, deps.cancelled());
    }
  }
}
