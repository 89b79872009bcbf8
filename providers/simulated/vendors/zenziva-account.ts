import { z } from "zod";

import { name, webhookUrl } from "./account-fields.ts";

export const zenzivaAccount = z.strictObject({
  vendor: z.literal("zenziva"),
  /** What the handset shows: the gateway's number or a brand's name. */
  sender: z.string().regex(/^[A-Za-z0-9+ ]{1,20}$/),
  name,
  credentials: z.strictObject({ userkey: z.string().min(1), passkey: z.string().min(1) }),
  /** Rp left, and what one message takes of it. */
  balance: z.int().min(0).default(100_000),
  rupiahPerMessage: z.int().min(1).default(350),
  /** Never called: this vendor reports nothing. */
  webhookUrl,
});
