import type { z } from "@hono/zod-openapi";
import { policyTag } from "../../db/policies.ts";
import type { PolicyRow } from "../../db/policies.ts";
import type { SimulatedPlan } from "../../domain/planner.ts";
import { toEtag } from "../etag.ts";
import type { PolicySchema, SimulatedPlanSchema } from "../schemas/policy.ts";

export function toPolicy(row: PolicyRow): z.input<typeof PolicySchema> {
  const { steps, ...rules } = row.rules;
  return {
    id: row.id,
    version: row.version,
    name: row.name,
    priority: row.priority,
    ...rules,
    steps: steps.map((step) => ({ ...step, channels: [...step.channels] })),
    code: row.code,
    isDefault: row.is_default,
    isActive: row.is_active,
    isCurrent: row.version === row.current_version,
    createdAt: row.version_created_at.toISOString(),
    createdBy: row.version_created_by,
  };
}

export function toSimulatedPlan(plan: SimulatedPlan): z.input<typeof SimulatedPlanSchema> {
  return {
    ...plan,
    steps: plan.steps.map((step) => ({
      ...step,
      channels: [...step.channels],
      targets: step.targets.map((target) => ({ ...target })),
    })),
  };
}

export function policyEtag(row: PolicyRow): { readonly ETag: string } {
  return toEtag(policyTag(row));
}
