import type pg from "pg";
import { monthlyFees, sumCosts } from "../../db/costs.ts";
import type { CostSpan, CostSum, MonthlyFee } from "../../db/costs.ts";
import type { Actor } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import type { CostGrouping } from "../../domain/price.ts";
import { Forbidden } from "./errors.ts";

export type Costs = {
  readonly span: CostSpan;
  readonly messages: CostSum;
  readonly items: readonly CostSum[];
  readonly fees: readonly MonthlyFee[];
};

/** @throws Forbidden */
export async function seeCosts(
  deps: {
    readonly pool: pg.Pool;
    readonly now: () => number;
    readonly planning: { readonly installationTimeZone: string };
  },
  input: {
    readonly actor: Actor;
    readonly from: string;
    readonly to: string;
    readonly by: readonly CostGrouping[];
  },
): Promise<Costs> {
  const { actor, from, to, by } = input;
  if (!may(actor, "see_costs")) throw new Forbidden();
  const span = { from, to, timeZone: deps.planning.installationTimeZone };
  const [[messages], items, fees] = await Promise.all([
    sumCosts(deps.pool, span, []),
    by.length === 0 ? [] : sumCosts(deps.pool, span, by),
    monthlyFees(deps.pool, span, deps.now()),
  ]);
  if (messages === undefined) throw new Error("Invariant broken: one sum of everything");
  return { span, messages, items, fees };
}
