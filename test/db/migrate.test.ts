import pg from "pg";
import { describe, expect, it } from "vitest";
import { DatabaseIsNewer, migrate } from "../../db/migrate.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";
import { freshDatabase } from "../support/database.ts";

describe("migrate", () => {
  it("invariant 40: finds nothing to do in a database of this release", async () => {
    const database = await freshDatabase();
    expect(await migrate(database.url, SILENT_LOGGER)).toEqual([]);
    await database.drop();
  });

  it("invariant 40: brings an empty database to this release once, however many processes start it", async () => {
    const database = await freshDatabase();
    await database.pool.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    const runs = await Promise.all([1, 2, 3].map(() => migrate(database.url, SILENT_LOGGER)));
    expect(runs.filter((names) => names.length > 0)).toHaveLength(1);
    const { rows } = await database.pool.query(
      "SELECT to_regclass('notifications') IS NOT NULL AS there",
    );
    expect(rows).toEqual([{ there: true }]);
    await database.drop();
  });

  it("refuses a database that a later release has written, and changes nothing", async () => {
    const database = await freshDatabase();
    await database.pool.query(
      "INSERT INTO schema_migrations (name, run_on) VALUES ('999999_from_the_future', now())",
    );
    await expect(migrate(database.url, SILENT_LOGGER)).rejects.toThrow(DatabaseIsNewer);
    await expect(migrate(database.url, SILENT_LOGGER)).rejects.toThrow(/999999_from_the_future/);
    await database.drop();
  });

  it("leaves nothing behind of a run that fails", async () => {
    const database = await freshDatabase();
    await database.pool.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    await database.pool.query("CREATE TABLE notifications (in_the_way int)");
    await expect(migrate(database.url, SILENT_LOGGER)).rejects.toThrow();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query(
      "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name NOT IN ('schema_migrations', 'notifications')",
    );
    expect(rows).toEqual([]);
    await client.end();
    await database.drop();
  });
});
