import type pg from "pg";

import { newId } from "../db/new-id.ts";
import { insertNotification } from "../db/notifications-insert.ts";
import { markStarted } from "../db/starting.ts";
import type { RequestCheck, NotificationRequest } from "../domain/request.ts";
import { notificationWorkflowId } from "../workflows/contract.ts";

export interface NoticeDeps {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly hash: (text: string) => Uint8Array;
  readonly checkRequest: (request: NotificationRequest, now: number) => Promise<RequestCheck>;
  /** Starts the run behind the row; answers its run id. A failure leaves the row to the sweep. */
  readonly startRun: (row: {
    readonly workflowId: string;
    readonly type: string;
    readonly priority: "critical" | "high" | "medium" | "low";
    readonly zone: string | null;
    readonly ticketId: string | null;
  }) => Promise<string | null>;
  readonly log: {
    readonly warn: (fields: Record<string, unknown>, message: string) => void;
    readonly error: (fields: Record<string, unknown>, message: string) => void;
  };
}

const NOTICE_TYPE = "operator_notice";

export interface Notice {
  /** The same for every repeat of one notice. */
  readonly ref: string;
  readonly request: NotificationRequest;
  /** The notification that it is about. */
  readonly noticeOf: string | null;
  /** What else is written before its run begins. */
  readonly beforeStart?: () => Promise<void>;
}

/**
 * Tells the operators something: an ordinary notification, stored and started. One that is refused is logged. Idempotency: one for each `ref`; a
 * run that could not be started is left to the sweep.
 */
export async function raiseNotice(deps: NoticeDeps, notice: Notice): Promise<void> {
  const now = deps.now();
  const checked = await deps.checkRequest(notice.request, now);
  if (!checked.ok) {
    const problems = checked.problems.map(({ path, code }) => `${path} ${code}`);
    deps.log.error({ ref: notice.ref, problems }, "a notice to the operators was refused");
    return;
  }
  const row = {
    workflowId: notificationWorkflowId(NOTICE_TYPE, notice.ref),
    type: NOTICE_TYPE,
    priority: checked.request.priority,
    zone: notice.request.zone ?? null,
    ticketId: notice.request.ticketId ?? null,
  };
  const id = newId("ntf", now);
  const stored = await insertNotification(deps.pool, {
    id,
    ref: notice.ref,
    workflowId: row.workflowId,
    sender: "siaga",
    apiKeyId: null,
    idempotencyKey: null,
    bodyHash: deps.hash(notice.ref),
    request: checked.request,
    acceptedAt: now,
    noticeOf: notice.noticeOf,
    vouchesForPhones: false,
  });
  await notice.beforeStart?.();
  await start(deps, stored.inserted ? id : stored.existing.id, row);
}

async function start(
  deps: NoticeDeps,
  id: string,
  row: Parameters<NoticeDeps["startRun"]>[0],
): Promise<void> {
  try {
    const runId = await deps.startRun(row);
    await markStarted(deps.pool, [{ id, runId }]);
  } catch (error) {
    deps.log.warn({ error, notificationId: id }, "a notice waits for the sweep to start it");
  }
}
