import { randomBytes } from "node:crypto";
import net from "node:net";
import { Client, Connection } from "@temporalio/client";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { startApi } from "../../api/start-api.ts";
import type { RunningApi } from "../../api/start-api.ts";
import { createSiagaClient } from "../../client/index.ts";
import type { SiagaClient } from "../../client/index.ts";
import { insertApiKey } from "../../db/api-keys.ts";
import { createPool } from "../../db/pool.ts";
import { createProviders } from "../../providers/registry.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";
import { isTemporalAway } from "../../runtime/temporal.ts";
import { useFreshDatabase } from "../support/database.ts";
import { useTestNamespace } from "../support/namespace.ts";
import { SECRET_KEY } from "../support/rows.ts";
import { seedWords } from "./harness.ts";

/**
 * The whole process on a real Temporal server, which a relay between them takes away and gives back. Nothing runs the
 * workflows here: what matters is what Temporal was told.
 */
const database = useFreshDatabase();
const namespace = useTestNamespace();
let relay: Relay;
let temporal: Client;
let apiKey = "";
let keyedPool: pg.Pool;
const running: RunningApi[] = [];

beforeAll(async () => {
  relay = await openRelay(inject("temporalAddress"));
  temporal = new Client({
    connection: Connection.lazy({ address: `127.0.0.1:${relay.port}` }),
    namespace: namespace().name,
  });
  keyedPool = createPool({
    databaseUrl: database().url,
    applicationName: "siaga-test",
    max: 2,
    plansOnce: true,
    log: SILENT_LOGGER,
  });
  await seedWords(database().pool);
  const key = await insertApiKey(
    database().pool,
    { name: "A key", sender: "test", scopes: ["admin"], userId: null },
    Date.now(),
    randomBytes,
  );
  apiKey = key.key;
});
afterEach(async () => {
  await relay.giveBack();
  for (const api of running.splice(0)) await api.stop();
});
afterAll(async () => {
  await keyedPool.end();
  await temporal.connection.close();
  await relay.close();
});

async function start(): Promise<SiagaClient> {
  const api = await startApi(
    {
      port: 0,
      version: "0.0.0-test",
      temporalNamespace: namespace().name,
      temporalUiUrl: null,
      portalUrl: null,
      timeZone: "Asia/Jakarta",
      locale: "id",
      startConcurrency: 5,
      publicUrl: "http://siaga.test",
      secretKey: SECRET_KEY,
    },
    {
      pool: database().pool,
      keyedPool,
      temporal,
      isTemporalAway,
      providers: createProviders(() => Promise.reject(new Error("the API calls no vendor"))),
      log: SILENT_LOGGER,
    },
  );
  running.push(api);
  return createSiagaClient({ baseUrl: `http://127.0.0.1:${api.port}`, apiKey });
}

/** Whether Temporal knows the run; asked past the relay. */
async function isStarted(workflowId: string): Promise<boolean> {
  return namespace()
    .client.workflow.getHandle(workflowId)
    .describe()
    .then(
      () => true,
      () => false,
    );
}

const untilStarted = (workflowId: string, timeout = 20_000) =>
  expect.poll(() => isStarted(workflowId), { timeout }).toBe(true);

describe("the API process", () => {
  it("starts the run of what it accepts", async () => {
    const client = await start();
    const { id, workflowId } = await client.createNotification({ type: "outage" });
    await untilStarted(workflowId);
    await expect.poll(() => markedAsStarted(database().pool, id)).toBe(true);
  });

  it("accepts at once while Temporal is away, and starts by itself when it is back", async () => {
    const client = await start();
    await relay.takeAway();
    const beganAt = Date.now();
    const accepted = await Promise.all(
      Array.from({ length: 5 }, () => client.createNotification({ type: "outage" })),
    );
    expect(Date.now() - beganAt).toBeLessThan(2_000);
    expect(await isStarted(accepted[0]?.workflowId ?? "")).toBe(false);
    await relay.giveBack();
    for (const { workflowId } of accepted) await untilStarted(workflowId);
  });

  it("tells the run of an act that was decided while Temporal was there", async () => {
    const client = await start();
    const { id, workflowId } = await client.createNotification({ type: "outage" });
    await untilStarted(workflowId);
    const answer = await client.act(id, "acknowledge", { note: "mine" });
    expect(answer.applied).toBe(true);
    await expect
      .poll(async () => {
        const history = await namespace().client.workflow.getHandle(workflowId).fetchHistory();
        return history.events?.some((event) => event.workflowExecutionSignaledEventAttributes);
      })
      .toBe(true);
    const history = JSON.stringify(
      await namespace().client.workflow.getHandle(workflowId).fetchHistory(),
    );
    expect(history).not.toContain("mine");
  });

  it("decides a stop-act while Temporal is away, and stores a steering act as pending", async () => {
    const client = await start();
    const { id } = await client.createNotification({ type: "outage" });
    await relay.takeAway();
    const beganAt = Date.now();
    expect(await client.act(id, "escalate", {})).toMatchObject({ applied: null, pending: true });
    expect(Date.now() - beganAt).toBeLessThan(3_500);
    expect(await client.act(id, "cancel", {})).toMatchObject({ applied: true });
  });

  it("invariant 3: takes over what a process that died had accepted and not started", async () => {
    await relay.takeAway();
    const first = await start();
    const { workflowId } = await first.createNotification({ type: "outage" });
    // It ends without having started anything: all that is left of it is the row.
    for (const api of running.splice(0)) await api.stop();
    await relay.giveBack();
    expect(await isStarted(workflowId)).toBe(false);
    await start();
    await untilStarted(workflowId);
  });

  it("takes over also when Temporal comes back only after its start", async () => {
    await relay.takeAway();
    const first = await start();
    const { workflowId } = await first.createNotification({ type: "outage" });
    for (const api of running.splice(0)) await api.stop();
    await start();
    await relay.giveBack();
    await untilStarted(workflowId, 30_000);
  });

  it("answers what it is answering when it stops, and then nothing more", async () => {
    const client = await start();
    const inFlight = Array.from({ length: 20 }, () =>
      client.createNotification({ type: "outage" }),
    );
    // The first answer shows that the requests have arrived.
    await Promise.any(inFlight);
    const [api] = running.splice(0);
    await api?.stop();
    const results = await Promise.allSettled(inFlight);
    const { rows } = await database().pool.query<{ count: number }>(
      "select count(*) from notifications where id = any($1)",
      [results.flatMap((result) => (result.status === "fulfilled" ? [result.value.id] : []))],
    );
    expect(rows[0]?.count).toBe(results.filter(({ status }) => status === "fulfilled").length);
    await expect(client.createNotification({ type: "outage" })).rejects.toThrow();
  });
});

async function markedAsStarted(pool: pg.Pool, id: string): Promise<boolean> {
  const { rows } = await pool.query<{ marked: boolean }>(
    "select started_at is not null and run_id is not null as marked from notifications where id = $1",
    [id],
  );
  return rows[0]?.marked ?? false;
}

/** Passes connections on to an address, and refuses and breaks them while taken away. */
type Relay = {
  readonly port: number;
  takeAway(): Promise<void>;
  giveBack(): Promise<void>;
  close(): Promise<void>;
};

async function openRelay(address: string): Promise<Relay> {
  const [host = "", port = ""] = address.split(":");
  const sockets = new Set<net.Socket>();
  let isAway = false;
  const server = net.createServer((inbound) => {
    if (isAway) {
      inbound.destroy();
      return;
    }
    const outbound = net.connect(Number(port), host);
    for (const socket of [inbound, outbound]) {
      sockets.add(socket);
      socket.on("close", () => {
        sockets.delete(socket);
        inbound.destroy();
        outbound.destroy();
      });
      socket.on("error", () => undefined);
    }
    inbound.pipe(outbound).pipe(inbound);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const listening = server.address();
  return {
    port: typeof listening === "object" && listening !== null ? listening.port : 0,
    takeAway: async () => {
      isAway = true;
      for (const socket of sockets) socket.destroy();
    },
    giveBack: async () => {
      isAway = false;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
