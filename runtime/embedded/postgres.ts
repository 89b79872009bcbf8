import { randomBytes } from "node:crypto";
import { execFile } from "node:child_process";
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { kill } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import type { Logger } from "../logger.ts";
import { startChild } from "./child-process.ts";
import type { Supervised } from "./child-process.ts";
import { freePort } from "./free-port.ts";
import { findPostgresBinaries } from "./postgres-binaries.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";
import { findUnprivilegedIdentity, launchAs } from "./unprivileged.ts";
import type { Identity } from "./unprivileged.ts";

/**
 * A real PostgreSQL server of this project's own, for the demo, tests and measurements. It listens on the loopback
 * address only. The same folder can be started again after any end, kill -9 included: PostgreSQL recovers by itself,
 * this file only waits out what the dead server left behind.
 */
export type EmbeddedPostgres = {
  /** Of the database `siaga`, for its owner. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Address of another database of the same server. */
  urlOf(database: string): string;
  stop(): Promise<void>;
  /** kill -9 of the server; its backends end by themselves a moment later. */
  kill9(): Promise<void>;
};

export type EmbeddedPostgresOptions = {
  /** Made if missing; belongs to this server alone. */
  readonly dataDir: string;
  /** Any free one, if not given. */
  readonly port?: number;
  /** PostgreSQL settings, such as `fsync: "off"` for data that may be lost. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log: Logger;
};

/** Lets many tests and processes connect at once; a backend costs memory only while it is used. */
const SETTINGS: Readonly<Record<string, string>> = {
  max_connections: "300",
  shared_buffers: "128MB",
  log_min_messages: "warning",
};

/** Data that may be lost: no write waits for the disk. */
export const NOT_DURABLE: Readonly<Record<string, string>> = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
};

const USER = "siaga";
const DATABASE = "siaga";
const HOST = "127.0.0.1";
/** Recovery after a kill of a busy server takes seconds; a loaded machine several times that. */
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const DEAD_SERVER_PATIENCE_MS = 5_000;

export async function startPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { log } = options;
  const dataDir = path.resolve(options.dataDir);
  const binaries = await findPostgresBinaries();
  const identity = await findUnprivilegedIdentity();
  const password = await initialise(dataDir, binaries, identity, log);
  await clearStaleLock(dataDir);
  const port = options.port ?? (await freePort());
  const urlOf = (database: string): string =>
    `postgresql://${USER}:${password}@${HOST}:${port}/${database}`;

  const settings = {
    ...SETTINGS,
    ...options.settings,
    listen_addresses: HOST,
    port: String(port),
    unix_socket_directories: "",
  };
  const args = [
    "-D",
    dataDir,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  const launch = await launchAs(identity, binaries.postgres, args, [binaries.postgres, dataDir]);
  const server = await startAndWait(launch, urlOf("postgres"), log);
  try {
    await createDatabase(urlOf("postgres"), DATABASE);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    url: urlOf(DATABASE),
    port,
    pid: server.pid,
    urlOf,
    async stop() {
      await server.stop();
    },
    async kill9() {
      await server.kill9();
    },
  };
}

type Launch = Awaited<ReturnType<typeof launchAs>>;

/** Starts again while what stands in the way is a server that has just died. */
async function startAndWait(launch: Launch, url: string, log: Logger): Promise<Supervised> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const server = await startChild({
      name: "PostgreSQL",
      command: launch.command,
      args: launch.args,
      env: SERVER_ENVIRONMENT,
      // SIGINT is PostgreSQL's fast shutdown: it ends the sessions instead of waiting for them.
      stopSignal: "SIGINT",
      onLine: (line) => log.debug({ line }, "PostgreSQL"),
      ...(launch.identity ?? {}),
    });
    if (await answers(server, url, deadline)) {
      return server;
    }
    const said = server.lastLines().slice(-20).join("\n");
    const isLeftover = /pre-existing shared memory block|lock file .* already exists/.test(said);
    if (server.isRunning()) {
      await server.kill9();
    }
    if (!isLeftover || Date.now() > deadline) {
      throw new Error(`PostgreSQL did not start:\n${said}`);
    }
    await sleep(POLL_MS * 4);
  }
}

const SERVER_ENVIRONMENT = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };

async function answers(server: Supervised, url: string, deadline: number): Promise<boolean> {
  while (server.isRunning() && Date.now() < deadline) {
    try {
      await query(url, "SELECT 1");
      return true;
    } catch {
      await sleep(POLL_MS);
    }
  }
  return false;
}

async function query(url: string, text: string, values: readonly string[] = []): Promise<number> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return (await client.query(text, [...values])).rowCount ?? 0;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function createDatabase(adminUrl: string, name: string): Promise<void> {
  if ((await query(adminUrl, "SELECT 1 FROM pg_database WHERE datname = $1", [name])) === 0) {
    await query(adminUrl, `CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  }
}

/** Returns the owner's password. The folder appears complete or not at all, so an interrupted first start leaves nothing half-made. */
async function initialise(
  dataDir: string,
  binaries: PostgresBinaries,
  identity: Identity | null,
  log: Logger,
): Promise<string> {
  const passwordFile = path.join(dataDir, "owner-password");
  if (await exists(path.join(dataDir, "PG_VERSION"))) {
    return (await readFile(passwordFile, "utf8")).trim();
  }
  log.info({}, "preparing a new PostgreSQL data folder");
  const password = randomBytes(18).toString("base64url");
  const unfinished = `${dataDir}.unfinished-${process.pid}`;
  const newPasswordFile = `${unfinished}-password`;
  await mkdir(unfinished, { recursive: true, mode: 0o700 });
  try {
    await writeFile(newPasswordFile, `${password}\n`, { mode: 0o600 });
    if (identity !== null) {
      await chown(unfinished, identity.uid, identity.gid);
      await chown(newPasswordFile, identity.uid, identity.gid);
    }
    const launch = await launchAs(
      identity,
      binaries.initdb,
      [
        `--pgdata=${unfinished}`,
        `--username=${USER}`,
        `--pwfile=${newPasswordFile}`,
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        // Unicode rules that are the same on every machine, whatever locales it has.
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--no-sync",
        "--no-instructions",
      ],
      [binaries.initdb, unfinished],
    );
    await promisify(execFile)(launch.command, [...launch.args], {
      env: SERVER_ENVIRONMENT,
      ...(launch.identity ?? {}),
    });
    await rename(newPasswordFile, path.join(unfinished, "owner-password"));
    await rename(unfinished, dataDir);
  } catch (cause) {
    await rm(unfinished, { recursive: true, force: true });
    await rm(newPasswordFile, { force: true });
    throw new Error("PostgreSQL's data folder can't be prepared", { cause });
  }
  return password;
}

/**
 * Removes the lock file of a server that no longer runs. PostgreSQL does so itself, except where its process id now
 * belongs to another program of the same user, as happens after a restart of a container.
 */
async function clearStaleLock(dataDir: string): Promise<void> {
  const lockFile = path.join(dataDir, "postmaster.pid");
  const pid = await readPid(lockFile);
  if (pid === null) {
    return;
  }
  // A server whose starter has just died is being ended by its watchdog.
  const patience = Date.now() + DEAD_SERVER_PATIENCE_MS;
  while (await isServerOf(pid, dataDir)) {
    if (Date.now() > patience) {
      throw new Error(
        `The PostgreSQL data folder is in use by another running Siaga (server process ${pid}).`,
      );
    }
    await sleep(POLL_MS);
  }
  await rm(lockFile, { force: true });
}

async function readPid(lockFile: string): Promise<number | null> {
  try {
    const pid = Number((await readFile(lockFile, "utf8")).split("\n")[0]);
    return Number.isInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

async function isServerOf(pid: number, dataDir: string): Promise<boolean> {
  try {
    kill(pid, 0);
    const command = await readCommandLine(pid);
    return command.includes("postgres") && command.includes(dataDir);
  } catch {
    return false;
  }
}

async function readCommandLine(pid: number): Promise<string> {
  if (process.platform === "linux") {
    // Slim containers have no ps.
    return readFile(`/proc/${pid}/cmdline`, "utf8");
  }
  const { stdout } = await promisify(execFile)("ps", ["-ww", "-o", "args=", "-p", String(pid)]);
  return stdout;
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
