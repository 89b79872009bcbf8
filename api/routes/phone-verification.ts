import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppContext, AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { SECURITY, emptyQuery, idempotencyHeaders, jsonAnswer } from "../schemas/common.ts";
import { PhoneVerificationSchema } from "../schemas/phone-verification.ts";
import { refParams } from "../schemas/references.ts";
import { askPhoneVerification } from "../verbs/ask-phone-verification.ts";
import { personOf } from "../verbs/inbox.ts";
import { toPhoneVerification, withoutCode } from "../views/phone-verification.ts";

const answer = jsonAnswer(
  PhoneVerificationSchema,
  "Whoever writes these words to one of our numbers has the number that wrote.",
);

const own = createRoute({
  method: "post",
  path: "/v1/me/phone/verification-link",
  tags: ["Me"],
  security: SECURITY,
  summary: "Get a link by which one proves one's own number",
  description:
    "The number that the words come from becomes the person's verified contact, may be written to from then on, and opens Meta's 24 hours. Good for 15 minutes.",
  request: { headers: idempotencyHeaders, query: emptyQuery },
  responses: {
    200: answer,
    ...problemResponses(400, 401, 403, 404, 409, 413, 422, 429, 500, 503),
  },
});

const another = createRoute({
  method: "post",
  path: "/v1/users/{id}/phone/verification-link",
  tags: ["Users"],
  security: SECURITY,
  summary: "Get a link by which a user proves a number",
  description:
    "For whoever may vouch for that user's numbers: administrators, and systems that write master data. Good for 24 hours; whoever has it can become this user, so hand it to nobody else.",
  request: { params: refParams("usr"), headers: idempotencyHeaders, query: emptyQuery },
  responses: {
    200: answer,
    ...problemResponses(400, 401, 403, 404, 409, 413, 422, 429, 500, 503),
  },
});

export function phoneVerificationRoutes(deps: AppDeps) {
  async function ask(c: AppContext, reference: string) {
    const asked = await askPhoneVerification(deps, { actor: c.get("actor"), reference });
    c.set("keptAnswer", withoutCode(asked));
    return toPhoneVerification(asked);
  }
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(own, async (c) => c.json(await ask(c, personOf(c.get("actor"))), 200))
    .openapi(another, async (c) => c.json(await ask(c, c.req.valid("param").id), 200));
}
