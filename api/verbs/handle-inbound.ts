import type pg from "pg";
import { insertWrittenAnswer, markAnswerStarted } from "../../db/answers.ts";
import type { AnswerToStart } from "../../db/answers.ts";
import { isAnsweredBy, lockInbound, markHandled } from "../../db/inbound-handling.ts";
import type { HandledInbound, Handler } from "../../db/inbound-handling.ts";
import { findInbound } from "../../db/inbound-list.ts";
import type { InboundRow } from "../../db/inbound-list.ts";
import { storableText } from "../../db/storable-text.ts";
import { withTransaction } from "../../db/transaction.ts";
import type { Actor } from "../../domain/actor.ts";
import type { HandlingRefusal } from "../../domain/inbound.ts";
import { may, reach } from "../../domain/permissions.ts";
import { personalChannel } from "./carry-out-reply.ts";
import { Forbidden, NotFound } from "./errors.ts";
import type { EventDeps } from "./inbound-deps.ts";
import { idOnce } from "./once.ts";
import type { Once } from "./once.ts";
import type { WebhookAccounts } from "./webhook-accounts.ts";

/**
 * Answers or closes what nobody had understood. An answer goes out over the number that was written to; what surely did not arrive puts the message back into the
 * list.
 */

export type HandleInboundDeps = Pick<EventDeps, "pool" | "now" | "background" | "inbound"> & {
  readonly randomBytes: (count: number) => Uint8Array;
  readonly webhookAccounts: WebhookAccounts;
};

export type HandleInput = {
  readonly actor: Actor;
  readonly id: string;
};

export type HandleAnswer =
  | { readonly kind: "applied"; readonly row: InboundRow; readonly showsAddress: boolean }
  /** With who was first, where somebody was. */
  | {
      readonly kind: "refused";
      readonly reason: HandlingRefusal;
      readonly by: Handler | null;
      readonly at: Date | null;
    };

/** WhatsApp's rule, less what the way to the vendor may take. */
const WINDOW_MS = 24 * 3_600_000 - 60_000;
const NOTE_CHARS_MAX = 2_000;

/** @throws NotFound, Forbidden */
export async function answerInbound(
  deps: HandleInboundDeps,
  input: HandleInput & { readonly text: string; readonly once: Once },
): Promise<HandleAnswer> {
  await judgeHandler(deps, input);
  const now = deps.now();
  const answered = await withTransaction(deps.pool, async (client) => {
    const message = await lockInbound(client, input.id);
    if (message === null) throw new NotFound("inbound message");
    const answerId = idOnce(deps, "ans", input.once);
    if (input.once !== undefined && (await isAnsweredBy(client, message.id, answerId))) {
      // An earlier try of this request died after it: the sweep starts what it has not.
      return { kind: "written", start: null } as const;
    }
    const refusal = refusalOf(message) ?? (await refusalOfSending(deps, message, now));
    if (refusal !== null) return refused(refusal, message);
    const start = await writeAnswer(client, deps, message, {
      id: answerId,
      text: input.text,
      now,
    });
    if (start === null) return refused("no_account", message);
    await markHandled(client, {
      id: message.id,
      state: "answered",
      by: handlerOf(input.actor),
      note: null,
      at: new Date(now),
    });
    return { kind: "written", start } as const;
  });
  if (answered.kind === "refused") return answered;
  const { start } = answered;
  if (start !== null) {
    deps.background.run(async () => {
      await deps.inbound.startAnswer(start);
      await markAnswerStarted(deps.pool, start.inboundMessageId);
    });
  }
  return applied(deps, input);
}

/** @throws NotFound, Forbidden */
export async function closeInbound(
  deps: HandleInboundDeps,
  input: HandleInput & { readonly note: string | undefined },
): Promise<HandleAnswer> {
  await judgeHandler(deps, input);
  const closed = await withTransaction(deps.pool, async (client) => {
    const message = await lockInbound(client, input.id);
    if (message === null) throw new NotFound("inbound message");
    const refusal = refusalOf(message);
    if (refusal !== null) return refused(refusal, message);
    await markHandled(client, {
      id: message.id,
      state: "closed",
      by: handlerOf(input.actor),
      note: input.note === undefined ? null : storableText(input.note, NOTE_CHARS_MAX),
      at: new Date(deps.now()),
    });
    return null;
  });
  return closed ?? applied(deps, input);
}

/** Who may not read it learns nothing of it. @throws NotFound, Forbidden */
async function judgeHandler(
  { pool }: Pick<HandleInboundDeps, "pool">,
  { actor, id }: HandleInput,
): Promise<void> {
  const read = reach(actor, "read_inbound");
  const found = read.length === 0 ? null : await findInbound(pool, { actor, grants: read, id });
  if (found === null) {
    if (read.length === 0) throw new Forbidden();
    throw new NotFound("inbound message");
  }
  const grants = reach(actor, "answer_inbound");
  const mayAnswer = grants.length > 0 && (await findInbound(pool, { actor, grants, id })) !== null;
  if (!mayAnswer) throw new Forbidden();
}

async function applied(
  { pool }: Pick<HandleInboundDeps, "pool">,
  { actor, id }: HandleInput,
): Promise<HandleAnswer> {
  const row = await findInbound(pool, { actor, grants: reach(actor, "read_inbound"), id });
  if (row === null) throw new NotFound("inbound message");
  return { kind: "applied", row, showsAddress: may(actor, "see_address") };
}

function refused(
  reason: HandlingRefusal,
  { handledBy, handledAt }: HandledInbound,
): Extract<HandleAnswer, { kind: "refused" }> {
  return { kind: "refused", reason, by: handledBy, at: handledAt };
}

function refusalOf({ state, isGroup }: HandledInbound): HandlingRefusal | null {
  switch (state) {
    case "answered":
      return "already_answered";
    case "closed":
      return "already_closed";
    case "applied":
    case "ignored":
      return "not_open";
    case "asked":
    case "unmatched":
      // What is said in a group is not a question to us.
      return isGroup ? "not_open" : null;
  }
}

/** Nothing can be said to a number that nobody knows, nor in free text where the vendor takes templates alone by now. */
async function refusalOfSending(
  { webhookAccounts }: Pick<HandleInboundDeps, "webhookAccounts">,
  { accountId, answerTo, lastInboundAt }: HandledInbound,
  now: number,
): Promise<HandlingRefusal | null> {
  if (answerTo === null) return "no_address";
  const account = await webhookAccounts.find(accountId);
  if (account === null) return "no_account";
  const isOpen = lastInboundAt !== null && now - lastInboundAt < WINDOW_MS;
  return account.capabilities.templates && !isOpen ? "window_closed" : null;
}

async function writeAnswer(
  client: pg.PoolClient,
  { inbound }: Pick<HandleInboundDeps, "inbound">,
  message: HandledInbound,
  written: { readonly id: string; readonly text: string; readonly now: number },
): Promise<AnswerToStart | null> {
  const { provider, channel, answerTo } = message;
  if (provider === null || channel === null || answerTo === null) return null;
  return insertWrittenAnswer(client, {
    ...written,
    inboundMessageId: message.id,
    deviceKey: message.deviceKey,
    provider,
    channel: personalChannel({ channel }),
    address: answerTo,
    locale: message.locale ?? inbound.locale,
    timeZone: message.timeZone ?? inbound.timeZone,
  });
}

function handlerOf(actor: Actor): Handler {
  return actor.kind === "user"
    ? { userId: actor.userId, name: actor.name }
    : { userId: null, name: actor.name };
}
