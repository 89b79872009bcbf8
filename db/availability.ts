import type pg from "pg";
import { sqlState } from "./transaction.ts";

/**
 * SQLSTATEs that say nothing about the statement, only that the database can't serve now: connection exceptions (08),
 * insufficient resources (53), a server that shuts down or starts (57P01 to 57P05), a limit in time (57014 statement,
 * 55P03 lock), order that could not be kept after all tries (40001, 40P01), a standby that can't write (25006).
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const AWAY_STATE = /^(08|53)|^57P0[1-5]$|^(57014|55P03|40001|40P01|25006)$/;

/** Node's codes for a socket that could not be opened or broke. */
const AWAY_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
]);

/** What pg and pg-pool say without a code (pg 8.23). */
const AWAY_MESSAGES =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|timeout expired|Query read timeout|Cannot use a pool after calling end)/;

/** Whether a failed statement means that PostgreSQL could not be asked, so that the caller may try again later. */
export function isDatabaseAway(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== null) {
    return AWAY_STATE.test(state);
  }
  if (error instanceof AggregateError) {
    return error.errors.some(isDatabaseAway);
  }
  if (!(error instanceof Error)) {
    return false;
  }
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const isSocketError = AWAY_CODES.has(code) && "syscall" in error;
  return isSocketError || AWAY_MESSAGES.test(error.message) || isDatabaseAway(error.cause);
}

/** Characters that PostgreSQL can't store (character_not_in_repertoire, untranslatable_character). */
export function isUnstorableText(error: unknown): boolean {
  return ["22021", "22P05"].includes(sqlState(error) ?? "");
}

/** Answers when the database does. */
export async function pingDatabase(pool: pg.Pool): Promise<void> {
  await pool.query("select 1");
}
