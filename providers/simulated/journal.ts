/**
 * Keeps the sandbox's memory in a file of JSON lines, so that a restarted simulator still knows what its vendors saw:
 * both logs, accounts, groups, how phones are set up, messages and what phones show. Faults, calls and what was under way
 * do not survive. The file is rewritten at the start and whenever it has grown to several times what it must hold.
 */
import { createWriteStream, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { WriteStream } from "node:fs";

export type JournalLine = { readonly kind: string; readonly value: unknown };

/** Lines between two rewritings; a full log of requests and webhooks is about 300,000 lines. */
const LINES_MAX = 1_000_000;
/** Lines of one moment are written at once: a write for each would cost the machine as much as the vendor itself. A kill loses no more than this. */
const GATHER_MS = 10;

export class Journal<L extends JournalLine> {
  readonly #path: string;
  readonly #snapshot: () => Iterable<L>;
  #stream: WriteStream;
  #lines = 0;
  #gathered = "";
  #timer: NodeJS.Timeout | null = null;

  /** `snapshot` gives all that must be kept, in the order in which it can be read back. */
  constructor(path: string, snapshot: () => Iterable<L>) {
    this.#path = path;
    this.#snapshot = snapshot;
    this.#rewrite();
    this.#stream = createWriteStream(path, { flags: "a" });
  }

  write(line: L): void {
    this.#gathered += `${JSON.stringify(line)}\n`;
    this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
    this.#lines += 1;
    if (this.#lines < LINES_MAX) return;
    this.#lines = 0;
    this.#flush();
    this.#stream.end();
    this.#rewrite();
    this.#stream = createWriteStream(this.#path, { flags: "a" });
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#gathered !== "") this.#stream.write(this.#gathered);
    this.#gathered = "";
  }

  close(): Promise<void> {
    this.#flush();
    return new Promise((resolve) => {
      this.#stream.end(resolve);
    });
  }

  /** Beside the old file first, so that a crash leaves one or the other. */
  #rewrite(): void {
    const beside = `${this.#path}.new`;
    const lines = [...this.#snapshot()].map((line) => `${JSON.stringify(line)}\n`);
    writeFileSync(beside, lines.join(""));
    renameSync(beside, this.#path);
  }
}

/** The lines of an earlier journal; a last line that a crash cut is left out. */
export function readJournal(path: string): readonly JournalLine[] {
  if (!existsSync(path)) return [];
  const lines: JournalLine[] = [];
  for (const text of readFileSync(path, "utf8").split("\n")) {
    const line = parseLine(text);
    if (line !== undefined) lines.push(line);
  }
  return lines;
}

function parseLine(text: string): JournalLine | undefined {
  if (text === "") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isLine(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isLine(value: unknown): value is JournalLine {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    typeof value.kind === "string" &&
    "value" in value
  );
}
