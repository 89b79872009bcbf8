import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import { etagHeader, ifMatchHeaders, readIfMatch } from "../etag.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { readIdempotencyKey } from "../middleware/idempotency.ts";
import { refuseInvalidPart } from "../refuse-part.ts";
import {
  SECURITY,
  emptyQuery,
  idempotencyHeaders,
  jsonAnswer,
  jsonBody,
  pageOf,
} from "../schemas/common.ts";
import {
  GroupChangeSchema,
  GroupInputSchema,
  GroupListQuery,
  GroupSchema,
} from "../schemas/group.ts";
import { refParams } from "../schemas/references.ts";
import { GroupTestSchema, TestSendSchema } from "../schemas/test-send.ts";
import { listGroups, seeGroup } from "../verbs/see-groups.ts";
import { testGroup } from "../verbs/test-send.ts";
import { changeGroup, createGroup, judgeGroupPart } from "../verbs/write-group.ts";
import { groupEtag, toGroup } from "../views/group.ts";
import { toTestSend } from "../views/test-send.ts";

const TAGS = ["Groups"];
const params = refParams("grp");
const answer = { ...jsonAnswer(GroupSchema, "The group."), headers: etagHeader };

const list = createRoute({
  method: "get",
  path: "/v1/groups",
  tags: TAGS,
  security: SECURITY,
  summary: "List WhatsApp groups, newest first",
  request: { query: GroupListQuery },
  responses: {
    200: jsonAnswer(pageOf(GroupSchema), "Those that this key or role may see."),
    ...problemResponses(401, 403, 422, 429, 500, 503),
  },
});

const create = createRoute({
  method: "post",
  path: "/v1/groups",
  tags: TAGS,
  security: SECURITY,
  summary: "Make a group known",
  request: { headers: idempotencyHeaders, body: jsonBody(GroupInputSchema) },
  responses: {
    201: {
      ...answer,
      headers: {
        ...etagHeader,
        Location: { schema: { type: "string" }, description: "The group." },
      },
    },
    ...problemResponses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/groups/{id}",
  tags: TAGS,
  security: SECURITY,
  summary: "Read a group",
  request: { params, query: emptyQuery },
  responses: { 200: answer, ...problemResponses(401, 404, 422, 429, 500, 503) },
});

const change = createRoute({
  method: "patch",
  path: "/v1/groups/{id}",
  tags: TAGS,
  security: SECURITY,
  summary: "Change a group",
  description: "Open notifications that the change concerns are planned again.",
  request: { params, headers: ifMatchHeaders, body: jsonBody(GroupChangeSchema) },
  responses: {
    200: answer,
    ...problemResponses(400, 401, 403, 404, 412, 413, 415, 422, 429, 500, 503),
  },
});

const deactivate = createRoute({
  method: "post",
  path: "/v1/groups/{id}/deactivate",
  tags: TAGS,
  security: SECURITY,
  summary: "Switch a group off: it is told of nothing",
  request: { params, headers: idempotencyHeaders },
  responses: { 200: answer, ...problemResponses(400, 401, 403, 404, 409, 413, 422, 429, 500, 503) },
});

const testSend = createRoute({
  method: "post",
  path: "/v1/groups/{id}/test-send",
  tags: TAGS,
  security: SECURITY,
  summary: "Send a test message to the group and wait for the vendor's word",
  request: { params, headers: idempotencyHeaders, body: jsonBody(GroupTestSchema) },
  responses: {
    200: jsonAnswer(TestSendSchema, "What the vendor said, the same as in the record."),
    ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
  },
});

export function groupRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(list, async (c) => {
      const { limit, cursor, ...filter } = c.req.valid("query");
      const page = await listGroups(deps, { actor: c.get("actor"), filter, limit, cursor });
      return c.json({ ...page, items: page.items.map(toGroup) }, 200);
    })
    .openapi(
      create,
      async (c) => {
        const row = await createGroup(deps, {
          actor: c.get("actor"),
          group: c.req.valid("json"),
          once: c.get("once"),
        });
        return c.json(toGroup(row), 201, { ...groupEtag(row), Location: `/v1/groups/${row.id}` });
      },
      (result, c) =>
        refuseInvalidPart(result, c, GroupInputSchema, (part) =>
          judgeGroupPart(deps, { actor: c.get("actor"), reference: null, part }),
        ),
    )
    .openapi(get, async (c) => {
      const { id: reference } = c.req.valid("param");
      const row = await seeGroup(deps, { actor: c.get("actor"), reference });
      return c.json(toGroup(row), 200, groupEtag(row));
    })
    .openapi(
      change,
      async (c) => {
        const row = await changeGroup(deps, {
          actor: c.get("actor"),
          reference: c.req.valid("param").id,
          change: c.req.valid("json"),
          ifMatch: readIfMatch(c),
        });
        return c.json(toGroup(row), 200, groupEtag(row));
      },
      (result, c) =>
        refuseInvalidPart(result, c, GroupChangeSchema, (part) =>
          judgeGroupPart(deps, { actor: c.get("actor"), reference: c.req.param("id"), part }),
        ),
    )
    .openapi(testSend, async (c) => {
      const { accountId = null, waitSeconds } = c.req.valid("json");
      const result = await testGroup(deps, {
        actor: c.get("actor"),
        key: readIdempotencyKey(c),
        reference: c.req.valid("param").id,
        accountId,
        waitSeconds,
      });
      return c.json(toTestSend(result), 200);
    })
    .openapi(deactivate, async (c) => {
      const row = await changeGroup(deps, {
        actor: c.get("actor"),
        reference: c.req.valid("param").id,
        change: { isActive: false },
        ifMatch: null,
      });
      return c.json(toGroup(row), 200, groupEtag(row));
    });
}
