import type pg from "pg";

import { CONTACTS_PER_USER_MAX, isProof } from "../domain/contact.ts";
import type { ContactKind, Verification } from "../domain/contact.ts";
import { newId } from "./new-id.ts";
import { markStale } from "./stale-plans.ts";
import type { StaleRun } from "./stale-plans.ts";
import { touchUser } from "./users.ts";

/** How a person came by a contact that counts as verified, or why not. */
export type VerifyAnswer =
  | {
      readonly kind: "verified";
      /** The person had it and somebody had verified it: only the way may be a better one now. */
      readonly wasVerified: boolean;
      /** The person did not have it before. */
      readonly isNew: boolean;
      /** Messages of its kind go there. */
      readonly isPrimary: boolean;
      /** Open runs that it outdates, marked; to be told after the commit. */
      readonly stale: readonly StaleRun[];
    }
  /** One number is one active person, and another one has it. */
  | { readonly kind: "taken" }
  /** There is no such active user. */
  | { readonly kind: "unknown_user" }
  /** The person has as many as anybody may. */
  | { readonly kind: "too_many" }
  /** The person has not, or no more, what is theirs to prove and not to get. */
  | { readonly kind: "not_held" };

interface HeldContact {
  readonly id: string;
  readonly value: string;
  readonly verified_by: Verification | null;
  readonly is_primary: boolean;
}

/**
 * Marks a person's contact verified, and gives it to the person who has it not yet. What was verified before stays as it was, only that a proof by the person
 * (`otp`, `inbound`) takes the place of somebody's word for it. It becomes the primary one of its kind where `makesPrimary` says so, and where the primary one so
 * far is missing or verified by nobody. Idempotency: a second time nothing changes and no run is outdated.
 *
 * Ordering: the person's row is locked here until the end of the caller's transaction.
 */
export async function verifyContact(
  client: pg.PoolClient,
  contact: {
    readonly userId: string;
    readonly kind: ContactKind;
    /** As stored: E.164, or an address in lower case. */
    readonly value: string;
    readonly by: Verification;
    readonly nowMs: number;
    readonly makesPrimary?: boolean;
    /** Verifies what the person has, and gives nothing: somebody may be taking it away at this moment. */
    readonly isHeldAlready?: boolean;
  },
): Promise<VerifyAnswer> {
  const { userId, kind, value, by, nowMs } = contact;
  const user = await client.query({
    name: "verify-lock-user",
    text: "select from users where id = $1 and is_active for update",
    values: [userId],
  });
  if (user.rowCount === 0) return { kind: "unknown_user" };
  const { rows: held } = await client.query<HeldContact>({
    name: "verify-held",
    text: "select id, value, verified_by, is_primary from contacts where user_id = $1 and kind = $2 and is_active",
    values: [userId, kind],
  });
  const known = held.find((one) => one.value === value);
  const primary = held.find((one) => one.is_primary);
  const isPrimary =
    known?.is_primary === true || contact.makesPrimary === true || !primary?.verified_by;
  const verified = { userId, kind, value, by, nowMs };
  if (known === undefined) {
    if (contact.isHeldAlready === true) return { kind: "not_held" };
    if (held.length >= CONTACTS_PER_USER_MAX) return { kind: "too_many" };
    if (!(await giveContact(client, verified))) return { kind: "taken" };
  } else if (known.verified_by === null || (isProof(by) && !isProof(known.verified_by))) {
    await client.query({
      name: "verify-contact",
      text: "update contacts set verified_at = $2, verified_by = $3 where id = $1",
      values: [known.id, new Date(nowMs), by],
    });
  }
  const moves = isPrimary && known?.is_primary !== true;
  if (moves) await makePrimary(client, verified);
  const wasVerified = (known?.verified_by ?? null) !== null;
  const isOutdating = known === undefined || !wasVerified || moves;
  if (isOutdating) await touchUser(client, userId);
  const stale = isOutdating ? await markStale(client, [userId], new Date(nowMs)) : [];
  return { kind: "verified", wasVerified, isNew: known === undefined, isPrimary, stale };
}

/** Null: the person has no such number, or nobody has verified it. */
export async function findVerified(
  client: pg.PoolClient,
  userId: string,
  phone: string,
): Promise<{ readonly isPrimary: boolean } | null> {
  const { rows } = await client.query<{ is_primary: boolean }>({
    name: "verify-find",
    text: `select is_primary from contacts
      where user_id = $1 and kind = 'phone' and value = $2 and is_active and verified_at is not null`,
    values: [userId, phone],
  });
  const [row] = rows;
  return row ? { isPrimary: row.is_primary } : null;
}

/** Whether the person has the contact already, or may have one more of its kind. */
export async function hasRoomFor(
  client: pg.PoolClient,
  contact: { readonly userId: string; readonly kind: ContactKind; readonly value: string },
): Promise<boolean> {
  const { rows } = await client.query<{ has_room: boolean }>({
    name: "verify-room",
    text: `
      select count(*) < ${CONTACTS_PER_USER_MAX} or coalesce(bool_or(value = $3), false) as has_room
      from contacts where user_id = $1 and kind = $2 and is_active`,
    values: [contact.userId, contact.kind, contact.value],
  });
  return rows[0]?.has_room ?? true;
}

interface Verified {
  readonly userId: string;
  readonly kind: ContactKind;
  readonly value: string;
  readonly by: Verification;
  readonly nowMs: number;
}

/** False: another active person has it. Whoever is about to take it at the same moment is waited for. */
async function giveContact(
  client: pg.PoolClient,
  { userId, kind, value, by, nowMs }: Verified,
): Promise<boolean> {
  const { rowCount } = await client.query({
    name: "verify-give",
    text: `
      insert into contacts (id, user_id, kind, value, is_primary, verified_at, verified_by, created_at) values ($1, $2, $3, $4, false, $5, $6, $5)
      on conflict (kind, value) where is_active do nothing`,
    values: [newId("con", nowMs), userId, kind, value, new Date(nowMs), by],
  });
  return rowCount === 1;
}

async function makePrimary(
  client: pg.PoolClient,
  { userId, kind, value }: Verified,
): Promise<void> {
  await client.query({
    name: "verify-primary",
    text: "update contacts set is_primary = (value = $3) where user_id = $1 and kind = $2 and is_active and is_primary is distinct from (value = $3)",
    values: [userId, kind, value],
  });
}
