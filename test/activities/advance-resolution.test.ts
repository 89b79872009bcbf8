import { expect, it } from "vitest";

import type { ResolutionInput } from "../../activities/contract.ts";
import { createAdvanceResolution } from "../../activities/settle-notification.ts";
import { recordAct } from "../../db/acts.ts";
import type { ActKind } from "../../domain/notification.ts";
import { useFreshDatabase } from "../support/database.ts";
import {
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
} from "../support/rows.ts";

const database = useFreshDatabase();
const BEGAN_AT = Date.parse("2026-03-01T03:00:00Z");
let acts = 0;

/** Somebody has taken it, and nobody has resolved it. */
async function acknowledged() {
  const { pool } = database();
  const id = await insertNotificationRow(pool, {
    type: await insertType(pool),
    policyId: await insertPolicy(pool, {
      rules: {
        settledBy: "acknowledged",
        tracksResolution: true,
        resolutionSeconds: 3_600,
        reopenAfterSeconds: 600,
      },
    }),
  });
  const [first, second] = [await insertUser(pool), await insertUser(pool)];
  for (const { id: target } of [first, second]) await insertTarget(pool, id, { target });
  await pool.query("update notifications set planned_at = now() where id = $1", [id]);
  const act = (kind: ActKind, userId: string, now: number) =>
    recordAct(pool, {
      actId: `act_${(acts += 1)}`,
      notificationId: id,
      kind,
      by: { kind: "user", userId, name: "Contoh" },
      via: "api",
      note: null,
      params: {},
      now,
    });
  await act("acknowledge", first.id, BEGAN_AT);
  const advance = createAdvanceResolution({
    pool,
    settings: { installationTimeZone: "Asia/Jakarta", portalUrl: null },
    now: () => BEGAN_AT + 600_000,
    raiseNotice: () => Promise.resolve(),
    writeRunProgress: () => Promise.resolve(),
  });
  const reopenInput: ResolutionInput = {
    notificationId: id,
    event: "reopen",
    acknowledgedAt: BEGAN_AT,
  };
  const stopKind = async () => {
    const { rows } = await pool.query<{ stop_kind: string | null }>(
      "select stop_kind from notifications where id = $1",
      [id],
    );
    return rows[0]?.stop_kind;
  };
  return { first, second, act, advance, reopenInput, stopKind };
}

it("reopening twice is reopening once, by whom it was taken: the first answer may have been lost", async () => {
  const { first, advance, reopenInput, stopKind } = await acknowledged();
  const answer = { kind: "reopened", acknowledger: first.id };
  expect(await advance(reopenInput)).toEqual(answer);
  expect(await advance(reopenInput)).toEqual(answer);
  expect(await stopKind()).toBeNull();
});

it("an acknowledgment that came after the reopening stands, though the reopening is repeated", async () => {
  const { first, second, act, advance, reopenInput, stopKind } = await acknowledged();
  await advance(reopenInput);
  await act("acknowledge", second.id, BEGAN_AT + 601_000);
  expect(await advance(reopenInput)).toEqual({ kind: "reopened", acknowledger: first.id });
  expect(await stopKind()).toBe("acknowledge");
});

it("a resolve that came before the reopening wins", async () => {
  const { second, act, advance, reopenInput, stopKind } = await acknowledged();
  await act("resolve", second.id, BEGAN_AT + 599_000);
  expect(await advance(reopenInput)).toEqual({ kind: "not_possible" });
  expect(await stopKind()).toBe("resolve");
});
