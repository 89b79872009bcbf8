import { z } from "zod";

import { digits, name, webhookUrl } from "./account-fields.ts";

export const fonnteAccount = z.strictObject({
  vendor: z.literal("fonnte"),
  /** The device's number. */
  sender: digits,
  name,
  credentials: z.strictObject({
    /** The device token. */
    token: z.string().min(1),
    /** Put into every webhook body when set. */
    webhookSecret: z.string().min(1).nullable().default(null),
  }),
  /** Media need one of the last three. */
  package: z
    .enum(["free", "regular", "regular pro", "master", "super", "advanced", "ultra"])
    .default("super"),
  /** Messages left. */
  quota: z.int().min(0).default(10_000),
  /** For inbound messages; the next two default to it. */
  webhookUrl,
  statusWebhookUrl: webhookUrl,
  connectWebhookUrl: webhookUrl,
  /** Inbound messages are told only where this is on. */
  autoread: z
    .strictObject({ personal: z.boolean().default(true), group: z.boolean().default(true) })
    .default({ personal: true, group: true }),
  webhookEncoding: z.enum(["json", "form"]).default("json"),
});
