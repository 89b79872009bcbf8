import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import { may } from "../../domain/permissions.ts";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { SECURITY, jsonAnswer, pageOf } from "../schemas/common.ts";
import {
  NotificationListQuery,
  NotificationParams,
  NotificationSchema,
  NotificationSummarySchema,
} from "../schemas/notification.ts";
import { listNotifications } from "../verbs/list-notifications.ts";
import { seeNotification } from "../verbs/see-notification.ts";
import { toNotification, toNotificationSummary } from "../views/notification.ts";
import { toFilter } from "../views/filter.ts";

const TAGS = ["Notifications"];

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
          items: page.items.map((row) =>
            toNotificationSummary(row, deps.links, may(c.get("actor"), "see_costs")),
          ),
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
