import { createHash } from "node:crypto";
import type pg from "pg";

import { OPEN_CODES_MAX } from "../domain/verification-code.ts";

/**
 * Codes by which somebody proves a number. The database holds the SHA-256 of a code alone: with 50 random bits and a day to live there is nothing to gain from
 * the hashes.
 *
 * Ordering: whoever makes or uses a code holds the row of the user whom it stands for, so that of two uses at once one finds the other's end.
 */

/** Kept after its time for the words "expired" and "used"; then nobody remembers it. */
const REMEMBERED_MS = 86_400_000;

/** The caller holds the user's row. The oldest open ones beyond the limit end. */
export async function insertPhoneVerification(
  client: pg.PoolClient,
  verification: {
    readonly code: string;
    readonly userId: string;
    readonly nowMs: number;
    readonly lastsMs: number;
  },
): Promise<void> {
  const { code, userId, nowMs, lastsMs } = verification;
  const now = new Date(nowMs);
  await client.query({
    name: "phone-verification-replace",
    text: `
      update phone_verifications v set ended_at = $2, ended_by = 'replaced'
      where v.code_hash in (
        select o.code_hash from phone_verifications o
        where o.user_id = $1 and o.ended_at is null and o.expires_at > $2
        order by o.created_at desc, o.code_hash offset ${OPEN_CODES_MAX - 1}
      )`,
    values: [userId, now],
  });
  await client.query({
    name: "phone-verification-insert",
    text: "insert into phone_verifications (code_hash, user_id, created_at, expires_at) values ($1, $2, $3, $4)",
    values: [hashOf(code), userId, now, new Date(nowMs + lastsMs)],
  });
}

export type FoundVerification = {
  /** Whom it stands for. */
  readonly userId: string;
  readonly state: "open" | "expired" | "used";
};

/** What a code is good for, with that person's row held until the end of the transaction. Null: no code of ours, or of somebody who is switched off. */
export async function lockPhoneVerification(
  client: pg.PoolClient,
  code: string,
  nowMs: number,
): Promise<FoundVerification | null> {
  const hash = hashOf(code);
  const { rows: holders } = await client.query<{ id: string }>({
    name: "phone-verification-holder",
    text: `
      select u.id from users u where u.is_active and u.id = (select v.user_id from phone_verifications v where v.code_hash = $1)
      for update of u`,
    values: [hash],
  });
  const userId = holders[0]?.id;
  if (userId === undefined) return null;
  // A statement of its own: it sees what whoever held the row before has committed.
  const { rows } = await client.query<{ state: FoundVerification["state"] }>({
    name: "phone-verification-state",
    text: `
      select case when ended_at is not null then 'used' when expires_at <= $2 then 'expired' else 'open' end as state
      from phone_verifications where code_hash = $1`,
    values: [hash, new Date(nowMs)],
  });
  const state = rows[0]?.state;
  return state === undefined ? null : { userId, state };
}

/** What was ended before stays as it ended. */
export async function endPhoneVerification(
  client: pg.PoolClient,
  end: { readonly code: string; readonly by: "used" | "shown"; readonly nowMs: number },
): Promise<void> {
  await client.query({
    name: "phone-verification-end",
    text: "update phone_verifications set ended_at = $2, ended_by = $3 where code_hash = $1 and ended_at is null",
    values: [hashOf(end.code), new Date(end.nowMs), end.by],
  });
}

/** Of those that are over for a day nothing is kept. For the sweep. */
export async function forgetPhoneVerifications(pool: pg.Pool, nowMs: number): Promise<void> {
  await pool.query({
    name: "phone-verification-forget",
    text: "delete from phone_verifications where expires_at <= $1",
    values: [new Date(nowMs - REMEMBERED_MS)],
  });
}

/** The person has said, from this number, that it may be written to. The last word counts. */
export async function recordConsent(
  client: pg.PoolClient,
  consent: {
    readonly userId: string;
    /** E.164. */
    readonly phone: string;
    readonly inboundMessageId: string;
    readonly nowMs: number;
  },
): Promise<void> {
  await client.query({
    name: "contact-consent",
    text: `update contacts set consented_at = $3, consent_inbound_message_id = $4
      where user_id = $1 and kind = 'phone' and value = $2 and is_active`,
    values: [consent.userId, consent.phone, new Date(consent.nowMs), consent.inboundMessageId],
  });
}

function hashOf(code: string): Buffer {
  return createHash("sha256").update(code).digest();
}
