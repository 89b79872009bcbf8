import { randomBytes } from "node:crypto";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { insertApiKey } from "../../db/api-keys.ts";
import { migrate } from "../../db/migrate.ts";
import { createPool } from "../../db/pool.ts";
import { findRealAccounts } from "../../db/provider-accounts.ts";
import { makeSimulatedCredentials } from "../../db/seed/accounts.ts";
import type { SimulatedVendorAccess } from "../../db/seed/accounts.ts";
import { seed } from "../../db/seed/seed.ts";
import { simulatedWorld } from "../../db/seed/simulated-world.ts";
import { startSimulatedVendors } from "../../providers/simulated/server.ts";
import type { SimulatedVendors } from "../../providers/simulated/server.ts";
import { SEARCH_ATTRIBUTES } from "../../workflows/contract.ts";
import { startProgram } from "../embedded/child-process.ts";
import type { Supervised } from "../embedded/child-process.ts";
import { freePort } from "../embedded/free-port.ts";
import { startPostgres } from "../embedded/postgres.ts";
import type { EmbeddedPostgres } from "../embedded/postgres.ts";
import { keepSecretKey } from "../embedded/secret-key.ts";
import { findTemporalBinary } from "../embedded/temporal-binary.ts";
import { startTemporal } from "../embedded/temporal-server.ts";
import type { EmbeddedTemporal } from "../embedded/temporal-server.ts";
import { environmentWith, readVariable } from "../env.ts";
import type { Logger } from "../logger.ts";

/**
 * The whole installation on one machine: database, Temporal with its UI, simulated vendors, and API and worker as processes of their own, so that each can be
 * killed and started again.
 */
export interface Stack {
  readonly apiUrl: string;
  readonly temporalUiUrl: string | null;
  readonly temporalAddress: string;
  readonly databaseUrl: string;
  readonly vendors: SimulatedVendors;
  /** An administrator's API key, made for this start. */
  readonly key: string;
  readonly postgres: EmbeddedPostgres | null;
  readonly temporal: EmbeddedTemporal | null;
  readonly api: () => Supervised;
  readonly worker: () => Supervised;
  /** With these variables in addition. */
  readonly startApi: (environment?: Readonly<Record<string, string>>) => Promise<void>;
  readonly startWorker: (environment?: Readonly<Record<string, string>>) => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface StackOptions {
  /** Everything that is kept stands below it. */
  readonly dataDir: string;
  readonly progress: (line: string) => void;
  readonly log: Logger;
  /** Preferred ports; others are taken where these are in use. */
  readonly ports: { readonly api: number; readonly temporal: number; readonly temporalUi: number };
  /** Multiplies the spans of vendors, network and people. */
  readonly timeScale: number;
  readonly settings?: Readonly<Record<string, string>>;
  /** More variables for API and worker. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly apiKeyName: string;
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const START_TIMEOUT_MS = 60_000;

export async function startStack(options: StackOptions): Promise<Stack> {
  const { dataDir, progress, log } = options;
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).reverse()) await one();
  };
  try {
    return await build(options, stops, stop);
  } catch (error) {
    await stop();
    throw error;
  } finally {
    log.debug({ dataDir }, "stack built or given up");
    progress("");
  }
}

async function build(
  options: StackOptions,
  stops: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<Stack> {
  const { dataDir, progress, log } = options;
  const postgres = await database(options);
  if (postgres) stops.push(() => postgres.stop());
  const databaseUrl = postgres?.urlOf("siaga") ?? readVariable("DATABASE_URL") ?? "";
  progress("Temporal: looking for the server");
  const temporal = await temporalServer(options);
  if (temporal) stops.push(() => temporal.stop());
  const temporalAddress = temporal?.address ?? readVariable("TEMPORAL_ADDRESS") ?? "";
  progress(`Temporal: ready on ${temporalAddress}`);

  const vendors = await startSimulatedVendors({
    timeScale: options.timeScale,
    stateFile: path.join(dataDir, "simulated-vendors.jsonl"),
    port: await freePort(),
  });
  stops.push(() => vendors.close());
  progress(`Simulated vendors: ready on ${vendors.url}`);

  const apiPort = await freePort(options.ports.api);
  const apiUrl = `http://localhost:${apiPort}`;
  progress("Database: bringing the tables up to date, seeding");
  const secretKey = await keepSecretKey(dataDir);
  await migrate(databaseUrl, log);
  const key = await fill({
    databaseUrl,
    secretKey,
    vendors,
    apiUrl,
    log,
    name: options.apiKeyName,
  });

  const environment = environmentWith({
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: temporalAddress,
    SIAGA_PUBLIC_URL: apiUrl,
    SIAGA_PORT: String(apiPort),
    SIAGA_SECRET_KEY: secretKey,
    SIAGA_SIMULATED: "true",
    SIAGA_SIMULATED_VENDORS_URL: vendors.url,
    SIAGA_PORTAL_URL: "https://portal.example",
    SIAGA_TEMPORAL_UI_URL: temporal?.uiUrl ?? undefined,
    SIAGA_LOG_LEVEL: "warn",
    ...options.environment,
  });
  const start =
    (name: string, file: string, ready: RegExp) =>
    async (more: Readonly<Record<string, string>> = {}): Promise<Supervised> => {
      const program = await startProgram({
        name,
        file: path.join(ROOT, file),
        env: { ...environment, SIAGA_LOG_LEVEL: "info", ...more },
        cwd: ROOT,
      });
      await program.line(ready, START_TIMEOUT_MS);
      return program;
    };
  const startWorkerProcess = start("worker", "worker/main.ts", /"worker runs"/);
  const startApiProcess = start("api", "api/main.ts", /"API listens"/);
  progress("Worker and API: starting");
  const running = { worker: await startWorkerProcess(), api: await startApiProcess() };
  stops.push(() => running.worker.stop());
  stops.push(() => running.api.stop());
  progress(`API: ready on ${apiUrl}`);
  return {
    apiUrl,
    temporalUiUrl: temporal?.uiUrl ?? null,
    temporalAddress,
    databaseUrl,
    vendors,
    key,
    postgres,
    temporal,
    api: () => running.api,
    worker: () => running.worker,
    startApi: async (more) => {
      running.api = await startApiProcess(more);
    },
    startWorker: async (more) => {
      running.worker = await startWorkerProcess(more);
    },
    stop,
  };
}

async function database({
  dataDir,
  progress,
  log,
  settings,
}: StackOptions): Promise<EmbeddedPostgres | null> {
  if (readVariable("DATABASE_URL") !== null) return null;
  progress("PostgreSQL: starting");
  const postgres = await startPostgres({
    dataDir: path.join(dataDir, "postgres"),
    log,
    ...(settings ? { settings } : {}),
  });
  const pool = createPool({
    databaseUrl: postgres.url,
    applicationName: "siaga-demo",
    max: 1,
    log,
  });
  try {
    const { rowCount } = await pool.query("select from pg_database where datname = 'siaga'");
    if (rowCount === 0) await pool.query("create database siaga");
  } finally {
    await pool.end();
  }
  progress(`PostgreSQL: ready on port ${postgres.port}`);
  return postgres;
}

async function temporalServer({
  dataDir,
  progress,
  ports,
  log,
}: StackOptions): Promise<EmbeddedTemporal | null> {
  const binary = await findTemporalBinary({ progress });
  if (binary === null) return null;
  return startTemporal({
    binary,
    dataDir: path.join(dataDir, "temporal"),
    port: await freePort(ports.temporal),
    uiPort: await freePort(ports.temporalUi),
    searchAttributes: Object.values(SEARCH_ATTRIBUTES),
    log,
  });
}

interface FillOptions {
  readonly databaseUrl: string;
  readonly secretKey: string;
  readonly vendors: SimulatedVendors;
  readonly apiUrl: string;
  readonly name: string;
  readonly log: Logger;
}

/** Seeds, points the seeded accounts at this start's vendors, and makes an API key. @throws RealAccountFound */
async function fill({
  databaseUrl,
  secretKey,
  vendors,
  apiUrl,
  log,
  name,
}: FillOptions): Promise<string> {
  const pool = createPool({ databaseUrl, applicationName: "siaga-demo", max: 2, log });
  try {
    await refuseRealAccounts(pool);
    const access: SimulatedVendorAccess = {
      baseUrls: vendors.baseUrls,
      credentials: makeSimulatedCredentials(randomBytes),
    };
    const bytes = new Uint8Array(Buffer.from(secretKey, "base64"));
    const { accounts } = await seed(pool, {
      simulated: access,
      secretKey: bytes,
      now: Date.now(),
    });
    const world = simulatedWorld(access, accounts, apiUrl);
    for (const account of world.accounts) vendors.sandbox.registerAccount(account);
    for (const group of world.groups) vendors.sandbox.setGroup(group);
    const { key } = await insertApiKey(
      pool,
      { name, sender: name, scopes: ["admin"], userId: null },
      Date.now(),
      randomBytes,
    );
    return key;
  } finally {
    await pool.end();
  }
}

/** Beside a real account a demo would tell real people of an invented outage. */
export class RealAccountFound extends Error {}

async function refuseRealAccounts(pool: ReturnType<typeof createPool>): Promise<void> {
  const ids = await findRealAccounts(pool);
  if (ids.length > 0) {
    throw new RealAccountFound(
      `this database has ${ids.length} provider account(s) that are not simulated (${ids.join(", ")}); the demo does not start beside them`,
    );
  }
}
