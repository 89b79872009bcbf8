import { z } from "zod";

import { digits, name, webhookUrl } from "./account-fields.ts";

export const wahaAccount = z.strictObject({
  vendor: z.literal("waha"),
  /** The number that the session is linked to. */
  sender: digits,
  name,
  credentials: z.strictObject({
    /** One key may open several sessions. */
    apiKey: z.string().min(1),
    /** Signs the webhooks when set. */
    webhookHmacKey: z.string().min(1).nullable().default(null),
  }),
  session: z.string().min(1).default("default"),
  engine: z.enum(["NOWEB", "GOWS", "WEBJS", "WPP"]).default("NOWEB"),
  /** WEBJS tells no acknowledgments without it. */
  webjsTagsEvents: z.boolean().default(false),
  webhookUrl,
  webhookEvents: z
    .array(z.string().min(1))
    .default(["message", "message.reaction", "message.ack", "message.ack.group", "session.status"]),
});
