import { beforeEach, describe, expect, it } from "vitest";
import { claimUnstarted, markStarted, sweepUnstarted } from "../../db/starting.ts";
import type { UnstartedRow } from "../../db/starting.ts";
import { useFreshDatabase } from "../support/database.ts";
import { insertNotificationRow, insertPolicy, insertType } from "../support/rows.ts";

const database = useFreshDatabase();

beforeEach(async () => {
  await database().pool.query("delete from notifications");
});

async function accepted(
  priority: string,
  secondsAgo: number,
  claimedSecondsAgo?: number,
): Promise<string> {
  const { pool } = database();
  const type = await insertType(pool, { priority });
  const id = await insertNotificationRow(pool, {
    type,
    policyId: await insertPolicy(pool),
    priority,
    status: "accepted",
  });
  await pool.query(
    `update notifications set accepted_at = now() - make_interval(secs => $2),
       start_claimed_at = case when $3::float8 is null then null else now() - make_interval(secs => $3) end
     where id = $1`,
    [id, secondsAgo, claimedSecondsAgo ?? null],
  );
  return id;
}

const claim = (limit = 10): Promise<readonly UnstartedRow[]> =>
  claimUnstarted(database().pool, { limit, olderThanSeconds: 15, except: [] });

describe("claimUnstarted", () => {
  it("takes the most urgent first, then the oldest, up to the limit", async () => {
    const low = await accepted("low", 100);
    const critical = await accepted("critical", 20);
    const old = await accepted("medium", 60);
    const young = await accepted("medium", 30);
    expect((await claim(3)).map(({ id }) => id)).toEqual([critical, old, young]);
    expect((await claim(3)).map(({ id }) => id)).toEqual([low]);
  });

  it("takes a code before everything else", async () => {
    const critical = await accepted("critical", 100);
    const code = await accepted("high", 20);
    await database().pool.query("update notifications set type = 'otp' where id = $1", [code]);
    expect((await claim(1)).map(({ id }) => id)).toEqual([code]);
    expect((await claim(1)).map(({ id }) => id)).toEqual([critical]);
  });

  it.each([
    { secondsAgo: 14, taken: 0, why: "its acceptor has it" },
    { secondsAgo: 16, taken: 1, why: "its acceptor had its time" },
  ])("takes $taken of a row $secondsAgo s old: $why", async ({ secondsAgo, taken }) => {
    await accepted("high", secondsAgo);
    expect(await claim()).toHaveLength(taken);
  });

  it.each([
    { claimedSecondsAgo: 14, taken: 0, why: "somebody is starting it" },
    { claimedSecondsAgo: 16, taken: 1, why: "whoever took it has died" },
  ])(
    "takes $taken of a row taken $claimedSecondsAgo s ago: $why",
    async ({ claimedSecondsAgo, taken }) => {
      await accepted("high", 60, claimedSecondsAgo);
      expect(await claim()).toHaveLength(taken);
    },
  );

  it("leaves what is started or settled", async () => {
    const [started, settled] = [await accepted("high", 60), await accepted("high", 60)];
    await markStarted(database().pool, [{ id: started, runId: "run-a" }]);
    await database().pool.query(
      "update notifications set status = 'settled', outcome = 'cancelled', settled_at = now() where id = $1",
      [settled],
    );
    expect(await claim()).toEqual([]);
  });

  it("gives each row to one of many callers", async () => {
    for (let count = 0; count < 12; count += 1) await accepted("high", 60);
    const taken = await Promise.all(Array.from({ length: 6 }, () => claim(4)));
    const ids = taken.flat().map(({ id }) => id);
    expect(ids).toHaveLength(12);
    expect(new Set(ids).size).toBe(12);
  });
});

describe("markStarted", () => {
  it("keeps the first mark and the run id that a run has written itself", async () => {
    const { pool } = database();
    const id = await accepted("high", 60);
    await pool.query("update notifications set run_id = 'written-by-run' where id = $1", [id]);
    await markStarted(pool, [{ id, runId: "another" }]);
    const first = await pool.query("select started_at, run_id from notifications where id = $1", [
      id,
    ]);
    await markStarted(pool, [{ id, runId: null }]);
    const second = await pool.query("select started_at, run_id from notifications where id = $1", [
      id,
    ]);
    expect(first.rows).toMatchObject([{ run_id: "written-by-run" }]);
    expect(second.rows).toEqual(first.rows);
  });
});

describe("sweepUnstarted", () => {
  it("starts everything, at most twenty a second, most urgent first", async () => {
    for (let count = 0; count < 22; count += 1) await accepted("low", 60);
    const urgent = await accepted("critical", 20);
    const order: string[] = [];
    const startedAt = Date.now();
    const count = await sweepUnstarted(database().pool, {
      start: async ({ id }) => {
        order.push(id);
        return `run-${id}`;
      },
      olderThanSeconds: 15,
      lastsMsMax: 8_000,
      onFailure: () => undefined,
    });
    expect(count).toBe(23);
    expect(order[0]).toBe(urgent);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(1_000);
    expect(await claim()).toEqual([]);
    const { rows } = await database().pool.query(
      "select count(*) as started from notifications where started_at is not null and run_id is not null",
    );
    expect(rows).toEqual([{ started: 23 }]);
  });

  it("ends when nothing gets through, and leaves the rows for the next", async () => {
    for (let count = 0; count < 25; count += 1) await accepted("low", 60);
    const failed: string[] = [];
    const count = await sweepUnstarted(database().pool, {
      start: () => Promise.reject(new Error("away")),
      olderThanSeconds: 0,
      lastsMsMax: 8_000,
      onFailure: ({ id }) => failed.push(id),
    });
    expect(count).toBe(0);
    expect(failed).toHaveLength(20);
    const { rows } = await database().pool.query(
      "select count(*) as unstarted from notifications where started_at is null",
    );
    expect(rows).toEqual([{ unstarted: 25 }]);
  });

  it("goes on past a row that is refused for its own sake", async () => {
    const bad = await accepted("critical", 60);
    const good = await accepted("low", 60);
    const count = await sweepUnstarted(database().pool, {
      start: ({ id }) =>
        id === bad ? Promise.reject(new Error("refused")) : Promise.resolve("run"),
      olderThanSeconds: 15,
      lastsMsMax: 8_000,
      onFailure: () => undefined,
    });
    expect(count).toBe(1);
    const { rows } = await database().pool.query(
      "select id from notifications where started_at is not null",
    );
    expect(rows).toEqual([{ id: good }]);
  });
});
