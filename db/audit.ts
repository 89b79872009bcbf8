import type pg from "pg";
import type { Actor } from "../domain/actor.ts";
import { newId } from "./new-id.ts";

/** One entry of the audit log. Privacy: `detail` names fields and ids, never what stood in them. */
export type AuditEntry = {
  readonly by: AuditedActor;
  /** `<thing>.<what happened>`: user.created, settings.changed. */
  readonly action: string;
  /** Id of what was changed. */
  readonly subject: string;
  readonly detail?: Readonly<Record<string, unknown>>;
};

export type AuditedActor =
  | Actor
  /** Somebody with a one-time link from the server itself. */
  | { readonly kind: "setup_link" }
  /** Somebody who wrote to a number of ours. */
  | { readonly kind: "writer"; readonly userId: string; readonly name: string | null }
  /** What a vendor says of an account of ours. */
  | { readonly kind: "vendor"; readonly provider: string };

/** Written in the transaction of the change itself: one is never there without the other. */
export async function recordAudit(
  client: pg.Pool | pg.PoolClient,
  entry: AuditEntry,
  nowMs: number,
): Promise<void> {
  await client.query({
    name: "record-audit",
    text: "insert into audit_log (id, at, by, action, subject, detail) values ($1, $2, $3, $4, $5, $6)",
    values: [
      newId("aud", nowMs),
      new Date(nowMs),
      toAudited(entry.by),
      entry.action,
      entry.subject,
      entry.detail ?? {},
    ],
  });
}

function toAudited(actor: AuditedActor): Readonly<Record<string, string | null>> {
  switch (actor.kind) {
    case "user":
      return { kind: "user", userId: actor.userId, apiKeyId: actor.keyId, name: actor.name };
    case "system":
      return { kind: "api_key", userId: null, apiKeyId: actor.keyId, name: actor.name };
    case "setup_link":
      return { kind: "setup_link", userId: null, apiKeyId: null, name: null };
    case "writer":
      return { kind: "writer", userId: actor.userId, apiKeyId: null, name: actor.name };
    case "vendor":
      return { kind: "vendor", userId: null, apiKeyId: null, name: actor.provider };
  }
}
