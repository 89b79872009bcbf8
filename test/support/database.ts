import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, inject } from "vitest";
import { createPool } from "../../db/pool.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";

/** A migrated, empty database of the test's own. */
export type FreshDatabase = {
  readonly url: string;
  readonly pool: pg.Pool;
  /** Ends the pool and removes the database, whoever is still connected to it. */
  drop(): Promise<void>;
};

/** Clones the migrated template, in some tens of milliseconds; the caller drops it. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await asOwner(`CREATE DATABASE ${name} TEMPLATE ${inject("templateDatabase")}`);
  const url = `${inject("postgresUrl")}${name}`;
  const pool = createPool({
    databaseUrl: url,
    applicationName: "siaga-test",
    max: 10,
    log: SILENT_LOGGER,
  });
  return {
    url,
    pool,
    async drop() {
      await pool.end();
      await asOwner(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

/** One fresh database for the file or `describe` that calls this; the returned function gives it inside tests and hooks. */
export function useFreshDatabase(): () => FreshDatabase {
  let database: FreshDatabase | undefined;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(async () => {
    await database?.drop();
  });
  return () => {
    if (database === undefined) {
      throw new Error("the fresh database exists inside tests and hooks only");
    }
    return database;
  };
}

async function asOwner(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${inject("postgresUrl")}postgres` });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
