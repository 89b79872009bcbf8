import type { z } from "@hono/zod-openapi";
import type { ValidationTargets } from "hono";
import type { AppContext } from "./http.ts";
import { mergeProblems, refuseInvalid, toProblems, validPart } from "./invalid.ts";
import { InvalidInput } from "./verbs/errors.ts";
import type { Problem } from "./verbs/errors.ts";

type ValidationResult = { readonly target: keyof ValidationTargets } & (
  { readonly success: true } | { readonly success: false; readonly error: z.ZodError }
);

/**
 * For routes that make something: names every bad field at once, those that the schema sees and those of the rest that
 * only the record knows.
 *
 * @throws InvalidInput, and whatever `judge` throws
 */
export function refuseInvalidPart<Shape extends z.ZodRawShape>(
  result: ValidationResult,
  c: AppContext,
  schema: z.ZodObject<Shape>,
  judge: (part: PartOf<Shape>) => readonly Problem[] | Promise<readonly Problem[]>,
): Promise<never> | undefined {
  if (result.success) return undefined;
  if (result.target !== "json") {
    refuseInvalid(result);
    return undefined;
  }
  return refuse(result.error, c, schema, judge);
}

type PartOf<Shape extends z.ZodRawShape> = z.output<
  z.ZodObject<{ [Name in keyof Shape]: z.ZodOptional<Shape[Name]> }>
>;

async function refuse<Shape extends z.ZodRawShape>(
  error: z.ZodError,
  c: AppContext,
  schema: z.ZodObject<Shape>,
  judge: (part: PartOf<Shape>) => readonly Problem[] | Promise<readonly Problem[]>,
): Promise<never> {
  const part = schema.partial().safeParse(validPart(schema, c.get("json")));
  const byRecord = part.success ? await judge(part.data) : [];
  throw new InvalidInput(mergeProblems(toProblems(error.issues), byRecord));
}
