import { z } from "@hono/zod-openapi";
import { instantOut } from "./common.ts";

const VerificationLinkSchema = z
  .object({
    accountId: z.string(),
    phone: z.string().openapi({
      description: "The number that is written to.",
      example: "+6281234000091",
    }),
    url: z.string().openapi({
      description: "Opens WhatsApp with the words written already.",
      example: "https://wa.me/6281234000091?text=…",
    }),
    qrSvg: z.string().openapi({ description: "The same address as a QR code, an SVG document." }),
  })
  .openapi("VerificationLink");

export const PhoneVerificationSchema = z
  .object({
    code: z.string().openapi({
      description: "Good once, until `expiresAt`. `***` in a replayed answer: it is kept nowhere.",
      example: "SIAGA-7K3QF-9XW2M",
    }),
    expiresAt: instantOut,
    text: z.string().openapi({
      description: "The words, in the person's language, for who has to type them.",
    }),
    links: z.array(VerificationLinkSchema).openapi({
      description: "One for each number that can receive them, the first to be tried first.",
    }),
  })
  .openapi("PhoneVerification");
