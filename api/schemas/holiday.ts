import { z } from "@hono/zod-openapi";
import { VALUE_CHARS_MAX } from "../../domain/request.ts";
import { pageQuery, reference, text } from "./common.ts";
import { name } from "./user.ts";

/** PostgreSQL has no year 0; nobody plans for the years before. */
const DATE_MIN = "2000-01-01";

const date = z.iso
  .date()
  .refine((text) => text >= DATE_MIN, { message: `Must not be before ${DATE_MIN}.` })
  .openapi({ example: "2026-08-17" });

export const HolidaySchema = z
  .object({
    date,
    zone: z.string().openapi({ description: "Code of a work zone, or `all`." }),
    name: z.string(),
  })
  .openapi("Holiday");

export const HolidayInputSchema = z.strictObject({ name }).openapi("HolidayInput");

export const HolidayParams = z.object({
  zone: text(VALUE_CHARS_MAX, 1).openapi({
    param: { name: "zone", in: "path" },
    description: "Code of a work zone, or `all`.",
  }),
  date: date.openapi({ param: { name: "date", in: "path" } }),
});

export const HolidayListQuery = z.strictObject({
  zone: reference.optional().openapi({ description: "Code of a work zone, or `all`." }),
  from: date.optional(),
  to: date.optional().openapi({ description: "Inclusive." }),
  ...pageQuery,
});
