import { describe, expect, it } from "vitest";
import { createPool } from "../../db/pool.ts";
import { sqlState, withTransaction } from "../../db/transaction.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";
import { useFreshDatabase } from "../support/database.ts";

const database = useFreshDatabase();

describe("createPool", () => {
  it.each([
    ["int8 within 2^53 is a number", "SELECT 9007199254740991::int8 AS v", 9_007_199_254_740_991],
    ["a count is a number", "SELECT count(*) AS v FROM (VALUES (1), (2)) t", 2],
    ["numeric is a number", "SELECT 12.50::numeric AS v", 12.5],
    ["a date keeps its day", "SELECT '2026-11-22'::date AS v", "2026-11-22"],
    [
      "a timestamp without zone stays text",
      "SELECT '2026-11-22 01:02:03'::timestamp AS v",
      "2026-11-22 01:02:03",
    ],
    [
      "an instant is an instant",
      "SELECT '2026-11-22T01:02:03Z'::timestamptz AS v",
      new Date("2026-11-22T01:02:03Z"),
    ],
    ["sessions are in UTC", "SELECT current_setting('TimeZone') AS v", "UTC"],
    [
      "sessions carry the process's name",
      "SELECT current_setting('application_name') AS v",
      "siaga-test",
    ],
  ])("%s", async (_reason, statement, expected) => {
    const { rows } = await database().pool.query(statement);
    expect(rows).toEqual([{ v: expected }]);
  });

  it("refuses to round an int8 beyond 2^53", async () => {
    await expect(database().pool.query("SELECT 9007199254740992::int8")).rejects.toThrow(
      RangeError,
    );
  });

  it("ends a statement that takes longer than its limit", async () => {
    const pool = createPool({
      databaseUrl: database().url,
      applicationName: "siaga-test",
      max: 1,
      log: SILENT_LOGGER,
      statementTimeoutMs: 50,
    });
    const error: unknown = await pool
      .query("SELECT pg_sleep(30)")
      .catch((reason: unknown) => reason);
    expect(sqlState(error)).toBe("57014");
    await pool.end();
  });

  it.each([
    { plansOnce: true, custom: 0, why: "planned for any value" },
    { plansOnce: false, custom: 5, why: "planned for its values until PostgreSQL has compared" },
  ])("plansOnce $plansOnce makes $custom plans for single values: $why", async (row) => {
    const pool = createPool({
      databaseUrl: database().url,
      applicationName: "siaga-test",
      max: 1,
      plansOnce: row.plansOnce,
      log: SILENT_LOGGER,
    });
    for (let time = 0; time < 5; time += 1) {
      await pool.query({ name: "one", text: "SELECT $1::integer", values: [time] });
    }
    const { rows } = await pool.query(
      "SELECT custom_plans FROM pg_prepared_statements WHERE name = 'one'",
    );
    expect(rows).toEqual([{ custom_plans: row.custom }]);
    await pool.end();
  });

  it("survives the loss of an idle connection", async () => {
    const lost: string[] = [];
    const pool = createPool({
      databaseUrl: database().url,
      applicationName: "siaga-doomed",
      max: 1,
      log: { ...SILENT_LOGGER, warn: (_fields, message) => void lost.push(message) },
    });
    await pool.query("SELECT 1");
    await database().pool.query(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'siaga-doomed'",
    );
    await expect.poll(() => lost).toHaveLength(1);
    expect((await pool.query("SELECT 1 AS v")).rows).toEqual([{ v: 1 }]);
    await pool.end();
  });
});

describe("withTransaction", () => {
  it("commits what the work did, and rolls all of it back on an error", async () => {
    const { pool } = database();
    await pool.query("CREATE TABLE notes (n int PRIMARY KEY)");
    await withTransaction(pool, (client) => client.query("INSERT INTO notes VALUES (1)"));
    await expect(
      withTransaction(pool, async (client) => {
        await client.query("INSERT INTO notes VALUES (2)");
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    expect((await pool.query("SELECT n FROM notes")).rows).toEqual([{ n: 1 }]);
  });

  it("runs both of two deadlocked transactions to their end", async () => {
    const { pool } = database();
    await pool.query(
      "CREATE TABLE pairs (id int PRIMARY KEY, n int); INSERT INTO pairs VALUES (1, 0), (2, 0)",
    );
    let arrived = 0;
    let open: () => void = () => undefined;
    const bothHoldOne = new Promise<void>((resolve) => (open = resolve));
    const add = (first: number, second: number): Promise<void> =>
      withTransaction(pool, async (client) => {
        await client.query("UPDATE pairs SET n = n + 1 WHERE id = $1", [first]);
        arrived += 1;
        if (arrived === 2) {
          open();
        }
        await bothHoldOne;
        await client.query("UPDATE pairs SET n = n + 1 WHERE id = $1", [second]);
      });
    await Promise.all([add(1, 2), add(2, 1)]);
    expect(arrived).toBeGreaterThan(2);
    expect((await pool.query("SELECT n FROM pairs ORDER BY id")).rows).toEqual([
      { n: 2 },
      { n: 2 },
    ]);
  });

  it("gives up on a collision that does not end", async () => {
    const { pool } = database();
    let tries = 0;
    const error: unknown = await withTransaction(pool, async (client) => {
      tries += 1;
      await client.query("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$");
    }).catch((reason: unknown) => reason);
    expect(sqlState(error)).toBe("40001");
    expect(tries).toBe(5);
  });

  it("fails, and does not end the process, when the connection dies inside it", async () => {
    const { pool } = database();
    await expect(
      withTransaction(pool, async (client) => {
        const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
        await pool.query("SELECT pg_terminate_backend($1, 5000)", [rows[0]?.pid]);
        await client.query("SELECT 1");
      }),
    ).rejects.toThrow();
    expect((await pool.query("SELECT 1 AS v")).rows).toEqual([{ v: 1 }]);
  });
});
