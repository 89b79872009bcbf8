/** Which role is told next, and which of its persons have not been told yet. */
import { isToldInPerson, wasAccepted } from "./evidence.ts";
import { roleRank } from "./role.ts";
import type { RunPerson } from "./run.ts";
import type { Draft } from "./run-state.ts";

/** The highest rank that this run told in person; 0 when nobody was. */
export function highestRankTold(run: Draft): number {
  let highest = 0;
  for (const target of Object.values(run.targets)) {
    if (target.kind !== "person" || !isToldInPerson(target)) continue;
    highest = Math.max(highest, roleRank(target.person.role));
  }
  return highest;
}

/** Those whom the run has not told, is not about to tell at their waking, and who are not out of it. */
export function untold(run: Draft, persons: readonly RunPerson[]): readonly RunPerson[] {
  return persons.filter((person) => {
    const target = run.targets[person.key];
    if (target?.kind !== "person") return target === undefined;
    if (target.out !== null || target.answered || target.late !== null) return false;
    if (isToldInPerson(target)) return false;
    // Silence is enough for this person, and it has been told so; anybody else was told in passing only.
    return !(target.person.silentSuffices && target.person.only === null && wasAccepted(target));
  });
}
