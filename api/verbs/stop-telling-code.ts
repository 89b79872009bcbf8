import { recordAct } from "../../db/acts.ts";
import { newId } from "../../db/new-id.ts";
import { signalAct } from "./tell-run.ts";
import type { TellDeps } from "./tell-run.ts";

/**
 * Ends the runs that tell a code which is of no use any more, behind the answer. The code is wiped already: what is lost here on the way would send nothing, only
 * wait out the code's five minutes.
 */
export function stopTelling(
  deps: TellDeps,
  notificationIds: readonly string[],
  nowMs: number,
): void {
  for (const notificationId of notificationIds) {
    deps.background.run(async () => {
      const answer = await recordAct(deps.pool, {
        actId: newId("act", nowMs),
        notificationId,
        kind: "cancel",
        by: { kind: "system", userId: null, name: null },
        via: "system",
        note: null,
        params: {},
        now: nowMs,
      });
      if (answer.kind !== "applied") return;
      deps.announce?.({ kind: "notification", notificationId });
      signalAct(deps, answer.workflowId, answer.act);
    });
  }
}
