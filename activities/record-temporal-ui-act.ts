import type pg from "pg";

import { recordAct } from "../db/acts.ts";
import type { ActKind } from "../domain/notification.ts";
import { SNOOZE_MS_MAX } from "../domain/snooze.ts";
import type { Priority } from "../domain/priority.ts";
import type { TemporalUiActAnswer, TemporalUiActInput } from "./contract.ts";

/** An act from the Temporal UI: recorded like any other, by somebody whom nobody has verified. */
export function createRecordTemporalUiAct(deps: {
  readonly pool: pg.Pool;
  readonly now: () => number;
}) {
  return async function recordTemporalUiAct(
    input: TemporalUiActInput,
  ): Promise<TemporalUiActAnswer> {
    const now = deps.now();
    const until = input.minutes === null ? null : now + input.minutes * 60_000;
    if (input.kind === "snooze" && !(await isSnoozeAllowed(deps.pool, input, until, now))) {
      return { applied: false, reason: "not_possible", act: null };
    }
    const kind: ActKind = input.kind;
    const answer = await recordAct(deps.pool, {
      actId: input.actId,
      notificationId: input.notificationId,
      kind,
      by: { kind: "temporal_ui", userId: null, name: "Temporal UI, unverified" },
      via: "temporal_ui",
      note: input.note,
      params: until === null ? {} : { until },
      now,
    });
    switch (answer.kind) {
      case "applied":
        return { applied: true, reason: null, act: answer.act };
      case "pending":
        return { applied: null, reason: null, act: answer.act };
      case "refused":
        return { applied: false, reason: answer.reason, act: null };
      case "unknown_notification":
        return { applied: false, reason: "not_possible", act: null };
    }
  };
}

async function isSnoozeAllowed(
  pool: pg.Pool,
  input: TemporalUiActInput,
  until: number | null,
  now: number,
): Promise<boolean> {
  if (until === null || !Number.isFinite(until) || until <= now) return false;
  const { rows } = await pool.query<{ priority: Priority }>(
    "select priority from notifications where id = $1",
    [input.notificationId],
  );
  const priority = rows[0]?.priority;
  return priority !== undefined && until - now <= SNOOZE_MS_MAX[priority];
}
