import { z } from "zod";

import { digits, name, webhookUrl } from "./account-fields.ts";

export const evolutionAccount = z.strictObject({
  vendor: z.literal("evolution"),
  /** The number that the instance is linked to. */
  sender: digits,
  name,
  /** The instance's name, part of every path. */
  instance: z.string().min(1),
  credentials: z.strictObject({
    /** The instance's token. */
    apiKey: z.string().min(1),
    /** What the instance's webhook is told to send; null: nothing, as the global webhook. */
    webhookSecret: z.string().min(1).nullable().default(null),
  }),
  /** The secret as a header of its own, or as the key of a token. */
  webhookAuth: z.enum(["header", "jwt"]).default("header"),
  /** 2.4 takes ids of the client's own and wants a licence; 2.3.6 tells the first member's receipt only. */
  release: z.enum(["2.3.6", "2.3.7", "2.4.0-rc2"]).default("2.3.7"),
  hasLicence: z.boolean().default(true),
  webhookUrl,
});
