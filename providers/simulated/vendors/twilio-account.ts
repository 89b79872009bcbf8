import { z } from "zod";

import { name, webhookUrl } from "./account-fields.ts";

export const twilioAccount = z.strictObject({
  vendor: z.literal("twilio"),
  /** E.164, or an alphanumeric sender (one-way). */
  sender: z
    .string()
    .regex(
      /^(\+[1-9]\d{6,14}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11})$/,
      "must be E.164, or 1 to 11 letters, digits and spaces",
    ),
  name,
  credentials: z.strictObject({
    accountSid: z.string().regex(/^AC[0-9a-fA-F]{32}$/),
    authToken: z.string().min(1),
    apiKeySid: z
      .string()
      .regex(/^SK[0-9a-fA-F]{32}$/)
      .nullable()
      .default(null),
    apiKeySecret: z.string().min(1).nullable().default(null),
  }),
  messagingServiceSid: z
    .string()
    .regex(/^MG[0-9a-fA-F]{32}$/)
    .nullable()
    .default(null),
  /** For inbound SMS. Status callbacks go where each request says. */
  webhookUrl,
});
