import { expect, it } from "vitest";

import {
  answerActs,
  answerSteering,
  lateAnswer,
  recordAct,
  refuseOpenActs,
  settleEarlyAnswers,
  stopByLastAnswer,
  type RecordActInput,
} from "../../db/acts.ts";
import { withTransaction } from "../../db/transaction.ts";
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

async function open(acknowledgment: "any" | "all") {
  const { pool } = database();
  const policyId = await insertPolicy(pool, {
    rules: { settledBy: "acknowledged", acknowledgment },
  });
  const id = await insertNotificationRow(pool, { type: await insertType(pool), policyId });
  const [a, b] = [await insertUser(pool), await insertUser(pool)];
  return { pool, id, a: a.id, b: b.id };
}

type Open = Awaited<ReturnType<typeof open>>;

let acts = 0;

function record({ pool, id }: Open, kind: ActKind, userId: string | null) {
  acts += 1;
  const act: RecordActInput = {
    actId: `act_${acts}`,
    notificationId: id,
    kind,
    by: { kind: "user", userId, name: "Contoh" },
    via: "api",
    note: null,
    params: {},
    now: Date.now() + acts,
  };
  return recordAct(pool, act);
}

async function plan({ pool, id }: Open, ...asked: readonly string[]): Promise<void> {
  for (const target of asked) await insertTarget(pool, id, { target });
  await pool.query("update notifications set planned_at = now() where id = $1", [id]);
}

function settleEarly({ pool, id }: Open) {
  return withTransaction(pool, (client) => settleEarlyAnswers(client, id));
}

async function end({ pool, id }: Open): Promise<void> {
  await pool.query(
    "update notifications set status = 'settled', outcome = 'exhausted', settled_at = now() where id = $1",
    [id],
  );
}

it("an acknowledgment that comes before the plan speaks, with `all`, for one who is asked alone", async () => {
  const run = await open("all");
  expect(await record(run, "acknowledge", run.a)).toMatchObject({ kind: "applied" });
  expect(await record(run, "acknowledge", run.a), "once").toMatchObject({ kind: "refused" });
  await plan(run, run.a, run.b);
  expect(await settleEarly(run)).toMatchObject([{ stops: false }]);
  expect(await settleEarly(run), "a second time nothing is left").toEqual([]);
  expect(await record(run, "acknowledge", run.b), "the last that was missing").toMatchObject({
    kind: "applied",
    act: { stops: true },
  });
});

it("an acknowledgment that comes before the plan, of somebody who is not asked, stops the run", async () => {
  const run = await open("all");
  await record(run, "acknowledge", run.a);
  await plan(run, run.b);
  expect(await settleEarly(run)).toMatchObject([{ stops: true }]);
  expect(await record(run, "cancel", null)).toMatchObject({ reason: "already_acknowledged" });
});

it("whoever has refused is not waited for from the moment at which they are told so", async () => {
  const run = await open("all");
  await plan(run, run.a, run.b);
  const refused = await record(run, "refuse", run.b);
  if (refused.kind !== "pending") throw new Error("the run carries it out");
  await answerSteering(run.pool, { actId: refused.act.actId, applied: true, reason: null });
  expect(await record(run, "acknowledge", run.a)).toMatchObject({ act: { stops: true } });
});

it("an act that a run leaves without an answer is refused once the run is over, not before", async () => {
  const run = await open("any");
  const asked = await record(run, "escalate", null);
  if (asked.kind !== "pending") throw new Error("the run carries it out");
  const { actId } = asked.act;
  expect(await lateAnswer(run.pool, actId)).toBeNull();
  await refuseOpenActs(run.pool, run.id);
  expect(await lateAnswer(run.pool, actId), "still not").toBeNull();
  await end(run);
  expect(await lateAnswer(run.pool, actId)).toMatchObject({ reason: "already_settled" });
  expect(await record(run, "escalate", null)).toMatchObject({ reason: "already_settled" });
});

it("an act that was carried out is told so, also when the run has forgotten it", async () => {
  const run = await open("any");
  const asked = await record(run, "snooze", null);
  if (asked.kind !== "pending") throw new Error("the run carries it out");
  await answerActs(run.pool, [{ actId: asked.act.actId, applied: true, reason: null }]);
  await end(run);
  expect(await lateAnswer(run.pool, asked.act.actId)).toEqual({ kind: "applied" });
});

it("a late act is told who had stopped the run", async () => {
  const run = await open("any");
  const asked = await record(run, "escalate", null);
  if (asked.kind !== "pending") throw new Error("the run carries it out");
  await record(run, "acknowledge", run.a);
  await answerActs(run.pool, [
    { actId: asked.act.actId, applied: false, reason: "already_settled" },
  ]);
  expect(await lateAnswer(run.pool, asked.act.actId)).toMatchObject({
    reason: "already_acknowledged",
    by: { userId: run.a },
  });
});

it("the last of several answers is the one that stops the run", async () => {
  const run = await open("all");
  await plan(run, run.a, run.b);
  await record(run, "acknowledge", run.a);
  await withTransaction(run.pool, (client) => stopByLastAnswer(client, run.id));
  expect(await record(run, "acknowledge", run.b)).toMatchObject({
    reason: "already_acknowledged",
    by: { userId: run.a },
  });
});
