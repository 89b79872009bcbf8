import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import { etagHeader, ifMatchHeaders, readIfMatch, toEtag } from "../etag.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { readIdempotencyKey } from "../middleware/idempotency.ts";
import { refuseInvalidPart } from "../refuse-part.ts";
import {
  AccountChangeSchema,
  AccountGroupParams,
  AccountHealthSchema,
  AccountInputSchema,
  AccountListQuery,
  AccountSchema,
} from "../schemas/account.ts";
import {
  SECURITY,
  emptyQuery,
  idempotencyHeaders,
  jsonAnswer,
  jsonBody,
  pageOf,
} from "../schemas/common.ts";
import { idParams } from "../schemas/references.ts";
import { AccountTestSchema, TestSendSchema } from "../schemas/test-send.ts";
import { listAccounts, seeAccount, seeAccountHealth } from "../verbs/see-accounts.ts";
import { drainAccount, proveGroup } from "../verbs/steer-account.ts";
import { testAccount } from "../verbs/test-send.ts";
import {
  changeAccount,
  createAccount,
  judgeAccountChange,
  judgeAccountPart,
} from "../verbs/write-account.ts";
import { toAccount, toAccountHealth } from "../views/account.ts";
import { toTestSend } from "../views/test-send.ts";

const TAGS = ["Provider accounts"];
const params = idParams("acc");
const answer = { ...jsonAnswer(AccountSchema, "Without its secrets."), headers: etagHeader };

const list = createRoute({
  method: "get",
  path: "/v1/provider-accounts",
  tags: TAGS,
  security: SECURITY,
  summary: "List provider accounts, newest first",
  request: { query: AccountListQuery },
  responses: {
    200: jsonAnswer(pageOf(AccountSchema), "`order` says in which order a channel's are tried."),
    ...problemResponses(401, 403, 422, 429, 500, 503),
  },
});

const create = createRoute({
  method: "post",
  path: "/v1/provider-accounts",
  tags: TAGS,
  security: SECURITY,
  summary: "Add a provider account",
  request: { headers: idempotencyHeaders, body: jsonBody(AccountInputSchema) },
  responses: {
    201: {
      ...answer,
      headers: {
        ...etagHeader,
        Location: { schema: { type: "string" }, description: "The account." },
      },
    },
    ...problemResponses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/provider-accounts/{id}",
  tags: TAGS,
  security: SECURITY,
  summary: "Read a provider account",
  request: { params, query: emptyQuery },
  responses: { 200: answer, ...problemResponses(401, 403, 404, 422, 429, 500, 503) },
});

const change = createRoute({
  method: "patch",
  path: "/v1/provider-accounts/{id}",
  tags: TAGS,
  security: SECURITY,
  summary: "Change a provider account",
  request: { params, headers: ifMatchHeaders, body: jsonBody(AccountChangeSchema) },
  responses: {
    200: answer,
    ...problemResponses(400, 401, 403, 404, 412, 413, 415, 422, 429, 500, 503),
  },
});

function steerRoute<const Verb extends string>(verb: Verb, summary: string) {
  return createRoute({
    method: "post",
    path: `/v1/provider-accounts/{id}/${verb}`,
    tags: TAGS,
    security: SECURITY,
    summary,
    request: { params, headers: idempotencyHeaders },
    responses: {
      200: answer,
      ...problemResponses(400, 401, 403, 404, 409, 413, 422, 429, 500, 503),
    },
  });
}
const enable = steerRoute("enable", "Switch an account on");
const disable = steerRoute("disable", "Switch an account off: nothing is planned for it");
const drain = steerRoute("drain", "Take an account out: it finishes what it began, gets no more");
const resume = steerRoute("resume", "Take a drained account in again");

const testSend = createRoute({
  method: "post",
  path: "/v1/provider-accounts/{id}/test-send",
  tags: TAGS,
  security: SECURITY,
  summary: "Send a test message over this account and wait for the vendor's word",
  request: { params, headers: idempotencyHeaders, body: jsonBody(AccountTestSchema) },
  responses: {
    200: jsonAnswer(TestSendSchema, "What the vendor said, the same as in the record."),
    ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
  },
});

const health = createRoute({
  method: "get",
  path: "/v1/provider-accounts/{id}/health",
  tags: TAGS,
  security: SECURITY,
  summary: "How a provider account is",
  request: { params, query: emptyQuery },
  responses: {
    200: jsonAnswer(AccountHealthSchema, "Its health, and its number's pace."),
    ...problemResponses(401, 403, 404, 422, 429, 500, 503),
  },
});

function groupRoute<const Method extends "put" | "delete">(method: Method, summary: string) {
  return createRoute({
    method,
    path: "/v1/provider-accounts/{id}/groups/{groupId}",
    tags: TAGS,
    security: SECURITY,
    summary,
    description: "Only an account whose number is a proven member of a group carries it.",
    request: { params: AccountGroupParams },
    responses: { 200: answer, ...problemResponses(400, 401, 403, 404, 413, 422, 429, 500, 503) },
  });
}
const proven = groupRoute("put", "Record that the account's number is in a group");
const left = groupRoute("delete", "Record that the account's number is not in a group");

export function providerAccountRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(list, async (c) => {
      const { limit, cursor, ...filter } = c.req.valid("query");
      const page = await listAccounts(deps, { actor: c.get("actor"), filter, limit, cursor });
      return c.json({ ...page, items: page.items.map(toAccount) }, 200);
    })
    .openapi(
      create,
      async (c) => {
        const seen = await createAccount(deps, {
          actor: c.get("actor"),
          account: c.req.valid("json"),
        });
        // The webhook address holds a secret; it is read again rather than kept.
        c.set("keptAnswer", { ...toAccount(seen), webhookUrl: null });
        return c.json(toAccount(seen), 201, {
          ...toEtag(seen.tag),
          Location: `/v1/provider-accounts/${seen.row.id}`,
        });
      },
      (result, c) =>
        refuseInvalidPart(result, c, AccountInputSchema, (part) =>
          judgeAccountPart(deps, c.get("actor"), part),
        ),
    )
    .openapi(get, async (c) => {
      const { id } = c.req.valid("param");
      const seen = await seeAccount(deps, { actor: c.get("actor"), id });
      return c.json(toAccount(seen), 200, toEtag(seen.tag));
    })
    .openapi(
      change,
      async (c) => {
        const seen = await changeAccount(deps, {
          actor: c.get("actor"),
          id: c.req.valid("param").id,
          change: c.req.valid("json"),
          ifMatch: readIfMatch(c),
        });
        return c.json(toAccount(seen), 200, toEtag(seen.tag));
      },
      (result, c) =>
        refuseInvalidPart(result, c, AccountChangeSchema, (part) =>
          judgeAccountChange(deps, { actor: c.get("actor"), id: c.req.param("id"), part }),
        ),
    )
    .openapi(enable, async (c) => {
      const { id } = c.req.valid("param");
      const seen = await changeAccount(deps, {
        actor: c.get("actor"),
        id,
        change: { enabled: true },
        ifMatch: null,
      });
      c.set("keptAnswer", { ...toAccount(seen), webhookUrl: null });
      return c.json(toAccount(seen), 200, toEtag(seen.tag));
    })
    .openapi(disable, async (c) => {
      const { id } = c.req.valid("param");
      const seen = await changeAccount(deps, {
        actor: c.get("actor"),
        id,
        change: { enabled: false },
        ifMatch: null,
      });
      c.set("keptAnswer", { ...toAccount(seen), webhookUrl: null });
      return c.json(toAccount(seen), 200, toEtag(seen.tag));
    })
    .openapi(drain, async (c) => {
      const { id } = c.req.valid("param");
      const seen = await drainAccount(deps, { actor: c.get("actor"), id, isDrained: true });
      c.set("keptAnswer", { ...toAccount(seen), webhookUrl: null });
      return c.json(toAccount(seen), 200, toEtag(seen.tag));
    })
    .openapi(resume, async (c) => {
      const { id } = c.req.valid("param");
      const seen = await drainAccount(deps, { actor: c.get("actor"), id, isDrained: false });
      c.set("keptAnswer", { ...toAccount(seen), webhookUrl: null });
      return c.json(toAccount(seen), 200, toEtag(seen.tag));
    })
    .openapi(testSend, async (c) => {
      const { to, waitSeconds } = c.req.valid("json");
      const result = await testAccount(deps, {
        actor: c.get("actor"),
        key: readIdempotencyKey(c),
        id: c.req.valid("param").id,
        to,
        waitSeconds,
      });
      return c.json(toTestSend(result), 200);
    })
    .openapi(health, async (c) => {
      const { id } = c.req.valid("param");
      return c.json(
        toAccountHealth(await seeAccountHealth(deps, { actor: c.get("actor"), id })),
        200,
      );
    })
    .openapi(proven, async (c) => {
      const { id, groupId: group } = c.req.valid("param");
      const seen = await proveGroup(deps, { actor: c.get("actor"), id, group, isProven: true });
      return c.json(toAccount(seen), 200, toEtag(seen.tag));
    })
    .openapi(left, async (c) => {
      const { id, groupId: group } = c.req.valid("param");
      const seen = await proveGroup(deps, { actor: c.get("actor"), id, group, isProven: false });
      return c.json(toAccount(seen), 200, toEtag(seen.tag));
    });
}
