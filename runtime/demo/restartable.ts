import path from "node:path";

import { SEARCH_ATTRIBUTES } from "../../workflows/contract.ts";
import { startPostgres } from "../embedded/postgres.ts";
import { findTemporalBinary } from "../embedded/temporal-binary.ts";
import { startTemporal } from "../embedded/temporal-server.ts";
import { SILENT_LOGGER } from "../logger.ts";
import type { Stack } from "./stack.ts";

/** The servers of one stack, to be killed and started again on what they left, at their old addresses. */
export interface RestartableServers {
  readonly killTemporal: () => Promise<void>;
  readonly restartTemporal: () => Promise<void>;
  readonly killPostgres: () => Promise<void>;
  readonly restartPostgres: () => Promise<void>;
}

/** `onStart` is given how to stop each server that stands in for the stack's own: after everything that uses it. */
export function restartable(
  stack: Pick<Stack, "postgres" | "temporal">,
  dataDir: string,
  onStart: (stop: () => Promise<void>) => void,
): RestartableServers {
  let { postgres, temporal } = stack;
  return {
    killTemporal: async () => {
      await temporal?.kill9();
    },
    restartTemporal: async () => {
      const binary = await findTemporalBinary({ progress: () => undefined });
      if (binary === null || !temporal) throw new Error("the stack has no Temporal of its own");
      const server = await startTemporal({
        binary,
        dataDir: path.join(dataDir, "temporal"),
        port: temporal.port,
        uiPort: null,
        searchAttributes: Object.values(SEARCH_ATTRIBUTES),
        log: SILENT_LOGGER,
      });
      temporal = server;
      onStart(() => server.stop());
    },
    killPostgres: async () => {
      await postgres?.kill9();
    },
    restartPostgres: async () => {
      if (!postgres) throw new Error("the stack has no PostgreSQL of its own");
      const server = await startPostgres({
        dataDir: path.join(dataDir, "postgres"),
        port: postgres.port,
        log: SILENT_LOGGER,
      });
      postgres = server;
      onStart(() => server.stop());
    },
  };
}
