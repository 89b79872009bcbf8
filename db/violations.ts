import pg from "pg";
import { sqlState } from "./transaction.ts";

const UNIQUE_VIOLATION = "23505";

/** The unique constraint or index that a statement ran into; null for every other error. */
export function violatedUnique(error: unknown): string | null {
  return error instanceof pg.DatabaseError && sqlState(error) === UNIQUE_VIOLATION
    ? (error.constraint ?? null)
    : null;
}
