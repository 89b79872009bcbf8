import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { migrate } from "../../db/migrate.ts";
import { NOT_DURABLE, startPostgres } from "../../runtime/embedded/postgres.ts";
import type { EmbeddedPostgres } from "../../runtime/embedded/postgres.ts";
import { findTemporalBinary } from "../../runtime/embedded/temporal-binary.ts";
import { startTemporal } from "../../runtime/embedded/temporal-server.ts";
import type { EmbeddedTemporal } from "../../runtime/embedded/temporal-server.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";
import { buildWorkflowBundle } from "../../worker/bundle.ts";
import { SEARCH_ATTRIBUTES } from "../../workflows/contract.ts";

/**
 * Starts one PostgreSQL and one Temporal for all integration tests of a run, and bundles the workflow code once. A
 * test takes what it needs with vitest's `inject`; `freshDatabase()` clones the migrated template.
 */

declare module "vitest" {
  interface ProvidedContext {
    /** Server address of the embedded PostgreSQL without a database name at its end: `postgresql://…:port/`. */
    postgresUrl: string;
    /** Name of the migrated database that `freshDatabase()` clones. */
    templateDatabase: string;
    /** `host:port`. */
    temporalAddress: string;
    temporalNamespace: string;
    /** For `workflowBundle: { codePath }`. Empty when the workflow code can't be bundled. */
    workflowBundlePath: string;
    /** The Temporal program, for tests that run a server of their own. */
    temporalBinary: string;
  }
}

const TEMPLATE = "siaga_template";

let folder: string | undefined;
let postgres: EmbeddedPostgres | undefined;
let temporal: EmbeddedTemporal | undefined;

export async function setup(project: TestProject): Promise<void> {
  const root = await mkdtemp(path.join(os.tmpdir(), "siaga-test-"));
  folder = root;
  // A server of somebody else's is left alone: tests kill, restart and fill theirs.
  const binary = await findTemporalBinary({
    progress: (line) => process.stderr.write(`${line}\n`),
    temporalAddress: null,
  });
  if (binary === null) {
    throw new Error("no Temporal program");
  }
  const started = await Promise.allSettled([
    startDatabase(root),
    startTemporal({
      binary,
      dataDir: path.join(root, "temporal"),
      uiPort: null,
      searchAttributes: Object.values(SEARCH_ATTRIBUTES),
      log: SILENT_LOGGER,
    }).then((server) => (temporal = server)),
    bundleWorkflows(root),
  ]);
  const [database, engine, bundle] = started;
  if (
    database.status === "rejected" ||
    engine.status === "rejected" ||
    bundle.status === "rejected"
  ) {
    // What did start must not outlive the run.
    await teardown();
    throw new AggregateError(
      started.flatMap((one): unknown[] => (one.status === "rejected" ? [one.reason] : [])),
      "the servers for the integration tests did not start",
    );
  }
  project.provide("postgresUrl", database.value.urlOf(""));
  project.provide("templateDatabase", TEMPLATE);
  project.provide("temporalAddress", engine.value.address);
  project.provide("temporalNamespace", engine.value.namespace);
  project.provide("workflowBundlePath", bundle.value);
  project.provide("temporalBinary", binary);
}

export async function teardown(): Promise<void> {
  await Promise.all([postgres?.stop(), temporal?.stop()]);
  if (folder !== undefined) {
    await rm(folder, { recursive: true, force: true });
  }
}

async function startDatabase(root: string): Promise<EmbeddedPostgres> {
  const server = await startPostgres({
    dataDir: path.join(root, "postgres"),
    settings: NOT_DURABLE,
    log: SILENT_LOGGER,
  });
  postgres = server;
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(`CREATE DATABASE ${TEMPLATE}`);
  await client.end();
  await migrate(server.urlOf(TEMPLATE), SILENT_LOGGER);
  return server;
}

/** Workflow code that can't be bundled fails the tests that need it, not those of the database beside them. */
async function bundleWorkflows(root: string): Promise<string> {
  try {
    return await buildWorkflowBundle(path.join(root, "workflow-bundle.js"));
  } catch (error) {
    process.stderr.write(`the workflow code can't be bundled: ${String(error)}\n`);
    return "";
  }
}
