import { DefaultLogger, Runtime } from "@temporalio/worker";

// The core is one per process; a test process starts many workers, and their lines would bury the tests' own.
Runtime.install({
  logger: new DefaultLogger("ERROR"),
  telemetryOptions: { logging: { filter: { core: "ERROR", other: "ERROR" }, forward: {} } },
});
