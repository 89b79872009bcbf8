import { z } from "zod";

import { digits, name, webhookUrl } from "./account-fields.ts";

export const wablasAccount = z.strictObject({
  vendor: z.literal("wablas"),
  /** The device's number. */
  sender: digits,
  name,
  /** As answers and webhooks name the device. */
  deviceId: z.string().min(1).default("ABC123"),
  credentials: z.strictObject({
    token: z.string().min(1),
    /** Null for a device of the older kind: its token alone is taken. */
    secretKey: z.string().min(1).nullable().default(null),
  }),
  /** Messages left. */
  quota: z.int().min(0).default(10_000),
  /** For incoming messages; the next two default to it. */
  webhookUrl,
  trackingUrl: webhookUrl,
  deviceStatusUrl: webhookUrl,
  /** "Get Incoming Message": inbound messages are told only where this is on. */
  getsIncoming: z.boolean().default(true),
  /** Whether a group's message names its writer: unconfirmed of the real one. */
  namesGroupWriter: z.boolean().default(true),
  /** Whether messages are taken while the device is away. */
  queuesOffline: z.boolean().default(false),
  webhookEncoding: z.enum(["json", "form"]).default("json"),
});
