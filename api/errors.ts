import type { ErrorHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "@hono/zod-openapi";
import { isDatabaseAway, isUnstorableText } from "../db/availability.ts";
import type { Logger } from "../runtime/logger.ts";
import type { AppContext, AppEnv } from "./http.ts";
import { InvalidInput, Unavailable, isRefusal } from "./verbs/errors.ts";
import type { Problem, Refusal } from "./verbs/errors.ts";

/**
 * The only place that knows which refusal becomes which status. Answers are RFC 9457 problems; `code` is stable and
 * `requestId` is what the log line of the request carries.
 */

export const PROBLEM_TYPE = "application/problem+json";

export const ProblemSchema = z
  .object({
    type: z.string().openapi({ example: "urn:siaga:problem:invalid_input" }),
    title: z.string(),
    status: z.int(),
    code: z.string().openapi({ description: "Stable; for programs.", example: "invalid_input" }),
    detail: z.string(),
    requestId: z.string(),
    errors: z
      .array(z.object({ path: z.string(), code: z.string(), message: z.string() }))
      .optional()
      .openapi({ description: "With 422: every bad field at once." }),
  })
  .openapi("Problem");

const TITLES = {
  400: "The request can't be read",
  401: "Not signed in",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  412: "Changed meanwhile",
  413: "Too large",
  415: "Unsupported media type",
  422: "Not valid",
  429: "Too many requests",
  500: "Something went wrong here",
  503: "Not available now",
} as const satisfies Partial<Record<ContentfulStatusCode, string>>;
export type ProblemStatus = keyof typeof TITLES;

type ProblemAnswer = {
  readonly status: ProblemStatus;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly Problem[];
  readonly headers?: Readonly<Record<string, string>>;
};

/** What a route may answer beside its own: for its OpenAPI description. */
export function problemResponses<const Status extends ProblemStatus>(
  ...statuses: readonly Status[]
): Record<Status, ProblemResponse> {
  return mapStatuses(statuses, (status) => ({
    description: TITLES[status],
    content: { [PROBLEM_TYPE]: { schema: ProblemSchema } },
  }));
}

/** Every status of the list becomes a key and there is no other: that is what the type says. */
function mapStatuses<Status extends ProblemStatus, Value>(
  statuses: readonly Status[],
  toValue: (status: Status) => Value,
): Record<Status, Value> {
  return Object.fromEntries(statuses.map((status) => [status, toValue(status)])) as Record<
    Status,
    Value
  >;
}
type ProblemResponse = {
  description: string;
  content: { [PROBLEM_TYPE]: { schema: typeof ProblemSchema } };
};

/** Every unexpected error becomes a fixed sentence; what it was stands in the log under the same request id. */
export function createErrorHandler(log: Logger): ErrorHandler<AppEnv> {
  return function answerProblem(error, c) {
    const answer = toProblem(error);
    if (answer.status === 500) {
      log.error({ error, requestId: c.get("requestId") }, "request failed unexpectedly");
    } else if (answer.status === 503) {
      log.warn({ error, requestId: c.get("requestId") }, "request could not be served");
    }
    return problem(c, answer);
  };
}

export function methodNotAllowed(c: AppContext, methods: readonly string[]): Response {
  return problem(c, {
    status: 405,
    code: "method_not_allowed",
    detail: "This path exists, but not with this method; see Allow.",
    headers: { Allow: methods.join(", ") },
  });
}

export function tooLarge(c: AppContext): Response {
  return problem(c, { status: 413, code: "too_large", detail: "The body is too large." });
}

export function unknownPath(c: AppContext): Response {
  return problem(c, { status: 404, code: "not_found", detail: "There is no such path." });
}

function problem(
  c: AppContext,
  { status, code, detail, errors, headers }: ProblemAnswer,
): Response {
  const body = {
    type: `urn:siaga:problem:${code}`,
    title: TITLES[status],
    status,
    code,
    detail,
    requestId: c.get("requestId"),
    ...(errors === undefined ? {} : { errors }),
  };
  return c.body(JSON.stringify(body), status, { "Content-Type": PROBLEM_TYPE, ...headers });
}

function toProblem(error: unknown): ProblemAnswer {
  if (isRefusal(error)) {
    return refusalToProblem(error);
  }
  if (error instanceof HTTPException) {
    return frameworkToProblem(error);
  }
  if (isDatabaseAway(error)) {
    return refusalToProblem(
      new Unavailable("database_unavailable", "The record can't be reached now; nothing was done."),
    );
  }
  if (isUnstorableText(error)) {
    return refusalToProblem(
      new InvalidInput([
        {
          path: "",
          code: "unstorable_text",
          message: "A text has characters that can't be stored.",
        },
      ]),
    );
  }
  return {
    status: 500,
    code: "internal_error",
    detail: "An unexpected error happened. Name the request id when you report it.",
  };
}

function refusalToProblem(refusal: Refusal): ProblemAnswer {
  const { code, message: detail } = refusal;
  switch (refusal.kind) {
    case "invalid_input":
      return { status: 422, code, detail, errors: refusal.problems };
    case "malformed":
      return { status: 400, code, detail };
    case "unauthenticated":
      return { status: 401, code, detail, headers: { "WWW-Authenticate": "Bearer" } };
    case "forbidden":
      return { status: 403, code, detail };
    case "not_found":
      return { status: 404, code, detail };
    case "conflict":
      return { status: 409, code, detail, headers: retryAfter(refusal.retryAfterSeconds) };
    case "outdated":
      return { status: 412, code, detail };
    case "limit_exceeded":
      return { status: 429, code, detail, headers: retryAfter(refusal.retryAfterSeconds) };
    case "unavailable":
      return { status: 503, code, detail, headers: retryAfter(refusal.retryAfterSeconds) };
  }
}

function retryAfter(seconds: number | null): Readonly<Record<string, string>> {
  return seconds === null ? {} : { "Retry-After": String(seconds) };
}

/** What Hono and its validators throw themselves; their messages are fixed sentences. */
function frameworkToProblem(error: HTTPException): ProblemAnswer {
  switch (error.status) {
    case 400:
      return { status: 400, code: "malformed", detail: "The body can't be read." };
    case 413:
      return { status: 413, code: "too_large", detail: "The body is too large." };
    case 415:
      return {
        status: 415,
        code: "unsupported_media_type",
        detail: "Send the body as application/json.",
      };
    default:
      return {
        status: 500,
        code: "internal_error",
        detail: "An unexpected error happened. Name the request id when you report it.",
      };
  }
}
