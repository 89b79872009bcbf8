import { createHash, randomInt } from "node:crypto";
import type pg from "pg";
import type { Change } from "../../db/changes.ts";
import { insertNotification } from "../../db/notifications-insert.ts";
import {
  insertChallenge,
  lockSends,
  ownerOfNumber,
  readSendFacts,
  tieNotification,
} from "../../db/otp-challenges.ts";
import type { NumberOwner, OtpPolicy, SendFacts } from "../../db/otp-challenges.ts";
import type { UnstartedRow } from "../../db/starting.ts";
import { withTransaction } from "../../db/transaction.ts";
import { hasRoomFor } from "../../db/verified-contacts.ts";
import type { Actor } from "../../domain/actor.ts";
import { makeId } from "../../domain/ids.ts";
import {
  makeOtpCode,
  OTP_PRIORITY,
  OTP_SENDS_PER_NUMBER_MAX,
  OTP_SENDS_PER_PERSON_MAX,
  OTP_SENDS_PER_SYSTEM_MAX,
  OTP_TYPE,
  OTP_VALID_MS,
  sendsAgainAt,
} from "../../domain/otp.ts";
import { may, mayAny } from "../../domain/permissions.ts";
import { normalisePhone } from "../../domain/phone-number.ts";
import type { PhoneNumber } from "../../domain/phone-number.ts";
import { notificationWorkflowId } from "../../workflows/contract.ts";
import { Conflict, Forbidden, InvalidInput, LimitExceeded, Unavailable } from "./errors.ts";
import type { Problem } from "./errors.ts";
import { idOnce } from "./once.ts";
import type { Once } from "./once.ts";
import type { PartOf } from "./part-of.ts";
import { isSelf } from "./see-users.ts";
import { stopTelling } from "./stop-telling-code.ts";
import type { TellDeps } from "./tell-run.ts";

/**
 * Sends a code to a number. Whoever asks hears the same whether or not somebody they may ask about has it: the same statements run, the same limits hold, and only
 * what follows behind the answer differs.
 *
 * Challenge and notification are stored in one transaction: a process that dies leaves both, and the run is started as any other, or neither.
 */

export type SendOtpDeps = TellDeps & {
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly secretKey: Uint8Array;
  readonly starter: { enqueue(row: UnstartedRow): void };
  readonly announce?: (change: Change) => void;
};

export type OtpSent = {
  /** Epoch ms: until just before it the code can be entered. */
  readonly expiresAt: number;
};

type Asked = { readonly actor: Actor; readonly phone: string; readonly once: Once };

/**
 * To a number that somebody has, to prove that they do.
 *
 * @throws Forbidden, InvalidInput, LimitExceeded, Unavailable
 */
export async function sendOtp(deps: SendOtpDeps, asked: Asked): Promise<OtpSent> {
  if (!mayAny(asked.actor, "send_otp")) throw new Forbidden();
  return send(deps, asked, (owner) => {
    const isReached = reachesOwner(asked.actor, owner);
    return {
      userId: isReached ? (owner?.userId ?? null) : null,
      isClaim: false,
      apart: isReached ? null : callerOf(asked.actor),
    };
  });
}

/**
 * To a number that the signed-in person wants to be told on. It becomes theirs, and the one that is used, with the proof and not before: a number that is mistyped
 * or somebody else's gets one message and belongs to nobody by it.
 *
 * @throws Forbidden, InvalidInput, Conflict, LimitExceeded, Unavailable
 */
export async function claimPhone(deps: SendOtpDeps, asked: Asked): Promise<OtpSent> {
  const { actor } = asked;
  if (actor.kind !== "user" || !may(actor, "write_own_settings", { isOwn: true })) {
    throw new Forbidden("Only a signed-in person has a phone.");
  }
  const subjectOf = (owner: NumberOwner | null): Subject => {
    const isFree = owner === null || isSelf(actor, owner.userId);
    return { userId: isFree ? actor.userId : null, isClaim: true, apart: callerOf(actor) };
  };
  return send(deps, asked, subjectOf, async (client, phone) => {
    if (await hasRoomFor(client, { userId: actor.userId, kind: "phone", value: phone })) return;
    throw new Conflict("too_many_contacts", "You have as many numbers as anybody may.");
  });
}

/** Who is asked about as far as limits and guesses go. */
export function callerOf(actor: Actor): string {
  return actor.kind === "system" ? actor.keyId : actor.userId;
}

/** Nobody's number is reached by those alone who may ask about everybody. */
export function reachesOwner(actor: Actor, owner: NumberOwner | null): boolean {
  if (owner === null) return may(actor, "send_otp");
  const { role, zones, userId } = owner;
  return may(actor, "send_otp", { role, zones, isOwn: isSelf(actor, userId) });
}

/** What is wrong with the number; nothing where none is given. */
export function judgePhone({ phone }: PartOf<{ readonly phone: string }>): readonly Problem[] {
  const read = phone === undefined ? null : normalisePhone(phone);
  if (read === null || read.ok) return [];
  const message = `Must be a phone number: ${read.reason}.`;
  return [{ path: "phone", code: "invalid_phone", message }];
}

/** @throws InvalidInput */
export function readPhone(phone: string): PhoneNumber {
  const read = normalisePhone(phone);
  if (read.ok) return read.phone;
  throw new InvalidInput(judgePhone({ phone }));
}

interface Subject {
  readonly userId: string | null;
  readonly isClaim: boolean;
  readonly apart: string | null;
}

async function send(
  deps: SendOtpDeps,
  { actor, phone: given, once }: Asked,
  subjectOf: (owner: NumberOwner | null) => Subject,
  assertClaimable?: (client: pg.PoolClient, phone: PhoneNumber) => Promise<void>,
): Promise<OtpSent> {
  const phone = readPhone(given);
  const caller = callerOf(actor);
  const id = idOnce(deps, "otp", once);
  const nowMs = deps.now();
  const { expiresAt, row, replaced } = await withTransaction(deps.pool, async (client) => {
    await lockSends(client, { caller, phone });
    await assertClaimable?.(client, phone);
    const subject = subjectOf(await ownerOfNumber(client, phone));
    const isReal = subject.userId !== null;
    const { apart, isClaim } = subject;
    const facts = await readSendFacts(client, { id, phone, caller, apart, isClaim, isReal, nowMs });
    if (facts.earlier !== null) {
      return { expiresAt: facts.earlier.expiresAt.getTime(), row: null, replaced: [] };
    }
    assertWithinLimits(actor, facts, nowMs);
    if (facts.policy === null) {
      throw new Unavailable("otp_not_set_up", "There is no text or policy for codes.");
    }
    const challenge = { id, phone, caller, nowMs, code: makeOtpCode(randomInt), ...subject };
    const replacedIds = await insertChallenge(client, challenge, deps.secretKey);
    return {
      expiresAt: nowMs + OTP_VALID_MS,
      replaced: replacedIds,
      row: await storeNotification(client, deps, {
        actor,
        challenge,
        facts: { ...facts, policy: facts.policy },
      }),
    };
  });
  followUp(deps, row, replaced, nowMs);
  return { expiresAt };
}

/** @throws LimitExceeded */
function assertWithinLimits(actor: Actor, facts: SendFacts, nowMs: number): void {
  const callerMax = actor.kind === "system" ? OTP_SENDS_PER_SYSTEM_MAX : OTP_SENDS_PER_PERSON_MAX;
  const waits = [
    sendsAgainAt(facts.sentToNumber, OTP_SENDS_PER_NUMBER_MAX),
    sendsAgainAt(facts.sentByCaller, callerMax),
  ].flatMap((at) => at ?? []);
  if (waits.length === 0) return;
  const retryAfterSeconds = Math.max(1, Math.ceil((Math.max(...waits) - nowMs) / 1_000));
  throw new LimitExceeded(retryAfterSeconds, "Too many codes were asked for within the hour.");
}

/**
 * Stores what tells the code, and the run to be started. For a number that nobody has the same is written and taken back, so that it takes as long; null then.
 */
async function storeNotification(
  client: pg.PoolClient,
  deps: SendOtpDeps,
  {
    actor,
    challenge,
    facts,
  }: {
    readonly actor: Actor;
    readonly challenge: Subject & { readonly id: string; readonly nowMs: number };
    readonly facts: SendFacts & { readonly policy: OtpPolicy };
  },
): Promise<UnstartedRow | null> {
  const { id: challengeId, userId, isClaim, nowMs } = challenge;
  const id = makeId("ntf", nowMs, deps.randomBytes(10));
  const workflowId = notificationWorkflowId(OTP_TYPE, id);
  await client.query("savepoint telling");
  await insertNotification(client, {
    id,
    ref: id,
    workflowId,
    sender: actor.sender,
    apiKeyId: actor.keyId,
    idempotencyKey: null,
    bodyHash: createHash("sha256").update(challengeId).digest(),
    acceptedAt: nowMs,
    vouchesForPhones: false,
    startClaimedAt: nowMs,
    request: {
      type: OTP_TYPE,
      priority: OTP_PRIORITY,
      zone: null,
      ticketId: null,
      assigneeId: null,
      customerId: null,
      actorId: null,
      category: null,
      // Privacy: the code stands in the challenge alone.
      data: {},
      recipients: { userIds: [userId ?? "usr_nobody"], groupIds: [], roles: [] },
      phones: [],
      policyId: facts.policy.id,
      policyVersion: facts.policy.version,
      answers: "none",
      attachments: [],
      // Somebody's mailbox says nothing about a number that they do not have yet.
      avoidAccountIds: isClaim ? facts.emailAccountIds : [],
      notBefore: null,
      notAfter: nowMs + OTP_VALID_MS,
    },
  });
  await client.query(
    userId === null ? "rollback to savepoint telling" : "release savepoint telling",
  );
  await tieNotification(client, challengeId, userId === null ? null : id);
  if (userId === null) return null;
  return { id, workflowId, type: OTP_TYPE, priority: OTP_PRIORITY, zone: null, ticketId: null };
}

/** After the answer, which must not take longer for it: the run begins, and those of older codes end. */
function followUp(
  deps: SendOtpDeps,
  row: UnstartedRow | null,
  replaced: readonly string[],
  nowMs: number,
): void {
  if (row === null && replaced.length === 0) return;
  setImmediate(() => {
    if (row !== null) {
      deps.announce?.({ kind: "notification", notificationId: row.id });
      deps.starter.enqueue(row);
    }
    stopTelling(deps, replaced, nowMs);
  });
}
