import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Connection } from "@temporalio/client";
import type { SearchAttributeType } from "@temporalio/common";
import { environmentWith } from "../env.ts";
import type { Logger } from "../logger.ts";
import { startChild } from "./child-process.ts";
import type { Supervised } from "./child-process.ts";
import { freePort } from "./free-port.ts";

/**
 * Temporal's dev server with its state in a file. The same folder can be started again after any end, kill -9
 * included. It listens on one address only and is not made for production.
 */
export type EmbeddedTemporal = {
  /** `host:port`. */
  readonly address: string;
  readonly namespace: string;
  readonly port: number;
  /** Null when started without the UI. */
  readonly uiUrl: string | null;
  readonly pid: number;
  stop(): Promise<void>;
  kill9(): Promise<void>;
};

export type EmbeddedTemporalOptions = {
  /** What `findTemporalBinary` found. */
  readonly binary: string;
  /** Made if missing; belongs to this server alone. */
  readonly dataDir: string;
  /** Any free one, if not given. */
  readonly port?: number;
  /** Any free one, if not given; null: no UI. */
  readonly uiPort?: number | null;
  /** The loopback address, if not given: the server asks nobody who they are. */
  readonly ip?: string;
  readonly namespace?: string;
  /** Made if missing; each is also a `SearchAttributeKey` of the SDK. */
  readonly searchAttributes: readonly SearchAttribute[];
  readonly log: Logger;
};

export type SearchAttribute = { readonly name: string; readonly type: SearchAttributeType };

/** How the dev server spells the types. */
const TYPE_NAMES: Readonly<Record<SearchAttributeType, string>> = {
  TEXT: "Text",
  KEYWORD: "Keyword",
  KEYWORD_LIST: "KeywordList",
  INT: "Int",
  DOUBLE: "Double",
  BOOL: "Bool",
  DATETIME: "Datetime",
};

/** The search attributes of a file that is new are made at its first start, on a loaded machine within half a minute. */
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 100;

const DYNAMIC_CONFIG: Readonly<Record<string, string>> = {
  // Ordering: priority holds within a partition, so every queue has one.
  "matching.numTaskqueueReadPartitions": "1",
  "matching.numTaskqueueWritePartitions": "1",
  "frontend.enableUpdateWorkflowExecution": "true",
  "frontend.enableUpdateWorkflowExecutionAsyncAccepted": "true",
  "frontend.enableServerVersionCheck": "false",
};

/** A killed process loses nothing with these, only a power cut might; without them SQLite waits for the disk on every step. */
const SQLITE_PRAGMAS: Readonly<Record<string, string>> = {
  journal_mode: "WAL",
  synchronous: "OFF",
};

export async function startTemporal(options: EmbeddedTemporalOptions): Promise<EmbeddedTemporal> {
  const { binary, log, ip = "127.0.0.1", namespace = "default", searchAttributes } = options;
  const dataDir = path.resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true });
  const port = options.port ?? (await freePort());
  const uiPort = options.uiPort === undefined ? await freePort() : options.uiPort;
  const address = `${ip}:${port}`;
  const server = await startChild({
    name: "Temporal",
    command: binary,
    args: [
      ...["server", "start-dev", "--ip", ip, "--port", String(port), "--namespace", namespace],
      ...["--db-filename", path.join(dataDir, "temporal.db")],
      ...(uiPort === null
        ? ["--headless"]
        : ["--ui-ip", ip, "--ui-port", String(uiPort), "--ui-disable-news-fetch"]),
      ...flags("--sqlite-pragma", SQLITE_PRAGMAS),
      ...flags("--dynamic-config-value", DYNAMIC_CONFIG),
      ...flags(
        "--search-attribute",
        Object.fromEntries(searchAttributes.map(({ name, type }) => [name, TYPE_NAMES[type]])),
      ),
      ...["--log-level", "warn", "--log-format", "json"],
    ],
    // Fewer collections: a tenth more throughput for some 200 MB.
    env: environmentWith({ GOGC: "400" }),
    onLine: (line) => log.debug({ line }, "Temporal"),
  });
  await waitUntilHealthy(server, address, namespace, searchAttributes);
  return {
    address,
    namespace,
    port,
    uiUrl: uiPort === null ? null : `http://${ip}:${uiPort}`,
    pid: server.pid,
    async stop() {
      await server.stop();
    },
    async kill9() {
      await server.kill9();
    },
  };
}

function flags(flag: string, values: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
}

async function waitUntilHealthy(
  server: Supervised,
  address: string,
  namespace: string,
  searchAttributes: readonly SearchAttribute[],
): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (server.isRunning() && Date.now() < deadline) {
    if (await isHealthy(address, namespace, searchAttributes)) {
      return;
    }
    await sleep(POLL_MS);
  }
  const said = server.lastLines().slice(-20).join("\n");
  if (server.isRunning()) {
    await server.kill9();
  }
  throw new Error(`Temporal did not start within ${START_TIMEOUT_MS / 1000} s:\n${said}`);
}

async function isHealthy(
  address: string,
  namespace: string,
  searchAttributes: readonly SearchAttribute[],
): Promise<boolean> {
  let connection: Connection | null = null;
  try {
    connection = await Connection.connect({ address, connectTimeout: 2_000 });
    const known = await connection.withDeadline(Date.now() + 2_000, () =>
      readAttributes(connection, namespace),
    );
    return searchAttributes.every(({ name }) => known.has(name));
  } catch {
    return false;
  } finally {
    await connection?.close();
  }
}

/** Asking for a namespace's search attributes also proves that the namespace is there. */
async function readAttributes(
  connection: Connection | null,
  namespace: string,
): Promise<ReadonlySet<string>> {
  const answer = await connection?.operatorService.listSearchAttributes({ namespace });
  return new Set(Object.keys(answer?.customAttributes ?? {}));
}
