import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { SECURITY, idempotencyHeaders, jsonAnswer, jsonBody, pageOf } from "../schemas/common.ts";
import {
  InboundAnswerSchema,
  InboundCloseSchema,
  InboundHandledSchema,
  InboundListQuery,
  InboundMessageSchema,
  InboundParams,
} from "../schemas/inbound.ts";
import { answerInbound, closeInbound } from "../verbs/handle-inbound.ts";
import type { HandleAnswer } from "../verbs/handle-inbound.ts";
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

const ANSWERED = jsonAnswer(InboundHandledSchema, "Applied, or why not: somebody may be first.");

const answer = createRoute({
  method: "post",
  path: "/v1/inbound/{id}/answer",
  tags: ["Inbound"],
  security: SECURITY,
  summary: "Answer a message that nobody has understood, over the number that was written to",
  request: {
    params: InboundParams,
    headers: idempotencyHeaders,
    body: jsonBody(InboundAnswerSchema),
  },
  responses: {
    200: ANSWERED,
    ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
  },
});

const close = createRoute({
  method: "post",
  path: "/v1/inbound/{id}/close",
  tags: ["Inbound"],
  security: SECURITY,
  summary: "Close a message that needs no answer",
  request: {
    params: InboundParams,
    headers: idempotencyHeaders,
    body: jsonBody(InboundCloseSchema, false),
  },
  responses: {
    200: ANSWERED,
    ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
  },
});

export function inboundRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(list, async (c) => {
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
    })
    .openapi(answer, async (c) => {
      const handled = await answerInbound(deps, {
        actor: c.get("actor"),
        id: c.req.valid("param").id,
        text: c.req.valid("json").text,
        once: c.get("once"),
      });
      return c.json(toHandled(handled), 200);
    })
    .openapi(close, async (c) => {
      const handled = await closeInbound(deps, {
        actor: c.get("actor"),
        id: c.req.valid("param").id,
        note: c.req.valid("json").note,
      });
      return c.json(toHandled(handled), 200);
    });
}

function toHandled(handled: HandleAnswer) {
  return handled.kind === "applied"
    ? ({ applied: true, message: toInboundMessage(handled.row, handled.showsAddress) } as const)
    : ({
        applied: false,
        reason: handled.reason,
        by: handled.by,
        at: handled.at?.toISOString() ?? null,
      } as const);
}
