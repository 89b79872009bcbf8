import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { z } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import {
  SECURITY,
  emptyQuery,
  idempotencyHeaders,
  jsonAnswer,
  jsonBody,
} from "../schemas/common.ts";
import {
  PushSubscriptionInputSchema,
  PushSubscriptionSchema,
  PushSubscriptionsSchema,
} from "../schemas/push-subscription.ts";
import { idParams } from "../schemas/references.ts";
import {
  addPushSubscription,
  removePushSubscription,
  seePushSubscriptions,
} from "../verbs/push-subscriptions.ts";
import { toPushSubscription } from "../views/push-subscription.ts";

const TAGS = ["Me"];
const PATH = "/v1/me/push-subscriptions";

const list = createRoute({
  method: "get",
  path: PATH,
  tags: TAGS,
  security: SECURITY,
  summary: "List the devices that take one's push messages, and what a browser subscribes with",
  request: { query: emptyQuery },
  responses: {
    200: jsonAnswer(PushSubscriptionsSchema, "Newest first, all of them."),
    ...problemResponses(401, 403, 422, 429, 500, 503),
  },
});

const add = createRoute({
  method: "post",
  path: PATH,
  tags: TAGS,
  security: SECURITY,
  summary: "Take push messages on this device",
  request: { headers: idempotencyHeaders, body: jsonBody(PushSubscriptionInputSchema) },
  responses: {
    201: jsonAnswer(PushSubscriptionSchema, "A device that was known keeps its id."),
    ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
  },
});

const remove = createRoute({
  method: "delete",
  path: `${PATH}/{id}`,
  tags: TAGS,
  security: SECURITY,
  summary: "Take no more push messages on a device",
  request: { params: idParams("psh") },
  responses: {
    204: { description: "It is forgotten." },
    ...problemResponses(400, 401, 403, 404, 413, 422, 429, 500, 503),
  },
});

export function pushSubscriptionRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(list, async (c) => {
      const { items, accounts } = await seePushSubscriptions(deps, c.get("actor"));
      return c.json(
        { items: items.map(toPushSubscription), nextCursor: null, accounts: [...accounts] },
        200,
      );
    })
    .openapi(add, async (c) => {
      const body = c.req.valid("json");
      const row = await addPushSubscription(deps, {
        actor: c.get("actor"),
        accountId: body.accountId,
        deviceName: body.deviceName,
        destination: toDestination(body),
      });
      return c.json(toPushSubscription(row), 201);
    })
    .openapi(remove, async (c) => {
      await removePushSubscription(deps, { actor: c.get("actor"), id: c.req.valid("param").id });
      return c.body(null, 204);
    });
}

/** The schema has seen to it that there is one or the other, and keys where they are needed. */
function toDestination({
  endpoint = "",
  keys = { p256dh: "", auth: "" },
  token,
}: z.output<typeof PushSubscriptionInputSchema>) {
  return token === undefined
    ? ({ kind: "push_subscription", endpoint, ...keys } as const)
    : ({ kind: "push_token", token } as const);
}
