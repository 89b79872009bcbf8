import { readFile } from "node:fs/promises";
import { z } from "zod";
import { createPool } from "../db/pool.ts";
import { createHttpClient } from "../providers/http.ts";
import { createProviders } from "../providers/registry.ts";
import { createCrashPoint } from "../runtime/crash-points.ts";
import { readEnv } from "../runtime/env.ts";
import { createLogger } from "../runtime/logger.ts";
import { createShutdown } from "../runtime/shutdown.ts";
import { createTemporalClient, isTemporalAway } from "../runtime/temporal.ts";
import { printSetupLinkIfNeeded } from "./print-setup-link.ts";
import { startApi } from "./start-api.ts";

/** Requests end in seconds; a start that is in flight at most in five. */
const SHUTDOWN_TIMEOUT_MS = 20_000;

const env = readEnv();
const log = createLogger({ level: env.logLevel, process: "api", gathers: true });
const shutdown = createShutdown({ log, timeoutMs: SHUTDOWN_TIMEOUT_MS });
shutdown.listen();

const packageText = await readFile(new URL("../package.json", import.meta.url), "utf8");
const { version } = z.object({ version: z.string() }).parse(JSON.parse(packageText));

const database = { databaseUrl: env.databaseUrl.reveal(), applicationName: "siaga-api", log };
// One of the others is taken by the pages' events for good.
const others = Math.max(2, Math.floor(env.dbPoolMax / 2));
const pool = createPool({ ...database, max: others });
shutdown.onStop("database", () => pool.end());
const keyedPool = createPool({
  ...database,
  max: Math.max(1, env.dbPoolMax - others),
  plansOnce: true,
});
shutdown.onStop("database by keys", () => keyedPool.end());
const temporal = createTemporalClient(env.temporal);
shutdown.onStop("Temporal client", () => temporal.connection.close());
// The API never calls a vendor; it needs to know what each of them can tell.
const http = createHttpClient();
shutdown.onStop("vendor connections", () => {
  http.close();
});

const api = await startApi(
  {
    port: env.port,
    version,
    temporalNamespace: env.temporal.namespace,
    temporalUiUrl: env.temporalUiUrl,
    portalUrl: env.portalUrl,
    timeZone: env.timeZone,
    startConcurrency: env.startConcurrency,
    locale: env.locale,
    publicUrl: env.publicUrl,
    secretKey: env.secretKey.reveal(),
    isSimulated: env.isSimulated,
    allowsLocalFiles: env.isSimulated,
    simulatedVendorsUrl: env.simulatedVendorsUrl,
  },
  {
    pool,
    keyedPool,
    temporal,
    isTemporalAway,
    providers: createProviders(http.call),
    crashPoint: createCrashPoint(env.crash),
    log,
  },
);
shutdown.onStop("http server", () => api.stop());
log.info({ port: api.port, version }, "API listens");
await printSetupLinkIfNeeded(pool, env.publicUrl, (text) =>
  process.stdout.write(`${text}\n`),
).catch((error: unknown) =>
  log.warn({ error }, "could not find out whether there is an administrator"),
);
