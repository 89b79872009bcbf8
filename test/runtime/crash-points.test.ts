import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { CrashSetting } from "../../runtime/crash-points.ts";
import { startProgram } from "../../runtime/embedded/child-process.ts";
import { environmentWith } from "../../runtime/env.ts";

const MODULE = fileURLToPath(new URL("../../runtime/crash-points.ts", import.meta.url));
const POINT = "after_record";
const SURVIVED = { code: 0, signal: null };
const KILLED = { code: null, signal: "SIGKILL" };

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "siaga-crash-points-"));
  file = path.join(folder, "crash");
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** How a process ends that comes to these points one after the other, and how many of them it has behind it then. */
async function pass(setting: CrashSetting | null, ...points: readonly string[]) {
  const source = path.join(folder, `program-${randomUUID()}.mts`);
  await writeFile(
    source,
    `import { createCrashPoint } from ${JSON.stringify(MODULE)};
     const crashPoint = createCrashPoint(${JSON.stringify(setting)});
     for (const point of ${JSON.stringify(points)} as never[]) {
       crashPoint(point);
       console.log("went past");
     }`,
  );
  const program = await startProgram({ name: "program", file: source, env: environmentWith({}) });
  const exit = await program.exited;
  const said = program.lastLines();
  return { exit, passed: said.filter((line) => line === "went past").length, said };
}

async function leftBehind(): Promise<readonly string[]> {
  const names = await readdir(folder);
  return names.filter((name) => !name.startsWith("program-"));
}

describe("createCrashPoint", () => {
  it.each([
    ["nothing is set", null],
    ["another point is set", { point: "after_act_before_signal" }],
  ] as const)("lets a process go on where %s", async (_reason, setting) => {
    const end = await pass(setting && { ...setting, file }, POINT, "after_intent_before_send");
    expect(end).toMatchObject({ exit: SURVIVED, passed: 2 });
    expect(await leftBehind()).toEqual([]);
  });

  it("kills the process at its point, which can do nothing any more, and leaves the point's name", async () => {
    const end = await pass({ point: POINT, file }, "after_intent_before_send", POINT, POINT);
    expect(end).toMatchObject({ exit: KILLED, passed: 1 });
    expect(await readFile(file, "utf8")).toBe(`${POINT}\n`);
  });

  it("lets the next process with the same setting go on", async () => {
    await pass({ point: POINT, file }, POINT);
    expect(await pass({ point: POINT, file }, POINT)).toMatchObject({ exit: SURVIVED, passed: 1 });
    expect(await readFile(file, "utf8")).toBe(`${POINT}\n`);
  });

  it("kills one of several that come to the point together", async () => {
    const ends = await Promise.all(
      Array.from({ length: 4 }, () => pass({ point: POINT, file }, POINT)),
    );
    expect(ends.filter(({ exit }) => exit.signal === "SIGKILL")).toHaveLength(1);
    expect(ends.filter(({ exit }) => exit.code === 0)).toHaveLength(3);
  });

  it("kills nobody where it can't be noted, and says why", async () => {
    const nowhere = path.join(folder, "not-there", "crash");
    const { exit, passed, said } = await pass({ point: POINT, file: nowhere }, POINT);
    expect({ exit, passed }).toEqual({ exit: { code: 1, signal: null }, passed: 0 });
    expect(said.join("\n")).toContain("ENOENT");
  });
});
