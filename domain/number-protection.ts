/** What keeps a sending number from looking like a spammer's: caps of a day, and the curve by which a new number is warmed up. */
import type { Priority } from "./priority.ts";

/** Most messages on each day since a new number began to send; after the last day the curve ends. */
export interface WarmUp {
  /** UTC day, `2026-09-01`: the first of the caps holds on it. */
  readonly startedOn: string;
  readonly caps: readonly number[];
}

export interface NumberProtection {
  /** Messages a UTC day. */
  readonly dailyCap: number | null;
  /** First messages a UTC day to contacts that neither wrote nor were written to before. */
  readonly newContactCap: number | null;
  readonly warmUp: WarmUp | null;
}

export interface DayCaps {
  readonly daily: number | null;
  readonly newContacts: number | null;
}

const DAY_MS = 86_400_000;
const NONE: DayCaps = { daily: null, newContacts: null };

/** A critical message is worth a number: no cap holds it back. `now` is epoch ms. */
export function capsAt(protection: NumberProtection, priority: Priority, now: number): DayCaps {
  if (priority === "critical") return NONE;
  const { dailyCap, newContactCap, warmUp } = protection;
  const caps = [dailyCap, warmUp === null ? null : warmUpCapAt(warmUp, now)];
  const known = caps.filter((cap) => cap !== null);
  return { daily: known.length === 0 ? null : Math.min(...known), newContacts: newContactCap };
}

/** Null once the curve is over. Before its first day nothing goes: the number is not in use yet. */
function warmUpCapAt({ startedOn, caps }: WarmUp, now: number): number | null {
  const day = Math.floor((now - Date.parse(`${startedOn}T00:00:00Z`)) / DAY_MS);
  if (day < 0) return 0;
  return caps[day] ?? null;
}
