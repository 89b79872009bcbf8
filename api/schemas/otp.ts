import { z } from "@hono/zod-openapi";
import { OTP_CHECKS_MAX, OTP_DIGITS } from "../../domain/otp.ts";
import { instantOut, text } from "./common.ts";

const PHONE_CHARS_MAX = 64;
const CODE_CHARS_MAX = 32;

const phone = text(PHONE_CHARS_MAX, 1).openapi({
  description: "A phone number in any usual spelling.",
  example: "0812-3400-0001",
});

export const PhoneInputSchema = z.strictObject({ phone }).openapi("PhoneInput");

export const OtpSentSchema = z
  .object({
    expiresAt: instantOut.openapi({ description: "Until just before it the code can be entered." }),
    digits: z.int().openapi({ example: OTP_DIGITS }),
    checks: z.int().openapi({
      description: "So often a code can be tried, right or wrong.",
      example: OTP_CHECKS_MAX,
    }),
  })
  .openapi("OtpSent");

export const OtpCheckSchema = z
  .strictObject({
    phone,
    code: text(CODE_CHARS_MAX, 1).openapi({
      description: "Spaces and hyphens between the digits are not read.",
      example: "123456",
    }),
  })
  .openapi("OtpCheck");

export const OtpVerdictSchema = z
  .object({
    verified: z.boolean(),
    reason: z.enum(["wrong_code", "no_valid_code"]).nullable().openapi({
      description:
        "`no_valid_code`: none was asked for, or it was used, replaced by a newer one, tried too often, or is over.",
    }),
    checksLeft: z.int().openapi({ description: "Of this code." }),
    userId: z.string().nullable().openapi({ description: "Whose number it is." }),
    verifiedAt: instantOut.nullable(),
  })
  .openapi("OtpVerdict");
