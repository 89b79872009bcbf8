import { findActiveUser } from "../../db/act-subjects.ts";
import { InvalidInput } from "./errors.ts";
import type { Problem } from "./errors.ts";
import { performAct } from "./perform-act.ts";
import type { ActAnswer, ActDeps, ActInput } from "./perform-act.ts";

/** Gives it to another person; without `fromUserId` that person takes the assignee's place. */
export function reassign(
  deps: ActDeps,
  input: ActInput & { readonly userId: string; readonly fromUserId?: string | undefined },
): Promise<ActAnswer> {
  return performAct(deps, "reassign", input, async ({ row }) => {
    const fromReference = input.fromUserId ?? row.assignee_id;
    const [to, from] = await Promise.all([
      findActiveUser(deps.pool, input.userId),
      fromReference === null ? null : findActiveUser(deps.pool, fromReference),
    ]);
    const problems: Problem[] = [];
    if (to === null) {
      problems.push({ path: "userId", code: "unknown", message: "There is no such active user." });
    }
    // Who left meanwhile can still be replaced: the assignee is taken by id, active or not.
    const fromId = from?.id ?? (input.fromUserId === undefined ? row.assignee_id : null);
    if (fromId === null) {
      problems.push(
        input.fromUserId === undefined
          ? {
              path: "fromUserId",
              code: "required",
              message: "There is no assignee: say who is replaced.",
            }
          : { path: "fromUserId", code: "unknown", message: "There is no such active user." },
      );
    }
    if (to === null || fromId === null) throw new InvalidInput(problems);
    if (to.id === fromId) {
      throw new InvalidInput([
        { path: "userId", code: "same_user", message: "Must be another user than the one before." },
      ]);
    }
    return { userId: to.id, fromUserId: fromId };
  });
}
