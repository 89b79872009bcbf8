import { mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

import { createPool } from "../db/pool.ts";
import { ensureSweep } from "../client/schedules.ts";
import { createHttpClient } from "../providers/http.ts";
import { createProviders } from "../providers/registry.ts";
import { createCrashPoint } from "../runtime/crash-points.ts";
import { readEnv } from "../runtime/env.ts";
import { createLogger } from "../runtime/logger.ts";
import { createShutdown } from "../runtime/shutdown.ts";
import { createTemporalClient } from "../runtime/temporal.ts";
import { connectWorker, installWorkerRuntime } from "../runtime/temporal-worker.ts";
import { buildWorkflowBundle } from "./bundle.ts";
import { startWorker } from "./start-worker.ts";

/** What has begun may finish within this at a deploy; a vendor's answer takes at most fifteen seconds. */
const SHUTDOWN_GRACE_MS = 20_000;
const SHUTDOWN_TIMEOUT_MS = 28_000;

const env = readEnv();
const log = createLogger({ level: env.logLevel, process: "worker" });
const shutdown = createShutdown({ log, timeoutMs: SHUTDOWN_TIMEOUT_MS });
shutdown.listen();

installWorkerRuntime({ log });
const pool = createPool({
  databaseUrl: env.databaseUrl.reveal(),
  applicationName: "siaga-worker",
  max: env.dbPoolMax,
  plansOnce: true,
  log,
});
shutdown.onStop("database", () => pool.end());
const connection = await connectWorker(env.temporal);
shutdown.onStop("Temporal", () => connection.close());
const client = createTemporalClient(env.temporal);
shutdown.onStop("Temporal client", () => client.connection.close());

const http = createHttpClient();
shutdown.onStop("vendor connections", () => {
  http.close();
});

const folder = await mkdtemp(path.join(os.tmpdir(), "siaga-worker-"));
const worker = await startWorker(
  {
    databaseUrl: env.databaseUrl.reveal(),
    namespace: env.temporal.namespace,
    bundlePath: await buildWorkflowBundle(path.join(folder, "workflows.js")),
    secretKey: env.secretKey.reveal(),
    publicUrl: env.publicUrl,
    portalUrl: env.portalUrl,
    installationTimeZone: env.timeZone,
    wakePerSecond: env.wakePerSecond,
    sendOnlyTo: env.sendOnlyTo && new Set(env.sendOnlyTo),
    allowsLocalFiles: env.isSimulated,
    maxCachedWorkflows: env.maxCachedWorkflows,
    shutdownGraceMs: SHUTDOWN_GRACE_MS,
  },
  {
    pool,
    client,
    connection,
    providers: createProviders(http.call),
    crashPoint: createCrashPoint(env.crash),
    log,
  },
);
shutdown.onStop("worker", () => worker.stop());
await ensureSweep(client);
log.info({ queues: worker.queues() }, "worker runs");
worker.ended.catch((error: unknown) => {
  log.error({ error }, "a worker ended by itself");
  void shutdown.stop("worker failed").then(() => process.exit(1));
});
