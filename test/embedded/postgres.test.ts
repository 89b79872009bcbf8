import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startPostgres } from "../../runtime/embedded/postgres.ts";
import type { EmbeddedPostgres } from "../../runtime/embedded/postgres.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";

let folder: string;
let dataDir: string;
let server: EmbeddedPostgres | undefined;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "siaga-postgres-"));
  await chmod(folder, 0o755);
  dataDir = path.join(folder, "data");
});

afterEach(async () => {
  await server?.stop();
  server = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function start(port?: number): Promise<EmbeddedPostgres> {
  server = await startPostgres({
    dataDir,
    log: SILENT_LOGGER,
    ...(port === undefined ? {} : { port }),
  });
  return server;
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

describe("startPostgres", () => {
  it("keeps what was committed through kill -9 and a restart on the same port", async () => {
    const first = await start();
    await query(first.url, "CREATE TABLE notes AS SELECT 'kept' AS note");
    await first.kill9();
    const second = await start(first.port);
    expect(second.url).toBe(first.url);
    expect(await query(second.url, "SELECT note FROM notes")).toEqual([{ note: "kept" }]);
  });

  it("starts again while sessions of the killed server are still ending", async () => {
    const first = await start();
    const busy = query(first.url, "SELECT pg_sleep(60)").catch(() => "gone");
    await expect
      .poll(() =>
        query(first.url, "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"),
      )
      .toHaveLength(1);
    await first.kill9();
    const second = await start(first.port);
    expect(await query(second.url, "SELECT 1 AS v")).toEqual([{ v: 1 }]);
    expect(await busy).toBe("gone");
  });

  it("starts over a lock file whose process id now belongs to another program", async () => {
    const first = await start();
    await first.stop();
    const stranger = spawn("sleep", ["600"]);
    await writeFile(path.join(dataDir, "postmaster.pid"), `${stranger.pid ?? 0}\n${dataDir}\n`);
    const second = await start();
    expect(await query(second.url, "SELECT 1 AS v")).toEqual([{ v: 1 }]);
    stranger.kill("SIGKILL");
  });

  it("refuses a folder that another running server uses, and leaves that one alone", async () => {
    const first = await start();
    await expect(startPostgres({ dataDir, log: SILENT_LOGGER })).rejects.toThrow(
      /in use by another/,
    );
    expect(await query(first.url, "SELECT 1 AS v")).toEqual([{ v: 1 }]);
  });

  it("begins anew after a first start that was interrupted", async () => {
    await mkdir(`${dataDir}.unfinished-1`);
    const first = await start();
    expect(await query(first.url, "SELECT 1 AS v")).toEqual([{ v: 1 }]);
  });

  it("reports what the server said when it can't start", async () => {
    const first = await start();
    await first.stop();
    await writeFile(path.join(dataDir, "PG_VERSION"), "9.6\n");
    await expect(startPostgres({ dataDir, log: SILENT_LOGGER })).rejects.toThrow(
      /did not start:[\s\S]*9\.6/,
    );
    server = undefined;
  });

  it("runs below a folder that is closed to other users", async () => {
    await chmod(folder, 0o700);
    const first = await start();
    expect(await query(first.url, "SELECT lower('ÄÖ') AS v")).toEqual([{ v: "äö" }]);
  });

  it("lets nobody in without the password, which only its owner can read", async () => {
    const first = await start();
    await expect(query(first.url.replace(/:[^:@]+@/, ":wrong@"), "SELECT 1")).rejects.toThrow(
      /password/,
    );
    const password = (await readFile(path.join(dataDir, "owner-password"), "utf8")).trim();
    expect(first.url).toContain(password);
  });
});
