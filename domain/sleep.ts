/** Quiet hours as the ladder sees them: instants that the planner has worked out, never a local time. */
import type { Draft, Target } from "./run-state.ts";

/** When this target may be told, if not at `at`; null when it is awake then. */
export function asleepUntil(target: Target, at: number): number | null {
  const quiet = target.kind === "person" ? target.person : target.group;
  let instant = at;
  if (quiet.asleepUntil !== null && instant < quiet.asleepUntil) instant = quiet.asleepUntil;
  // Windows that touch are slept through as one.
  for (const window of quiet.quietWindows ?? []) {
    if (window.from <= instant && instant < window.until) instant = window.until;
  }
  return instant > at ? instant : null;
}

/**
 * What a step does when everybody in it sleeps. One sleeper whom the policy sends past is enough to go on; groups have no
 * treatment of their own and follow the policy.
 */
export function treatmentOf(run: Draft, asleep: readonly Target[]): "hold" | "next_awake" {
  const persons = asleep.filter((target) => target.kind === "person");
  if (persons.length === 0) return run.plan.rules.quietHours === "hold" ? "hold" : "next_awake";
  return persons.every((target) => target.person.quietTreatment === "hold") ? "hold" : "next_awake";
}
