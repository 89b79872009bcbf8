import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { refuseInvalidPart } from "../refuse-part.ts";
import { SECURITY, idempotencyHeaders, jsonAnswer, jsonBody } from "../schemas/common.ts";
import {
  OtpCheckSchema,
  OtpSentSchema,
  OtpVerdictSchema,
  PhoneInputSchema,
} from "../schemas/otp.ts";
import { claimPhone, judgePhone, sendOtp } from "../verbs/send-otp.ts";
import { judgeOtpCheck, verifyOtp } from "../verbs/verify-otp.ts";
import { toOtpSent, toOtpVerdict } from "../views/otp.ts";

const PROBLEMS = problemResponses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503);
const sent = jsonAnswer(
  OtpSentSchema,
  "The same whether or not anybody has the number; it says nothing about a message.",
);

const send = createRoute({
  method: "post",
  path: "/v1/otp",
  tags: ["One-time passwords"],
  security: SECURITY,
  summary: "Send a code to a number that somebody has",
  description:
    "Six digits, by WhatsApp, else SMS, else e-mail; good for five minutes and five checks. A newer code replaces an older one. At most five an hour for a number; " +
    "beyond that 429 says when again.",
  request: { headers: idempotencyHeaders, body: jsonBody(PhoneInputSchema) },
  responses: { 202: sent, ...PROBLEMS },
});

const verify = createRoute({
  method: "post",
  path: "/v1/otp/verify",
  tags: ["One-time passwords"],
  security: SECURITY,
  summary: "Check a code",
  description:
    "The right code works once: the number is verified then, and says whose it is. A wrong one is an answer, too: each uses up one of five checks.",
  request: { headers: idempotencyHeaders, body: jsonBody(OtpCheckSchema) },
  responses: { 200: jsonAnswer(OtpVerdictSchema, "Whether it is the code."), ...PROBLEMS },
});

const claim = createRoute({
  method: "post",
  path: "/v1/me/phone",
  tags: ["Me"],
  security: SECURITY,
  summary: "Give or change one's own number",
  description:
    "Sends a code to it. With the right one (`/v1/otp/verify`) it becomes the signed-in person's, and the one that messages go to; until then nothing changes.",
  request: { headers: idempotencyHeaders, body: jsonBody(PhoneInputSchema) },
  responses: { 202: sent, ...PROBLEMS },
});

export function otpRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(
      send,
      async (c) => {
        const { phone } = c.req.valid("json");
        const answer = await sendOtp(deps, { actor: c.get("actor"), phone, once: c.get("once") });
        return c.json(toOtpSent(answer), 202);
      },
      (result, c) => refuseInvalidPart(result, c, PhoneInputSchema, judgePhone),
    )
    .openapi(
      verify,
      async (c) => {
        const { phone, code } = c.req.valid("json");
        const verdict = await verifyOtp(deps, {
          actor: c.get("actor"),
          phone,
          code,
          once: c.get("once"),
        });
        return c.json(toOtpVerdict(verdict), 200);
      },
      (result, c) => refuseInvalidPart(result, c, OtpCheckSchema, judgeOtpCheck),
    )
    .openapi(
      claim,
      async (c) => {
        const { phone } = c.req.valid("json");
        const answer = await claimPhone(deps, {
          actor: c.get("actor"),
          phone,
          once: c.get("once"),
        });
        return c.json(toOtpSent(answer), 202);
      },
      (result, c) => refuseInvalidPart(result, c, PhoneInputSchema, judgePhone),
    );
}
