import { z } from "zod";

import { name, webhookUrl } from "./account-fields.ts";

export const nusasmsAccount = z.strictObject({
  vendor: z.literal("nusasms"),
  /** What the handset shows: the gateway's number or a registered masking name. */
  sender: z.string().regex(/^[A-Za-z0-9+ ]{1,20}$/),
  name,
  credentials: z.strictObject({ user: z.string().min(1), password: z.string().min(1) }),
  /** Masking names that may be asked for with `sender`. */
  maskingNames: z.array(z.string().min(1)).default([]),
  /** Never called: this vendor reports nothing. */
  webhookUrl,
});
