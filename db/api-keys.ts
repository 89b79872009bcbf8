import { createHash, timingSafeEqual } from "node:crypto";
import type pg from "pg";
import { isApiScope } from "../domain/actor.ts";
import type { Actor, ApiScope } from "../domain/actor.ts";
import { makeId } from "../domain/ids.ts";
import type { Role } from "../domain/role.ts";

/**
 * API keys. A key is `sg_live_` and 32 random bytes; the database holds its SHA-256 alone, so a copy of the database
 * signs nobody in. A fast hash is right here: the key itself has 256 bits, there is nothing to guess.
 */

export const API_KEY_PREFIX = "sg_live_";
export const API_KEY_RANDOM_BYTES = 32;
/** What lists show of a key: enough to recognise it, useless to use it. */
const SHOWN_CHARS = API_KEY_PREFIX.length + 4;
const API_KEY_SHAPE = /^sg_live_[A-Za-z0-9_-]{43}$/;

/** Whether a bearer token can be an API key at all; anything else isn't worth a query. */
export function isApiKeyShaped(token: string): boolean {
  return API_KEY_SHAPE.test(token);
}

export function hashApiKey(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

export type NewApiKey = {
  readonly name: string;
  readonly sender: string;
  readonly scopes: readonly ApiScope[];
  /** Set: whoever holds the key acts with this user's role and zones, and the scopes are not asked. */
  readonly userId: string | null;
};

/** The key is in this answer and nowhere else. */
export async function insertApiKey(
  pool: pg.Pool | pg.PoolClient,
  newKey: NewApiKey,
  nowMs: number,
  randomBytes: (count: number) => Uint8Array,
): Promise<{ readonly id: string; readonly key: string }> {
  const id = makeId("key", nowMs, randomBytes(10));
  const secret = Buffer.from(randomBytes(API_KEY_RANDOM_BYTES)).toString("base64url");
  const key = `${API_KEY_PREFIX}${secret}`;
  await pool.query(
    `insert into api_keys (id, name, sender, key_hash, key_prefix, scopes, user_id, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      id,
      newKey.name,
      newKey.sender,
      hashApiKey(key),
      key.slice(0, SHOWN_CHARS),
      newKey.scopes,
      newKey.userId,
      new Date(nowMs),
    ],
  );
  return { id, key };
}

/** A use is noted at most once in this time, so that a busy key costs no write per request. */
const USE_NOTED_EVERY_SECONDS = 60;

type ApiKeyRow = {
  readonly id: string;
  readonly name: string;
  readonly sender: string;
  readonly key_hash: Buffer;
  readonly scopes: readonly string[];
  readonly user_id: string | null;
  readonly user_name: string | null;
  readonly role: Role | null;
  readonly zones: readonly string[] | null;
  readonly user_is_active: boolean | null;
  readonly use_is_old: boolean;
};

/** Null for a key that is unknown or revoked, or whose user is switched off. */
export async function findActorByApiKey(pool: pg.Pool, keyHash: Buffer): Promise<Actor | null> {
  const { rows } = await pool.query<ApiKeyRow>({
    name: "api-key-actor",
    text: `
      select k.id, k.name, k.sender, k.key_hash, k.scopes, k.user_id,
        u.name as user_name, u.role, u.zones, u.is_active as user_is_active,
        k.last_used_at is null or k.last_used_at < now() - make_interval(secs => $2) as use_is_old
      from api_keys k left join users u on u.id = k.user_id
      where k.key_hash = $1 and k.revoked_at is null`,
    values: [keyHash, USE_NOTED_EVERY_SECONDS],
  });
  const row = rows[0];
  // The index compares in its own time; what it found is compared once more in constant time.
  if (!row || !timingSafeEqual(row.key_hash, keyHash)) return null;
  if (row.user_id !== null && row.user_is_active !== true) return null;
  if (row.use_is_old) {
    await pool.query("update api_keys set last_used_at = now() where id = $1", [row.id]);
  }
  return toActor(row);
}

function toActor(row: ApiKeyRow): Actor {
  if (row.user_id !== null && row.role !== null) {
    return {
      kind: "user",
      userId: row.user_id,
      role: row.role,
      zones: row.zones ?? [],
      name: row.user_name,
      sender: row.sender,
      keyId: row.id,
    };
  }
  return {
    kind: "system",
    keyId: row.id,
    sender: row.sender,
    name: row.name,
    scopes: row.scopes.filter(isApiScope),
  };
}

/** True when this call revoked it; false when it was revoked before or is unknown. */
export async function revokeApiKey(pool: pg.Pool, id: string, nowMs: number): Promise<boolean> {
  const { rowCount } = await pool.query(
    "update api_keys set revoked_at = $2 where id = $1 and revoked_at is null",
    [id, new Date(nowMs)],
  );
  return rowCount === 1;
}
