import type { z } from "@hono/zod-openapi";
import { ALL_ZONES } from "../../db/holidays.ts";
import type { HolidayRow } from "../../db/holidays.ts";
import type { HolidaySchema } from "../schemas/holiday.ts";

/** How the API names all zones; no work zone has this code. */
const ALL_ZONES_NAME = "all";

export function toHoliday({ date, zone, name }: HolidayRow): z.input<typeof HolidaySchema> {
  return { date, zone: zone === ALL_ZONES ? ALL_ZONES_NAME : zone, name };
}

export function fromZoneName(zone: string): string {
  return zone === ALL_ZONES_NAME ? ALL_ZONES : zone;
}
