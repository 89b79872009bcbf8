import type { z } from "@hono/zod-openapi";
import type { ValidationTargets } from "hono";
import type { AppContext } from "./http.ts";
import { mergeProblems, refuseInvalid, toProblems, validPart } from "./invalid.ts";
import { NotificationRequestSchema } from "./schemas/notification.ts";
import { judgePart } from "./verbs/accept-notification.ts";
import type { AcceptDeps } from "./verbs/accept-notification.ts";
import { InvalidInput } from "./verbs/errors.ts";

type ValidationResult = { readonly target: keyof ValidationTargets } & (
  { readonly success: true } | { readonly success: false; readonly error: z.ZodError }
);

/**
 * For routes that take a notification request: names every bad field at once, those that the schema sees and those that
 * only the record knows.
 *
 * @throws InvalidInput, Forbidden
 */
export async function refuseInvalidRequest(
  deps: Pick<AcceptDeps, "pool" | "planning" | "now">,
  result: ValidationResult,
  c: AppContext,
): Promise<void> {
  if (result.success) return;
  if (result.target !== "json") {
    refuseInvalid(result);
    return;
  }
  const bySchema = toProblems(result.error.issues);
  const part = NotificationRequestSchema.partial().safeParse(
    validPart(NotificationRequestSchema, c.get("json")),
  );
  const byRecord = await judgePart(deps, c.get("actor"), part.data ?? {});
  throw new InvalidInput(mergeProblems(bySchema, byRecord));
}
