import type { Activities } from "./contract.ts";
import type { PlanDeps } from "./plan-deps.ts";
import { createPlanNotification } from "./plan-notification.ts";
import { createPlanRoleUp } from "./plan-role-up.ts";
import { createReplanNotification } from "./replan-notification.ts";

/** The planner's activities: what a run asks when it begins, when something changed, and before it climbs to the next role. */
export function createPlanActivities(
  deps: PlanDeps,
): Pick<Activities, "planNotification" | "replanNotification" | "planRoleUp"> {
  return {
    planNotification: createPlanNotification(deps),
    replanNotification: createReplanNotification(deps),
    planRoleUp: createPlanRoleUp(deps),
  };
}
