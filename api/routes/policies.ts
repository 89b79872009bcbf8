import { OpenAPIHono, createRoute, z } from "@hono/zod-openapi";
import type { ValidationTargets } from "hono";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import { etagHeader, ifMatchHeaders, readIfMatch } from "../etag.ts";
import type { AppContext, AppEnv } from "../http.ts";
import { mergeProblems, refuseInvalid, toProblems } from "../invalid.ts";
import { refuseInvalidPart } from "../refuse-part.ts";
import {
  SECURITY,
  idempotencyHeaders,
  jsonAnswer,
  jsonBody,
  pageOf,
  pageQuery,
} from "../schemas/common.ts";
import {
  PolicyChangeSchema,
  PolicyInputSchema,
  PolicyListQuery,
  PolicySchema,
  PolicyVersionQuery,
  SimulateSchema,
  SimulatedPlanSchema,
} from "../schemas/policy.ts";
import { idParams } from "../schemas/references.ts";
import { InvalidInput } from "../verbs/errors.ts";
import { rulesProblems } from "../verbs/policy-rules.ts";
import { listPolicies, listPolicyVersions, seePolicy, simulate } from "../verbs/see-policies.ts";
import {
  changePolicy,
  createPolicy,
  judgePolicyChange,
  switchPolicy,
} from "../verbs/write-policy.ts";
import { policyEtag, toPolicy, toSimulatedPlan } from "../views/policy.ts";

const TAGS = ["Escalation policies"];
const params = idParams("pol");
const answer = { ...jsonAnswer(PolicySchema, "The policy."), headers: etagHeader };

const list = createRoute({
  method: "get",
  path: "/v1/policies",
  tags: TAGS,
  security: SECURITY,
  summary: "List escalation policies, newest first",
  request: { query: PolicyListQuery },
  responses: {
    200: jsonAnswer(pageOf(PolicySchema), "Each with its current version."),
    ...problemResponses(401, 403, 422, 429, 500, 503),
  },
});

const create = createRoute({
  method: "post",
  path: "/v1/policies",
  tags: TAGS,
  security: SECURITY,
  summary: "Write the first version of a policy",
  request: { headers: idempotencyHeaders, body: jsonBody(PolicyInputSchema) },
  responses: {
    201: {
      ...answer,
      headers: {
        ...etagHeader,
        Location: { schema: { type: "string" }, description: "The policy." },
      },
    },
    ...problemResponses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/policies/{id}",
  tags: TAGS,
  security: SECURITY,
  summary: "Read a policy, its current version or an earlier one",
  request: { params, query: PolicyVersionQuery },
  responses: { 200: answer, ...problemResponses(401, 403, 404, 422, 429, 500, 503) },
});

const versions = createRoute({
  method: "get",
  path: "/v1/policies/{id}/versions",
  tags: TAGS,
  security: SECURITY,
  summary: "List a policy's versions, newest first",
  request: { params, query: z.strictObject(pageQuery) },
  responses: {
    200: jsonAnswer(pageOf(PolicySchema), "All of them."),
    ...problemResponses(401, 403, 404, 422, 429, 500, 503),
  },
});

const CHANGE_RESPONSES = {
  200: answer,
  ...problemResponses(400, 401, 403, 404, 412, 413, 415, 422, 429, 500, 503),
};

const replace = createRoute({
  method: "put",
  path: "/v1/policies/{id}",
  tags: TAGS,
  security: SECURITY,
  summary: "Write a policy's next version, whole",
  description: "Earlier versions stay as they are: runs keep the one that they began with.",
  request: { params, headers: ifMatchHeaders, body: jsonBody(PolicyInputSchema) },
  responses: CHANGE_RESPONSES,
});

const change = createRoute({
  method: "patch",
  path: "/v1/policies/{id}",
  tags: TAGS,
  security: SECURITY,
  summary: "Write a policy's next version from its current one",
  request: { params, headers: ifMatchHeaders, body: jsonBody(PolicyChangeSchema) },
  responses: CHANGE_RESPONSES,
});

function switchRoute<const Verb extends "activate" | "deactivate">(verb: Verb, summary: string) {
  return createRoute({
    method: "post",
    path: `/v1/policies/{id}/${verb}`,
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
const activate = switchRoute("activate", "Switch a policy on");
const deactivate = switchRoute(
  "deactivate",
  "Switch a policy off that nothing names; runs that have it keep it",
);

const simulateRoute = createRoute({
  method: "post",
  path: "/v1/policies/simulate",
  tags: TAGS,
  security: SECURITY,
  summary: "Show whom a policy would tell when, if nobody answered",
  description: "With invented people on channels that all work; by the planner that runs use.",
  request: { headers: idempotencyHeaders, body: jsonBody(SimulateSchema) },
  responses: {
    200: jsonAnswer(SimulatedPlanSchema, "The steps that would follow."),
    ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
  },
});

type ValidationResult = { readonly target: keyof ValidationTargets } & (
  { readonly success: true } | { readonly success: false; readonly error: z.ZodError }
);

/** What the schema sees, and what is wrong between the fields. @throws InvalidInput */
function refuseInvalidPolicy(result: ValidationResult, c: AppContext): undefined {
  if (result.success || result.target !== "json") {
    refuseInvalid(result);
    return undefined;
  }
  const bySchema = toProblems(result.error.issues);
  throw new InvalidInput(mergeProblems(bySchema, rulesProblems(withoutHead(c.get("json")))));
}

/** A policy without the fields that are no rules. */
function withoutHead(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(
    Object.entries(body).filter(([field]) => field !== "name" && field !== "priority"),
  );
}

export function policyRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(simulateRoute, async (c) => {
      const body = c.req.valid("json");
      const { policy, policyId, version, startsAt, answers: answerKind, ...counts } = body;
      const plan = await simulate(deps, {
        actor: c.get("actor"),
        policy: policyId === undefined ? { rules: policy } : { id: policyId, version },
        simulation: {
          ...counts,
          answerKind,
          priority: counts.priority,
          startsAt: startsAt === undefined ? undefined : Date.parse(startsAt),
        },
      });
      return c.json(toSimulatedPlan(plan), 200);
    })
    .openapi(list, async (c) => {
      const { limit, cursor, ...filter } = c.req.valid("query");
      const page = await listPolicies(deps, { actor: c.get("actor"), filter, limit, cursor });
      return c.json({ ...page, items: page.items.map(toPolicy) }, 200);
    })
    .openapi(
      create,
      async (c) => {
        const { name, priority, ...rules } = c.req.valid("json");
        const row = await createPolicy(deps, {
          actor: c.get("actor"),
          policy: { name, priority, rules },
          once: c.get("once"),
        });
        return c.json(toPolicy(row), 201, {
          ...policyEtag(row),
          Location: `/v1/policies/${row.id}`,
        });
      },
      refuseInvalidPolicy,
    )
    .openapi(get, async (c) => {
      const { id } = c.req.valid("param");
      const { version } = c.req.valid("query");
      const row = await seePolicy(deps, { actor: c.get("actor"), id, version });
      return c.json(toPolicy(row), 200, policyEtag(row));
    })
    .openapi(versions, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const { id } = c.req.valid("param");
      const page = await listPolicyVersions(deps, { actor: c.get("actor"), id, limit, cursor });
      return c.json({ ...page, items: page.items.map(toPolicy) }, 200);
    })
    .openapi(
      replace,
      async (c) => {
        const { name, priority, ...rules } = c.req.valid("json");
        const row = await changePolicy(deps, {
          actor: c.get("actor"),
          id: c.req.valid("param").id,
          change: { name, priority, rules, isWhole: true },
          ifMatch: readIfMatch(c),
        });
        return c.json(toPolicy(row), 200, policyEtag(row));
      },
      refuseInvalidPolicy,
    )
    .openapi(
      change,
      async (c) => {
        const { name, priority, ...rules } = c.req.valid("json");
        const row = await changePolicy(deps, {
          actor: c.get("actor"),
          id: c.req.valid("param").id,
          change: { name, priority, rules, isWhole: false },
          ifMatch: readIfMatch(c),
        });
        return c.json(toPolicy(row), 200, policyEtag(row));
      },
      (result, c) =>
        refuseInvalidPart(result, c, PolicyChangeSchema, () =>
          judgePolicyChange(deps, {
            actor: c.get("actor"),
            id: c.req.param("id"),
            rules: withoutHead(c.get("json")),
          }),
        ),
    )
    .openapi(activate, async (c) => {
      const { id } = c.req.valid("param");
      const row = await switchPolicy(deps, { actor: c.get("actor"), id, isActive: true });
      return c.json(toPolicy(row), 200, policyEtag(row));
    })
    .openapi(deactivate, async (c) => {
      const { id } = c.req.valid("param");
      const row = await switchPolicy(deps, { actor: c.get("actor"), id, isActive: false });
      return c.json(toPolicy(row), 200, policyEtag(row));
    });
}
