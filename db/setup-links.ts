import { createHash } from "node:crypto";
import type pg from "pg";

/**
 * One-time links by which whoever holds the server makes an administrator. The database holds the SHA-256 of a link's
 * token alone; with 256 random bits there is nothing to guess, so a fast hash is right.
 */

export const SETUP_LINK_LASTS_MS = 86_400_000;
const TOKEN_BYTES = 32;
const TOKEN_SHAPE = /^[A-Za-z0-9_-]{43}$/;

/** The token is in this answer and nowhere else. */
export async function createSetupLink(
  pool: pg.Pool | pg.PoolClient,
  nowMs: number,
  randomBytes: (count: number) => Uint8Array,
): Promise<{ readonly token: string; readonly expiresAt: Date }> {
  const token = Buffer.from(randomBytes(TOKEN_BYTES)).toString("base64url");
  const expiresAt = new Date(nowMs + SETUP_LINK_LASTS_MS);
  await pool.query(
    "insert into setup_links (token_hash, created_at, expires_at) values ($1, $2, $3)",
    [hashOf(token), new Date(nowMs), expiresAt],
  );
  return { token, expiresAt };
}

/** Path of the page that a link opens. */
export function setupPath(token: string): string {
  return `/setup/${token}`;
}

export type SetupLinkState = "open" | "over" | "unknown";

/** `over`: used, or its time is up. */
export async function readSetupLink(
  pool: pg.Pool,
  token: string,
  nowMs: number,
): Promise<SetupLinkState> {
  if (!TOKEN_SHAPE.test(token)) return "unknown";
  const { rows } = await pool.query<{ is_open: boolean }>(
    "select used_at is null and expires_at > $2 as is_open from setup_links where token_hash = $1",
    [hashOf(token), new Date(nowMs)],
  );
  const [row] = rows;
  if (!row) return "unknown";
  return row.is_open ? "open" : "over";
}

/** True for exactly one of those who try. In the transaction of what the link is used for: what fails leaves it unused. */
export async function useSetupLink(
  client: pg.PoolClient,
  token: string,
  nowMs: number,
): Promise<boolean> {
  const { rowCount } = await client.query(
    "update setup_links set used_at = $2 where token_hash = $1 and used_at is null and expires_at > $2",
    [hashOf(token), new Date(nowMs)],
  );
  return rowCount === 1;
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
