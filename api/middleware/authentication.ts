import type { MiddlewareHandler } from "hono";
import type { Authenticate } from "../authenticate.ts";
import type { AppEnv } from "../http.ts";
import { Unauthenticated } from "../verbs/errors.ts";

/** Longer than any key, session token or JWT that is meant. */
const TOKEN_CHARS_MAX = 8_192;
const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

/** Everything behind this has `actor`. One answer for every way of not being signed in. */
export function authentication(authenticate: Authenticate): MiddlewareHandler<AppEnv> {
  return async function authentication(c, next) {
    const header = c.req.header("authorization") ?? "";
    const token = header.length > TOKEN_CHARS_MAX ? undefined : BEARER.exec(header)?.[1];
    const actor = token === undefined ? null : await authenticate(token);
    if (actor === null) throw new Unauthenticated();
    c.set("actor", actor);
    await next();
  };
}
