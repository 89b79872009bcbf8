import { describe, expect, it } from "vitest";
import { freePort } from "../../runtime/embedded/free-port.ts";
import { readEnv } from "../../runtime/env.ts";
import {
  createTemporalClient,
  isTemporalAway,
  withTemporalDeadline,
} from "../../runtime/temporal.ts";

describe("createTemporalClient", () => {
  it("starts without a server, and a call to it fails within its deadline as being away", async () => {
    const port = await freePort();
    const env = readEnv({
      DATABASE_URL: "postgresql://u:p@127.0.0.1/d",
      SIAGA_SECRET_KEY: Buffer.alloc(32, 1).toString("base64"),
      SIAGA_SIMULATED: "true",
      TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
    });
    const client = createTemporalClient(env.temporal);
    const error: unknown = await withTemporalDeadline(client, 500, () =>
      client.workflow.getHandle("notification/test/none").describe(),
    ).catch((reason: unknown) => reason);
    expect(isTemporalAway(error)).toBe(true);
    await client.connection.close();
  });

  it("does not take another failure for being away", () => {
    expect(isTemporalAway(new Error("x"))).toBe(false);
    expect(isTemporalAway(null)).toBe(false);
  });
});
