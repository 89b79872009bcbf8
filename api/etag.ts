import { z } from "@hono/zod-openapi";
import type { AppContext } from "./http.ts";
import type { IfMatch } from "./verbs/if-match.ts";

/** `ETag` and `If-Match` (RFC 9110, section 13.1.1) of what people edit. */

const IF_MATCH_CHARS_MAX = 1_000;

export const ifMatchHeaders = z.object({
  "If-Match": z.string().max(IF_MATCH_CHARS_MAX).optional().openapi({
    description: "The `ETag` that GET gave: the edit is refused with 412 if it was changed since.",
  }),
});

/** For a response's description. */
export const etagHeader = {
  ETag: {
    schema: { type: "string" },
    description: "Names this state; send it as `If-Match` with an edit.",
  },
} as const;

export function toEtag(tag: string): { readonly ETag: string } {
  return { ETag: `"${tag}"` };
}

/**
 * A weak tag never matches: it says that two states are alike, not that they are the same. A header that holds no tag
 * matches nothing, because whoever sent it wanted to be safe.
 */
export function readIfMatch(c: AppContext): IfMatch {
  const header = c.req.header("if-match")?.trim();
  if (header === undefined || header === "*") return null;
  return [...header.matchAll(/(W\/)?"([\x21\x23-\x7e]*)"/g)].flatMap(([, weak, tag = ""]) =>
    weak === undefined ? [tag] : [],
  );
}
