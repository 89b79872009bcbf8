import type pg from "pg";
import { explainRequest } from "../../db/explain.ts";
import type { Actor } from "../../domain/actor.ts";
import { may, mayAny } from "../../domain/permissions.ts";
import { withoutCosts } from "../../domain/withheld-costs.ts";
import type { Plan } from "../../domain/planner.ts";
import type { NotificationRequest } from "../../domain/request.ts";
import { judgeCreation } from "./accept-notification.ts";
import type { PlanningContext } from "./accept-notification.ts";
import { Forbidden, InvalidInput } from "./errors.ts";

/**
 * What a request would do, without doing it; asked of another moment, what it would do then.
 *
 * @throws InvalidInput naming every bad field
 * @throws Forbidden for what the actor may not create
 */
export async function explainNotification(
  deps: {
    readonly pool: pg.Pool;
    readonly planning: PlanningContext;
    readonly now: () => number;
  },
  input: {
    readonly actor: Actor;
    readonly request: NotificationRequest;
    /** Epoch ms; null: now. */
    readonly atMs: number | null;
  },
): Promise<Plan> {
  const { actor, request, atMs } = input;
  if (!mayAny(actor, "create_notification")) throw new Forbidden();
  const explanation = await explainRequest(deps.pool, request, {
    ...deps.planning,
    now: atMs ?? deps.now(),
  });
  if (!explanation.ok) throw new InvalidInput(explanation.problems);
  await judgeCreation(deps.pool, actor, { type: request.type, zone: request.zone ?? null });
  return may(actor, "see_costs") ? explanation.plan : withoutCosts(explanation.plan);
}
