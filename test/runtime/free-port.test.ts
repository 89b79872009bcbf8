import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { freePort } from "../../runtime/embedded/free-port.ts";

async function whileListening(
  port: number,
  host: string,
  work: () => Promise<void>,
): Promise<void> {
  const server = createServer();
  await new Promise((resolve) => server.listen(port, host, () => resolve(null)));
  await work();
  await new Promise((resolve) => server.close(resolve));
}

describe("freePort", () => {
  it("gives the preferred port when nobody listens on it", async () => {
    const port = await freePort();
    expect(await freePort(port)).toBe(port);
  });

  it.each([
    ["the loopback address", "127.0.0.1"],
    ["all addresses", "0.0.0.0"],
  ])("gives another one when somebody listens on %s", async (_reason, host) => {
    const port = await freePort();
    await whileListening(port, host, async () => {
      const other = await freePort(port);
      expect(other).not.toBe(port);
      expect(other).toBeGreaterThan(0);
    });
  });
});
