import type pg from "pg";

import { takeWakePlaces } from "../db/plans.ts";
import type { SnapshotContext } from "../db/plan-snapshot.ts";
import type { FileUrlProblem } from "../domain/attachment.ts";
import type { MissingVariables } from "../domain/request-check.ts";
import type { PlanOptions, Wake } from "../domain/planner.ts";
import type { MessageSettings } from "./outbound-message.ts";

/** What planning needs beside the record. */
export interface PlanDeps extends SnapshotContext {
  readonly pool: pg.Pool;
  readonly now: () => number;
  /** How many runs wake in a second when quiet hours end. */
  readonly wakePerSecond: number;
  /** For rows of the inbox. */
  readonly settings: MessageSettings;
  readonly missingVariables: MissingVariables;
  readonly fileUrlProblem: FileUrlProblem;
  /** Free data of a direct start would stand in Temporal's history: only with the payload codec. */
  readonly acceptsDirectData?: boolean;
}

/** Plans that are outdated when they are written are made again; so many in a row would be a fault, not a busy person. */
const TRIES_MAX = 10;

/** Runs `attempt` until what it planned could be written. Each try loads again. */
export async function untilSaved<Answer>(
  attempt: () => Promise<Answer | "stale">,
): Promise<Answer> {
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const answer = await attempt();
    if (answer !== "stale") return answer;
  }
  throw new Error("a plan was outdated each time it was to be written");
}

/** Plans once to see whom quiet hours hold, takes the wake-ups' places, and plans with them. */
export async function withWakePlaces<Result extends { readonly wakes: readonly Wake[] }>(
  deps: PlanDeps,
  now: number,
  plan: (options: PlanOptions) => Result,
): Promise<Result> {
  const first = plan({ wakePerSecond: deps.wakePerSecond });
  if (first.wakes.length === 0) return first;
  const places = await takeWakePlaces(deps.pool, first.wakes, now);
  return plan({ wakePerSecond: deps.wakePerSecond, places });
}
