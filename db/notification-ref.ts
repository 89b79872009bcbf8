import { createHash } from "node:crypto";
import type pg from "pg";
import { canonicalJson } from "../domain/canonical-json.ts";
import { notificationRef, notificationRefText } from "../domain/ids.ts";
import type { NotificationRequest } from "../domain/request.ts";
import type { ExistingNotification } from "./notifications-insert.ts";

/** The reference of a request with a key: what its workflow id ends in. */
export function refOfKey(sender: string, key: string): string {
  return notificationRef(sha256(notificationRefText(sender, key)));
}

/** Two requests with one key are the same request when these are equal. */
export function bodyHashOf(request: NotificationRequest): Uint8Array {
  return sha256(canonicalJson(request));
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

/** Idempotency: the record itself remembers a key, longer than any list of keys and than Temporal. */
export async function findByRef(pool: pg.Pool, ref: string): Promise<ExistingNotification | null> {
  const { rows } = await pool.query<{
    readonly id: string;
    readonly workflow_id: string;
    readonly body_hash: Buffer;
    readonly status: string;
    readonly outcome: string | null;
  }>({
    name: "find-by-ref",
    text: "select id, workflow_id, body_hash, status, outcome from notifications where ref = $1",
    values: [ref],
  });
  const row = rows[0];
  return row
    ? {
        id: row.id,
        workflowId: row.workflow_id,
        bodyHash: row.body_hash,
        status: row.status,
        outcome: row.outcome,
      }
    : null;
}
