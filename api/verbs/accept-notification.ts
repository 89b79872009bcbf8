import type pg from "pg";
import type { Change } from "../../db/changes.ts";
import { insertNotification } from "../../db/notifications-insert.ts";
import type {
  ExistingNotification,
  InsertAnswer,
  NewNotification,
} from "../../db/notifications-insert.ts";
import { bodyHashOf, findByRef, refOfKey } from "../../db/notification-ref.ts";
import { checkRequest } from "../../db/requests.ts";
import type { CheckContext } from "../../db/requests.ts";
import type { UnstartedRow } from "../../db/starting.ts";
import { withTransaction } from "../../db/transaction.ts";
import { readType } from "../../db/words.ts";
import type { Actor } from "../../domain/actor.ts";
import { makeId } from "../../domain/ids.ts";
import { may, mayAny } from "../../domain/permissions.ts";
import type { CheckedRequest, NotificationRequest } from "../../domain/request.ts";
import { notificationWorkflowId } from "../../workflows/contract.ts";
import { Forbidden, InvalidInput, keyReused } from "./errors.ts";
import type { Problem } from "./errors.ts";
import type { Replanner } from "./replanner.ts";

/**
 * Accepts a notification: checked, stored, its run started right behind the answer.
 *
 * Idempotency: the key is part of the row (`ref`), so the row is the memory of the key: N parallel requests meet on its
 * unique index, one stores, the others read what was stored. There is nothing that could be left half-done by a process
 * that dies, nothing to wait for longer than one insert takes, and a refused request stores nothing and so uses nothing
 * up. With a key it costs three statements, without one two.
 */

export type AcceptDeps = {
  readonly pool: pg.Pool;
  readonly starter: { enqueue(row: UnstartedRow): void };
  readonly planning: PlanningContext;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly replanner: Pick<Replanner, "tell">;
  readonly crashPoint?: (name: "after_accept_before_start") => void;
  /** Tells whoever watches; nobody is told if not given. */
  readonly announce?: (change: Change) => void;
};

/** What checking and planning need beside the database and the moment. */
export type PlanningContext = Omit<CheckContext, "now" | "ticketMustExist">;

export type Accepted = {
  readonly id: string;
  readonly workflowId: string;
  /** The same request was accepted before; nothing was stored. */
  readonly isReplayed: boolean;
};

/**
 * @throws InvalidInput naming every bad field, or a key that was used for another request
 * @throws Forbidden
 */
export async function acceptNotification(
  deps: AcceptDeps,
  input: {
    readonly actor: Actor;
    readonly key: string | null;
    readonly request: NotificationRequest;
  },
): Promise<Accepted> {
  const { actor, key, request } = input;
  if (!mayAny(actor, "create_notification")) throw new Forbidden();
  const bodyHash = bodyHashOf(request);
  const keyRef = key === null ? null : refOfKey(actor.sender, key);
  if (keyRef !== null) {
    // Before any check: what was valid then may be refused now, and is accepted all the same.
    const existing = await findByRef(deps.pool, keyRef);
    if (existing !== null) return replay(existing, bodyHash);
  }
  const acceptedAt = deps.now();
  const check = await checkRequest(deps.pool, request, { ...deps.planning, now: acceptedAt });
  if (!check.ok) throw new InvalidInput(check.problems);
  await judgeCreation(deps.pool, actor, check.request);
  const id = makeId("ntf", acceptedAt, deps.randomBytes(10));
  const ref = keyRef ?? id;
  const row: NewNotification = {
    id,
    ref,
    workflowId: notificationWorkflowId(check.request.type, ref),
    sender: actor.sender,
    apiKeyId: actor.keyId,
    idempotencyKey: key,
    bodyHash,
    request: check.request,
    acceptedAt,
    vouchesForPhones: actor.kind === "system",
    startClaimedAt: acceptedAt,
  };
  const stored = await store(deps.pool, row);
  if (!stored.inserted) return replay(stored.existing, bodyHash);
  deps.replanner.tell(stored.stale ?? [], "contact_verified", new Date(acceptedAt));
  deps.crashPoint?.("after_accept_before_start");
  deps.announce?.({ kind: "notification", notificationId: id });
  deps.starter.enqueue({
    id,
    workflowId: row.workflowId,
    type: row.request.type,
    priority: row.request.priority,
    zone: row.request.zone,
    ticketId: row.request.ticketId,
  });
  return { id, workflowId: row.workflowId, isReplayed: false };
}

/**
 * What the record has to say against a request that its schema refuses in part, so that the caller hears everything at
 * once. Asked of somebody who may not create, it refuses that instead.
 *
 * @throws Forbidden
 */
export async function judgePart(
  deps: Pick<AcceptDeps, "pool" | "planning" | "now">,
  actor: Actor,
  part: Omit<NotificationRequest, "type"> & { readonly type?: string | undefined },
): Promise<readonly Problem[]> {
  if (!mayAny(actor, "create_notification")) throw new Forbidden();
  const request = { ...part, type: part.type ?? "" };
  const check = await checkRequest(deps.pool, request, { ...deps.planning, now: deps.now() });
  return check.ok ? [] : check.problems;
}

/** One statement is a transaction of its own; only phones, which become users first, need a second one. */
function store(pool: pg.Pool, row: NewNotification): Promise<InsertAnswer> {
  return row.request.phones.length === 0
    ? insertNotification(pool, row)
    : withTransaction(pool, (client) => insertNotification(client, row));
}

function replay(existing: ExistingNotification, bodyHash: Uint8Array): Accepted {
  if (!existing.bodyHash.equals(bodyHash)) throw keyReused();
  return { id: existing.id, workflowId: existing.workflowId, isReplayed: true };
}

/** What a role may create depends on zone and type; a system's key is not asked twice. */
export async function judgeCreation(
  pool: pg.Pool,
  actor: Actor,
  request: Pick<CheckedRequest, "type" | "zone">,
): Promise<void> {
  if (actor.kind === "system") return;
  const type = await readType(pool, request.type);
  const resource = {
    zone: request.zone,
    type: {
      code: request.type,
      isCustomer: type?.is_customer ?? false,
      isOperational: type?.is_operational ?? false,
    },
  };
  if (!may(actor, "create_notification", resource)) {
    throw new Forbidden("This role may not create notifications of this type or zone.");
  }
}
