import { readdir } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { runner } from "node-pg-migrate";
import pg from "pg";
import { readDatabaseEnv } from "../runtime/env.ts";
import { createLogger } from "../runtime/logger.ts";
import type { Logger } from "../runtime/logger.ts";
import { sqlState } from "./transaction.ts";

/**
 * Brings a database to this release. Migrations are plain SQL files, numbered without a gap, run forward only and all
 * together in one transaction; several processes may start this at once, the later ones wait and find nothing to do.
 */

const FOLDER = fileURLToPath(new URL("./migrations", import.meta.url));
const TABLE = "schema_migrations";
const UNDEFINED_TABLE = "42P01";

/** The database was written by a later release: running this one against it could harm what it holds. */
export class DatabaseIsNewer extends Error {
  constructor(unknownNames: readonly string[]) {
    super(
      `The database is newer than this release of Siaga: it holds ${unknownNames.join(", ")}, which this release does not know. ` +
        "Start the release that wrote it, or restore a backup made by this one.",
    );
    this.name = "DatabaseIsNewer";
  }
}

/**
 * Returns the names of the migrations that ran, none when the database was up to date.
 *
 * @throws DatabaseIsNewer
 */
export async function migrate(databaseUrl: string, log: Logger): Promise<readonly string[]> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: "siaga-migrate",
  });
  await client.connect();
  try {
    await refuseNewer(client);
    const ran = await runner({
      dbClient: client,
      dir: FOLDER,
      direction: "up",
      migrationsTable: TABLE,
      checkOrder: true,
      advisoryLockMode: "wait",
      logger: {
        debug: (line) => log.debug({}, line),
        info: (line) => log.debug({}, line),
        warn: (line) => log.warn({}, line),
        error: (line) => log.error({}, line),
      },
    });
    const names = ran.map(({ name }) => name);
    log.info(
      { migrations: names },
      names.length === 0 ? "database is up to date" : "database migrated",
    );
    return names;
  } finally {
    await client.end();
  }
}

async function refuseNewer(client: pg.Client): Promise<void> {
  const known = new Set(
    (await readdir(FOLDER))
      .filter((name) => name.endsWith(".sql"))
      .map((name) => name.replace(/\.sql$/, "")),
  );
  const unknown = (await readRan(client)).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new DatabaseIsNewer(unknown);
  }
}

async function readRan(client: pg.Client): Promise<readonly string[]> {
  try {
    const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${TABLE} ORDER BY id`);
    return rows.map(({ name }) => name);
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) {
      return [];
    }
    throw error;
  }
}

async function main(): Promise<void> {
  const env = readDatabaseEnv();
  await migrate(
    env.databaseUrl.reveal(),
    createLogger({ level: env.logLevel, process: "migrate" }),
  );
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().catch((error: unknown) => {
    // The message names what to do; connection errors of pg hold host and port, never the password.
    console.error(error instanceof Error ? error.message : "migration failed");
    process.exitCode = 1;
  });
}
