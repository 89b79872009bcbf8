import type { MiddlewareHandler } from "hono";
import type { Actor } from "../../domain/actor.ts";
import type { AppEnv } from "../http.ts";
import { LimitExceeded } from "../verbs/errors.ts";

/**
 * A bucket of requests for each key and process. It keeps one client that runs away from taking the service from the
 * others; it is far above what alerting needs, because a refused alarm is worse than a busy server.
 */
export type RateLimit = {
  /** What a key may do at once after a rest. */
  readonly burst: number;
  readonly perSecond: number;
};

export const DEFAULT_RATE_LIMIT: RateLimit = { burst: 2_000, perSecond: 200 };
/** Codes and guesses of one key, and links of verification: far above what people type, far below what guessing takes. Beside it stand the limits of domain/otp.ts, which all processes share. */
export const OTP_RATE_LIMIT: RateLimit = { burst: 60, perSecond: 1 };

export function rateLimit(limit: RateLimit, now: () => number): MiddlewareHandler<AppEnv> {
  const buckets = new Map<string, { left: number; atMs: number }>();
  const fullAfterMs = (limit.burst / limit.perSecond) * 1_000;

  return async function rateLimit(c, next) {
    const name = bucketName(c.get("actor"));
    const nowMs = now();
    const bucket = buckets.get(name) ?? { left: limit.burst, atMs: nowMs };
    const refilled = ((nowMs - bucket.atMs) / 1_000) * limit.perSecond;
    const left = Math.min(limit.burst, bucket.left + Math.max(0, refilled));
    // Last in, last out: the first entries are the ones that rested longest, and a full bucket is no bucket.
    buckets.delete(name);
    buckets.set(name, { left: left < 1 ? left : left - 1, atMs: nowMs });
    for (const [oldest, { atMs }] of buckets) {
      if (nowMs - atMs < fullAfterMs) break;
      buckets.delete(oldest);
    }
    if (left < 1) throw new LimitExceeded(Math.ceil((1 - left) / limit.perSecond));
    await next();
  };
}

function bucketName(actor: Actor): string {
  return actor.kind === "system" ? actor.keyId : (actor.keyId ?? actor.userId);
}
