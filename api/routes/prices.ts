import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import { etagHeader, ifMatchHeaders, readIfMatch, toEtag } from "../etag.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import {
  SECURITY,
  emptyQuery,
  idempotencyHeaders,
  jsonAnswer,
  jsonBody,
  pageOf,
} from "../schemas/common.ts";
import {
  PriceInputSchema,
  PriceListQuery,
  PriceSchema,
  PriceTermsSchema,
} from "../schemas/price.ts";
import { idParams } from "../schemas/references.ts";
import { correctPrice, createPrice, listPrices, seePrice } from "../verbs/prices.ts";
import { toPrice } from "../views/price.ts";

const TAGS = ["Costs"];
const params = idParams("prc");
const answer = { ...jsonAnswer(PriceSchema, "The price."), headers: etagHeader };

const list = createRoute({
  method: "get",
  path: "/v1/prices",
  tags: TAGS,
  security: SECURITY,
  summary: "List prices, newest first",
  request: { query: PriceListQuery },
  responses: {
    200: jsonAnswer(pageOf(PriceSchema), "Past ones and those to come too."),
    ...problemResponses(401, 403, 422, 429, 500, 503),
  },
});

const create = createRoute({
  method: "post",
  path: "/v1/prices",
  tags: TAGS,
  security: SECURITY,
  summary: "Add a price",
  description:
    "It ends the one before it for the same unit kind, class and prefix. Messages sent since its first day are given it.",
  request: { headers: idempotencyHeaders, body: jsonBody(PriceInputSchema) },
  responses: {
    201: answer,
    ...problemResponses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/prices/{id}",
  tags: TAGS,
  security: SECURITY,
  summary: "Read a price",
  request: { params, query: emptyQuery },
  responses: {
    200: answer,
    ...problemResponses(401, 403, 404, 422, 429, 500, 503),
  },
});

const correct = createRoute({
  method: "put",
  path: "/v1/prices/{id}",
  tags: TAGS,
  security: SECURITY,
  summary: "Correct a price",
  description: "For mistakes: it counts for the past too. A vendor's new price is a new one.",
  request: { params, headers: ifMatchHeaders, body: jsonBody(PriceTermsSchema) },
  responses: {
    200: answer,
    ...problemResponses(400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 500, 503),
  },
});

export function priceRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(list, async (c) => {
      const { limit, cursor, ...filter } = c.req.valid("query");
      const page = await listPrices(deps, { actor: c.get("actor"), filter, limit, cursor });
      return c.json({ ...page, items: page.items.map(toPrice) }, 200);
    })
    .openapi(create, async (c) => {
      const { accountId, ...terms } = c.req.valid("json");
      const seen = await createPrice(deps, { actor: c.get("actor"), accountId, terms });
      return c.json(toPrice(seen.price), 201, toEtag(seen.tag));
    })
    .openapi(get, async (c) => {
      const { id } = c.req.valid("param");
      const seen = await seePrice(deps, { actor: c.get("actor"), id });
      return c.json(toPrice(seen.price), 200, toEtag(seen.tag));
    })
    .openapi(correct, async (c) => {
      const { id } = c.req.valid("param");
      const seen = await correctPrice(deps, {
        actor: c.get("actor"),
        id,
        terms: c.req.valid("json"),
        ifMatch: readIfMatch(c),
      });
      return c.json(toPrice(seen.price), 200, toEtag(seen.tag));
    });
}
