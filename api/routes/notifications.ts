import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { readIdempotencyKey } from "../middleware/idempotency.ts";
import { SECURITY, idempotencyHeaders, jsonAnswer, jsonBody, pageOf } from "../schemas/common.ts";
import {
  AcceptedSchema,
  NotificationListQuery,
  NotificationParams,
  NotificationRequestSchema,
  NotificationSchema,
  NotificationSummarySchema,
} from "../schemas/notification.ts";
import { acceptNotification } from "../verbs/accept-notification.ts";
import { listNotifications } from "../verbs/list-notifications.ts";
import { seeNotification } from "../verbs/see-notification.ts";
import { notificationLinks } from "../views/links.ts";
import { toNotification, toNotificationSummary } from "../views/notification.ts";
import { toFilter } from "../views/filter.ts";

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

const list = createRoute({
  method: "get",
  path: "/v1/notifications",
  tags: TAGS,
  security: SECURITY,
  summary: "List notifications, newest first",
  request: { query: NotificationListQuery },
  responses: {
    200: jsonAnswer(pageOf(NotificationSummarySchema), "What this key or role may see of it."),
    ...problemResponses(401, 403, 422, 429, 500, 503),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/notifications/{id}",
  tags: TAGS,
  security: SECURITY,
  summary: "Read a notification",
  request: { params: NotificationParams },
  responses: {
    200: jsonAnswer(NotificationSchema, "The request, where it stands, its plan and what it cost."),
    ...problemResponses(401, 404, 429, 500, 503),
  },
});

export function notificationRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
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
    .openapi(list, async (c) => {
      const { limit, cursor, ...filter } = c.req.valid("query");
      const page = await listNotifications(deps, {
        actor: c.get("actor"),
        filter: toFilter(filter),
        limit,
        cursor,
      });
      return c.json(
        {
          items: page.items.map((row) => toNotificationSummary(row, deps.links)),
          nextCursor: page.nextCursor,
        },
        200,
      );
    })
    .openapi(get, async (c) => {
      const found = await seeNotification(deps, {
        actor: c.get("actor"),
        id: c.req.valid("param").id,
      });
      return c.json(toNotification(found, deps.links), 200);
    });
}
