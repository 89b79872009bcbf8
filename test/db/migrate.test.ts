import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { runner } from "node-pg-migrate";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { DatabaseIsNewer, migrate } from "../../db/migrate.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";

const FOLDER = fileURLToPath(new URL("../../db/migrations", import.meta.url));
const MIGRATIONS = (await readdir(FOLDER)).map((name) => name.replace(/\.sql$/, "")).toSorted();
const EARLIER = MIGRATIONS.slice(0, -1).map((name, index) => [index + 1, name] as const);

/** Rows as the first migration knows them. */
const FIRST_ROWS = `
  insert into users (id, name, role, zones) values ('usr_1', 'Ahmad Contoh', 'technician', '{karawang}');
  insert into contacts (id, user_id, kind, value, verified_at, verified_by) values ('con_1', 'usr_1', 'phone', '+6281234000001', now(), 'admin');
  insert into escalation_policies (id, code, name, priority) values ('pol_1', 'first', 'A policy', 'medium');
  insert into escalation_policy_versions (policy_id, version, rules) values ('pol_1', 1, '{}');
  insert into provider_accounts (id, provider, channel, name, sender, device_key, credentials_encrypted, pacing, receipt_deadline_seconds, webhook_token_encrypted)
    values ('acc_1', 'fonnte', 'whatsapp_personal', 'An account', '6281234000900', 'device', '\\x00', '{"perSecond": 1, "minGapSeconds": 0, "pairGapSeconds": 0}', 30, '\\x00');
  insert into notifications (id, ref, workflow_id, sender, body_hash, type, priority, policy_id, policy_version)
    values ('ntf_1', 'ref', 'notification/outage/ref', 'test', '\\x00', 'outage', 'medium', 'pol_1', 1);
  insert into deliveries (id, notification_id, pass, step, target, channel, attempt, hand_over, account_id, status)
    values ('dlv_1', 'ntf_1', 1, 1, 'usr_1', 'whatsapp_personal', 1, 0, 'acc_1', 'accepted');
`;

/** An empty schema brought as far as the release that ended with this many migrations, with rows in it from the first one on. */
async function earlierRelease(database: FreshDatabase, count: number): Promise<void> {
  await database.pool.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  const upBy = (steps: number) =>
    runner({
      databaseUrl: database.url,
      dir: FOLDER,
      direction: "up",
      migrationsTable: "schema_migrations",
      count: steps,
      log: () => undefined,
    });
  await upBy(1);
  await database.pool.query(FIRST_ROWS);
  if (count > 1) await upBy(count - 1);
}

const COLUMNS = `select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns
  where table_schema = 'public' order by table_name, column_name`;

describe("migrate", () => {
  it.each(EARLIER)(
    "invariant 40: brings a database with data from migration %i (%s) to this release, and a second time changes nothing",
    async (count) => {
      const database = await freshDatabase();
      const { rows: columns } = await database.pool.query(COLUMNS);
      await earlierRelease(database, count);
      expect(await migrate(database.url, SILENT_LOGGER)).toEqual(MIGRATIONS.slice(count));
      expect(await migrate(database.url, SILENT_LOGGER)).toEqual([]);
      expect((await database.pool.query(COLUMNS)).rows).toEqual(columns);
      const { rows } = await database.pool.query(
        `select u.name, c.value as phone, a.name as account, n.type, d.status from deliveries d join notifications n on n.id = d.notification_id
           join users u on u.id = d.target join contacts c on c.user_id = u.id join provider_accounts a on a.id = d.account_id`,
      );
      expect(rows).toEqual([
        {
          name: "Ahmad Contoh",
          phone: "+6281234000001",
          account: "An account",
          type: "outage",
          status: "accepted",
        },
      ]);
      await database.drop();
    },
  );

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
