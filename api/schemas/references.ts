import { z } from "@hono/zod-openapi";
import { isId } from "../../domain/ids.ts";
import type { IdPrefix } from "../../domain/ids.ts";
import { VALUE_CHARS_MAX } from "../../domain/request.ts";
import { idOf } from "./common.ts";

/** Names of things in paths and queries. */

const EXTERNAL = "ext:";

/** An id of our own or `ext:<externalId>`: what has another shape is not there. */
export function refOf(prefix: IdPrefix) {
  return z
    .string()
    .max(EXTERNAL.length + VALUE_CHARS_MAX)
    .regex(/^[^\u0000]*$/)
    .refine((text) => isId(prefix, text) || (text.startsWith(EXTERNAL) && text.length > 4))
    .openapi({
      description: "Its id, or `ext:<externalId>`.",
      example: `${prefix}_01jd0000000000000000000000`,
    });
}

export function refParams(prefix: IdPrefix) {
  return z.object({ id: refOf(prefix).openapi({ param: { name: "id", in: "path" } }) });
}

export function idParams<Prefix extends IdPrefix>(prefix: Prefix) {
  return z.object({ id: idOf(prefix).openapi({ param: { name: "id", in: "path" } }) });
}

/** A yes or no in a query. */
export function flagQuery(description: string) {
  return z
    .enum(["true", "false"])
    .transform((flag) => flag === "true")
    .optional()
    .openapi({ type: "boolean", description });
}
