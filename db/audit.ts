import type pg from "pg";
import type { Actor } from "../domain/actor.ts";
import type { Id } from "../domain/ids.ts";
import { newId } from "./new-id.ts";

/** One entry of the audit log. Privacy: `detail` names fields and ids, never what stood in them. */
export type AuditEntry = {
  /** Made from the request, where a repeat of it is to find what the first has done (`isAudited`); a new one if not given. */
  readonly id?: Id<"aud">;
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
      entry.id ?? newId("aud", nowMs),
      new Date(nowMs),
      toAudited(entry.by),
      entry.action,
      entry.subject,
      entry.detail ?? {},
    ],
  });
}

/** Whether the request that makes this id has done its change before, and died before it could answer. */
export async function isAudited(
  client: pg.PoolClient,
  entry: Required<Pick<AuditEntry, "id" | "action" | "subject">>,
): Promise<boolean> {
  const { rowCount } = await client.query({
    name: "is-audited",
    text: "select from audit_log where id = $1 and action = $2 and subject = $3",
    values: [entry.id, entry.action, entry.subject],
  });
  return rowCount === 1;
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
