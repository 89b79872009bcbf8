import type pg from "pg";

import { markOptOutsTold, untoldOptOuts, type UntoldOptOut } from "../db/opt-outs.ts";
import { clearStaleMarks, type StaleRun } from "../db/stale-plans.ts";
import type { SignalledFact } from "../workflows/contract.ts";
import { raiseNotice, type NoticeDeps } from "./raise-notice.ts";

/**
 * Tells the operators that a member of staff has opted out: alerts of that kind reach this person by other channels only, or not at all. Idempotency: one notice
 * for each message that said so.
 */
export function createTellOptOuts(deps: NoticeDeps) {
  return async function tellOptOuts(): Promise<void> {
    for (const optOut of await untoldOptOuts(deps.pool)) {
      await raiseNotice(deps, {
        ref: `opt-out-${optOut.ref}`,
        request: {
          type: "operator_notice",
          zone: optOut.zone,
          data: { notice: noticeOf(optOut), reason: "opted_out" },
        },
        noticeOf: null,
      });
      await markOptOutsTold(deps.pool, optOut.ids, new Date(deps.now()));
    }
  };
}

/** What the operators read; both languages, because operators of both get one text. */
function noticeOf({ name, channel, classNames }: UntoldOptOut): string {
  const who = name ?? "?";
  const what = classNames.join(", ");
  const where = CHANNEL_WORDS[channel] ?? channel;
  return `${who} berhenti menerima ${where}: ${what} / ${who} no longer wants these by ${where}`;
}

const CHANNEL_WORDS: Readonly<Record<string, string>> = {
  whatsapp_personal: "WhatsApp",
  sms: "SMS",
  email: "e-mail",
};

/** One person seldom has more open; the sweep tells the rest. */
const TOLD_AT_ONCE_MAX = 20;

export interface TellReplanDeps {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly signal: (workflowId: string, fact: SignalledFact) => Promise<boolean>;
  readonly log: { readonly warn: (fields: Record<string, unknown>, message: string) => void };
}

/** Tells runs that what they were planned from has changed. What can't be told keeps its mark and is swept. */
export function createTellReplan({ pool, now, signal, log }: TellReplanDeps) {
  return async function tellReplan(runs: readonly StaleRun[], reason: string): Promise<void> {
    const markedAt = new Date(now());
    try {
      for (const { notificationId, workflowId } of runs.slice(0, TOLD_AT_ONCE_MAX)) {
        await signal(workflowId, { kind: "replan", reason });
        await clearStaleMarks(pool, notificationId, markedAt);
      }
    } catch (error) {
      log.warn({ error, reason }, "runs wait for the sweep to plan again");
    }
  };
}
