import { findLadderDelivery } from "../../db/act-subjects.ts";
import { InvalidInput } from "./errors.ts";
import { performAct } from "./perform-act.ts";
import type { ActAnswer, ActDeps, ActInput } from "./perform-act.ts";

/** A new attempt of one delivery. */
export function resend(
  deps: ActDeps,
  input: ActInput & { readonly deliveryId: string },
): Promise<ActAnswer> {
  return performAct(deps, "resend", input, async () => {
    const key = await findLadderDelivery(deps.pool, input.notificationId, input.deliveryId);
    if (key === null) {
      throw new InvalidInput([
        {
          path: "deliveryId",
          code: "unknown",
          message: "The notification has no such delivery that can be resent.",
        },
      ]);
    }
    return { resend: key };
  });
}
