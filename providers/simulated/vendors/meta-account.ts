import { z } from "zod";

import { digits, name, webhookUrl } from "./account-fields.ts";

export const templateSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9_]{1,512}$/),
  language: z.string().regex(/^[a-z]{2,3}(_[A-Z]{2})?$/),
  status: z.enum(["APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED"]).default("APPROVED"),
  category: z.enum(["UTILITY", "MARKETING", "AUTHENTICATION"]).default("UTILITY"),
  /** With `{{1}}`, `{{2}}` …: the person sees it filled in, and the highest number is how many parameters it wants. */
  body: z.string().min(1),
  header: z.enum(["none", "image"]).default("none"),
  /** Titles of its quick-reply buttons. */
  buttons: z.array(z.string().min(1)).max(10).default([]),
  /** An authentication template's only button: it copies the code, which is named in the body as well. */
  copyCode: z.boolean().default(false),
  /** Accepts with `held_for_quality_assessment`. */
  isHeldForQuality: z.boolean().default(false),
});
export type Template = z.output<typeof templateSchema>;

export const metaAccount = z.strictObject({
  vendor: z.literal("meta"),
  /** The business number that people see. */
  sender: digits,
  name,
  credentials: z.strictObject({
    accessToken: z.string().min(1),
    appSecret: z.string().min(1),
    verifyToken: z.string().min(1).default("verify"),
  }),
  phoneNumberId: z.string().regex(/^\d{5,20}$/),
  wabaId: z
    .string()
    .regex(/^\d{5,20}$/)
    .default("102290129340398"),
  webhookUrl,
  templates: z.array(templateSchema).default([]),
  /** Where a free-form message outside the 24-hour window is refused: in the answer, or later in a `failed` receipt. */
  windowRefusal: z.enum(["answer", "receipt"]).default("answer"),
  /** Whether webhooks carry business-scoped user ids beside phone numbers. */
  hasUserIds: z.boolean().default(false),
});
