import { hasPolicyVersion } from "../../db/act-subjects.ts";
import { InvalidInput } from "./errors.ts";
import { performAct } from "./perform-act.ts";
import type { ActAnswer, ActDeps, ActInput } from "./perform-act.ts";

/** Goes on with another version of its policy; without a version with the current one. */
export function move(
  deps: ActDeps,
  input: ActInput & { readonly policyVersion?: number | undefined },
): Promise<ActAnswer> {
  return performAct(deps, "move", input, async ({ row }) => {
    const { policyVersion } = input;
    if (policyVersion === undefined) return {};
    if (
      row.policy_id === null ||
      !(await hasPolicyVersion(deps.pool, row.policy_id, policyVersion))
    ) {
      throw new InvalidInput([
        {
          path: "policyVersion",
          code: "unknown",
          message: "The notification's policy has no such version.",
        },
      ]);
    }
    return { policyVersion };
  });
}
