import { createHash } from "node:crypto";
import { canonicalJson } from "../domain/canonical-json.ts";

const TAG_CHARS = 22;

/**
 * Names a state of a row by what is in it, for `If-Match`: equal rows have equal tags. A counter would also move when
 * something else about the row does (a person's plan version rises with their settings), and refuse edits without need.
 */
export function contentTag(row: unknown): string {
  const plain: unknown = JSON.parse(JSON.stringify(row));
  return createHash("sha256").update(canonicalJson(plain)).digest("base64url").slice(0, TAG_CHARS);
}
