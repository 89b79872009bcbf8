import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { SECURITY, jsonAnswer, pageOf } from "../schemas/common.ts";
import { InboundListQuery, InboundMessageSchema } from "../schemas/inbound.ts";
import { listInbound } from "../verbs/list-inbound.ts";
import { toInboundMessage } from "../views/inbound.ts";

const list = createRoute({
  method: "get",
  path: "/v1/inbound",
  tags: ["Inbound"],
  security: SECURITY,
  summary: "List what people wrote to us, newest first",
  request: { query: InboundListQuery },
  responses: {
    200: jsonAnswer(pageOf(InboundMessageSchema), "What this key or role may read of it."),
    ...problemResponses(401, 403, 422, 429, 500, 503),
  },
});

export function inboundRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid }).openapi(list, async (c) => {
    const { limit, cursor, from, to, ...filter } = c.req.valid("query");
    const { page, showsAddress } = await listInbound(deps, {
      actor: c.get("actor"),
      filter: {
        ...filter,
        from: from === undefined ? undefined : Date.parse(from),
        to: to === undefined ? undefined : Date.parse(to),
      },
      limit,
      cursor,
    });
    return c.json(
      {
        items: page.items.map((row) => toInboundMessage(row, showsAddress)),
        nextCursor: page.nextCursor,
      },
      200,
    );
  });
}
