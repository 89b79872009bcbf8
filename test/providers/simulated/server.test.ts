import net from "node:net";

import { expect, it } from "vitest";

import { startSimulatedVendors } from "../../../providers/simulated/server.ts";
import {
  BUDI,
  FONNTE_TOKEN,
  registerFonnte,
  registerTwilio,
  request,
  sendByFonnte,
  sendByTwilio,
  startVendors,
} from "./support.ts";
import type { SimulatedVendors } from "../../../providers/simulated/server.ts";

/** Sends these bytes and goes away without waiting for an answer. */
async function sendAndVanish(vendors: SimulatedVendors, text: string): Promise<void> {
  const socket = net.connect(vendors.port, "127.0.0.1");
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  await new Promise<void>((resolve) => socket.write(text, () => resolve()));
  await new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
    socket.resetAndDestroy();
  });
}

function rawSend(length: number): string {
  const body = `target=${BUDI.slice(1)}&message=Alarm`;
  return [
    "POST /fonnte/send HTTP/1.1",
    "host: sandbox",
    `authorization: ${FONNTE_TOKEN}`,
    "content-type: application/x-www-form-urlencoded",
    `content-length: ${body.length + length}`,
    "",
    body,
  ].join("\r\n");
}

it("a client that dies in the middle of a request was not seen", async () => {
  const vendors = await startVendors();
  registerFonnte(vendors);
  await sendAndVanish(vendors, rawSend(10));
  expect((await sendByFonnte(vendors, { target: BUDI.slice(1), message: "x" })).status).toBe(200);
  expect(vendors.sandbox.log.entries().map(({ text }) => text)).toEqual(["x"]);
});

it("a client that dies after its request has sent a message all the same", async () => {
  const vendors = await startVendors();
  registerFonnte(vendors);
  vendors.sandbox.faults.add({ kind: "delay", delayMs: 50, count: 1 });
  await sendAndVanish(vendors, rawSend(0));
  expect((await vendors.sandbox.log.waitFor(() => true)).accepted).toBe(true);
  await vendors.sandbox.idle();
  expect(vendors.sandbox.phones.handset(BUDI).messages).toHaveLength(1);
  vendors.sandbox.faults.add({ kind: "drop_after", count: 1 });
  await sendAndVanish(vendors, rawSend(0));
  await vendors.sandbox.log.waitForCount(2, ({ accepted }) => accepted);
  expect((await sendByFonnte(vendors, { target: BUDI.slice(1), message: "x" })).status).toBe(200);
});

it.each([
  ["an address that is none", "GET //[ HTTP/1.1\r\nhost: sandbox\r\n\r\n", "400"],
  [
    "a body beyond all limits",
    `POST /fonnte/send HTTP/1.1\r\nhost: sandbox\r\ncontent-length: 7000000\r\n\r\n${"x".repeat(7_000_000)}`,
    "413",
  ],
])("refuses %s and goes on", async (_what, text, status) => {
  const vendors = await startVendors();
  const answer = await new Promise<string>((resolve) => {
    const socket = net.connect(vendors.port, "127.0.0.1", () => socket.write(text));
    let received = "";
    socket.on("data", (chunk) => (received += chunk.toString()));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(received));
  });
  // A client that is still writing may lose the answer with its connection.
  expect(answer === "" || answer.startsWith(`HTTP/1.1 ${status}`)).toBe(true);
  expect((await request(`${vendors.url}/sandbox`)).status).toBe(200);
});

it("says what goes on without personal data", async () => {
  const lines: string[] = [];
  const vendors = await startVendors({
    log: (event, fields) => lines.push(`${event} ${JSON.stringify(fields)}`),
  });
  registerTwilio(vendors);
  await sendByTwilio(vendors, { Body: "Rahasia" });
  expect(lines).toHaveLength(2);
  expect(lines[1]).toBe(
    'request {"seq":1,"vendor":"twilio","kind":"message","accepted":"yes","httpStatus":201}',
  );
  expect(lines.join()).not.toContain(BUDI.slice(1));
});

it("says at once when its port is taken", async () => {
  const vendors = await startVendors();
  await expect(startSimulatedVendors({ port: vendors.port })).rejects.toThrow("EADDRINUSE");
});

it.each([0, -1, Number.NaN])("refuses a time scale of %d", async (timeScale) => {
  await expect(startSimulatedVendors({ timeScale })).rejects.toThrow(RangeError);
});

it("closes in the middle of calls, webhooks and answers", async () => {
  const vendors = await startSimulatedVendors();
  registerTwilio(vendors);
  vendors.sandbox.faults.add({ kind: "delay", delayMs: 60_000 });
  const answer = sendByTwilio(vendors);
  await vendors.sandbox.log.waitFor(() => true);
  await vendors.close();
  await expect(answer).rejects.toThrow("fetch failed");
});
