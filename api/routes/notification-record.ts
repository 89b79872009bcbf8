import { OpenAPIHono, createRoute, z } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { SECURITY, jsonAnswer, pageOf, recordPageQuery } from "../schemas/common.ts";
import { NotificationParams } from "../schemas/notification.ts";
import { DeliverySchema, TimelineEntrySchema } from "../schemas/record.ts";
import { seeDeliveries, seeTimeline } from "../verbs/see-record.ts";
import { toDelivery, toTimelineEntry } from "../views/record.ts";

const TAGS = ["Notifications"];
const request = { params: NotificationParams, query: z.strictObject(recordPageQuery) };

const timeline = createRoute({
  method: "get",
  path: "/v1/notifications/{id}/timeline",
  tags: TAGS,
  security: SECURITY,
  summary: "Read what happened, in order",
  request,
  responses: {
    200: jsonAnswer(pageOf(TimelineEntrySchema), "Oldest first."),
    ...problemResponses(401, 404, 422, 429, 500, 503),
  },
});

const deliveries = createRoute({
  method: "get",
  path: "/v1/notifications/{id}/deliveries",
  tags: TAGS,
  security: SECURITY,
  summary: "Read every delivery",
  request,
  responses: {
    200: jsonAnswer(pageOf(DeliverySchema), "Newest first."),
    ...problemResponses(401, 404, 422, 429, 500, 503),
  },
});

export function notificationRecordRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(timeline, async (c) => {
      const page = await seeTimeline(deps, {
        actor: c.get("actor"),
        id: c.req.valid("param").id,
        ...c.req.valid("query"),
      });
      return c.json({ items: page.items.map(toTimelineEntry), nextCursor: page.nextCursor }, 200);
    })
    .openapi(deliveries, async (c) => {
      const page = await seeDeliveries(deps, {
        actor: c.get("actor"),
        id: c.req.valid("param").id,
        ...c.req.valid("query"),
      });
      return c.json(
        {
          items: page.items.map(({ row, rights }) => toDelivery(row, rights)),
          nextCursor: page.nextCursor,
        },
        200,
      );
    });
}
