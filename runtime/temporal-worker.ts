import { NativeConnection, Runtime } from "@temporalio/worker";
import type { LogLevel as TemporalLogLevel, LogMetadata } from "@temporalio/worker";
import type { TemporalEnv } from "./env.ts";
import type { LogFields, Logger } from "./logger.ts";

/**
 * The worker's side of Temporal, apart from runtime/temporal.ts because the native core is large and the API process
 * must not load it.
 */

export type WorkerRuntimeOptions = {
  readonly log: Logger;
  /** `host:port` for Prometheus; without it the core publishes no metrics. */
  readonly metricsAddress?: string;
};

/**
 * Installs the core once per process, before any connection. Signals stay ours (runtime/shutdown.ts decides the
 * order), and the SDK's own lines go through our log and its masks.
 */
export function installWorkerRuntime({ log, metricsAddress }: WorkerRuntimeOptions): void {
  Runtime.install({
    shutdownSignals: [],
    logger: toTemporalLogger(log),
    telemetryOptions: {
      logging: { filter: { core: "WARN", other: "WARN" }, forward: {} },
      ...(metricsAddress === undefined
        ? {}
        : { metrics: { prometheus: { bindAddress: metricsAddress } } }),
    },
  });
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
