import type { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import type { AppContext, AppEnv } from "../http.ts";

/**
 * A path that is described letter by letter (`/v1/notifications/explain`) is not an id under its parent
 * (`/v1/notifications/{id}`): another method on it is a wrong method, not a thing that isn't there.
 */
export function fixedPaths(
  app: OpenAPIHono<AppEnv>,
  onMethodNotAllowed: (c: AppContext, methods: readonly string[]) => Response,
): MiddlewareHandler<AppEnv> {
  let methodsByPath: ReadonlyMap<string, readonly string[]> | undefined;
  return async function fixedPaths(c, next) {
    // Made on the first request, when every route is there.
    methodsByPath ??= readMethods(app);
    const methods = methodsByPath.get(c.req.path);
    if (methods !== undefined && !methods.includes(c.req.method)) {
      return onMethodNotAllowed(c, methods);
    }
    return next();
  };
}

function readMethods(app: OpenAPIHono<AppEnv>): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== "route" || definition.route.path.includes("{")) continue;
    const { path, method } = definition.route;
    const methods = found.get(path) ?? [];
    methods.push(...(method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()]));
    found.set(path, methods);
  }
  return found;
}
