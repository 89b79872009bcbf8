import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Client, Connection } from "@temporalio/client";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { startTemporal } from "../../runtime/embedded/temporal-server.ts";
import type {
  EmbeddedTemporal,
  EmbeddedTemporalOptions,
} from "../../runtime/embedded/temporal-server.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";
import { SEARCH_ATTRIBUTES } from "../../workflows/contract.ts";

let folder: string;
let server: EmbeddedTemporal | undefined;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "siaga-temporal-"));
});

afterEach(async () => {
  await server?.stop();
  server = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function start(changes: Partial<EmbeddedTemporalOptions> = {}): Promise<EmbeddedTemporal> {
  server = await startTemporal({
    binary: inject("temporalBinary"),
    dataDir: folder,
    searchAttributes: Object.values(SEARCH_ATTRIBUTES),
    log: SILENT_LOGGER,
    ...changes,
  });
  return server;
}

async function withClient<T>(address: string, work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await work(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

describe("startTemporal", () => {
  it("keeps its runs through kill -9 and a restart on the same port", async () => {
    const first = await start({ uiPort: null });
    await withClient(first.address, (client) =>
      client.workflow.start("nobody-runs-this", {
        workflowId: "kept",
        taskQueue: "nobody",
        args: [],
      }),
    );
    await first.kill9();
    const second = await start({ uiPort: null, port: first.port });
    expect(second.address).toBe(first.address);
    const status = await withClient(
      second.address,
      async (client) => (await client.workflow.getHandle("kept").describe()).status.name,
    );
    expect(status).toBe("RUNNING");
  });

  it("knows the search attributes as soon as it counts as started", async () => {
    const { address } = await start({ uiPort: null });
    await withClient(address, async (client) => {
      const handle = await client.workflow.start("nobody-runs-this", {
        workflowId: "attributed",
        taskQueue: "nobody",
        args: [],
        typedSearchAttributes: [
          { key: SEARCH_ATTRIBUTES.type, value: "system_alert" },
          { key: SEARCH_ATTRIBUTES.step, value: 1 },
        ],
      });
      expect((await handle.describe()).typedSearchAttributes.get(SEARCH_ATTRIBUTES.step)).toBe(1);
    });
  });

  it("serves its UI on the port it was given", async () => {
    const { uiUrl } = await start();
    const page = await fetch(uiUrl ?? "");
    expect(page.status).toBe(200);
    expect(await page.text()).toContain("<html");
  });

  it("gives every task queue one partition, so that priority orders the whole queue", async () => {
    const { address } = await start({ uiPort: null });
    const partitions = await withClient(address, (client) =>
      client.workflowService.listTaskQueuePartitions({
        namespace: "default",
        taskQueue: { name: "any" },
      }),
    );
    expect(partitions.activityTaskQueuePartitions).toHaveLength(1);
    expect(partitions.workflowTaskQueuePartitions).toHaveLength(1);
  });

  it("reports what the server said when it can't start", async () => {
    await expect(start({ binary: "/bin/false" })).rejects.toThrow(/did not start/);
  });
});
