import { z } from "zod";

import { name } from "./account-fields.ts";

export const smtpAccount = z.strictObject({
  vendor: z.literal("smtp"),
  /** The one address that this user may send from. */
  sender: z.email().toLowerCase(),
  name,
  credentials: z.strictObject({ user: z.string().min(1), password: z.string().min(1) }),
  /** A mail server tells nobody anything. */
  webhookUrl: z.null().default(null),
});
