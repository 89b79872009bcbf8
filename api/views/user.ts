import type { z } from "@hono/zod-openapi";
import { userTag } from "../../db/users.ts";
import type { UserRow } from "../../db/users.ts";
import { toEtag } from "../etag.ts";
import type { UserSchema } from "../schemas/user.ts";
import { toInstant } from "./notification.ts";

export function toUser(row: UserRow): z.input<typeof UserSchema> {
  return {
    id: row.id,
    externalId: row.external_id,
    name: row.name,
    role: row.role,
    zones: [...row.zones],
    locale: row.locale,
    timeZone: row.time_zone,
    isActive: row.is_active,
    contacts: row.contacts.map(({ kind, value, verifiedAt, verifiedBy, isPrimary }) => ({
      kind,
      value,
      verifiedAt: toInstant(verifiedAt === null ? null : new Date(verifiedAt)),
      verifiedBy,
      isPrimary,
    })),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

export function userEtag(row: UserRow): { readonly ETag: string } {
  return toEtag(userTag(row));
}
