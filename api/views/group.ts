import type { z } from "@hono/zod-openapi";
import { memberTag } from "../../db/group-members.ts";
import type { MemberRow } from "../../db/group-members.ts";
import { groupTag } from "../../db/groups.ts";
import type { GroupRow } from "../../db/groups.ts";
import { toEtag } from "../etag.ts";
import type { GroupSchema, MemberSchema } from "../schemas/group.ts";

export function toGroup(row: GroupRow): z.input<typeof GroupSchema> {
  const { quiet_hours: quietHours } = row;
  return {
    id: row.id,
    externalId: row.external_id,
    name: row.name,
    description: row.description,
    groupChatId: row.group_chat_id,
    phoneNumber: row.phone_number,
    category: row.category,
    zone: row.work_zone,
    serviceTypes: [...row.service_types],
    types: [...row.types],
    minPriority: row.min_priority,
    locale: row.locale,
    timeZone: row.time_zone,
    quietHours: quietHours && { ...quietHours, days: [...quietHours.days] },
    isActive: row.is_active,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

export function toMember(row: MemberRow): z.input<typeof MemberSchema> {
  return {
    id: row.id,
    userId: row.user_id,
    phone: row.phone_number,
    name: row.name,
    role: row.role,
    isActive: row.is_active,
    joinedAt: row.joined_at.toISOString(),
  };
}

export function groupEtag(row: GroupRow): { readonly ETag: string } {
  return toEtag(groupTag(row));
}

export function memberEtag(row: MemberRow): { readonly ETag: string } {
  return toEtag(memberTag(row));
}
