/** Checks what comes in by the control API; every bad field is named. */
import type { z } from "zod";
import { SandboxProblem } from "./problem.ts";

export function readBody(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new SandboxProblem(400, "malformed_json", "the body is not JSON");
  }
}

export function bodyOf<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw invalid("the body is not valid", result.error);
}

export function queryOf<S extends z.ZodType>(schema: S, query: URLSearchParams): z.output<S> {
  const result = schema.safeParse(Object.fromEntries(query));
  if (result.success) return result.data;
  throw invalid("the query is not valid", result.error);
}

function invalid(detail: string, error: z.ZodError): SandboxProblem {
  const errors = error.issues.map(({ code, message, path }) => ({
    path: path.join("."),
    code,
    message,
  }));
  return new SandboxProblem(422, "invalid", detail, errors);
}
