import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { SECURITY, emptyQuery, jsonAnswer, pageOf } from "../schemas/common.ts";
import { TypeSchema, ZoneSchema } from "../schemas/words.ts";
import { seeTypes, seeZones } from "../verbs/see-words.ts";

const TAGS = ["Master data"];

const zones = createRoute({
  method: "get",
  path: "/v1/zones",
  tags: TAGS,
  security: SECURITY,
  summary: "List the work zones",
  request: { query: emptyQuery },
  responses: {
    200: jsonAnswer(pageOf(ZoneSchema), "All of them, by code."),
    ...problemResponses(401, 403, 422, 429, 500, 503),
  },
});

const types = createRoute({
  method: "get",
  path: "/v1/types",
  tags: TAGS,
  security: SECURITY,
  summary: "List the notification types",
  request: { query: emptyQuery },
  responses: {
    200: jsonAnswer(pageOf(TypeSchema), "All of them, by code."),
    ...problemResponses(401, 403, 422, 429, 500, 503),
  },
});

export function wordRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(zones, async (c) => {
      const rows = await seeZones(deps, c.get("actor"));
      const items = rows.map((row) => ({
        code: row.code,
        name: row.name,
        timeZone: row.time_zone,
      }));
      return c.json({ items, nextCursor: null }, 200);
    })
    .openapi(types, async (c) => {
      const rows = await seeTypes(deps, c.get("actor"));
      const items = rows.map((row) => ({
        code: row.code,
        name: { id: row.name_id, en: row.name_en },
        priority: row.priority,
        policyId: row.policy_id,
        answers: row.answers,
        isCustomer: row.is_customer,
        isOperational: row.is_operational,
        sendWindow: row.send_window && { from: row.send_window.from, to: row.send_window.to },
        consentClass: row.consent_class,
        preferenceClass: row.preference_class,
        isActive: row.is_active,
      }));
      return c.json({ items, nextCursor: null }, 200);
    });
}
