import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import { createInterface } from "node:readline";

/**
 * A child process that its starter can stop, kill, and ask what it said last.
 *
 * Each child is the head of its own process group, so that Ctrl-C on a terminal reaches the starter alone, which then
 * stops its children in order. If the starter itself is killed, a watchdog ends the child: a small shell that waits
 * for the end of its standard input, which only the starter holds open.
 */
export type Supervised = {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  isRunning(): boolean;
  /** The last lines of standard output and error together, oldest first. */
  lastLines(): readonly string[];
  /** Resolves with the first line, from now on or still kept, that the pattern matches; rejects when the process ends before or time is over. */
  line(pattern: RegExp, timeoutMs: number): Promise<string>;
  /** Asks it to end and waits; kills it when it takes longer. */
  stop(graceMs?: number): Promise<Exit>;
  /** kill -9: it gets no chance to do anything. */
  kill9(): Promise<Exit>;
};

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type ChildOptions = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the child. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** What asks it to end; SIGTERM if not given. */
  readonly stopSignal?: NodeJS.Signals;
  readonly onLine?: (line: string) => void;
};

const LINES_KEPT = 400;
const STOP_GRACE_MS = 20_000;

/** @throws when the command can't be started */
export async function startChild(options: ChildOptions): Promise<Supervised> {
  const { name, command, args, env, cwd, uid, gid, stopSignal = "SIGTERM" } = options;
  const child = spawn(command, [...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  const pid = await spawned(child, name);
  const watchdog = startWatchdog(pid, stopSignal);
  const output = collectLines(child, options.onLine);

  let isRunning = true;
  const exited = new Promise<Exit>((resolve) => {
    child.once("close", (code, signal) => {
      isRunning = false;
      watchdog.kill("SIGKILL");
      output.end();
      resolve({ code, signal });
    });
  });

  const signalAndWait = (signal: NodeJS.Signals): Promise<Exit> => {
    child.kill(signal);
    return exited;
  };

  return {
    name,
    pid,
    exited,
    isRunning: () => isRunning,
    lastLines: () => output.lines,
    line: output.waitFor,
    async stop(graceMs = STOP_GRACE_MS) {
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      try {
        return await signalAndWait(stopSignal);
      } finally {
        clearTimeout(timer);
      }
    },
    kill9: () => signalAndWait("SIGKILL"),
  };
}

export type ProgramOptions = Omit<ChildOptions, "command" | "args"> & {
  /** Path of a TypeScript entry file. */
  readonly file: string;
  readonly args?: readonly string[];
  readonly nodeOptions?: readonly string[];
};

/** One of our own programs, in one process: no wrapper stands between a signal and it. */
export function startProgram({
  file,
  args = [],
  nodeOptions = [],
  ...options
}: ProgramOptions): Promise<Supervised> {
  return startChild({
    ...options,
    command: process.execPath,
    args: [...nodeOptions, "--import", "tsx", file, ...args],
  });
}

function spawned(child: ChildProcess, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`${name} can't be started`, { cause: error })));
    child.once("spawn", () => {
      if (child.pid !== undefined) {
        resolve(child.pid);
      }
    });
  });
}

function startWatchdog(pid: number, signal: NodeJS.Signals): ChildProcess {
  const script =
    'read -r _; kill -s "$2" "$1" 2>/dev/null; sleep 10; kill -s KILL "$1" 2>/dev/null';
  const watchdog = spawn("/bin/sh", ["-c", script, "sh", String(pid), signal.replace("SIG", "")], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // Without a shell there is no watchdog; the child then outlives a killed starter, nothing worse.
  watchdog.once("error", () => undefined);
  watchdog.unref();
  watchdog.stdin.on("error", () => undefined);
  // Node's type hides that a pipe is a socket; without this it would keep the starter from ending.
  if (watchdog.stdin instanceof Socket) {
    watchdog.stdin.unref();
  }
  return watchdog;
}

type Waiting = { pattern: RegExp; found: (line: string) => void; ended: () => void };

function collectLines(child: ChildProcess, onLine: ((line: string) => void) | undefined) {
  const lines: string[] = [];
  const waiting = new Set<Waiting>();
  let isEnded = false;
  const take = (line: string): void => {
    lines.push(line);
    if (lines.length > LINES_KEPT) {
      lines.shift();
    }
    onLine?.(line);
    for (const one of waiting) {
      if (one.pattern.test(line)) {
        one.found(line);
      }
    }
  };
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) {
      createInterface({ input: stream }).on("line", take);
    }
  }
  return {
    lines,
    end(): void {
      isEnded = true;
      for (const one of waiting) {
        one.ended();
      }
    },
    waitFor: (pattern: RegExp, timeoutMs: number): Promise<string> => {
      const already = lines.find((line) => pattern.test(line));
      if (already !== undefined) {
        return Promise.resolve(already);
      }
      return new Promise((resolve, reject) => {
        const fail = (why: string): void => {
          forget();
          reject(
            new Error(`no line matching ${pattern.source}: ${why}\n${lines.slice(-20).join("\n")}`),
          );
        };
        const timer = setTimeout(() => fail(`none within ${timeoutMs} ms`), timeoutMs);
        const one: Waiting = {
          pattern,
          found: (line) => {
            forget();
            resolve(line);
          },
          ended: () => fail("the process ended"),
        };
        const forget = (): void => {
          clearTimeout(timer);
          waiting.delete(one);
        };
        waiting.add(one);
        if (isEnded) {
          one.ended();
        }
      });
    },
  };
}
