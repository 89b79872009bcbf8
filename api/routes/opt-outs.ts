import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { SECURITY, idempotencyHeaders, jsonAnswer, jsonBody, pageOf } from "../schemas/common.ts";
import {
  OptOutEndSchema,
  OptOutEndedSchema,
  OptOutListQuery,
  OptOutSchema,
} from "../schemas/opt-out.ts";
import { refParams } from "../schemas/references.ts";
import { endOptOut, seeOptOuts } from "../verbs/end-opt-out.ts";

const TAGS = ["Users"];
const params = refParams("usr");

const list = createRoute({
  method: "get",
  path: "/v1/users/{id}/opt-outs",
  tags: TAGS,
  security: SECURITY,
  summary: "List what a user has opted out of, newest first",
  request: { params, query: OptOutListQuery },
  responses: {
    200: jsonAnswer(pageOf(OptOutSchema), "What was ended too, with who ended it and why."),
    ...problemResponses(401, 404, 422, 429, 500, 503),
  },
});

const end = createRoute({
  method: "post",
  path: "/v1/users/{id}/opt-outs/end",
  tags: TAGS,
  security: SECURITY,
  summary: "Record that a user wants messages again, or never refused them",
  description:
    "For administrators. What needs a consent of its own (promotion, survey) comes back by the person's own START alone.",
  request: { params, headers: idempotencyHeaders, body: jsonBody(OptOutEndSchema) },
  responses: {
    200: jsonAnswer(OptOutEndedSchema, "Applied, or why not."),
    ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
  },
});

export function optOutRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(list, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const page = await seeOptOuts(deps, {
        actor: c.get("actor"),
        reference: c.req.valid("param").id,
        limit,
        cursor,
      });
      const items = page.items.map((row) => ({
        ...row,
        since: row.since.toISOString(),
        endedAt: row.endedAt?.toISOString() ?? null,
      }));
      return c.json({ items, nextCursor: page.nextCursor }, 200);
    })
    .openapi(end, async (c) => {
      const answer = await endOptOut(deps, {
        actor: c.get("actor"),
        reference: c.req.valid("param").id,
        ...c.req.valid("json"),
        once: c.get("once"),
      });
      return c.json(
        answer.kind === "applied"
          ? ({ applied: true } as const)
          : ({ applied: false, reason: answer.reason } as const),
        200,
      );
    });
}
