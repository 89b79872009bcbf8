import { createHash } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type pg from "pg";
import { setTimeout as sleep } from "node:timers/promises";
import {
  claimKey,
  forgetOldKeys,
  keepAnswer,
  KEY_LOCK_SECONDS,
  releaseKey,
  renewLock,
} from "../../db/idempotency.ts";
import type { Claim, IdempotencyKey } from "../../db/idempotency.ts";
import type { Actor } from "../../domain/actor.ts";
import { canonicalJson } from "../../domain/canonical-json.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { AppContext, AppEnv } from "../http.ts";
import type { Background } from "../verbs/background.ts";
import { Conflict, InvalidInput, keyReused } from "../verbs/errors.ts";

/**
 * `Idempotency-Key` on every POST (draft-ietf-httpapi-idempotency-key-header): the same key and body get the same
 * answer, marked as replayed; a repeat in flight waits for it; another body is refused; a refused request leaves its key
 * unused. POST /v1/notifications keeps its promise in the notification's own row instead (verbs/accept-notification.ts).
 */

const KEY_CHARS_MAX = 255;
/** Printable ASCII, bare (up to that many characters) or as the draft's quoted string. */
export const IDEMPOTENCY_KEY = /^(?:"([ !#-~]{1,255})"|([!#-~](?:[ !#-~]{0,253}[!#-~])?))$/;

/** How long a repeat waits for the first, and how often it looks. */
const WAIT_MS = 5_000;
const LOOK_EVERY_MS = 100;

/** One renewal may be late without anybody taking over. */
const RENEW_EVERY_MS = (KEY_LOCK_SECONDS * 1_000) / 3;

/** Old keys go as new ones come; each time up to five thousand of them. */
const FORGET_EVERY_CLAIMS = 1_000;

/** Kept of an answer beside its body. */
const KEPT_HEADERS = ["location", "etag"];

export type IdempotencyOptions = {
  readonly pool: pg.Pool;
  readonly log: Logger;
  readonly now: () => number;
  readonly background: Background;
  /** Paths that keep the promise themselves. */
  readonly except: readonly string[];
};

export function idempotency(options: IdempotencyOptions): MiddlewareHandler<AppEnv> {
  const except = new Set(options.except);
  let claims = 0;
  return async function idempotency(c, next) {
    const key = c.req.method === "POST" && !except.has(c.req.path) ? readIdempotencyKey(c) : null;
    if (key === null) return next();
    const owned: IdempotencyKey = {
      sender: keyOwner(c.get("actor")),
      route: `POST ${c.req.path}`,
      key,
    };
    const claim = await claimOrWait(options, owned, hashRequest(c));
    if (claim.kind === "done") {
      return c.body(JSON.stringify(claim.answer.body), toStatus(claim.answer.status), {
        "Content-Type": "application/json",
        ...claim.answer.headers,
        "Idempotent-Replayed": "true",
      });
    }
    c.set("once", { atMs: claim.firstAtMs, random: hashKey(owned) });
    claims += 1;
    if (claims % FORGET_EVERY_CLAIMS === 0) {
      options.background.run(async () => {
        await forgetOldKeys(options.pool);
      });
    }
    const letGo = holdKey(options, owned, claim.lockedUntil);
    await next().finally(async () => {
      await keepOrRelease(options, owned, await letGo(), c);
    });
  };
}

/**
 * Whose key it is: the sender's, as far as it may do the same. Senders share keys of different rights, and a kept answer
 * must not tell one what only the other may know.
 */
function keyOwner(actor: Actor): string {
  const rights =
    actor.kind === "system"
      ? [...actor.scopes].sort()
      : [actor.userId, actor.role, ...[...actor.zones].sort()];
  return canonicalJson([actor.sender, ...rights]);
}

/** Null without the header. @throws InvalidInput when it can't be a key */
export function readIdempotencyKey(c: AppContext): string | null {
  const header = c.req.header("idempotency-key");
  if (header === undefined) return null;
  const match = IDEMPOTENCY_KEY.exec(header);
  if (match === null) {
    throw new InvalidInput([
      {
        path: "Idempotency-Key",
        code: "invalid",
        message: `Must be 1 to ${KEY_CHARS_MAX} printable ASCII characters.`,
      },
    ]);
  }
  return match[1] ?? match[2] ?? null;
}

async function claimOrWait(
  { pool, now }: IdempotencyOptions,
  key: IdempotencyKey,
  bodyHash: Uint8Array,
): Promise<Extract<Claim, { kind: "owner" | "done" }>> {
  const giveUpAtMs = now() + WAIT_MS;
  for (;;) {
    const claim = await claimKey(pool, key, bodyHash);
    switch (claim.kind) {
      case "owner":
      case "done":
        return claim;
      case "other_body":
        throw keyReused();
      case "in_flight":
        if (now() >= giveUpAtMs) {
          throw new Conflict(
            "idempotency_in_flight",
            "The first request with this Idempotency-Key is still being carried out.",
            claim.retryAfterSeconds,
          );
        }
        await sleep(LOOK_EVERY_MS);
    }
  }
}

/**
 * Keeps a key locked while its request is carried out; whoever stops this learns the lock's token. A process that dies
 * stops too, and is taken over when its last lock has run out.
 */
function holdKey(
  { pool, log }: IdempotencyOptions,
  key: IdempotencyKey,
  lockedUntil: string,
): () => Promise<string> {
  let token = lockedUntil;
  let renewing = Promise.resolve();
  const timer = setInterval(() => {
    renewing = renewing.then(async () => {
      try {
        token = (await renewLock(pool, key, token)) ?? token;
      } catch (error) {
        log.warn({ error }, "the lock of an idempotency key could not be renewed");
      }
    });
  }, RENEW_EVERY_MS);
  return async () => {
    clearInterval(timer);
    await renewing;
    return token;
  };
}

async function keepOrRelease(
  { pool, log }: IdempotencyOptions,
  key: IdempotencyKey,
  lockedUntil: string,
  c: AppContext,
): Promise<void> {
  try {
    if (!c.res.ok) {
      await releaseKey(pool, key, lockedUntil);
      return;
    }
    const headers: Record<string, string> = {};
    for (const name of KEPT_HEADERS) {
      const value = c.res.headers.get(name);
      if (value !== null) headers[name] = value;
    }
    const text = await c.res.clone().text();
    const kept: unknown = c.get("keptAnswer") ?? (text === "" ? null : JSON.parse(text));
    await keepAnswer(pool, key, lockedUntil, { status: c.res.status, headers, body: kept });
  } catch (error) {
    // What was asked is done; a repeat finds the key locked, then takes it over and is told the same by the verb.
    log.warn({ error, requestId: c.get("requestId") }, "answer could not be kept");
  }
}

function hashRequest(c: AppContext): Uint8Array {
  const { search } = new URL(c.req.url);
  return sha256(canonicalJson([search, c.get("json") ?? null]));
}

function hashKey({ sender, route, key }: IdempotencyKey): Uint8Array {
  return sha256(canonicalJson([sender, route, key]));
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

/** Kept statuses were sent by this very middleware's routes, all of them with a body. */
function toStatus(status: number): ContentfulStatusCode {
  return status as ContentfulStatusCode;
}
