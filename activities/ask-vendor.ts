/**
 * Asks the vendor what became of a message of which no receipt tells: whether it has one whose answer was lost, and how far one is that it took. What it says
 * is recorded as a receipt, so that an answer and a late webhook are the same fact. Nothing is ever sent here.
 */
import type pg from "pg";

import { beginQuestion, isKnownMessage, type Question } from "../db/asking.ts";
import { loadAccount, recordAccepted, type AccountRow } from "../db/deliveries.ts";
import { newId } from "../db/new-id.ts";
import type { OpenedAccount } from "../db/opened-account.ts";
import { markReceiptsSignalled, recordReceipt } from "../db/receipts.ts";
import { ProviderError } from "../providers/errors.ts";
import type { CallOptions, Provider, Receipt } from "../providers/provider.ts";
import type { ProviderRegistry } from "../providers/registry.ts";
import type { SignalledFact } from "../workflows/contract.ts";
import type { AskAnswer, AskInput } from "./contract.ts";
import { destinationOf } from "./outbound-message.ts";

export interface AskDeps {
  readonly pool: pg.Pool;
  readonly providers: ProviderRegistry;
  readonly openAccount: (row: AccountRow) => OpenedAccount;
  readonly signal: (workflowId: string, fact: SignalledFact) => Promise<boolean>;
  readonly now: () => number;
}

interface Asked {
  readonly question: Question;
  readonly provider: Provider;
  readonly account: OpenedAccount["context"];
}

const ASK_TIMEOUT_MS = 10_000;

export function createAskVendor(deps: AskDeps) {
  return async function askVendor({ deliveryId }: AskInput): Promise<AskAnswer> {
    const question = await beginQuestion(deps.pool, deliveryId, new Date(deps.now()));
    const row = question && (await loadAccount(deps.pool, question.accountId));
    const provider = deps.providers.all.find(
      ({ id, channel }) => id === row?.provider && channel === row.channel,
    );
    if (question === null || !row?.enabled || provider === undefined) return { found: null };
    const asked = { question, provider, account: deps.openAccount(row).context };
    try {
      return await ask(deps, deliveryId, asked);
    } catch (error) {
      // It could not be asked now: the next sweep asks again.
      if (error instanceof ProviderError) return { found: null };
      throw error;
    }
  };
}

async function ask(deps: AskDeps, deliveryId: string, asked: Asked): Promise<AskAnswer> {
  const id = asked.question.providerMessageId ?? (await findLost(deps, deliveryId, asked));
  if (id === null) return { found: null };
  const { provider, account } = asked;
  const receipt = (await provider.lookUp?.(account, id, callOptions(deps))) ?? null;
  if (receipt === null) return { found: "accepted" };
  await record(deps, asked.question, id, receipt);
  return { found: receipt.status };
}

/** The vendor's id of a message whose answer was lost, once it is tied to our own; null when the vendor knows none, or none for certain. */
async function findLost(
  deps: AskDeps,
  deliveryId: string,
  { account, provider, question }: Asked,
): Promise<string | null> {
  const { address, body, isAmbiguous, isGroup, locale, sentAfter } = question;
  if (provider.findLost === undefined || isAmbiguous) return null;
  const message = {
    to: destinationOf(provider.channel, isGroup ? "group" : "person", address),
    text: body,
    language: locale,
  };
  const found = await provider.findLost(account, message, sentAfter, callOptions(deps));
  if (found === null) return null;
  if (await isKnownMessage(deps.pool, question.accountId, found.providerMessageId)) return null;
  const at = deps.now();
  await recordAccepted(deps.pool, {
    notificationId: question.notificationId,
    deliveryId,
    messageId: question.messageId,
    accountId: question.accountId,
    providerMessageId: found.providerMessageId,
    status: found.status,
    segments: found.segments,
    providerResponse: found.providerResponse,
    at,
    event: question.event,
  });
  if (found.status === "sent") {
    await record(deps, question, found.providerMessageId, {
      status: "sent",
      at: null,
      failure: null,
    });
  }
  return found.providerMessageId;
}

async function record(
  deps: AskDeps,
  question: Question,
  providerMessageId: string,
  receipt: Receipt,
): Promise<void> {
  const receivedAt = deps.now();
  const { failure, status } = receipt;
  const answer = await recordReceipt(deps.pool, {
    receiptId: newId("rcp", receivedAt),
    accountId: question.accountId,
    eventKey: `asked:${providerMessageId}:${status}`,
    providerMessageId,
    alias: null,
    deliveryKey: null,
    status,
    final: true,
    reason: failure?.reason ?? null,
    error: failure && { kind: failure.kind, scope: failure.scope, message: failure.reason },
    reportedAt: receipt.at,
    receivedAt,
  });
  if (answer.kind !== "recorded") return;
  for (const { workflowId, fact } of answer.signals) await deps.signal(workflowId, fact);
  await markReceiptsSignalled(
    deps.pool,
    answer.signals.map(({ receiptId }) => receiptId),
  );
}

function callOptions({ now }: AskDeps): CallOptions {
  return {
    signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
    timeoutMs: ASK_TIMEOUT_MS,
    now: now(),
  };
}
