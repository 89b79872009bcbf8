import { z } from "zod";

import { digits, name, webhookUrl } from "./account-fields.ts";

export const gowaAccount = z.strictObject({
  vendor: z.literal("gowa"),
  /** The device's number. */
  sender: digits,
  name,
  credentials: z.strictObject({
    /** Of HTTP Basic; both null where the gateway asks for none. One pair may open several devices. */
    username: z.string().min(1).nullable().default(null),
    password: z.string().min(1).nullable().default(null),
    webhookSecret: z.string().min(1).default("secret"),
  }),
  /** How the device is called in `X-Device-Id`; its number when null. */
  deviceId: z.string().min(1).nullable().default(null),
  webhookUrl,
  /** `WHATSAPP_ACCOUNT_VALIDATION`: whether a number is looked up before something is sent to it. */
  isValidating: z.boolean().default(true),
});
