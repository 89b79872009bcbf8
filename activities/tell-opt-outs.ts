import type pg from "pg";

import { markOptOutsTold, untoldOptOuts, type UntoldOptOut } from "../db/opt-outs.ts";
import { clearStaleMarks, type StaleRun } from "../db/stale-plans.ts";
import type { NoticeFacts } from "../domain/notice.ts";
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

function noticeOf({ name, channel, classNames }: UntoldOptOut): NoticeFacts {
  return { kind: "staff_opted_out", person: name, channel, classes: classNames };
}

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
