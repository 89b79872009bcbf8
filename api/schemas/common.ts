import { z } from "@hono/zod-openapi";
import type { RouteConfig } from "@hono/zod-openapi";
import { isId } from "../../domain/ids.ts";
import type { Id, IdPrefix } from "../../domain/ids.ts";
import { VALUE_CHARS_MAX } from "../../domain/request.ts";
import { IDEMPOTENCY_KEY } from "../middleware/idempotency.ts";

/** Words that every route's description shares. */

/** Text that can be stored: no NUL. `min` 0 allows the empty text. */
export function text(max: number, min = 0) {
  return z
    .string()
    .min(min)
    .max(max)
    .regex(/^[^\u0000]*$/, "Must not contain the NUL character.");
}

/** An id or code of master data, or `ext:<externalId>`; what it names is checked against the record. */
export const reference = text(VALUE_CHARS_MAX, 1);

/** An id of our own in a path or body: what has another shape is not there. */
export function idOf<Prefix extends IdPrefix>(prefix: Prefix) {
  return z
    .custom<Id<Prefix>>((value) => typeof value === "string" && isId(prefix, value), {
      message: `Must be an id that begins with ${prefix}_.`,
    })
    .openapi({
      type: "string",
      pattern: `^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`,
      example: `${prefix}_01jd0000000000000000000000`,
    });
}

/** ISO 8601 with an offset: a time without one would be the server's. */
export const instant = z.iso
  .datetime({ offset: true })
  .openapi({ example: "2026-01-05T01:00:00.000Z" });

export const instantOut = z.string().openapi({ format: "date-time" });

export const LIMIT_MAX = 200;
export const LIMIT_DEFAULT = 50;
const CURSOR_CHARS_MAX = 200;

/** A whole number in a query, written in digits; nothing else that JavaScript would take for one. */
export function wholeNumber(min: number, max: number, whenAbsent: number) {
  return z
    .string()
    .regex(/^\d{1,9}$/, "Must be a whole number.")
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .default(whenAbsent)
    .openapi({ type: "integer", minimum: min, maximum: max, default: whenAbsent });
}

const cursor = z
  .string()
  .max(CURSOR_CHARS_MAX)
  .regex(/^[A-Za-z0-9_-]+$/)
  .optional()
  .openapi({ description: "`nextCursor` of the page before." });

/** Query of every list. */
export const pageQuery = { limit: wholeNumber(1, LIMIT_MAX, LIMIT_DEFAULT), cursor };

/** What happened to one notification is mostly read whole. */
const RECORD_LIMIT = 1_000;
export const recordPageQuery = { limit: wholeNumber(1, RECORD_LIMIT, RECORD_LIMIT), cursor };

/**
 * A named schema (`.openapi("Name")`) or null. `nullable()` on a named one is lost on the way into the document: the
 * generator writes the bare reference.
 */
export function orNull<Schema extends z.ZodType>(schema: Schema) {
  return z.union([schema, z.null()]);
}

export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().openapi({ description: "Null on the last page." }),
  });
}

export const idempotencyHeaders = z.object({
  "Idempotency-Key": z.string().regex(IDEMPOTENCY_KEY).optional().openapi({
    description:
      "The same key and body get the same answer, marked `Idempotent-Replayed: true`; kept for at least 30 days.",
  }),
});

/** A JSON body of a route. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema, required = true) {
  return { content: { "application/json": { schema } }, required };
}

export function jsonAnswer<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { content: { "application/json": { schema } }, description };
}

/** Every route behind authentication says so. */
export const SECURITY = [{ bearer: [] }] satisfies NonNullable<RouteConfig["security"]>;

/** For routes without a query: a parameter that nobody reads is a mistake of the caller's. */
export const emptyQuery = z.strictObject({});
