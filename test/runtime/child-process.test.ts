import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startChild, startProgram } from "../../runtime/embedded/child-process.ts";
import { environmentWith } from "../../runtime/env.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "siaga-child-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function program(source: string): Promise<string> {
  const file = path.join(folder, "program.ts");
  await writeFile(path.join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(file, source);
  return file;
}

const LISTENING = `
  process.on("SIGTERM", () => { console.log("asked to end"); process.exit(3); });
  setInterval(() => undefined, 1000);
  console.log("ready" satisfies string);
`;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("startProgram", () => {
  it("runs a TypeScript file in one process that gets the signal itself", async () => {
    const file = await program(LISTENING);
    const child = await startProgram({
      name: "listening",
      file,
      env: environmentWith({}),
      cwd: process.cwd(),
    });
    await child.line(/^ready$/, 15_000);
    expect(await child.stop()).toEqual({ code: 3, signal: null });
    expect(child.lastLines()).toEqual(["ready", "asked to end"]);
    expect(child.isRunning()).toBe(false);
  });

  it("gives a killed program no chance to do anything", async () => {
    const file = await program(LISTENING);
    const child = await startProgram({
      name: "listening",
      file,
      env: environmentWith({}),
      cwd: process.cwd(),
    });
    await child.line(/^ready$/, 15_000);
    expect(await child.kill9()).toEqual({ code: null, signal: "SIGKILL" });
    expect(child.lastLines()).toEqual(["ready"]);
  });

  it("kills one that does not end when asked", async () => {
    const file = await program(`
      process.on("SIGTERM", () => undefined);
      setInterval(() => undefined, 1000);
      console.log("ready");
    `);
    const child = await startProgram({
      name: "deaf",
      file,
      env: environmentWith({}),
      cwd: process.cwd(),
    });
    await child.line(/^ready$/, 15_000);
    expect((await child.stop(100)).signal).toBe("SIGKILL");
  });
});

describe("startChild", () => {
  const sh = (script: string) =>
    startChild({
      name: "shell",
      command: "/bin/sh",
      args: ["-c", script],
      env: environmentWith({}),
    });

  it("keeps the last lines only", async () => {
    const child = await sh("i=0; while [ $i -lt 1000 ]; do echo $i; i=$((i+1)); done");
    await child.exited;
    expect(child.lastLines().at(-1)).toBe("999");
    expect(child.lastLines().length).toBeLessThan(1000);
  });

  it("stops waiting for a line when the process ends", async () => {
    const child = await sh("echo something else");
    await expect(child.line(/ready/, 10_000)).rejects.toThrow(/the process ended\nsomething else/);
  });

  it("stops waiting for a line when the time is over", async () => {
    const child = await sh("exec sleep 60");
    await expect(child.line(/ready/, 20)).rejects.toThrow(/none within 20 ms/);
    await child.kill9();
  });

  it("names a command that is not there", async () => {
    const missing = startChild({
      name: "nothing",
      command: "/no/such",
      args: [],
      env: environmentWith({}),
    });
    await expect(missing).rejects.toThrow("nothing can't be started");
  });

  it("does not outlive a starter that is killed", async () => {
    const module = new URL("../../runtime/embedded/child-process.ts", import.meta.url).href;
    const file = await program(`
      import { startChild } from ${JSON.stringify(module)};
      const child = await startChild({ name: "x", command: "/bin/sleep", args: ["600"], env: {} });
      console.log("child " + child.pid);
    `);
    const starter = await startProgram({
      name: "starter",
      file,
      env: environmentWith({}),
      cwd: process.cwd(),
    });
    const line = await starter.line(/^child \d+$/, 15_000);
    const pid = Number(line.split(" ")[1]);
    expect(isAlive(pid)).toBe(true);
    await starter.kill9();
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  });
});
