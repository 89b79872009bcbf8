import { mkdir, mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import type pg from "pg";

import { createPool } from "../db/pool.ts";
import type { Logged, RequestEntry } from "../providers/simulated/log.ts";
import { restartable } from "../runtime/demo/restartable.ts";
import type { RestartableServers } from "../runtime/demo/restartable.ts";
import { startStack } from "../runtime/demo/stack.ts";
import type { Stack } from "../runtime/demo/stack.ts";
import { environmentWith } from "../runtime/env.ts";
import { SILENT_LOGGER } from "../runtime/logger.ts";
import type { Logger } from "../runtime/logger.ts";
import { startBare } from "./bare/driver.ts";
import type { Bare } from "./bare/driver.ts";
import { createLoadClient } from "./load-client.ts";
import type { LoadClient } from "./load-client.ts";

/**
 * The whole product in processes of its own, fresh for one line: embedded servers with the settings of the demo, simulated vendors that are not paced,
 * API, worker, and the worker of the bare workflows on the same Temporal server.
 */
export interface Installation {
  readonly stack: Stack;
  readonly servers: RestartableServers;
  readonly pool: pg.Pool;
  readonly temporal: Client;
  readonly bare: Bare;
  readonly client: LoadClient;
  /** Every request to a vendor from now on; answers how to end it. */
  readonly onVendorRequest: (listener: (entry: Logged<RequestEntry>) => void) => () => void;
  readonly stop: () => Promise<void>;
}

export interface InstallationOptions {
  /** More variables for API and worker. */
  readonly environment: Readonly<Record<string, string>>;
  /** PostgreSQL settings. */
  readonly settings: Readonly<Record<string, string>>;
  /** Connections of the load client. */
  readonly connections: number;
  /** What the servers write; nothing if not given. */
  readonly log: Logger;
}

const BENCH_DIR = fileURLToPath(new URL("../.siaga/bench/", import.meta.url));
/**
 * A vendor's answer comes at once, `sent` 75 ms and `delivered` 200 ms later: fast, and still behind the record of the answer, so that every receipt takes
 * the road that it takes in life.
 */
const TIME_SCALE = 0.5;
/** No pace: what is measured is the engine. */
const PACING = { perSecond: 10_000, minGapSeconds: 0, pairGapSeconds: 0 };

export async function install(options: Partial<InstallationOptions>): Promise<Installation> {
  await mkdir(BENCH_DIR, { recursive: true });
  const dataDir = await mkdtemp(path.join(BENCH_DIR, "line-"));
  const stops: (() => Promise<unknown>)[] = [() => rm(dataDir, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).reverse()) await one();
  };
  try {
    const stack = await startStack({
      dataDir,
      progress: () => undefined,
      log: options.log ?? SILENT_LOGGER,
      ports: { api: 0, temporal: 0, temporalUi: 0 },
      timeScale: TIME_SCALE,
      settings: { ...STATEMENT_COUNTERS, ...options.settings },
      apiKeyName: "bench",
      ...(options.environment === undefined ? {} : { environment: options.environment }),
    });
    stops.push(() => stack.stop());
    // Behind the folder's removal, before everything that uses the servers.
    const servers = restartable(stack, dataDir, (one) => stops.splice(1, 0, one));
    const log = SILENT_LOGGER;
    const pool = createPool({
      databaseUrl: stack.databaseUrl,
      applicationName: "siaga-bench",
      max: 4,
      log,
      statementTimeoutMs: 600_000,
    });
    stops.push(() => pool.end());
    await pool.query("/* bench */ update provider_accounts set pacing = $1", [PACING]);
    const connection = await Connection.connect({ address: stack.temporalAddress });
    stops.push(() => connection.close());
    const temporal = new Client({ connection });
    const bare = await startBare(
      temporal,
      environmentWith({
        DATABASE_URL: stack.databaseUrl,
        TEMPORAL_ADDRESS: stack.temporalAddress,
        SIAGA_PUBLIC_URL: stack.apiUrl,
        SIAGA_SECRET_KEY: Buffer.alloc(32).toString("base64"),
        SIAGA_SIMULATED: "true",
      }),
    );
    stops.push(() => bare.stop());
    const client = createLoadClient({
      url: stack.apiUrl,
      key: stack.key,
      connections: options.connections ?? 50,
    });
    stops.push(() => {
      client.close();
      return Promise.resolve();
    });
    return {
      stack,
      servers,
      pool,
      temporal,
      bare,
      client,
      onVendorRequest: (listener) => stack.vendors.sandbox.log.subscribe(listener),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Comes with the embedded PostgreSQL; counts what each statement costs. */
const STATEMENT_COUNTERS = {
  shared_preload_libraries: "pg_stat_statements,auto_explain",
  "pg_stat_statements.track_utility": "off",
  "pg_stat_statements.max": "1000",
};
