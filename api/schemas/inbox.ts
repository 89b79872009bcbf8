import { z } from "@hono/zod-openapi";
import { PRIORITIES } from "../../domain/priority.ts";
import { idOf, instantOut, pageOf, pageQuery } from "./common.ts";
import { flagQuery } from "./references.ts";

export const InboxMessageSchema = z
  .object({
    id: z.string(),
    notificationId: z.string(),
    type: z.string(),
    priority: z.enum(PRIORITIES),
    purpose: z.enum(["ladder", "closing"]),
    title: z.string(),
    body: z.string(),
    createdAt: instantOut,
    readAt: instantOut.nullable(),
  })
  .openapi("InboxMessage");

export const InboxSchema = pageOf(InboxMessageSchema).extend({
  unread: z.int().openapi({ description: "Of all pages." }),
});

export const InboxQuery = z.strictObject({
  unread: flagQuery("Unread messages alone, or read ones; both if not given."),
  ...pageQuery,
});

export const InboxParams = z.object({
  id: idOf("ina").openapi({ param: { name: "id", in: "path" } }),
});
