import { OpenAPIHono, createRoute, z } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import type { AppEnv } from "../http.ts";
import { jsonAnswer } from "../schemas/common.ts";
import { checkReadiness } from "../verbs/check-readiness.ts";

const TAGS = ["Operations"];

const HealthSchema = z.object({ status: z.literal("ok"), version: z.string() }).openapi("Health");

const reachability = z.enum(["reachable", "away"]);
const ReadinessSchema = z
  .object({
    status: z.enum(["ready", "not_ready"]),
    version: z.string(),
    checks: z.object({ database: reachability, temporal: reachability }),
  })
  .openapi("Readiness");

const healthz = createRoute({
  method: "get",
  path: "/healthz",
  tags: TAGS,
  summary: "Whether the process is alive",
  responses: { 200: jsonAnswer(HealthSchema, "It answers.") },
});

const readyz = createRoute({
  method: "get",
  path: "/readyz",
  tags: TAGS,
  summary: "Whether requests should come here",
  description:
    "Ready while the database is reachable. With Temporal away requests are accepted and started when it is back.",
  responses: {
    200: jsonAnswer(ReadinessSchema, "Ready."),
    503: jsonAnswer(ReadinessSchema, "The database is away."),
  },
});

export function healthRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>()
    .openapi(healthz, (c) => c.json({ status: "ok" as const, version: deps.version }, 200))
    .openapi(readyz, async (c) => {
      const { isReady, database, temporal } = await checkReadiness(deps);
      const checks = { database, temporal };
      return isReady
        ? c.json({ status: "ready" as const, version: deps.version, checks }, 200)
        : c.json({ status: "not_ready" as const, version: deps.version, checks }, 503);
    });
}
