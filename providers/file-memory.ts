import type { FileClient, FileRequest, FetchedFile } from "./file-client.ts";

/** How long an answer is good for: a notification tells its recipients within this, and a file that was missing may be there after it. */
const KEPT_MS = 60_000;
/** What a worker may hold of files; beyond it the oldest is asked for again. */
const BYTES_MAX = 32_000_000;
const ANSWERS_MAX = 500;

type Kept = { readonly answer: Promise<FetchedFile | null>; readonly at: number; bytes: number };

/**
 * The same file for many recipients is asked for once, also while the answer is on its way. That it can't be had is remembered too: a file server that says
 * nothing costs a notification one wait, not one for each recipient.
 */
export function rememberFiles(files: FileClient, now: () => number): FileClient {
  const kept = new Map<string, Kept>();

  const recall = (
    way: "check" | "fetch",
    request: FileRequest,
    ask: () => Promise<FetchedFile | null>,
  ): Promise<FetchedFile | null> => {
    const key = `${way} ${request.kind} ${request.bytesMax} ${request.url}`;
    const known = kept.get(key);
    if (known !== undefined && now() - known.at < KEPT_MS) return known.answer;
    kept.delete(key);
    const entry: Kept = { answer: ask(), at: now(), bytes: 0 };
    kept.set(key, entry);
    entry.answer.then(
      (file) => {
        entry.bytes = file?.bytes.length ?? 0;
        forgetOldest(kept);
      },
      () => {
        forgetOldest(kept);
      },
    );
    return entry.answer;
  };

  return {
    check: async (request) => {
      await recall("check", request, async () => {
        await files.check(request);
        return null;
      });
    },
    fetch: async (request) => {
      const file = await recall("fetch", request, () => files.fetch(request));
      if (file === null) throw new Error("Invariant broken: a fetched file has bytes");
      return file;
    },
  };
}

function forgetOldest(kept: Map<string, Kept>): void {
  let bytes = [...kept.values()].reduce((sum, one) => sum + one.bytes, 0);
  for (const [key, one] of kept) {
    if (bytes <= BYTES_MAX && kept.size <= ANSWERS_MAX) return;
    bytes -= one.bytes;
    kept.delete(key);
  }
}
