import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { SECURITY, jsonAnswer } from "../schemas/common.ts";
import { CostsQuery, CostsSchema } from "../schemas/cost.ts";
import { seeCosts } from "../verbs/see-costs.ts";
import { toCosts } from "../views/cost.ts";

const see = createRoute({
  method: "get",
  path: "/v1/costs",
  tags: ["Costs"],
  security: SECURITY,
  summary: "What messages cost in a span of local days",
  request: { query: CostsQuery },
  responses: {
    200: jsonAnswer(CostsSchema, "Sums of what vendors billed, and monthly fees."),
    ...problemResponses(401, 403, 422, 429, 500, 503),
  },
});

export function costRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid }).openapi(see, async (c) => {
    const { from, to, by } = c.req.valid("query");
    return c.json(toCosts(await seeCosts(deps, { actor: c.get("actor"), from, to, by }), by), 200);
  });
}
