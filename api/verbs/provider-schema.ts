import { z } from "zod";
import type { Problem } from "./errors.ts";

/** Reads what belongs to a provider by the provider's own schema. Privacy: problems name fields and rules, never values. */

export type ReadFields<Fields> =
  | { readonly ok: true; readonly fields: Fields }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export function readFields<Fields>(
  path: string,
  schema: z.ZodType<Fields>,
  given: Readonly<Record<string, unknown>>,
): ReadFields<Fields> {
  const result = schema.safeParse(given);
  const problems: Problem[] = [...unknownFields(path, schema, given)];
  if (!result.success) {
    problems.push(
      ...result.error.issues.map((issue) => ({
        path: [path, ...issue.path].map(String).join("."),
        code: isMissing(given, issue.path) ? "required" : "invalid",
        message: isMissing(given, issue.path) ? "Is required." : issue.message,
      })),
    );
  }
  return result.success && problems.length === 0
    ? { ok: true, fields: result.data }
    : { ok: false, problems };
}

/** A misspelt name would be dropped silently, and the account would fail at its first message. */
function unknownFields(
  path: string,
  schema: z.ZodType,
  given: Readonly<Record<string, unknown>>,
): readonly Problem[] {
  if (!(schema instanceof z.ZodObject)) return [];
  const known = new Set(Object.keys(schema.shape));
  return Object.keys(given)
    .filter((name) => !known.has(name))
    .map((name) => ({
      path: `${path}.${name}`,
      code: "unknown_field",
      message: "There is no such field.",
    }));
}

function isMissing(given: unknown, path: readonly PropertyKey[]): boolean {
  let value: unknown = given;
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return true;
    value = Reflect.get(value, name);
  }
  return path.length > 0 && value === undefined;
}
