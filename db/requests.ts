import type pg from "pg";

import { judgeRequest, readRequest } from "../domain/request-check.ts";
import type { JudgeContext, Judgement } from "../domain/request-check.ts";
import type { NotificationRequest, RequestCheck } from "../domain/request.ts";
import { loadRequest } from "./plan-snapshot.ts";
import type { SnapshotContext } from "./plan-snapshot.ts";

export interface CheckContext extends SnapshotContext {
  /** Epoch ms. */
  readonly now: number;
  /** Composed from rendering/: which variables of a text these facts leave unfilled. */
  readonly missingVariables: JudgeContext["missingVariables"];
  /** Composed from providers/: whether a file may be fetched from an address, as far as the address alone says. */
  readonly fileUrlProblem: JudgeContext["fileUrlProblem"];
  /**
   * For a direct start: its variables come from the ticket, so Siaga must know it. Over HTTP a ticket is a reference into the ticket system, which need not
   * report its tickets.
   */
  readonly ticketMustExist?: boolean;
}

/**
 * Whether a request can be accepted: every bad field at once, or the request with ids resolved, policy pinned and phones normalised. One statement; writes
 * nothing. The audience is worked out for its count, so that more than 100 recipients are refused now and not at night.
 */
export async function checkRequest(
  client: pg.Pool | pg.PoolClient,
  request: NotificationRequest,
  context: CheckContext,
): Promise<RequestCheck> {
  const judgement = await judge(client, request, context, false);
  return judgement.ok ? { ok: true, request: judgement.request } : judgement;
}

/** The same check for a plan that people read: the snapshot has the persons of role-up too. */
export async function judge(
  client: pg.Pool | pg.PoolClient,
  request: NotificationRequest,
  context: CheckContext,
  withRoleUp: boolean,
): Promise<Judgement> {
  const read = readRequest(request, context.now);
  const facts = await loadRequest(client, read.raw, context, { now: context.now, withRoleUp });
  return judgeRequest(read, facts, {
    now: context.now,
    missingVariables: context.missingVariables,
    fileUrlProblem: context.fileUrlProblem,
    ticketMustExist: context.ticketMustExist ?? false,
  });
}
