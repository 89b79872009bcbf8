import type pg from "pg";
import { findActorByApiKey, hashApiKey, isApiKeyShaped } from "../db/api-keys.ts";
import type { Actor } from "../domain/actor.ts";

/** Turns a bearer token into who asks; null when the token says nothing. */
export type Authenticate = (token: string) => Promise<Actor | null>;

export type ApiKeyReader = {
  readonly authenticate: Authenticate;
  /** Forgets what this process knows, so that a key revoked here ends at once; others notice within the time below. */
  forget(): void;
};

/** A revoked key, a changed role: everything that a process remembers is true again after this time at the latest. */
export const KEY_REMEMBERED_MS = 5_000;
/** Bounds the memory that a flood of different keys can take; the oldest goes first. */
const KEYS_REMEMBERED_MAX = 10_000;

/** Reads API keys; a key in steady use costs one statement in five seconds. */
export function createApiKeyReader(pool: pg.Pool, now: () => number): ApiKeyReader {
  const remembered = new Map<
    string,
    { readonly actor: Promise<Actor | null>; readonly untilMs: number }
  >();

  function read(token: string): Promise<Actor | null> {
    const hash = hashApiKey(token);
    const name = hash.toString("base64");
    const known = remembered.get(name);
    if (known && known.untilMs > now()) return known.actor;
    remembered.delete(name);
    // The promise is remembered, so that many requests of one moment ask once.
    const actor = findActorByApiKey(pool, hash);
    remembered.set(name, { actor, untilMs: now() + KEY_REMEMBERED_MS });
    actor.catch(() => remembered.delete(name));
    const [oldest] = remembered.keys();
    if (remembered.size > KEYS_REMEMBERED_MAX && oldest !== undefined) remembered.delete(oldest);
    return actor;
  }

  return {
    authenticate: async (token) => (isApiKeyShaped(token) ? read(token) : null),
    forget: () => remembered.clear(),
  };
}
