import { z } from "zod";

import { digits, name, webhookUrl } from "./account-fields.ts";

const field = z.string().min(1);

export const woowaAccount = z.strictObject({
  vendor: z.literal("woowa"),
  /** The linked number. */
  sender: digits,
  name,
  credentials: z.strictObject({
    key: z.string().min(1),
    /** Put into the field `secret` of inbound messages when set. */
    webhookSecret: z.string().min(1).nullable().default(null),
  }),
  webhookUrl,
  /** What inbound messages call their fields: the real names are unknown. Null: nothing is told. */
  inbound: z
    .strictObject({
      sender: field,
      text: field,
      id: field,
      group: field,
      writer: field,
      name: field,
      time: field,
      device: field,
      secret: field,
    })
    .nullable()
    .default(null),
});
