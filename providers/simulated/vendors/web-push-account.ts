import { z } from "zod";

import { name } from "./account-fields.ts";

export const webPushAccount = z.strictObject({
  vendor: z.literal("web-push"),
  /** The contact that the sender names: `mailto:…` or `https://…`. */
  sender: z.string().regex(/^(mailto:|https:\/\/)\S+$/),
  name,
  /** The key that browsers subscribe with, base64url. A private key that is given too is not kept: push services know none. */
  credentials: z.object({ publicKey: z.string().regex(/^[\w-]{87}=?$/) }),
  /** A push service tells nobody anything. */
  webhookUrl: z.null().default(null),
});
