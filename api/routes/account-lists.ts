import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import {
  AccountGroupsQuery,
  AccountGroupsSchema,
  AccountTemplatesSchema,
} from "../schemas/account-lists.ts";
import { SECURITY, emptyQuery, jsonAnswer } from "../schemas/common.ts";
import { idParams } from "../schemas/references.ts";
import { seeAccountGroups, seeAccountTemplates } from "../verbs/see-account-lists.ts";
import { toAccountGroups, toAccountTemplates } from "../views/account-lists.ts";

const TAGS = ["Provider accounts"];
const params = idParams("acc");
const PROBLEMS = problemResponses(401, 403, 404, 422, 429, 500, 503);

const templates = createRoute({
  method: "get",
  path: "/v1/provider-accounts/{id}/templates",
  tags: TAGS,
  security: SECURITY,
  summary: "List an account's approved templates, and what of ours goes out by them",
  description:
    "As its vendor listed them last; read every few minutes. 422 `unsupported`: the vendor has none.",
  request: { params, query: emptyQuery },
  responses: { 200: jsonAnswer(AccountTemplatesSchema, "By name and language."), ...PROBLEMS },
});

const groups = createRoute({
  method: "get",
  path: "/v1/provider-accounts/{id}/groups",
  tags: TAGS,
  security: SECURITY,
  summary: "List the groups that the vendor says the account's number is in",
  description:
    "Asks the vendor and waits for its answer; without one in time, the list that it gave before. A group of ours in the list is proven to every account of the " +
    "number that carries groups; one that a complete list lacks is not any more. 422 `unsupported`: the vendor has no such list.",
  request: { params, query: AccountGroupsQuery },
  responses: { 200: jsonAnswer(AccountGroupsSchema, "By name."), ...PROBLEMS },
});

export function accountListRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(templates, async (c) => {
      const { id } = c.req.valid("param");
      const seen = await seeAccountTemplates(deps, { actor: c.get("actor"), id });
      return c.json(toAccountTemplates(seen, deps.now()), 200);
    })
    .openapi(groups, async (c) => {
      const { id } = c.req.valid("param");
      const { waitSeconds } = c.req.valid("query");
      const seen = await seeAccountGroups(deps, { actor: c.get("actor"), id, waitSeconds });
      return c.json(toAccountGroups(seen, deps.now()), 200);
    });
}
