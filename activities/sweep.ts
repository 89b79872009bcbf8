import type pg from "pg";

import { dueQuestions, type DueQuestion } from "../db/asking.ts";
import { answerActs, markActsSignalled, unsignalledActs } from "../db/acts.ts";
import { markAnswerStarted, unstartedAnswers, type AnswerToStart } from "../db/answers.ts";
import { wipeCodes } from "../db/otp-challenges.ts";
import { forgetPhoneVerifications } from "../db/phone-verifications.ts";
import { markReceiptsSignalled, unsignalledReceipts } from "../db/receipts.ts";
import { clearStaleMarks, staleRuns } from "../db/stale-plans.ts";
import { sweepUnstarted, type UnstartedRow } from "../db/starting.ts";
import { carriersOf, type ProviderRegistry } from "../providers/registry.ts";
import type { SignalledFact } from "../workflows/contract.ts";
import type { SweepAnswer } from "./contract.ts";

export interface SweepDeps {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly start: (row: UnstartedRow) => Promise<string | null>;
  readonly startAnswer: (answer: AnswerToStart) => Promise<void>;
  /** False: the run is over and will never need the fact. Throws when Temporal could not be asked. */
  readonly signal: (workflowId: string, fact: SignalledFact) => Promise<boolean>;
  readonly judgeAccounts: () => Promise<void>;
  readonly tellOptOuts: () => Promise<void>;
  readonly providers: ProviderRegistry;
  readonly startAsk: (question: DueQuestion) => Promise<void>;
  readonly log: { readonly warn: (fields: Record<string, unknown>, message: string) => void };
}

/** Whoever recorded a fact signals it at once; what is this old was lost on the way. */
const LOST_AFTER_MS = 15_000;
const ROWS_MAX = 200;
const QUESTIONS_MAX = 50;
/** The next sweep is due after ten seconds. */
const STARTS_LAST_MS_MAX = 8_000;

/** Starts what was accepted and not started, repeats signals that were lost, forgets codes that are over, and looks after the accounts. Everything here may happen twice. */
export function createSweep(deps: SweepDeps) {
  return async function sweep(): Promise<SweepAnswer> {
    const olderThan = new Date(deps.now() - LOST_AFTER_MS);
    const started = await sweepUnstarted(deps.pool, {
      start: deps.start,
      olderThanSeconds: LOST_AFTER_MS / 1000,
      lastsMsMax: STARTS_LAST_MS_MAX,
      onFailure: (row, error) => {
        deps.log.warn({ error, notificationId: row.id }, "a run could not be started");
      },
    });
    const acts = await signalActs(deps, olderThan);
    const receipts = await signalReceipts(deps, olderThan);
    const replans = await signalReplans(deps, olderThan);
    const answers = await startAnswers(deps, olderThan);
    await wipeCodes(deps.pool, deps.now());
    await forgetPhoneVerifications(deps.pool, deps.now());
    await deps.judgeAccounts();
    await deps.tellOptOuts();
    await askVendors(deps);
    return { started, acts, receipts, replans, answers };
  };
}

async function signalActs(deps: SweepDeps, olderThan: Date): Promise<number> {
  const lost = await unsignalledActs(deps.pool, { olderThan, limit: ROWS_MAX });
  const told: string[] = [];
  const unanswerable: string[] = [];
  for (const { workflowId, act } of lost) {
    const isHeard = await deps.signal(workflowId, { kind: "act", act });
    (isHeard ? told : unanswerable).push(act.actId);
  }
  // The run is over: a steering act that nobody carried out gets its "no".
  await answerActs(
    deps.pool,
    unanswerable.map((actId) => ({ actId, applied: false, reason: "already_settled" })),
  );
  await markActsSignalled(deps.pool, [...told, ...unanswerable]);
  return told.length + unanswerable.length;
}

async function signalReceipts(deps: SweepDeps, olderThan: Date): Promise<number> {
  const lost = await unsignalledReceipts(deps.pool, { olderThan, limit: ROWS_MAX });
  const told: string[] = [];
  for (const { workflowId, receiptId, fact } of lost) {
    await deps.signal(workflowId, fact);
    told.push(receiptId);
  }
  await markReceiptsSignalled(deps.pool, told);
  return told.length;
}

async function signalReplans(deps: SweepDeps, olderThan: Date): Promise<number> {
  const stale = await staleRuns(deps.pool, { olderThan, limit: ROWS_MAX });
  for (const { notificationId, workflowId } of stale) {
    await deps.signal(workflowId, { kind: "replan", reason: "swept" });
    await clearStaleMarks(deps.pool, notificationId, olderThan);
  }
  return stale.length;
}

async function startAnswers(deps: SweepDeps, olderThan: Date): Promise<number> {
  const lost = await unstartedAnswers(deps.pool, { olderThan, limit: ROWS_MAX });
  for (const answer of lost) {
    await deps.startAnswer(answer);
    await markAnswerStarted(deps.pool, answer.inboundMessageId);
  }
  return lost.length;
}

async function askVendors({ now, pool, providers, startAsk }: SweepDeps): Promise<void> {
  const due = await dueQuestions(pool, {
    finders: carriersOf(providers, ({ findLost }) => findLost !== undefined),
    tellers: carriersOf(providers, ({ lookUp }) => lookUp !== undefined),
    now: new Date(now()),
    limit: QUESTIONS_MAX,
  });
  for (const question of due) await startAsk(question);
}
