import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { Logger } from "../../runtime/logger.ts";
import type { AppEnv } from "../http.ts";

/**
 * One line for each request. Privacy: the route's pattern instead of the path, because a path can carry an external id,
 * and never a query, a header or a body.
 */
export function accessLog(log: Logger, now: () => number): MiddlewareHandler<AppEnv> {
  return async function accessLog(c, next) {
    const startedAt = now();
    await next();
    log.info(
      {
        requestId: c.get("requestId"),
        method: c.req.method,
        route: routePath(c, -1),
        status: c.res.status,
        durationMs: now() - startedAt,
      },
      "request",
    );
  };
}
