import { OpenAPIHono, createRoute, z } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import { etagHeader, ifMatchHeaders, readIfMatch } from "../etag.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import {
  SECURITY,
  idempotencyHeaders,
  jsonAnswer,
  jsonBody,
  pageOf,
  pageQuery,
} from "../schemas/common.ts";
import {
  MemberChangeSchema,
  MemberInputSchema,
  MemberListQuery,
  MemberParams,
  MemberSchema,
} from "../schemas/group.ts";
import { DeliverySchema } from "../schemas/record.ts";
import { refParams } from "../schemas/references.ts";
import { seeGroupDeliveries } from "../verbs/see-group-deliveries.ts";
import { listMembers } from "../verbs/see-groups.ts";
import { addMember, changeMember, removeMember } from "../verbs/write-members.ts";
import { memberEtag, toMember } from "../views/group.ts";
import { toDelivery } from "../views/record.ts";

const TAGS = ["Groups"];
const params = refParams("grp");
const answer = { ...jsonAnswer(MemberSchema, "The member."), headers: etagHeader };

const list = createRoute({
  method: "get",
  path: "/v1/groups/{id}/members",
  tags: TAGS,
  security: SECURITY,
  summary: "List a group's members, newest first",
  request: { params, query: MemberListQuery },
  responses: {
    200: jsonAnswer(pageOf(MemberSchema), "Present and former ones."),
    ...problemResponses(401, 404, 422, 429, 500, 503),
  },
});

const add = createRoute({
  method: "post",
  path: "/v1/groups/{id}/members",
  tags: TAGS,
  security: SECURITY,
  summary: "Add a member to a group",
  description: "A former member comes back under the same id.",
  request: { params, headers: idempotencyHeaders, body: jsonBody(MemberInputSchema) },
  responses: {
    201: answer,
    ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
  },
});

const change = createRoute({
  method: "patch",
  path: "/v1/groups/{id}/members/{memberId}",
  tags: TAGS,
  security: SECURITY,
  summary: "Change a member",
  request: { params: MemberParams, headers: ifMatchHeaders, body: jsonBody(MemberChangeSchema) },
  responses: {
    200: answer,
    ...problemResponses(400, 401, 403, 404, 412, 413, 415, 422, 429, 500, 503),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/v1/groups/{id}/members/{memberId}",
  tags: TAGS,
  security: SECURITY,
  summary: "Take a member out of a group",
  request: { params: MemberParams },
  responses: {
    204: { description: "Gone." },
    ...problemResponses(400, 401, 403, 404, 413, 429, 500, 503),
  },
});

const deliveries = createRoute({
  method: "get",
  path: "/v1/groups/{id}/deliveries",
  tags: TAGS,
  security: SECURITY,
  summary: "List what a group was told, newest first",
  request: { params, query: z.strictObject(pageQuery) },
  responses: {
    200: jsonAnswer(pageOf(DeliverySchema), "Of notifications that this key or role may see."),
    ...problemResponses(401, 403, 404, 422, 429, 500, 503),
  },
});

export function groupMemberRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(list, async (c) => {
      const { limit, cursor, isActive } = c.req.valid("query");
      const { id: reference } = c.req.valid("param");
      const page = await listMembers(deps, {
        actor: c.get("actor"),
        reference,
        isActive,
        limit,
        cursor,
      });
      return c.json({ ...page, items: page.items.map(toMember) }, 200);
    })
    .openapi(add, async (c) => {
      const row = await addMember(deps, {
        actor: c.get("actor"),
        group: c.req.valid("param").id,
        member: c.req.valid("json"),
        once: c.get("once"),
      });
      return c.json(toMember(row), 201, memberEtag(row));
    })
    .openapi(change, async (c) => {
      const { id: group, memberId: id } = c.req.valid("param");
      const row = await changeMember(deps, {
        actor: c.get("actor"),
        group,
        id,
        change: c.req.valid("json"),
        ifMatch: readIfMatch(c),
      });
      return c.json(toMember(row), 200, memberEtag(row));
    })
    .openapi(remove, async (c) => {
      const { id: group, memberId: id } = c.req.valid("param");
      await removeMember(deps, { actor: c.get("actor"), group, id });
      return c.body(null, 204);
    })
    .openapi(deliveries, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const { id: reference } = c.req.valid("param");
      const page = await seeGroupDeliveries(deps, {
        actor: c.get("actor"),
        reference,
        limit,
        cursor,
      });
      return c.json(
        { ...page, items: page.items.map(({ row, rights }) => toDelivery(row, rights)) },
        200,
      );
    });
}
