import { createHmac, timingSafeEqual } from "node:crypto";
import type pg from "pg";

import {
  OTP_CHECKS_MAX,
  OTP_KEPT_MS,
  OTP_SENDS_WITHIN_MS,
  OTP_TYPE,
  OTP_VALID_MS,
} from "../domain/otp.ts";
import type { Role } from "../domain/role.ts";
import { deriveKey, openSecret, sealSecret } from "./sealed-secret.ts";
import type { SecretPlace } from "./sealed-secret.ts";

/**
 * Challenges: a code sent to a number, and how often somebody tried to enter it.
 *
 * Ordering: sends of one number, and of one caller, come one after the other (`lockSends`), so that a limit holds however many ask at once. Checks are counted by one
 * conditional statement on the row, which locks it: of any number of guesses at once the first five are compared, and of those that are right one uses the code.
 *
 * Privacy: the code stands here alone, sealed, while it may still be sent; its hash is worth nothing without the key.
 */

/** Who has a number: of this person it is proven. */
export interface NumberOwner {
  readonly userId: string;
  readonly role: Role;
  readonly zones: readonly string[];
}

/** What a code is told by. */
export interface OtpPolicy {
  readonly id: string;
  readonly version: number;
}

/** Held until the caller's transaction ends. */
export async function lockSends(
  client: pg.PoolClient,
  { caller, phone }: { readonly caller: string; readonly phone: string },
): Promise<void> {
  // Always in this order; two callers that ask about each other's numbers never wait for each other.
  await client.query({
    name: "otp-lock-caller",
    text: "select pg_advisory_xact_lock(hashtextextended('otp caller ' || $1, 0))",
    values: [caller],
  });
  await client.query({
    name: "otp-lock-phone",
    text: "select pg_advisory_xact_lock(hashtextextended('otp phone ' || $1, 0))",
    values: [phone],
  });
}

export async function ownerOfNumber(
  db: pg.Pool | pg.PoolClient,
  phone: string,
): Promise<NumberOwner | null> {
  const { rows } = await db.query<NumberOwner>({
    name: "otp-owner",
    text: `
      select u.id as "userId", u.role, u.zones from contacts c join users u on u.id = c.user_id
      where c.kind = 'phone' and c.is_active and c.value = $1`,
    values: [phone],
  });
  return rows[0] ?? null;
}

export interface SendFacts {
  /** The same request was carried out before, by this caller or by another key of the same sender. */
  readonly earlier: { readonly expiresAt: Date } | null;
  /** Epoch ms, oldest first. */
  readonly sentToNumber: readonly number[];
  readonly sentByCaller: readonly number[];
  /** Null: this installation has no texts or no policy for codes. */
  readonly policy: OtpPolicy | null;
  readonly emailAccountIds: readonly string[];
}

/** What a send is judged by, as of the locks. */
export async function readSendFacts(
  client: pg.PoolClient,
  asked: {
    readonly id: string;
    readonly phone: string;
    readonly caller: string;
    readonly apart: string | null;
    readonly isClaim: boolean;
    /**
     * A code goes out: every one that went out to the number counts, whoever asked. Privacy: otherwise what counts is what the caller did, and for a claim what
     * other claims did, which is the same for a free number and a taken one.
     */
    readonly isReal: boolean;
    readonly nowMs: number;
  },
): Promise<SendFacts> {
  const { rows } = await client.query<{
    readonly earlier: string | null;
    readonly sent_to_number: readonly number[];
    readonly sent_by_caller: readonly number[];
    readonly policy: OtpPolicy | null;
    readonly email_account_ids: readonly string[];
  }>({
    name: "otp-send-facts",
    text: `
      select
        (select o.expires_at from otp_challenges o where o.id = $1) as earlier,
        (
          select coalesce(jsonb_agg(floor(extract(epoch from o.created_at) * 1000) order by o.created_at), '[]') from otp_challenges o
          where o.phone = $2 and o.created_at > $6
            and (o.apart is not distinct from $4 or case when $5 then o.user_id is not null else $7 and o.is_claim end)
        ) as sent_to_number,
        (
          select coalesce(jsonb_agg(floor(extract(epoch from o.created_at) * 1000) order by o.created_at), '[]') from otp_challenges o
          where o.caller = $3 and o.created_at > $6
        ) as sent_by_caller,
        (
          select jsonb_build_object('id', p.id, 'version', p.current_version) from notification_types t
          join escalation_policies p on p.is_active and p.id = coalesce(t.policy_id, (select x.id from escalation_policies x where x.code = '${OTP_TYPE}'))
          where t.code = '${OTP_TYPE}' and exists (select from templates m where m.type = t.code and m.is_current)
        ) as policy,
        (
          select coalesce(jsonb_agg(a.id order by a.id), '[]') from provider_accounts a where a.channel = 'email'
        ) as email_account_ids`,
    values: [
      asked.id,
      asked.phone,
      asked.caller,
      asked.apart,
      asked.isReal,
      new Date(asked.nowMs - OTP_SENDS_WITHIN_MS),
      asked.isClaim,
    ],
  });
  const [row] = rows;
  if (row === undefined) throw new Error("Invariant broken: the facts of a send are one row");
  return {
    earlier: row.earlier === null ? null : { expiresAt: new Date(row.earlier) },
    sentToNumber: row.sent_to_number,
    sentByCaller: row.sent_by_caller,
    policy: row.policy,
    emailAccountIds: row.email_account_ids,
  };
}

export interface NewChallenge {
  readonly id: string;
  readonly phone: string;
  /** Null: nothing is sent. */
  readonly userId: string | null;
  readonly isClaim: boolean;
  readonly caller: string;
  readonly apart: string | null;
  readonly code: string;
  readonly nowMs: number;
}

/** Stores a challenge in place of those before it; answers the notifications that told theirs. */
export async function insertChallenge(
  client: pg.PoolClient,
  challenge: NewChallenge,
  secretKey: Uint8Array,
): Promise<readonly string[]> {
  const { id, phone, apart, code, nowMs } = challenge;
  const { rows } = await client.query<{ notification_id: string | null }>({
    name: "otp-replace",
    text: `
      update otp_challenges set replaced_at = $3, code_encrypted = null
      where phone = $1 and apart is not distinct from $2 and used_at is null and replaced_at is null
      returning notification_id`,
    values: [phone, apart, new Date(nowMs)],
  });
  await client.query({
    name: "otp-insert",
    text: `
      insert into otp_challenges (id, phone, user_id, is_claim, caller, apart, code_hash, code_encrypted, created_at, expires_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    values: [
      id,
      phone,
      challenge.userId,
      challenge.isClaim,
      challenge.caller,
      apart,
      hashCode(secretKey, id, code),
      sealSecret(code, secretKey, placeOf(id)),
      new Date(nowMs),
      new Date(nowMs + OTP_VALID_MS),
    ],
  });
  return rows.flatMap(({ notification_id }) => notification_id ?? []);
}

/** By what the code is told. Nothing is to be told: it need not be kept. */
export async function tieNotification(
  client: pg.PoolClient,
  challengeId: string,
  notificationId: string | null,
): Promise<void> {
  await client.query({
    name: "otp-tie",
    text: `
      update otp_challenges set notification_id = $2, code_encrypted = case when $2::text is null then null else code_encrypted end
      where id = $1`,
    values: [challengeId, notificationId],
  });
}

/** A check that was counted. */
export interface TakenCheck {
  readonly id: string;
  readonly userId: string | null;
  readonly isClaim: boolean;
  readonly notificationId: string | null;
  readonly isRight: boolean;
  readonly checksLeft: number;
}

/**
 * Counts one check of the number's open code, then compares. Null: there is no code that could still be entered. The comparison takes as long whatever is wrong,
 * and is made where there is nothing to compare with, too.
 */
export async function takeCheck(
  pool: pg.Pool,
  check: {
    readonly phone: string;
    /** Whose challenges are looked for: the number's own where the caller reaches its owner, and the caller's. */
    readonly reachesOwner: boolean;
    readonly caller: string;
    readonly code: string;
    readonly nowMs: number;
  },
  secretKey: Uint8Array,
): Promise<TakenCheck | null> {
  const { rows } = await pool.query<{
    id: string;
    user_id: string | null;
    is_claim: boolean;
    notification_id: string | null;
    code_hash: Buffer;
    checks: number;
  }>({
    name: "otp-check",
    text: `
      update otp_challenges set checks = checks + 1, code_encrypted = case when checks + 1 < ${OTP_CHECKS_MAX} then code_encrypted end
      where id = (
        select o.id from otp_challenges o
        where o.phone = $1 and ((o.apart is null and $2) or o.apart = $3)
          and o.used_at is null and o.replaced_at is null and o.expires_at > $4 and o.checks < ${OTP_CHECKS_MAX}
        order by o.created_at desc, o.id desc limit 1
        for update
      )
      returning id, user_id, is_claim, notification_id, code_hash, checks`,
    values: [check.phone, check.reachesOwner, check.caller, new Date(check.nowMs)],
  });
  const [row] = rows;
  const hash = hashCode(secretKey, row?.id ?? "-", check.code);
  const isEqual = timingSafeEqual(hash, row?.code_hash ?? Buffer.alloc(hash.length));
  if (row === undefined) return null;
  return {
    id: row.id,
    userId: row.user_id,
    isClaim: row.is_claim,
    notificationId: row.notification_id,
    isRight: isEqual && row.user_id !== null,
    checksLeft: OTP_CHECKS_MAX - row.checks,
  };
}

/** False: another right guess was first, a newer code has replaced it, or the person has lost the number since. */
export async function useChallenge(
  client: pg.PoolClient,
  {
    id,
    request,
    nowMs,
  }: {
    readonly id: string;
    /** By what a repeat of this request is known; null: by nothing. */
    readonly request: Uint8Array | null;
    readonly nowMs: number;
  },
): Promise<boolean> {
  const { rowCount } = await client.query({
    name: "otp-use",
    text: `
      update otp_challenges o set used_at = $2, used_by_request = $3, code_encrypted = null
      where o.id = $1 and o.used_at is null and o.replaced_at is null
        and (o.is_claim or exists (
          select from contacts c where c.user_id = o.user_id and c.kind = 'phone' and c.value = o.phone and c.is_active
        ))`,
    values: [id, new Date(nowMs), request],
  });
  return rowCount === 1;
}

/** Whose number this very request has proven before. */
export async function provenBy(
  pool: pg.Pool,
  request: Uint8Array,
): Promise<{ readonly userId: string; readonly verifiedAt: number } | null> {
  const { rows } = await pool.query<{ user_id: string; used_at: Date }>({
    name: "otp-proven-by",
    text: "select user_id, used_at from otp_challenges where used_by_request = $1 and user_id is not null",
    values: [request],
  });
  const [row] = rows;
  return row === undefined ? null : { userId: row.user_id, verifiedAt: row.used_at.getTime() };
}

/** Channels on which a vendor took the code. */
export async function channelsOfCode(
  client: pg.PoolClient,
  notificationId: string | null,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ channel: string }>(
    "select distinct channel from deliveries where notification_id = $1 and accepted_at is not null order by channel",
    [notificationId],
  );
  return rows.map(({ channel }) => channel);
}

/** A code that may be sent now, opened. Privacy: never log, return or store it. */
export interface CodeToSend {
  readonly code: string;
  readonly userId: string;
  /** Where it goes on every channel of a phone, whatever number the person has else. */
  readonly phone: string;
  /** The number has written to the account's device within the last 24 hours. */
  readonly isWindowOpen: boolean;
}

/** Null: the code has been used, replaced, guessed at too often, or is over. */
export async function readCodeToSend(
  pool: pg.Pool,
  asked: {
    readonly notificationId: string;
    readonly deviceKey: string | null;
    readonly nowMs: number;
  },
  secretKey: Uint8Array,
): Promise<CodeToSend | null> {
  const { rows } = await pool.query<{
    id: string;
    user_id: string;
    phone: string;
    code_encrypted: Buffer;
    is_window_open: boolean;
  }>({
    name: "otp-to-send",
    text: `
      select o.id, o.user_id, o.phone, o.code_encrypted, exists (
        select from contact_windows w
        where w.device_key = $2 and w.address = o.phone and w.last_inbound_at > $3::timestamptz - interval '24 hours'
      ) as is_window_open
      from otp_challenges o
      where o.notification_id = $1 and o.user_id is not null and o.code_encrypted is not null and o.used_at is null and o.replaced_at is null
        and o.expires_at > $3`,
    values: [asked.notificationId, asked.deviceKey, new Date(asked.nowMs)],
  });
  const [row] = rows;
  if (row === undefined) return null;
  return {
    code: openSecret(row.code_encrypted, secretKey, placeOf(row.id)),
    userId: row.user_id,
    phone: row.phone,
    isWindowOpen: row.is_window_open,
  };
}

/** Forgets codes whose time is over, and challenges that no limit asks for any more. */
export async function wipeCodes(pool: pg.Pool, nowMs: number): Promise<void> {
  await pool.query({
    name: "otp-wipe",
    text: "update otp_challenges set code_encrypted = null where code_encrypted is not null and expires_at <= $1",
    values: [new Date(nowMs)],
  });
  await pool.query({
    name: "otp-forget",
    text: "delete from otp_challenges where created_at <= $1",
    values: [new Date(nowMs - OTP_KEPT_MS)],
  });
}

/**
 * Keyed, because six digits are a million: whoever holds a dump of the database tries them all against any hash that needs no key. The key is not in the
 * database, and the challenge is part of it, so that two of one code have nothing in common.
 */
function hashCode(secretKey: Uint8Array, challengeId: string, code: string): Buffer {
  return createHmac("sha256", deriveKey(secretKey, "otp-code"))
    .update(`${challengeId} ${code}`)
    .digest();
}

function placeOf(challengeId: string): SecretPlace {
  return { purpose: "one_time_password", accountId: challengeId };
}
