import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { Client, Connection, WorkflowNotFoundError } from "@temporalio/client";
import { NativeConnection } from "@temporalio/worker";
import type pg from "pg";
import { afterAll, beforeAll, inject } from "vitest";

import { startApi, type RunningApi } from "../../api/start-api.ts";
import { insertApiKey } from "../../db/api-keys.ts";
import { seed, type SeededAccount } from "../../db/seed/seed.ts";
import { makeSimulatedCredentials } from "../../db/seed/accounts.ts";
import { simulatedWorld } from "../../db/seed/simulated-world.ts";
import { createHttpClient } from "../../providers/http.ts";
import { createProviders } from "../../providers/registry.ts";
import { startSimulatedVendors, type SimulatedVendors } from "../../providers/simulated/server.ts";
import { SILENT_LOGGER, type Logger } from "../../runtime/logger.ts";
import { freePort } from "../../runtime/embedded/free-port.ts";
import { isTemporalAway } from "../../runtime/temporal.ts";
import { startWorker, type RunningWorker } from "../../worker/start-worker.ts";
import { freshDatabase, type FreshDatabase } from "./database.ts";
import { makeNamespace } from "./namespace.ts";
import { SECRET_KEY } from "./rows.ts";

/** The whole product around one test file: database, namespace, simulated vendors, API and worker, seeded. */
export interface World {
  readonly pool: pg.Pool;
  readonly database: FreshDatabase;
  readonly vendors: SimulatedVendors;
  readonly accounts: readonly SeededAccount[];
  readonly temporal: Client;
  readonly url: string;
  /** An administrator's key. */
  readonly key: string;
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<{ readonly status: number; readonly body: Record<string, unknown> }>;
  /** The notification once it is settled. */
  readonly settled: (id: string) => Promise<Record<string, unknown>>;
  readonly stopWorker: () => Promise<void>;
  readonly startWorker: () => Promise<void>;
  /** One more worker beside those that run, as another process would be. */
  readonly addWorker: () => Promise<RunningWorker>;
  /** Error lines of API and worker so far; one that no test expects fails the file. */
  readonly errors: readonly string[];
  /** Every line that API and worker logged, whatever its level, with its fields. */
  readonly logged: readonly string[];
  /** This test provokes error lines of this kind. */
  readonly expectErrors: (pattern: RegExp) => void;
  readonly stop: () => Promise<void>;
}

export interface WorldOptions {
  /** Multiplies all spans of vendors, network and people. */
  readonly timeScale?: number;
  /** Vendors' pacing; fast unless a test is about it. */
  readonly paced?: boolean;
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const log = collectErrors();
  const database = await freshDatabase();
  const address = inject("temporalAddress");
  const namespace = await makeNamespace(address);
  const vendors = await startSimulatedVendors({ timeScale: options.timeScale ?? 0.05 });
  const access = { baseUrls: vendors.baseUrls, credentials: makeSimulatedCredentials(randomBytes) };
  const { accounts } = await seed(database.pool, {
    simulated: access,
    secretKey: SECRET_KEY,
    now: Date.now(),
  });
  // People of a test that is about something else hear nothing of an account that a fault takes out.
  await database.pool.query("update provider_accounts set noticed_at = 'infinity'");
  if (!options.paced) {
    await database.pool.query(
      `update provider_accounts set pacing = '{"perSecond": 500, "minGapSeconds": 0, "pairGapSeconds": 0}'`,
    );
  }
  const { key } = await insertApiKey(
    database.pool,
    { name: "test", sender: "test", scopes: ["admin"], userId: null },
    Date.now(),
    randomBytes,
  );
  const temporal = new Client({ connection: await Connection.connect({ address }), namespace });
  const connection = await NativeConnection.connect({ address });
  const http = createHttpClient();
  const providers = createProviders(http.call);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const api: RunningApi = await startApi(
    {
      port,
      version: "test",
      temporalNamespace: namespace,
      temporalUiUrl: null,
      portalUrl: "https://portal.example",
      timeZone: "Asia/Jakarta",
      locale: "id",
      startConcurrency: 20,
      rateLimit: { perSecond: 10_000, burst: 10_000 },
      publicUrl: url,
      secretKey: SECRET_KEY,
      allowsLocalFiles: true,
    },
    { pool: database.pool, temporal, isTemporalAway, providers, log: log.logger },
  );
  const world = simulatedWorld(access, accounts, url);
  for (const account of world.accounts) vendors.sandbox.registerAccount(account);
  for (const group of world.groups) vendors.sandbox.setGroup(group);

  let worker: RunningWorker | null = null;
  const more: { readonly worker: RunningWorker; readonly connection: NativeConnection }[] = [];
  const workerOn = (on: NativeConnection): Promise<RunningWorker> =>
    startWorker(
      {
        databaseUrl: database.url,
        namespace,
        bundlePath: inject("workflowBundlePath"),
        secretKey: SECRET_KEY,
        publicUrl: url,
        portalUrl: "https://portal.example",
        installationTimeZone: "Asia/Jakarta",
        wakePerSecond: 20,
        sendOnlyTo: null,
        allowsLocalFiles: true,
        maxCachedWorkflows: 200,
        shutdownGraceMs: 5_000,
        stickyQueueTimeoutMs: 500,
      },
      { pool: database.pool, client: temporal, connection: on, providers, log: log.logger },
    );
  const start = async (): Promise<void> => {
    worker = await workerOn(connection);
  };
  const stopWorker = async (): Promise<void> => {
    await Promise.all([worker?.stop(), ...more.map((one) => one.worker.stop())]);
    worker = null;
    for (const one of more.splice(0)) await one.connection.close();
  };
  await start();
  return {
    pool: database.pool,
    database,
    vendors,
    accounts,
    temporal,
    url,
    key,
    call: (method, path, body, headers) => callApi(url, key, method, path, body, headers),
    settled: (id) => untilSettled(temporal, database.pool, url, key, id),
    startWorker: start,
    addWorker: async () => {
      // On one connection a second worker of the same queue is refused.
      const own = await NativeConnection.connect({ address });
      const added = await workerOn(own);
      more.push({ worker: added, connection: own });
      return added;
    },
    stopWorker,
    errors: log.errors,
    logged: log.lines,
    expectErrors: log.expect,
    stop: async () => {
      await stopWorker();
      await api.stop();
      await vendors.close();
      http.close();
      await temporal.connection.close();
      await connection.close();
      await database.drop();
      log.failIfUnexpected();
    },
  };
}

function collectErrors() {
  const errors: string[] = [];
  const lines: string[] = [];
  const expected: RegExp[] = [];
  const inWords = (fields: object, message: string): string =>
    `${message} ${inspect(fields, { depth: 6, maxStringLength: 2_000 })}`;
  const keep = (fields: object, message: string): void => {
    lines.push(inWords(fields, message));
  };
  const logger: Logger = {
    ...SILENT_LOGGER,
    debug: keep,
    info: keep,
    warn: keep,
    error: (fields, message) => {
      keep(fields, message);
      errors.push(inWords(fields, message));
    },
  };
  return {
    logger,
    lines,
    errors,
    expect: (pattern: RegExp) => {
      expected.push(pattern);
    },
    failIfUnexpected: () => {
      const unexpected = errors.filter((line) => !expected.some((pattern) => pattern.test(line)));
      if (unexpected.length > 0) {
        throw new Error(`${unexpected.length} unexpected error lines, the first: ${unexpected[0]}`);
      }
    },
  };
}

async function callApi(
  url: string,
  key: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: asRecord(text) };
}

/** Far beyond every window that a test uses: a run that lasts longer is stuck. */
const SETTLED_TIMEOUT_MS = 90_000;

/** Waits for the run itself: the row says what came of it once the run has ended. */
async function untilSettled(
  temporal: Client,
  pool: pg.Pool,
  url: string,
  key: string,
  id: string,
): Promise<Record<string, unknown>> {
  const { rows } = await pool.query<{ workflow_id: string }>(
    "select workflow_id from notifications where id = $1",
    [id],
  );
  const workflowId = rows[0]?.workflow_id;
  if (!workflowId) throw new Error(`no notification ${id}`);
  const endAt = Date.now() + SETTLED_TIMEOUT_MS;
  for (;;) {
    try {
      await temporal.withDeadline(endAt, () => temporal.workflow.getHandle(workflowId).result());
      break;
    } catch (error) {
      if (Date.now() >= endAt) throw new Error(`${workflowId} does not settle`, { cause: error });
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50)); // not started yet
    }
  }
  return (await callApi(url, key, "GET", `/v1/notifications/${id}`)).body;
}

/** Every answer of the API is a JSON object. */
function asRecord(text: string): Record<string, unknown> {
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

/** One world for the file or `describe` that calls this. */
export function useWorld(options: WorldOptions = {}): () => World {
  let world: World | undefined;
  beforeAll(async () => {
    world = await startWorld(options);
  });
  afterAll(async () => {
    await world?.stop();
  });
  return () => {
    if (!world) throw new Error("the world exists inside tests and hooks only");
    return world;
  };
}
