import { NativeConnection, Runtime } from "@temporalio/worker";
import type {
  Logger as TemporalLogger,
  LogLevel as TemporalLogLevel,
  LogMetadata,
} from "@temporalio/worker";
import type { LogLevel, TemporalEnv } from "./env.ts";
import type { LogFields, Logger } from "./logger.ts";

/**
 * The worker's side of Temporal, apart from runtime/temporal.ts because the native core is large and the API process
 * must not load it.
 */

export type WorkerRuntimeOptions = {
  readonly log: Logger;
  /** From which level on `log` writes. */
  readonly level: LogLevel;
  /** `host:port` for Prometheus; without it the core publishes no metrics. */
  readonly metricsAddress?: string;
};

/**
 * Installs the core once per process, before any connection. Signals stay ours (runtime/shutdown.ts decides the
 * order), and the SDK's own lines go through our log and its masks.
 */
export function installWorkerRuntime({ log, level, metricsAddress }: WorkerRuntimeOptions): void {
  const { logger } = Runtime.install({
    shutdownSignals: [],
    logger: toTemporalLogger(log),
    telemetryOptions: {
      logging: { filter: { core: "WARN", other: "WARN" }, forward: {} },
      ...(metricsAddress === undefined
        ? {}
        : { metrics: { prometheus: { bindAddress: metricsAddress } } }),
    },
  });
  if (level !== "debug") dropRoutineLines(logger);
}

/**
 * Below `warn` the SDK tells each task several times over, and all of it is `debug` in our log. Its collector knows no levels: it would keep every such line for a
 * tenth of a second, with all that the line names, before our log could drop it.
 */
function dropRoutineLines(logger: TemporalLogger): void {
  const drop = (): void => undefined;
  Object.assign(logger, { trace: drop, debug: drop, info: drop });
}

/** One per process; every worker of the process shares it. */
export function connectWorker(temporal: TemporalEnv): Promise<NativeConnection> {
  return NativeConnection.connect(temporal.connection.reveal());
}

function toTemporalLogger(log: Logger) {
  const fieldsOf = (meta: LogMetadata | undefined): LogFields => {
    const fields: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(meta ?? {})) {
      fields[name] = value;
    }
    return fields;
  };
  const write = {
    trace: (message: string, meta?: LogMetadata) => log.debug(fieldsOf(meta), message),
    debug: (message: string, meta?: LogMetadata) => log.debug(fieldsOf(meta), message),
    // The SDK tells each change of each worker's state; there is one worker per account.
    info: (message: string, meta?: LogMetadata) => log.debug(fieldsOf(meta), message),
    warn: (message: string, meta?: LogMetadata) => {
      const isRoutine = message.startsWith("No workflows registered");
      log[isRoutine ? "debug" : "warn"](fieldsOf(meta), message);
    },
    error: (message: string, meta?: LogMetadata) => log.error(fieldsOf(meta), message),
  };
  const METHODS = {
    TRACE: write.trace,
    DEBUG: write.debug,
    INFO: write.info,
    WARN: write.warn,
    ERROR: write.error,
  } satisfies Record<TemporalLogLevel, (message: string, meta?: LogMetadata) => void>;
  return {
    ...write,
    log: (level: TemporalLogLevel, message: string, meta?: LogMetadata) =>
      METHODS[level](message, meta),
  };
}
