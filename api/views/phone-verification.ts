import type { z } from "@hono/zod-openapi";
import type { PhoneVerificationSchema } from "../schemas/phone-verification.ts";
import type { AskedVerification } from "../verbs/ask-phone-verification.ts";

type Shown = z.input<typeof PhoneVerificationSchema>;

export function toPhoneVerification(asked: AskedVerification): Shown {
  return {
    code: asked.code,
    expiresAt: asked.expiresAt.toISOString(),
    text: asked.text,
    links: asked.links.map((link) => ({ ...link })),
  };
}

/** What may be kept of it for a repeat of the request: nothing by which a number could be proven. */
export function withoutCode(asked: AskedVerification): Shown {
  return { code: "***", expiresAt: asked.expiresAt.toISOString(), text: "***", links: [] };
}
