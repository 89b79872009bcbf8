import type pg from "pg";
import {
  listPolicies as readList,
  listPolicyVersions as readVersions,
  readPolicy,
} from "../../db/policies.ts";
import type { PolicyFilter, PolicyRow } from "../../db/policies.ts";
import type { Page } from "../../db/page.ts";
import type { Actor } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import { simulatePolicy } from "../../domain/planner.ts";
import type { SimulatedPlan, Simulation } from "../../domain/planner.ts";
import type { Priority } from "../../domain/priority.ts";
import { Forbidden, NotFound } from "./errors.ts";
import { readRules } from "./policy-rules.ts";
import { readCursor } from "./read-cursor.ts";

type Deps = { readonly pool: pg.Pool };
type PageInput = { readonly limit: number; readonly cursor: string | undefined };

export async function listPolicies(
  { pool }: Deps,
  input: PageInput & { readonly actor: Actor; readonly filter: PolicyFilter },
): Promise<Page<PolicyRow>> {
  judgeReader(input.actor);
  return readList(pool, {
    filter: input.filter,
    limit: input.limit,
    after: readCursor(input.cursor),
  });
}

/** The current version unless another is named. @throws Forbidden, NotFound */
export async function seePolicy(
  { pool }: Deps,
  input: { readonly actor: Actor; readonly id: string; readonly version: number | undefined },
): Promise<PolicyRow> {
  judgeReader(input.actor);
  const row = await readPolicy(pool, input.id, input.version ?? null);
  if (row === null) throw new NotFound(input.version === undefined ? "policy" : "policy version");
  return row;
}

/** Newest first. @throws Forbidden, NotFound */
export async function listPolicyVersions(
  deps: Deps,
  input: PageInput & { readonly actor: Actor; readonly id: string },
): Promise<Page<PolicyRow>> {
  const { id } = await seePolicy(deps, { ...input, version: undefined });
  return readVersions(deps.pool, {
    id,
    limit: input.limit,
    after: readCursor(input.cursor),
  });
}

export type SimulatedPolicy =
  { readonly rules: unknown } | { readonly id: string; readonly version: number | undefined };

/**
 * Whom a policy would tell how often and when, saved or not, if nobody answered.
 *
 * @throws Forbidden, NotFound, InvalidInput
 */
export async function simulate(
  deps: Deps & { readonly now: () => number },
  input: {
    readonly actor: Actor;
    readonly policy: SimulatedPolicy;
    readonly simulation: Omit<Simulation, "priority" | "startsAt"> & {
      readonly priority: Priority | undefined;
      readonly startsAt: number | undefined;
    };
  },
): Promise<SimulatedPlan> {
  const { actor, policy, simulation } = input;
  judgeReader(actor);
  const saved = "id" in policy ? await seePolicy(deps, { actor, ...policy }) : null;
  const rules = "rules" in policy ? readRules(policy.rules, "policy.") : saved?.rules;
  if (rules === undefined) throw new NotFound("policy");
  return simulatePolicy(rules, {
    ...simulation,
    priority: simulation.priority ?? saved?.priority ?? "high",
    startsAt: simulation.startsAt ?? deps.now(),
  });
}

function judgeReader(actor: Actor): void {
  if (!may(actor, "read_rules")) throw new Forbidden();
}
