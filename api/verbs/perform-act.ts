import type pg from "pg";
import { lateAnswer, recordAct } from "../../db/acts.ts";
import type { ActBy, RecordActAnswer, RecordActInput } from "../../db/acts.ts";
import { findAct, findActiveUser } from "../../db/act-subjects.ts";
import type { JudgedNotification } from "../../db/notification-list.ts";
import { violatedUnique } from "../../db/violations.ts";
import type { Actor } from "../../domain/actor.ts";
import { makeId } from "../../domain/ids.ts";
import type { ActKind, ActRefusal } from "../../domain/notification.ts";
import { may } from "../../domain/permissions.ts";
import type { Action } from "../../domain/permissions.ts";
import { Forbidden, InvalidInput, NotFound } from "./errors.ts";
import { seeNotification } from "./see-notification.ts";
import { signalAct, steerRun } from "./tell-run.ts";
import type { TellDeps } from "./tell-run.ts";

/**
 * The way of every act: who may, is it sound, record and decide it, tell the run. The decision is made on the locked
 * row; a stop-act needs neither worker nor Temporal, a steering act is carried out by the run.
 */

export type ActDeps = TellDeps & {
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
};

export type ActInput = {
  readonly actor: Actor;
  readonly notificationId: string;
  /** The caller's own id makes a repeat the same act. */
  readonly actId?: string | undefined;
  /** The user on whose behalf a system acts: an id or `ext:<externalId>`. */
  readonly by?: string | undefined;
  readonly note?: string | undefined;
  /** From an Idempotency-Key: a second try after a crash makes the same act id. */
  readonly once?: { readonly atMs: number; readonly random: Uint8Array } | undefined;
};

export type ActAnswer =
  | { readonly kind: "applied"; readonly actId: string }
  | {
      readonly kind: "refused";
      readonly reason: ActRefusal | (string & {});
      readonly by: ActBy | null;
      readonly at: number | null;
    }
  /** Stored; the run could not answer now. */
  | { readonly kind: "pending"; readonly actId: string };

export type ActParams = RecordActInput["params"];

const ACTIONS: Readonly<Record<ActKind, Action>> = {
  acknowledge: "answer_notification",
  refuse: "answer_notification",
  escalate: "answer_notification",
  snooze: "answer_notification",
  resolve: "answer_notification",
  rate: "answer_notification",
  close: "answer_notification",
  cancel: "steer_notification",
  reprioritise: "steer_notification",
  reassign: "steer_notification",
  resend: "steer_notification",
  move: "steer_notification",
};

/**
 * `readParams` judges what this kind of act says, once the actor is known to be allowed to say it.
 *
 * @throws NotFound, Forbidden, InvalidInput
 */
export async function performAct(
  deps: ActDeps,
  kind: ActKind,
  input: ActInput,
  readParams: (notification: JudgedNotification) => Promise<ActParams> | ActParams = () => ({}),
): Promise<ActAnswer> {
  const { actor, notificationId } = input;
  const found = await seeActable(deps, actor, notificationId, ACTIONS[kind]);
  const params = await readParams(found);
  const by = await actedBy(deps.pool, input);
  const actId = actIdOf(deps, input);
  const recordIt = input.actId === undefined ? recordAct : recordCallersAct;
  const answer = await recordIt(deps.pool, {
    actId,
    notificationId,
    kind,
    by,
    via: "api",
    note: input.note ?? null,
    params,
    now: deps.now(),
  });
  deps.announce?.({ kind: "notification", notificationId });
  return tell(deps, kind, actId, answer);
}

/** A key can be given acts without reading. Who may do neither finds nothing, who may only read is forbidden. */
async function seeActable(
  deps: ActDeps,
  actor: Actor,
  id: string,
  action: Action,
): Promise<JudgedNotification> {
  const found = await seeNotification(deps, { actor, id, as: action });
  if (!may(actor, action, found.resource)) throw new Forbidden();
  return found;
}

async function actedBy(pool: pg.Pool, { actor, by }: ActInput): Promise<ActBy> {
  switch (actor.kind) {
    case "user": {
      const isSelf = by === undefined || by === actor.userId;
      const person = isSelf ? null : await findActiveUser(pool, by);
      if (!isSelf && person?.id !== actor.userId) {
        throw new Forbidden("A person acts in their own name.");
      }
      return { kind: "user", userId: actor.userId, apiKeyId: actor.keyId, name: actor.name };
    }
    case "system": {
      if (by === undefined) {
        return { kind: "api_key", userId: null, apiKeyId: actor.keyId, name: actor.name };
      }
      const person = await findActiveUser(pool, by);
      if (person === null) throw unknownUser("by");
      return { kind: "user", userId: person.id, apiKeyId: actor.keyId, name: person.name };
    }
  }
}

export function unknownUser(path: string): InvalidInput {
  return new InvalidInput([{ path, code: "unknown", message: "There is no such active user." }]);
}

function actIdOf(deps: ActDeps, { actId, once }: ActInput): string {
  return actId ?? makeId("act", once?.atMs ?? deps.now(), once?.random ?? deps.randomBytes(10));
}

function actIdReused(): InvalidInput {
  return new InvalidInput([
    { path: "actId", code: "act_id_reused", message: "This id stands for another act." },
  ]);
}

/** @throws InvalidInput when the caller's id stands for an act on another notification, or of another kind */
async function recordCallersAct(pool: pg.Pool, act: RecordActInput): Promise<RecordActAnswer> {
  try {
    const answer = await recordAct(pool, act);
    // An id that was known got the answer of the act that has it: nothing else was done, and whose it is decides.
    const recorded = await findAct(pool, act.actId);
    const isAnother =
      recorded !== null &&
      (recorded.notificationId !== act.notificationId || recorded.kind !== act.kind);
    if (isAnother) throw actIdReused();
    return answer;
  } catch (error) {
    // Two acts of different notifications with one id, at the same moment: the second is told so.
    if (violatedUnique(error) === "acts_pkey") throw actIdReused();
    throw error;
  }
}

async function tell(
  deps: ActDeps,
  kind: ActKind,
  actId: string,
  answer: RecordActAnswer,
): Promise<ActAnswer> {
  switch (answer.kind) {
    case "unknown_notification":
      throw new NotFound("notification");
    case "refused":
      return answer;
    case "applied":
      // Rating and closing are about the record; the run has no part in them.
      if (kind !== "rate" && kind !== "close") signalAct(deps, answer.workflowId, answer.act);
      return { kind: "applied", actId };
    case "pending": {
      const steered = await steerRun(deps, answer.workflowId, answer.act);
      if (steered?.applied === true) return { kind: "applied", actId };
      if (steered === null || steered.reason?.startsWith("already_") === true) {
        // The run was stopped or ended while the act was on its way; the record says by whom.
        const late = await lateAnswer(deps.pool, actId);
        if (late?.kind === "applied") return { kind: "applied", actId };
        if (late !== null) return late;
      }
      if (steered === null) return { kind: "pending", actId };
      return { kind: "refused", reason: steered.reason ?? "not_possible", by: null, at: null };
    }
  }
}
