import { InvalidInput } from "./errors.ts";
import { performAct } from "./perform-act.ts";
import type { ActAnswer, ActDeps, ActInput } from "./perform-act.ts";

const MINUTE_MS = 60_000;
/** A pause must not become silence; what is critical can't wait two hours. */
export const SNOOZE_MS_MAX = 120 * MINUTE_MS;
export const SNOOZE_CRITICAL_MS_MAX = 15 * MINUTE_MS;

/** Pauses the ladder until then; the same step starts again afterwards. */
export function snooze(
  deps: ActDeps,
  input: ActInput & { readonly untilMs: number },
): Promise<ActAnswer> {
  return performAct(deps, "snooze", input, ({ row }) => {
    const isCritical = row.priority === "critical";
    const latestMs = deps.now() + (isCritical ? SNOOZE_CRITICAL_MS_MAX : SNOOZE_MS_MAX);
    if (input.untilMs <= deps.now()) throw badUntil("in_the_past", "Must be in the future.");
    if (input.untilMs > latestMs) {
      const limit = isCritical ? "15 minutes for a critical notification" : "2 hours";
      throw badUntil("too_late", `Must be within ${limit}.`);
    }
    return { until: input.untilMs };
  });
}

function badUntil(code: string, message: string): InvalidInput {
  return new InvalidInput([{ path: "until", code, message }]);
}
