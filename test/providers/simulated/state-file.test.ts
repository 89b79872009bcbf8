import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, it, onTestFinished } from "vitest";

import { startSimulatedVendors } from "../../../providers/simulated/server.ts";
import {
  BUDI,
  FONNTE_DEVICE,
  at,
  pushTo,
  registerFonnte,
  registerTwilio,
  registerWebPush,
  request,
  sendByFonnte,
  sendByTwilio,
  startVendors,
  twilioRequest,
} from "./support.ts";

function stateFile(): string {
  return join(mkdtempSync(join(tmpdir(), "simulated-vendors-")), "state.jsonl");
}

it("keeps log, accounts, groups, phones and messages over a restart", async () => {
  const path = stateFile();
  const first = await startSimulatedVendors({ timeScale: 0.01, stateFile: path });
  registerFonnte(first);
  registerTwilio(first);
  first.sandbox.phones.configure(BUDI, { reads: true });
  first.sandbox.setQuota(FONNTE_DEVICE, 50);
  const sent = await sendByTwilio(first, { Body: "Alarm" });
  await first.sandbox.idle();
  const before = first.sandbox.log.entries();
  const shown = first.sandbox.phones.handset(BUDI).messages;
  await first.close();

  const second = await startVendors({ stateFile: path });
  expect(second.sandbox.log.entries()).toEqual(before);
  expect(second.sandbox.phones.handset(BUDI).messages).toEqual(shown);
  expect(second.sandbox.phones.handset(BUDI).settings.reads).toBe(true);
  expect(second.sandbox.world.groups.size).toBe(1);
  const fetched = await twilioRequest(second, `/Messages/${String(sent.json["sid"])}.json`, null);
  expect(fetched.json).toMatchObject({ status: "delivered", body: "Alarm" });
  await sendByFonnte(second, { target: BUDI.slice(1), message: "lagi" });
  const entries = second.sandbox.log.entries();
  expect(entries.map(({ kind, seq }) => [seq, kind])).toEqual([
    [1, "message"],
    [2, "other"],
    [3, "message"],
  ]);
  expect(entries[2]?.providerMessageId).not.toBe(sent.json["sid"]);
});

it("keeps browsers with their keys, and that one has gone, over a restart", async () => {
  const path = stateFile();
  const first = await startSimulatedVendors({ timeScale: 0.01, stateFile: path });
  const { address, vapid } = registerWebPush(first);
  const gone = first.sandbox.subscribe(address.accountId, BUDI);
  first.sandbox.unsubscribe(gone.id);
  await first.close();

  const second = await startVendors({ stateFile: path });
  expect((await pushTo(second, address, vapid, { title: "x", body: "lagi" })).status).toBe(201);
  expect((await pushTo(second, gone, vapid, { title: "x", body: "lagi" })).status).toBe(410);
  await second.sandbox.idle();
  expect(second.sandbox.phones.handset(BUDI).messages.map(({ text }) => text)).toEqual(["lagi"]);
});

it("reads what is whole of a file whose last line was cut", async () => {
  const path = stateFile();
  const first = await startSimulatedVendors({ timeScale: 0.01, stateFile: path });
  registerTwilio(first);
  await sendByTwilio(first);
  await first.sandbox.idle();
  await first.close();
  writeFileSync(path, readFileSync(path, "utf8").slice(0, -20));
  const second = await startVendors({ stateFile: path });
  expect(second.sandbox.log.size).toBe(1);
  expect(second.sandbox.world.accounts.size).toBe(1);
});

it("forgets after a reset", async () => {
  const path = stateFile();
  const first = await startSimulatedVendors({ timeScale: 0.01, stateFile: path });
  registerTwilio(first);
  await sendByTwilio(first);
  first.sandbox.reset();
  await first.close();
  const second = await startVendors({ stateFile: path });
  expect([second.sandbox.log.size, second.sandbox.world.accounts.size]).toEqual([0, 1]);
});

it("runs as a program of its own, and ends cleanly when told to", async () => {
  const program = spawn(
    process.execPath,
    [
      "--import",
      "tsx",
      "providers/simulated/main.ts",
      "--port",
      "0",
      "--timeScale",
      "0.01",
      "--state-file",
      stateFile(),
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  onTestFinished(() => {
    program.kill("SIGKILL");
  });
  const url = await new Promise<string>((resolve, reject) => {
    program.stdout.on("data", (chunk: Buffer) => {
      const found = /http:\/\/\S+/.exec(chunk.toString());
      if (found !== null) resolve(found[0]);
    });
    program.once("exit", (code) => reject(new Error(`it ended with ${code ?? "a signal"}`)));
  });
  const index = await request(url);
  expect(at(index.json, "vendors", "fonnte")).toMatch(/\/fonnte$/);
  const ended = new Promise((resolve) => program.once("exit", resolve));
  program.kill("SIGTERM");
  expect(await ended).toBe(0);
});

it("refuses arguments that make no sense", async () => {
  const program = spawn(process.execPath, [
    "--import",
    "tsx",
    "providers/simulated/main.ts",
    "--timeScale",
    "0",
  ]);
  const code = await new Promise((resolve) => program.once("exit", resolve));
  expect(code).toBe(2);
});
