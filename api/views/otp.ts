import type { z } from "@hono/zod-openapi";
import { OTP_CHECKS_MAX, OTP_DIGITS } from "../../domain/otp.ts";
import type { OtpSentSchema, OtpVerdictSchema } from "../schemas/otp.ts";
import type { OtpSent } from "../verbs/send-otp.ts";
import type { OtpVerdict } from "../verbs/verify-otp.ts";

export function toOtpSent({ expiresAt }: OtpSent): z.input<typeof OtpSentSchema> {
  return {
    expiresAt: new Date(expiresAt).toISOString(),
    digits: OTP_DIGITS,
    checks: OTP_CHECKS_MAX,
  };
}

export function toOtpVerdict(verdict: OtpVerdict): z.input<typeof OtpVerdictSchema> {
  const nobody = { userId: null, verifiedAt: null };
  switch (verdict.kind) {
    case "verified": {
      const { userId, verifiedAt } = verdict;
      return {
        verified: true,
        reason: null,
        checksLeft: 0,
        userId,
        verifiedAt: new Date(verifiedAt).toISOString(),
      };
    }
    case "wrong_code":
      return {
        verified: false,
        reason: "wrong_code",
        checksLeft: verdict.checksLeft,
        ...nobody,
      };
    case "no_valid_code":
      return { verified: false, reason: "no_valid_code", checksLeft: 0, ...nobody };
  }
}
