import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keepSecretKey } from "../../runtime/embedded/secret-key.ts";
import { readEnv } from "../../runtime/env.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "siaga-key-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe("keepSecretKey", () => {
  it("makes a key that the environment accepts, and keeps it", async () => {
    const dataDir = path.join(folder, "new");
    const key = await keepSecretKey(dataDir);
    const env = readEnv({
      DATABASE_URL: "postgresql://u:p@h/d",
      SIAGA_SIMULATED: "true",
      SIAGA_SECRET_KEY: key,
    });
    expect(env.secretKey.reveal()).toHaveLength(32);
    expect(await keepSecretKey(dataDir)).toBe(key);
    expect((await stat(path.join(dataDir, "secret-key"))).mode & 0o077).toBe(0);
  });

  it("gives everybody the same key when several start at once", async () => {
    const keys = await Promise.all([1, 2, 3, 4].map(() => keepSecretKey(folder)));
    expect(new Set(keys).size).toBe(1);
    expect(await readdir(folder)).toEqual(["secret-key"]);
  });

  it("gives another folder another key", async () => {
    const keys = await Promise.all([
      keepSecretKey(path.join(folder, "a")),
      keepSecretKey(path.join(folder, "b")),
    ]);
    expect(new Set(keys).size).toBe(2);
  });
});
