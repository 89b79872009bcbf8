import type { Plan } from "./planner.ts";

/** The plan for whoever may not see costs. */
export function withoutCosts(plan: Plan): Plan {
  return {
    ...plan,
    cost: null,
    steps: plan.steps.map((step) => ({
      ...step,
      targets: step.targets.map((target) => ({ ...target, cost: null })),
    })),
    warnings: plan.warnings.filter(({ code }) => code !== "unpriced"),
  };
}
