import type pg from "pg";
import { findActiveUser } from "../../db/act-subjects.ts";
import { listApiKeys as readList, readApiKey } from "../../db/api-key-list.ts";
import type { ApiKeyRow } from "../../db/api-key-list.ts";
import { insertApiKey, revokeApiKey as revoke } from "../../db/api-keys.ts";
import { recordAudit } from "../../db/audit.ts";
import type { Page } from "../../db/page.ts";
import { withTransaction } from "../../db/transaction.ts";
import type { Actor, ApiScope } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import { Forbidden, InvalidInput, NotFound } from "./errors.ts";
import { readCursor } from "./read-cursor.ts";

export type ApiKeyDeps = {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  /** A revoked key ends at once in this process; others notice within seconds. */
  readonly forgetKeys: () => void;
};

export type ApiKeyInput = {
  readonly name: string;
  /** The client system; keys may share it, and with it the meaning of their Idempotency-Keys. */
  readonly sender?: string | undefined;
  readonly scopes?: readonly ApiScope[] | undefined;
  /** Whose key it is: an id or `ext:<externalId>`. */
  readonly userId?: string | undefined;
};

/** The key is in this answer and nowhere else. @throws Forbidden, InvalidInput */
export async function createApiKey(
  deps: ApiKeyDeps,
  { actor, apiKey }: { readonly actor: Actor; readonly apiKey: ApiKeyInput },
): Promise<{ readonly row: ApiKeyRow; readonly key: string }> {
  judge(actor);
  const { name, scopes = [], userId: reference } = apiKey;
  const user = reference === undefined ? null : await findActiveUser(deps.pool, reference);
  if (reference !== undefined && user === null) {
    throw new InvalidInput([
      { path: "userId", code: "unknown", message: "There is no such active user." },
    ]);
  }
  const nowMs = deps.now();
  return withTransaction(deps.pool, async (client) => {
    const { id, key } = await insertApiKey(
      client,
      {
        name,
        scopes: [...new Set(scopes)],
        userId: user?.id ?? null,
        sender: apiKey.sender ?? (user === null ? name : `user:${user.id}`),
      },
      nowMs,
      deps.randomBytes,
    );
    await recordAudit(client, { by: actor, action: "api_key.created", subject: id }, nowMs);
    return { row: found(await readApiKey(client, id)), key };
  });
}

/** @throws Forbidden */
export async function listApiKeys(
  { pool }: Pick<ApiKeyDeps, "pool">,
  input: {
    readonly actor: Actor;
    readonly limit: number;
    readonly cursor: string | undefined;
  },
): Promise<Page<ApiKeyRow>> {
  judge(input.actor);
  return readList(pool, { limit: input.limit, after: readCursor(input.cursor) });
}

/** Whoever revokes a key twice is told the same. @throws Forbidden, NotFound */
export async function revokeApiKey(
  deps: ApiKeyDeps,
  { actor, id }: { readonly actor: Actor; readonly id: string },
): Promise<ApiKeyRow> {
  judge(actor);
  const nowMs = deps.now();
  if (await revoke(deps.pool, id, nowMs)) {
    await recordAudit(deps.pool, { by: actor, action: "api_key.revoked", subject: id }, nowMs);
  }
  deps.forgetKeys();
  return found(await readApiKey(deps.pool, id));
}

function found(row: ApiKeyRow | null): ApiKeyRow {
  if (row === null) throw new NotFound("API key");
  return row;
}

function judge(actor: Actor): void {
  if (!may(actor, "administer")) throw new Forbidden();
}
