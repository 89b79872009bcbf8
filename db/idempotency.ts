import type pg from "pg";

/**
 * Answers kept by Idempotency-Key, so that a POST sent twice is carried out once.
 *
 * A key's row is `in_flight` while its first request is carried out and `done` with the answer afterwards; a request
 * that was refused removes its row, so that the key can be used again. The owner renews its lock while it works; one that
 * died leaves `in_flight` behind: after `locked_until` the next request with that key takes the row over. `locked_until` is
 * also the owner's token: who was taken over finds another value and writes nothing.
 */

/** Below the time that a repeat waits, so that the first repeat after a crash is answered; the owner renews it well before. */
export const KEY_LOCK_SECONDS = 4;
/** The contract promises 30; a day more, so that nobody is surprised by a time zone. */
export const KEYS_KEPT_DAYS = 31;

export type IdempotencyKey = {
  readonly sender: string;
  /** Method and path: one key means something else on another route. */
  readonly route: string;
  readonly key: string;
};

export type KeptAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
};

export type Claim =
  /** This request carries it out. `firstAtMs` stays the same over take-overs. */
  | { readonly kind: "owner"; readonly firstAtMs: number; readonly lockedUntil: string }
  | { readonly kind: "done"; readonly answer: KeptAnswer }
  | { readonly kind: "in_flight"; readonly retryAfterSeconds: number }
  | { readonly kind: "other_body" };

type KeyRow = {
  readonly is_same_body: boolean;
  readonly state: "in_flight" | "done";
  readonly response_status: number | null;
  readonly response_headers: Readonly<Record<string, string>> | null;
  readonly response_body: unknown;
  readonly is_locked: boolean;
  readonly seconds_left: number;
  readonly locked_until_text: string;
  readonly created_at: Date;
};

export async function claimKey(
  pool: pg.Pool,
  { sender, route, key }: IdempotencyKey,
  bodyHash: Uint8Array,
): Promise<Claim> {
  const inserted = await pool.query<{ created_at: Date; locked_until_text: string }>({
    name: "idempotency-claim",
    text: `
      insert into idempotency_keys (sender, route, key, body_hash, locked_until)
      values ($1, $2, $3, $4, now() + make_interval(secs => $5))
      on conflict (sender, route, key) do nothing
      returning created_at, locked_until::text as locked_until_text`,
    values: [sender, route, key, bodyHash, KEY_LOCK_SECONDS],
  });
  const [owned] = inserted.rows;
  if (owned) {
    return {
      kind: "owner",
      firstAtMs: owned.created_at.getTime(),
      lockedUntil: owned.locked_until_text,
    };
  }
  const { rows } = await pool.query<KeyRow>({
    name: "idempotency-read",
    text: `
      select body_hash = $4 as is_same_body, state, response_status, response_headers, response_body,
        locked_until > now() as is_locked, ceil(extract(epoch from locked_until - now()))::integer as seconds_left,
        locked_until::text as locked_until_text, created_at
      from idempotency_keys where sender = $1 and route = $2 and key = $3`,
    values: [sender, route, key, bodyHash],
  });
  const row = rows[0];
  // Removed between the two statements, by a request that was refused: the next claim decides.
  if (!row) return { kind: "in_flight", retryAfterSeconds: 1 };
  if (!row.is_same_body) return { kind: "other_body" };
  if (row.state === "done") {
    return {
      kind: "done",
      answer: {
        status: row.response_status ?? 200,
        headers: row.response_headers ?? {},
        body: row.response_body,
      },
    };
  }
  if (row.is_locked) {
    return { kind: "in_flight", retryAfterSeconds: Math.max(1, row.seconds_left) };
  }
  return takeOver(pool, { sender, route, key }, row);
}

async function takeOver(pool: pg.Pool, key: IdempotencyKey, row: KeyRow): Promise<Claim> {
  const lockedUntil = await renewLock(pool, key, row.locked_until_text);
  return lockedUntil === null
    ? { kind: "in_flight", retryAfterSeconds: 1 }
    : { kind: "owner", firstAtMs: row.created_at.getTime(), lockedUntil };
}

/** The owner is still at it. The new `lockedUntil`; null when somebody has taken over. */
export async function renewLock(
  pool: pg.Pool,
  { sender, route, key }: IdempotencyKey,
  lockedUntil: string,
): Promise<string | null> {
  const { rows } = await pool.query<{ locked_until_text: string }>({
    name: "idempotency-renew",
    text: `
      update idempotency_keys set locked_until = now() + make_interval(secs => $5)
      where sender = $1 and route = $2 and key = $3 and state = 'in_flight' and locked_until = $4::timestamptz
      returning locked_until::text as locked_until_text`,
    values: [sender, route, key, lockedUntil, KEY_LOCK_SECONDS],
  });
  return rows[0]?.locked_until_text ?? null;
}

export async function keepAnswer(
  pool: pg.Pool,
  { sender, route, key }: IdempotencyKey,
  lockedUntil: string,
  answer: KeptAnswer,
): Promise<void> {
  await pool.query({
    name: "idempotency-done",
    text: `
      update idempotency_keys
      set state = 'done', response_status = $5, response_headers = $6, response_body = $7
      where sender = $1 and route = $2 and key = $3 and state = 'in_flight' and locked_until = $4::timestamptz`,
    values: [
      sender,
      route,
      key,
      lockedUntil,
      answer.status,
      answer.headers,
      JSON.stringify(answer.body),
    ],
  });
}

/** The request was refused or failed: it did not use up its key. */
export async function releaseKey(
  pool: pg.Pool,
  { sender, route, key }: IdempotencyKey,
  lockedUntil: string,
): Promise<void> {
  await pool.query(
    `delete from idempotency_keys
     where sender = $1 and route = $2 and key = $3 and state = 'in_flight' and locked_until = $4::timestamptz`,
    [sender, route, key, lockedUntil],
  );
}

/** Removes what is older than it was promised to be kept; some at a time, so that no statement is long. */
export async function forgetOldKeys(pool: pg.Pool): Promise<number> {
  const { rowCount } = await pool.query(
    `delete from idempotency_keys where ctid in (
       select ctid from idempotency_keys where created_at < now() - make_interval(days => $1) limit 5000
     )`,
    [KEYS_KEPT_DAYS],
  );
  return rowCount ?? 0;
}
