import { z } from "@hono/zod-openapi";
import { idOf, instant, instantOut, pageQuery } from "./common.ts";

const STATES = ["unmatched", "asked", "applied", "ignored"] as const;

export const InboundMessageSchema = z
  .object({
    id: z.string(),
    receivedAt: instantOut,
    accountId: z.string(),
    userId: z.string().nullable(),
    groupId: z.string().nullable(),
    isGroup: z.boolean(),
    address: z.string().openapi({ description: "Who wrote; masked for most readers." }),
    kind: z.enum(["text", "button", "reaction", "keypress", "other"]),
    text: z.string(),
    state: z.enum(STATES),
    notificationId: z.string().nullable(),
    actId: z.string().nullable(),
    answer: z
      .object({
        status: z.enum(["intended", "sending", "accepted", "failed", "unknown", "dropped"]),
        text: z.string().nullable(),
      })
      .nullable()
      .openapi({ description: "What Siaga said by itself." }),
  })
  .openapi("InboundMessage");

export const InboundListQuery = z.strictObject({
  state: z
    .enum(STATES)
    .default("unmatched")
    .openapi({ description: "`unmatched`: nobody has understood them yet." }),
  userId: idOf("usr").optional(),
  from: instant.optional(),
  to: instant.optional(),
  ...pageQuery,
});
