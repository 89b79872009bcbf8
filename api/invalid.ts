import { z } from "@hono/zod-openapi";
import type { ValidationTargets } from "hono";
import { InvalidInput, NotFound } from "./verbs/errors.ts";
import type { Problem } from "./verbs/errors.ts";

/** What a schema found wrong, in the words of the API. Privacy: zod's messages name types and rules, never the value. */

const PROBLEMS_MAX = 100;
const PATH_CHARS_MAX = 200;

type Issue = z.core.$ZodIssue;

export function toProblems(issues: readonly Issue[]): Problem[] {
  return issues.flatMap((issue) => problemsOf(issue, [])).slice(0, PROBLEMS_MAX);
}

function problemsOf(issue: Issue, parents: readonly PropertyKey[]): Problem[] {
  const path = [...parents, ...issue.path];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        path: toPath([...path, key]),
        code: "unknown_field",
        message: "There is no such field.",
      }));
    case "invalid_type":
      // A field that is not there is reported as the type undefined.
      return issue.input === undefined && issue.message.includes("received undefined")
        ? [{ path: toPath(path), code: "required", message: "Is required." }]
        : [{ path: toPath(path), code: "invalid_type", message: issue.message }];
    default:
      return [{ path: toPath(path), code: codeOf(issue), message: issue.message }];
  }
}

function codeOf(issue: Issue): string {
  switch (issue.code) {
    case "too_big":
      return "too_large";
    case "too_small":
      return "too_small";
    default:
      return "invalid";
  }
}

function toPath(path: readonly PropertyKey[]): string {
  return path.map(String).join(".").slice(0, PATH_CHARS_MAX);
}

/**
 * For OpenAPIHono's `defaultHook`: a path whose id can't be one names nothing, everything else is a bad field.
 *
 * @throws NotFound for a path, InvalidInput for all else
 */
export function refuseInvalid(
  result: { readonly target: keyof ValidationTargets } & (
    { readonly success: true } | { readonly success: false; readonly error: z.ZodError }
  ),
): void {
  if (result.success) return;
  if (result.target === "param") throw new NotFound("thing");
  throw new InvalidInput(toProblems(result.error.issues));
}

/**
 * The part of a value that a schema accepts, field by field; undefined when nothing of it is. What is wrong with the
 * rest is known from the schema; what is wrong with this part only the record can say.
 */
export function validPart(schema: z.core.$ZodType, value: unknown): unknown {
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return validPart(schema.unwrap(), value);
  }
  if (!(schema instanceof z.ZodObject) || typeof value !== "object" || value === null) {
    return undefined;
  }
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
  const fields = Object.entries(shape).flatMap(([name, field]): [string, unknown][] => {
    const given: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
    const part = given === undefined ? undefined : validPart(field, given);
    return part === undefined ? [] : [[name, part]];
  });
  return Object.fromEntries(fields);
}

/** Both lists without what the first has said already: about the same field, one around it or one in it. */
export function mergeProblems(first: readonly Problem[], second: readonly Problem[]): Problem[] {
  const isAbout = (a: string, b: string): boolean => a === b || a.startsWith(`${b}.`);
  return [
    ...first,
    ...second.filter(
      ({ path }) => !first.some((known) => isAbout(path, known.path) || isAbout(known.path, path)),
    ),
  ].slice(0, PROBLEMS_MAX);
}
