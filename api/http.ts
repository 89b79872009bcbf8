import type { Context } from "hono";
import type { Actor } from "../domain/actor.ts";

/** What the middleware leaves for the routes. */
export type AppEnv = {
  Variables: {
    requestId: string;
    /** Set on every route that asks for a key. */
    actor: Actor;
    /** The body as it was sent, parsed and checked for what can't be stored; undefined without a JSON body. */
    json: unknown;
    /** Set while a request with an Idempotency-Key is carried out: a repeat after a crash gets the same. */
    once: OnceSeed | undefined;
    /** Set by a route whose answer holds a secret: what a repeat gets instead. */
    keptAnswer: unknown;
  };
};
export type AppContext = Context<AppEnv>;

/** From this a request makes its ids, so that a second try of it makes the same ones. */
export type OnceSeed = { readonly atMs: number; readonly random: Uint8Array };
