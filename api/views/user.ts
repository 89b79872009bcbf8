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
    contacts: row.contacts.map((contact) => ({
      kind: contact.kind,
      value: contact.value,
      verifiedAt: toUtc(contact.verifiedAt),
      verifiedBy: contact.verifiedBy,
      isPrimary: contact.isPrimary,
      consentedAt: toUtc(contact.consentedAt),
    })),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** As PostgreSQL puts an instant into JSON, and as the API tells it. */
function toUtc(instant: string | null): string | null {
  return toInstant(instant === null ? null : new Date(instant));
}

export function userEtag(row: UserRow): { readonly ETag: string } {
  return toEtag(userTag(row));
}
