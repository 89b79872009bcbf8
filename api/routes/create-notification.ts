import { OpenAPIHono, createRoute, z } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppEnv } from "../http.ts";
import { readIdempotencyKey } from "../middleware/idempotency.ts";
import { refuseInvalidRequest } from "../refuse-request.ts";
import { SECURITY, idempotencyHeaders, instant, jsonAnswer, jsonBody } from "../schemas/common.ts";
import { AcceptedSchema, NotificationRequestSchema } from "../schemas/notification.ts";
import { PlanSchema } from "../schemas/plan.ts";
import { acceptNotification } from "../verbs/accept-notification.ts";
import { explainNotification } from "../verbs/explain-notification.ts";
import { notificationLinks } from "../views/links.ts";

const TAGS = ["Notifications"];

const create = createRoute({
  method: "post",
  path: "/v1/notifications",
  tags: TAGS,
  security: SECURITY,
  summary: "Accept a notification",
  description: "202 means stored: from then on it is told, whatever happens to this process.",
  request: { headers: idempotencyHeaders, body: jsonBody(NotificationRequestSchema) },
  responses: {
    202: {
      ...jsonAnswer(AcceptedSchema, "Stored; its run starts right behind this answer."),
      headers: {
        Location: { schema: { type: "string" }, description: "The notification." },
        "Idempotent-Replayed": {
          schema: { type: "string" },
          description: "`true` when the key was used before.",
        },
      },
    },
    ...problemResponses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
  },
});

const explain = createRoute({
  method: "post",
  path: "/v1/notifications/explain",
  tags: TAGS,
  security: SECURITY,
  summary: "Show what a request would do, without doing it",
  description: "By the planner that runs use; `at` asks for another moment.",
  request: {
    query: z.strictObject({ at: instant.optional() }),
    headers: idempotencyHeaders,
    body: jsonBody(NotificationRequestSchema),
  },
  responses: {
    200: jsonAnswer(PlanSchema, "The steps that would follow if nobody answered."),
    ...problemResponses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
  },
});

/** Routes whose body is a request: what is wrong with it is told at once, the schema's part and the record's. */
export function createNotificationRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result, c) => refuseInvalidRequest(deps, result, c),
  })
    .openapi(create, async (c) => {
      const { id, workflowId, isReplayed } = await acceptNotification(deps, {
        actor: c.get("actor"),
        key: readIdempotencyKey(c),
        request: c.req.valid("json"),
      });
      const links = notificationLinks(deps.links, { id, workflowId });
      return c.json({ id, status: "accepted" as const, workflowId, links }, 202, {
        Location: links.self,
        ...(isReplayed ? { "Idempotent-Replayed": "true" } : {}),
      });
    })
    .openapi(explain, async (c) => {
      const { at } = c.req.valid("query");
      const plan = await explainNotification(deps, {
        actor: c.get("actor"),
        request: c.req.valid("json"),
        atMs: at === undefined ? null : Date.parse(at),
      });
      return c.json(plan, 200);
    });
}
