import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { tooLarge } from "../errors.ts";
import type { AppEnv } from "../http.ts";

const BODILESS = new Set(["GET", "HEAD"]);

/**
 * Refuses bodies that are larger, before anything reads them. Where the length is given it is compared: Node's parser lets neither more nor less through than was
 * said, and whoever looks at the body itself makes the server build a web stream for it, which costs more than everything else in front of a route. A body
 * without a length is counted as it comes.
 */
export function limitBody(
  bytesMax: number,
  /** Paths with a limit of their own. */
  { except = () => false }: { readonly except?: (path: string) => boolean } = {},
): MiddlewareHandler<AppEnv> {
  const countBody = bodyLimit({ maxSize: bytesMax, onError: tooLarge });
  return async function limitBody(c, next) {
    if (BODILESS.has(c.req.method) || except(c.req.path)) return next();
    const length = c.req.header("content-length");
    if (length === undefined || c.req.header("transfer-encoding") !== undefined) {
      return countBody(c, next);
    }
    return Number(length) > bytesMax ? tooLarge(c) : next();
  };
}
