import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import path from "node:path";
import { arch, platform } from "node:process";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import type { Download, Progress } from "./temporal-download.ts";

/** The address that Temporal's SDKs ask for the dev server (sdk-core, `ephemeral_server`). */
const SDK_DOWNLOAD_URL = "https://temporal.download/cli/default";
/** An address that is blocked often does not even refuse; whoever waits has another source left. */
const CONNECT_TIMEOUT_MS = 4_000;
const STALL_TIMEOUT_MS = 20_000;
const PROGRESS_STEP_BYTES = 10_000_000;

export type SdkDownloadOptions = { readonly url?: string; readonly connectTimeoutMs?: number };

export function sdkDownload(options: SdkDownloadOptions = {}): Download {
  const { url = SDK_DOWNLOAD_URL, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  return async (folder, progress) => {
    const query = new URLSearchParams({
      arch: arch === "x64" ? "amd64" : arch,
      platform,
      "sdk-name": "sdk-typescript",
    });
    const answer = await fetch(`${url}?${query.toString()}`, {
      signal: AbortSignal.timeout(connectTimeoutMs),
    });
    if (!answer.ok) {
      throw new Error(`it answered ${answer.status}`);
    }
    const { archiveUrl, fileToExtract } = parseDownloadInfo(await answer.json());
    progress("downloading the Temporal dev server from temporal.download");
    const archive = path.join(folder, "temporal.tar.gz");
    await fetchFile(archiveUrl, archive, progress);
    await promisify(execFile)("tar", ["-xzf", archive, "-C", folder]);
    return path.join(folder, path.normalize(fileToExtract));
  };
}

function parseDownloadInfo(body: unknown): { archiveUrl: string; fileToExtract: string } {
  if (
    typeof body === "object" &&
    body !== null &&
    "archiveUrl" in body &&
    typeof body.archiveUrl === "string" &&
    "fileToExtract" in body &&
    typeof body.fileToExtract === "string" &&
    !body.fileToExtract.includes("..")
  ) {
    return { archiveUrl: body.archiveUrl, fileToExtract: body.fileToExtract };
  }
  throw new Error("its answer is not the expected one");
}

async function fetchFile(url: string, file: string, progress: Progress): Promise<void> {
  const stalled = new AbortController();
  const restartTimer = (timer?: NodeJS.Timeout): NodeJS.Timeout => {
    clearTimeout(timer);
    return setTimeout(() => stalled.abort(new Error("the download stalled")), STALL_TIMEOUT_MS);
  };
  let timer = restartTimer();
  try {
    const answer = await fetch(url, { signal: stalled.signal });
    if (!answer.ok || answer.body === null) {
      throw new Error(`the archive answered ${answer.status}`);
    }
    const total = Number(answer.headers.get("content-length") ?? 0);
    let got = 0;
    let announced = 0;
    const counter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        timer = restartTimer(timer);
        got += chunk.length;
        if (got - announced >= PROGRESS_STEP_BYTES) {
          announced = got;
          progress(`  ${megabytes(got)}${total > 0 ? ` of ${megabytes(total)}` : ""} MB`);
        }
        done(null, chunk);
      },
    });
    await pipeline(Readable.fromWeb(answer.body), counter, createWriteStream(file));
  } finally {
    clearTimeout(timer);
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(0);
}
