import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { z } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppContext, AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import {
  ActAnswerSchema,
  ActPendingSchema,
  AcknowledgeManyAnswerSchema,
  AcknowledgeManySchema,
  CloseSchema,
  MoveSchema,
  PlainActSchema,
  RateSchema,
  ReassignSchema,
  ReprioritiseSchema,
  ResendSchema,
  SnoozeSchema,
} from "../schemas/act.ts";
import { SECURITY, idempotencyHeaders, jsonAnswer, jsonBody } from "../schemas/common.ts";
import { NotificationParams } from "../schemas/notification.ts";
import { acknowledgeMany } from "../verbs/acknowledge-many.ts";
import type { ManyAnswer } from "../verbs/acknowledge-many.ts";
import { move } from "../verbs/move.ts";
import { performAct } from "../verbs/perform-act.ts";
import type { ActAnswer, ActInput } from "../verbs/perform-act.ts";
import { reassign } from "../verbs/reassign.ts";
import { resend } from "../verbs/resend.ts";
import { seeAfterAct } from "../verbs/see-notification.ts";
import { snooze } from "../verbs/snooze.ts";
import { toFilter } from "../views/filter.ts";
import { toActedBy, toNotification } from "../views/notification.ts";

const TAGS = ["Acts"];

function actRoute<const Verb extends string, Body extends z.ZodType>(
  verb: Verb,
  summary: string,
  body: Body,
  isBodyRequired: boolean,
) {
  return createRoute({
    method: "post",
    path: `/v1/notifications/{id}/${verb}`,
    tags: TAGS,
    security: SECURITY,
    summary,
    request: {
      params: NotificationParams,
      headers: idempotencyHeaders,
      body: jsonBody(body, isBodyRequired),
    },
    responses: {
      200: jsonAnswer(ActAnswerSchema, "Applied, or why not: a lost race is an answer."),
      202: jsonAnswer(ActPendingSchema, "Stored; the run carries it out as soon as it can."),
      ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
    },
  });
}

const routes = {
  acknowledge: actRoute("acknowledge", "Acknowledge, accept or claim it", PlainActSchema, false),
  refuse: actRoute("refuse", "Refuse it: this person is out of the run", PlainActSchema, false),
  escalate: actRoute("escalate", "End this step now", PlainActSchema, false),
  snooze: actRoute("snooze", "Pause the ladder until a time", SnoozeSchema, true),
  cancel: actRoute("cancel", "Cancel it: nobody else is told", PlainActSchema, false),
  resolve: actRoute("resolve", "The thing behind it is over", PlainActSchema, false),
  rate: actRoute("rate", "Rate from 1 to 5, also after the end", RateSchema, true),
  reprioritise: actRoute(
    "reprioritise",
    "Go on with another priority's policy",
    ReprioritiseSchema,
    true,
  ),
  reassign: actRoute("reassign", "Give it to another person", ReassignSchema, true),
  resend: actRoute("resend", "Send one delivery again", ResendSchema, true),
  move: actRoute("move", "Go on with another version of the policy", MoveSchema, false),
  close: actRoute("close", "Take an unanswered one off the board", CloseSchema, true),
};

const acknowledgeManyRoute = createRoute({
  method: "post",
  path: "/v1/notifications/acknowledge",
  tags: TAGS,
  security: SECURITY,
  summary: "Acknowledge many, by ids or by a filter",
  request: { headers: idempotencyHeaders, body: jsonBody(AcknowledgeManySchema) },
  responses: {
    200: jsonAnswer(AcknowledgeManyAnswerSchema, "What became of each."),
    ...problemResponses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
  },
});

/** What every act's body may say. */
type ActBody = {
  readonly actId?: string | undefined;
  readonly by?: string | undefined;
  readonly note?: string | undefined;
};

function inputOf(c: AppContext, notificationId: string, { actId, by, note }: ActBody): ActInput {
  return { actor: c.get("actor"), notificationId, actId, by, note, once: c.get("once") };
}

export function notificationActRoutes(deps: AppDeps) {
  /** The answer of every act, in the words of the API. */
  async function answer(c: AppContext, notificationId: string, told: ActAnswer) {
    switch (told.kind) {
      case "pending":
        return c.json({ applied: null, pending: true as const, actId: told.actId }, 202);
      case "refused":
        return c.json({ applied: false as const, ...toRefusal(told) }, 200);
      case "applied": {
        const after = await seeAfterAct(deps, { actor: c.get("actor"), id: notificationId });
        return c.json(
          { applied: true as const, notification: toNotification(after, deps.links) },
          200,
        );
      }
    }
  }

  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(acknowledgeManyRoute, async (c) => {
      const { ids, filter, by, note } = c.req.valid("json");
      const many = await acknowledgeMany(deps, {
        actor: c.get("actor"),
        by,
        note,
        once: c.get("once"),
        what: ids === undefined ? { filter: toFilter(filter ?? {}) } : { ids },
      });
      return c.json(toManyAnswer(many), 200);
    })
    .openapi(routes.acknowledge, async (c) => {
      const { id } = c.req.valid("param");
      const input = inputOf(c, id, c.req.valid("json"));
      return answer(c, id, await performAct(deps, "acknowledge", input));
    })
    .openapi(routes.refuse, async (c) => {
      const { id } = c.req.valid("param");
      const input = inputOf(c, id, c.req.valid("json"));
      return answer(c, id, await performAct(deps, "refuse", input));
    })
    .openapi(routes.escalate, async (c) => {
      const { id } = c.req.valid("param");
      const input = inputOf(c, id, c.req.valid("json"));
      return answer(c, id, await performAct(deps, "escalate", input));
    })
    .openapi(routes.snooze, async (c) => {
      const { id } = c.req.valid("param");
      const body = c.req.valid("json");
      const untilMs = Date.parse(body.until);
      return answer(c, id, await snooze(deps, { ...inputOf(c, id, body), untilMs }));
    })
    .openapi(routes.cancel, async (c) => {
      const { id } = c.req.valid("param");
      const input = inputOf(c, id, c.req.valid("json"));
      return answer(c, id, await performAct(deps, "cancel", input));
    })
    .openapi(routes.resolve, async (c) => {
      const { id } = c.req.valid("param");
      const input = inputOf(c, id, c.req.valid("json"));
      return answer(c, id, await performAct(deps, "resolve", input));
    })
    .openapi(routes.rate, async (c) => {
      const { id } = c.req.valid("param");
      const body = c.req.valid("json");
      const params = () => ({ rating: body.rating });
      return answer(c, id, await performAct(deps, "rate", inputOf(c, id, body), params));
    })
    .openapi(routes.reprioritise, async (c) => {
      const { id } = c.req.valid("param");
      const body = c.req.valid("json");
      const params = () => ({ priority: body.priority });
      return answer(c, id, await performAct(deps, "reprioritise", inputOf(c, id, body), params));
    })
    .openapi(routes.reassign, async (c) => {
      const { id } = c.req.valid("param");
      const body = c.req.valid("json");
      const { userId, fromUserId } = body;
      return answer(c, id, await reassign(deps, { ...inputOf(c, id, body), userId, fromUserId }));
    })
    .openapi(routes.resend, async (c) => {
      const { id } = c.req.valid("param");
      const body = c.req.valid("json");
      const { deliveryId } = body;
      return answer(c, id, await resend(deps, { ...inputOf(c, id, body), deliveryId }));
    })
    .openapi(routes.move, async (c) => {
      const { id } = c.req.valid("param");
      const body = c.req.valid("json");
      const { policyVersion } = body;
      return answer(c, id, await move(deps, { ...inputOf(c, id, body), policyVersion }));
    })
    .openapi(routes.close, async (c) => {
      const { id } = c.req.valid("param");
      const input = inputOf(c, id, c.req.valid("json"));
      return answer(c, id, await performAct(deps, "close", input));
    });
}

function toRefusal({ reason, by, at }: Extract<ActAnswer, { kind: "refused" }>) {
  return { reason, by: toActedBy(by), at: at === null ? null : new Date(at).toISOString() };
}

function toManyAnswer({ results, hasMore }: ManyAnswer) {
  const shown = results.map(({ id, answer }) => {
    switch (answer.kind) {
      case "applied":
        return { id, applied: true, reason: null, by: null, at: null };
      case "refused":
        return { id, applied: false, ...toRefusal(answer) };
      case "pending":
      case "not_found":
        return { id, applied: false, reason: answer.kind, by: null, at: null };
    }
  });
  return {
    acknowledged: shown.filter(({ applied }) => applied).length,
    hasMore,
    results: shown,
  };
}
