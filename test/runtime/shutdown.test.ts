import { describe, expect, it } from "vitest";
import { SILENT_LOGGER } from "../../runtime/logger.ts";
import { createShutdown } from "../../runtime/shutdown.ts";

describe("createShutdown", () => {
  it("stops what started last first, one after the other", async () => {
    const order: string[] = [];
    const shutdown = createShutdown({ log: SILENT_LOGGER, timeoutMs: 1000 });
    shutdown.onStop("pool", () => void order.push("pool"));
    shutdown.onStop("worker", async () => {
      await Promise.resolve();
      order.push("worker");
    });
    shutdown.onStop("server", () => void order.push("server"));
    expect(await shutdown.stop("test")).toBe(true);
    expect(order).toEqual(["server", "worker", "pool"]);
  });

  it("goes on after a part that fails, and says so", async () => {
    const order: string[] = [];
    const shutdown = createShutdown({ log: SILENT_LOGGER, timeoutMs: 1000 });
    shutdown.onStop("pool", () => void order.push("pool"));
    shutdown.onStop("server", () => {
      throw new Error("port is gone");
    });
    expect(await shutdown.stop("test")).toBe(false);
    expect(order).toEqual(["pool"]);
  });

  it("does not wait past its limit for a part that never stops", async () => {
    const shutdown = createShutdown({ log: SILENT_LOGGER, timeoutMs: 20 });
    shutdown.onStop("stuck", () => new Promise(() => undefined));
    expect(await shutdown.stop("test")).toBe(false);
  });

  it("stops once however often it is asked", async () => {
    let stops = 0;
    const shutdown = createShutdown({ log: SILENT_LOGGER, timeoutMs: 1000 });
    shutdown.onStop("pool", () => void (stops += 1));
    await Promise.all([shutdown.stop("a"), shutdown.stop("b")]);
    expect(stops).toBe(1);
  });
});
