import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { SECURITY, jsonAnswer, jsonBody, pageOf } from "../schemas/common.ts";
import {
  HolidayInputSchema,
  HolidayListQuery,
  HolidayParams,
  HolidaySchema,
} from "../schemas/holiday.ts";
import { listHolidays, removeHoliday, setHoliday } from "../verbs/holidays.ts";
import { fromZoneName, toHoliday } from "../views/holiday.ts";

const TAGS = ["Master data"];

const list = createRoute({
  method: "get",
  path: "/v1/holidays",
  tags: TAGS,
  security: SECURITY,
  summary: "List holidays, by date",
  request: { query: HolidayListQuery },
  responses: {
    200: jsonAnswer(pageOf(HolidaySchema), "By date, then zone."),
    ...problemResponses(401, 403, 422, 429, 500, 503),
  },
});

const set = createRoute({
  method: "put",
  path: "/v1/holidays/{zone}/{date}",
  tags: TAGS,
  security: SECURITY,
  summary: "Make a date a holiday",
  description: "Open notifications to people whose quiet hours ask for it are planned again.",
  request: { params: HolidayParams, body: jsonBody(HolidayInputSchema) },
  responses: {
    200: jsonAnswer(HolidaySchema, "The holiday."),
    ...problemResponses(400, 401, 403, 404, 413, 415, 422, 429, 500, 503),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/v1/holidays/{zone}/{date}",
  tags: TAGS,
  security: SECURITY,
  summary: "Make a date a day like others",
  request: { params: HolidayParams },
  responses: {
    204: { description: "Gone." },
    ...problemResponses(400, 401, 403, 404, 413, 429, 500, 503),
  },
});

export function holidayRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(list, async (c) => {
      const { limit, cursor, zone, from, to } = c.req.valid("query");
      const page = await listHolidays(deps, {
        actor: c.get("actor"),
        filter: { zone: zone === undefined ? undefined : fromZoneName(zone), from, to },
        limit,
        cursor,
      });
      return c.json({ ...page, items: page.items.map(toHoliday) }, 200);
    })
    .openapi(set, async (c) => {
      const { zone, date } = c.req.valid("param");
      const holiday = { zone: fromZoneName(zone), date, name: c.req.valid("json").name };
      await setHoliday(deps, { actor: c.get("actor"), holiday });
      return c.json(toHoliday(holiday), 200);
    })
    .openapi(remove, async (c) => {
      const { zone, date } = c.req.valid("param");
      const holiday = { zone: fromZoneName(zone), date };
      await removeHoliday(deps, { actor: c.get("actor"), holiday });
      return c.body(null, 204);
    });
}
