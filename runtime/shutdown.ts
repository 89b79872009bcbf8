import type { Logger } from "./logger.ts";

/**
 * Ends a process in order: what was started last stops first, one after the other, and all of it within a time limit.
 * The first SIGINT or SIGTERM starts that, the second one leaves at once.
 */
export type Shutdown = {
  /** Registers what to stop; call it right after starting the thing. */
  onStop(name: string, stop: () => Promise<void> | void): void;
  /** Stops everything, once; every call gets the same promise. Resolves to whether all parts stopped in time and without error. */
  stop(reason: string): Promise<boolean>;
  /** Stops on SIGINT and SIGTERM, then exits: 0 when all stopped, 1 otherwise. */
  listen(): void;
};

export type ShutdownOptions = {
  readonly log: Logger;
  /** For the whole of it; below the container's stop_grace_period. */
  readonly timeoutMs: number;
  /** Ends the process; an argument for tests. */
  readonly exit?: (code: number) => void;
};

/** Exit code after a forced end by signal, as shells report it (128 + SIGINT). */
const FORCED_EXIT_CODE = 130;

export function createShutdown({
  log,
  timeoutMs,
  exit = (code) => process.exit(code),
}: ShutdownOptions): Shutdown {
  const parts: { name: string; stop: () => Promise<void> | void }[] = [];
  let stopping: Promise<boolean> | null = null;

  async function stopAll(reason: string): Promise<boolean> {
    log.info({ reason }, "stopping");
    const deadline = Date.now() + timeoutMs;
    let areAllStopped = true;
    for (const part of parts.toReversed()) {
      const result = await within(deadline - Date.now(), part.stop);
      if (result.kind !== "stopped") {
        areAllStopped = false;
        log.error({ part: part.name, ...result }, "part did not stop");
      }
    }
    log.info({ reason }, "stopped");
    return areAllStopped;
  }

  const shutdown: Shutdown = {
    onStop(name, stop) {
      parts.push({ name, stop });
    },
    stop(reason) {
      stopping ??= stopAll(reason);
      return stopping;
    },
    listen() {
      const onSignal = (signal: NodeJS.Signals): void => {
        if (stopping !== null) {
          log.warn({ signal }, "second signal: leaving at once");
          exit(FORCED_EXIT_CODE);
          return;
        }
        void shutdown.stop(signal).then((areAllStopped) => exit(areAllStopped ? 0 : 1));
      };
      process.on("SIGINT", onSignal);
      process.on("SIGTERM", onSignal);
    },
  };
  return shutdown;
}

type StopResult = { kind: "stopped" } | { kind: "failed"; error: unknown } | { kind: "timed_out" };

async function within(limitMs: number, stop: () => Promise<void> | void): Promise<StopResult> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<StopResult>((resolve) => {
    timer = setTimeout(() => resolve({ kind: "timed_out" }), Math.max(0, limitMs));
  });
  const stopped = (async (): Promise<StopResult> => {
    try {
      await stop();
      return { kind: "stopped" };
    } catch (error) {
      return { kind: "failed", error };
    }
  })();
  try {
    return await Promise.race([stopped, timedOut]);
  } finally {
    clearTimeout(timer);
  }
}
