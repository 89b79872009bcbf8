import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import {
  ApiKeyInputSchema,
  ApiKeyListQuery,
  ApiKeySchema,
  NewApiKeySchema,
} from "../schemas/api-key.ts";
import { SECURITY, idempotencyHeaders, jsonAnswer, jsonBody, pageOf } from "../schemas/common.ts";
import { idParams } from "../schemas/references.ts";
import { createApiKey, listApiKeys, revokeApiKey } from "../verbs/api-keys.ts";
import { toApiKey } from "../views/api-key.ts";

const TAGS = ["API keys"];
/** What a repeat of the request gets: the key itself is kept nowhere. */
const KEY_SHOWN_BEFORE = "***";

const list = createRoute({
  method: "get",
  path: "/v1/api-keys",
  tags: TAGS,
  security: SECURITY,
  summary: "List API keys, newest first",
  request: { query: ApiKeyListQuery },
  responses: {
    200: jsonAnswer(pageOf(ApiKeySchema), "Revoked ones too; never the keys themselves."),
    ...problemResponses(401, 403, 422, 429, 500, 503),
  },
});

const create = createRoute({
  method: "post",
  path: "/v1/api-keys",
  tags: TAGS,
  security: SECURITY,
  summary: "Make an API key, for a system or for one user",
  request: { headers: idempotencyHeaders, body: jsonBody(ApiKeyInputSchema) },
  responses: {
    201: jsonAnswer(NewApiKeySchema, "With the key, this once."),
    ...problemResponses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
  },
});

const revoke = createRoute({
  method: "post",
  path: "/v1/api-keys/{id}/revoke",
  tags: TAGS,
  security: SECURITY,
  summary: "Revoke an API key",
  request: { params: idParams("key"), headers: idempotencyHeaders },
  responses: {
    200: jsonAnswer(ApiKeySchema, "It opens nothing any more, everywhere within five seconds."),
    ...problemResponses(400, 401, 403, 404, 409, 413, 422, 429, 500, 503),
  },
});

export function apiKeyRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(list, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const page = await listApiKeys(deps, { actor: c.get("actor"), limit, cursor });
      return c.json({ ...page, items: page.items.map(toApiKey) }, 200);
    })
    .openapi(create, async (c) => {
      const { row, key } = await createApiKey(deps, {
        actor: c.get("actor"),
        apiKey: c.req.valid("json"),
      });
      c.set("keptAnswer", { ...toApiKey(row), key: KEY_SHOWN_BEFORE });
      return c.json({ ...toApiKey(row), key }, 201);
    })
    .openapi(revoke, async (c) => {
      const { id } = c.req.valid("param");
      return c.json(toApiKey(await revokeApiKey(deps, { actor: c.get("actor"), id })), 200);
    });
}
