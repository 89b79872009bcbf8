import type { z } from "@hono/zod-openapi";
import type { InboxRow } from "../../db/inbox.ts";
import type { InboxMessageSchema } from "../schemas/inbox.ts";
import { toInstant } from "./notification.ts";

export function toInboxMessage(row: InboxRow): z.input<typeof InboxMessageSchema> {
  return {
    id: row.id,
    notificationId: row.notification_id,
    type: row.type,
    priority: row.priority,
    purpose: row.purpose,
    title: row.title,
    body: row.body,
    createdAt: row.created_at.toISOString(),
    readAt: toInstant(row.read_at),
  };
}
