import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startSimulatedVendors } from "../../providers/simulated/server.ts";
import type { SimulatedVendors } from "../../providers/simulated/server.ts";
import { freshDatabase } from "../support/database.ts";
import type { FreshDatabase } from "../support/database.ts";
import { assertDefined } from "../support/assert-defined.ts";
import { buildApi, useApi } from "./harness.ts";
import type { Api } from "./harness.ts";

describe("with simulated vendors", () => {
  let vendors: SimulatedVendors | undefined;
  let database: FreshDatabase | undefined;
  let built: Api | undefined;
  beforeAll(async () => {
    vendors = await startSimulatedVendors({ timeScale: 0.01 });
    database = await freshDatabase();
    built = await buildApi(database.pool, { sandboxUrl: vendors.url });
  });
  afterAll(async () => {
    await built?.starter.stop();
    await database?.drop();
    await vendors?.close();
  });
  const api = (): Api => assertDefined(built);

  it("anybody may look at what there is", async () => {
    const answer = await api().request("GET", "/sandbox", { key: null });
    expect(answer.status).toBe(200);
    expect(answer.body).toHaveProperty("routes");
    const log = await api().request("GET", "/sandbox/log?limit=5", { key: null });
    expect(log.status).toBe(200);
  });

  it("a key of any scope may use a phone; nobody without one", async () => {
    const path = "/sandbox/phones/+6281234000031/state";
    const body = { isOnline: false };
    expect((await api().request("POST", path, { key: null, body })).status).toBe(401);
    expect((await api().request("POST", path, { key: "sg_live_nonsense", body })).status).toBe(401);
    const key = await api().systemKey("notifications:read");
    const changed = await api().request("POST", path, { key, body });
    expect(changed.status, changed.text).toBe(200);
    expect(assertDefined(vendors).sandbox.phones.handset("+6281234000031").settings.isOnline).toBe(
      false,
    );
  });

  it("what the control interface refuses comes through as it is", async () => {
    const answer = await api().request("POST", "/sandbox/phones/not-a-phone/reply", {
      body: { text: "halo" },
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.headers.get("content-type")).toContain("problem+json");
  });

  it.each(["/sandbox/../fonnte/send", "/sandbox/%2e%2e/fonnte/send", "/sandbox/..%2ffonnte/send"])(
    "%s reaches no vendor",
    async (path) => {
      const before = assertDefined(vendors).sandbox.log.lastSeq;
      const answer = await api().request("POST", path, { body: {} });
      expect(answer.status).toBe(404);
      expect(assertDefined(vendors).sandbox.log.lastSeq).toBe(before);
    },
  );

  it("is described with the rest of the contract", async () => {
    const { body } = await api().request("GET", "/v1/openapi.json", { key: null });
    expect(Object.keys(body["paths"] as object)).toContain("/sandbox");
  });

  it("says 503 while the simulated vendors are away", async () => {
    const away = await buildApi(assertDefined(database).pool, { sandboxUrl: "http://127.0.0.1:1" });
    const answer = await away.request("GET", "/sandbox", { key: null });
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ code: "sandbox_unavailable" });
    await away.starter.stop();
  });
});

describe("with real vendors", () => {
  const api = useApi();

  it("there is no sandbox, and no word of one", async () => {
    expect((await api().request("GET", "/sandbox", { key: null })).status).toBe(404);
    expect((await api().request("POST", "/sandbox/phones/1/answer", { body: {} })).status).toBe(
      404,
    );
    const { text } = await api().request("GET", "/v1/openapi.json", { key: null });
    expect(text).not.toContain("/sandbox");
  });
});
