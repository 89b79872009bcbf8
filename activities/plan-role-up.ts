import { saveRoleUp } from "../db/plans.ts";
import { loadStored } from "../db/plan-snapshot.ts";
import { planRoleUp as planPersons } from "../domain/planner.ts";
import { snapshotOfStored } from "../domain/request-check.ts";
import type { RoleUpAnswer, RoleUpInput } from "./contract.ts";
import { untilSaved, withWakePlaces } from "./plan-deps.ts";
import type { PlanDeps } from "./plan-deps.ts";

/**
 * Names the persons of the next role up, as of now. `known` is not used: somebody known may so far have a row in the inbox alone, and who was told in person is
 * the ladder's knowledge.
 *
 * Idempotency: a second execution names the persons of its own moment and writes their rows again.
 */
export function createPlanRoleUp(deps: PlanDeps) {
  return function planRoleUp({ notificationId, role }: RoleUpInput): Promise<RoleUpAnswer> {
    return untilSaved<RoleUpAnswer>(async () => {
      const now = deps.now();
      const found = await loadStored(deps.pool, notificationId, deps, { now, roles: [role] });
      const snapshot = found === null ? null : snapshotOfStored(found.facts);
      if (snapshot === null) return { role, persons: [], reason: "no_record" };
      const planned = await withWakePlaces(deps, now, (options) =>
        planPersons(snapshot, role, now, options),
      );
      const persons = planned.persons.map(({ run }) => run);
      const saved = await saveRoleUp(deps.pool, { notificationId, snapshot, persons });
      return saved === "stale" ? "stale" : { role, persons, reason: planned.reason };
    });
  };
}
