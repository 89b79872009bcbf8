import type { z } from "@hono/zod-openapi";
import type { ApiKeyRow } from "../../db/api-key-list.ts";
import type { ApiKeySchema } from "../schemas/api-key.ts";
import { toInstant } from "./notification.ts";

export function toApiKey(row: ApiKeyRow): z.input<typeof ApiKeySchema> {
  return {
    id: row.id,
    name: row.name,
    sender: row.sender,
    scopes: [...row.scopes],
    userId: row.user_id,
    prefix: row.key_prefix,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: toInstant(row.last_used_at),
    revokedAt: toInstant(row.revoked_at),
  };
}
