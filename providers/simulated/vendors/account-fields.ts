/** What every vendor's account in the sandbox is registered with. */
import { z } from "zod";

export const webhookUrl = z
  .url({ protocol: /^https?$/ })
  .nullable()
  .default(null);
export const digits = z
  .string()
  .transform((text) => text.replace(/^\+/, ""))
  .pipe(z.string().regex(/^[1-9]\d{6,14}$/, "must be a phone number in E.164"));
export const name = z.string().min(1).default("Siaga");
