import type { Client } from "@temporalio/client";
import type pg from "pg";
import { answerSteering, markActsSignalled } from "../../db/acts.ts";
import type { Change } from "../../db/changes.ts";
import type { Logger } from "../../runtime/logger.ts";
import { FACT_SIGNAL, STEER_UPDATE } from "../../workflows/contract.ts";
import type { SignalledFact, SteerAnswer } from "../../workflows/contract.ts";
import type { Background } from "./background.ts";

/**
 * Tells a run of an act that is recorded already. Nothing here decides anything and nothing here may fail an act: what
 * does not arrive stays unsignalled and is swept.
 */

export type TellDeps = {
  readonly pool: pg.Pool;
  readonly temporal: Client;
  readonly background: Background;
  readonly log: Logger;
  readonly crashPoint?: (name: "after_act_before_signal") => void;
  /** Tells whoever watches; nobody is told if not given. */
  readonly announce?: (change: Change) => void;
};

type ToldAct = Extract<SignalledFact, { kind: "act" }>["act"];

/** A signal goes out in milliseconds or Temporal is away; the sweep has it then. */
const SIGNAL_DEADLINE_MS = 2_000;
/** How long a caller waits for the run's own answer to a steering act. */
export const STEER_WAIT_MS = 2_000;

/** @throws what the server answers, or that it doesn't */
export async function signalRun(
  { temporal }: Pick<TellDeps, "temporal">,
  workflowId: string,
  fact: SignalledFact,
): Promise<void> {
  await temporal.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () =>
    temporal.workflow.getHandle(workflowId).signal(FACT_SIGNAL, fact),
  );
}

/** Behind the answer. */
export function signalAct(deps: TellDeps, workflowId: string, act: ToldAct): void {
  deps.background.run(async () => {
    deps.crashPoint?.("after_act_before_signal");
    await signalRun(deps, workflowId, { kind: "act", act });
    await markActsSignalled(deps.pool, [act.actId]);
  });
}

/**
 * The run's answer, or null when there is none within STEER_WAIT_MS: then the act is signalled instead, and the run
 * answers into the record.
 */
export async function steerRun(
  deps: TellDeps,
  workflowId: string,
  act: ToldAct,
): Promise<SteerAnswer | null> {
  const answer = await ask(deps, workflowId, act);
  if (answer === null) {
    signalAct(deps, workflowId, act);
    return null;
  }
  // The run writes the same with its next progress; until then a repeat of this act finds it here.
  await answerSteering(deps.pool, { actId: act.actId, ...answer });
  return answer;
}

async function ask(
  { temporal, log }: TellDeps,
  workflowId: string,
  act: ToldAct,
): Promise<SteerAnswer | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), STEER_WAIT_MS);
  });
  const asked = temporal
    .withDeadline(Date.now() + STEER_WAIT_MS, () =>
      temporal.workflow.getHandle(workflowId).executeUpdate<SteerAnswer, [ToldAct]>(STEER_UPDATE, {
        updateId: act.actId,
        args: [act],
      }),
    )
    .catch((error: unknown) => {
      // Not started yet, just over, no worker, Temporal away: the record knows the act in all of them.
      log.debug({ error, actId: act.actId }, "the run did not answer a steering act");
      return null;
    });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}
