import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { readSetupLink } from "../../db/setup-links.ts";
import { useFreshDatabase } from "../support/database.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const database = useFreshDatabase();

const adminLink = (env: Record<string, string>) =>
  run(process.execPath, ["--import", "tsx", "db/admin-link.ts"], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"], DATABASE_URL: database().url, ...env },
  });

describe("npm run admin:link", () => {
  it.each([
    { env: { SIAGA_PUBLIC_URL: "https://siaga.test/" }, base: "https://siaga.test" },
    { env: { SIAGA_PORT: "4123" }, base: "http://localhost:4123" },
    { env: {}, base: "http://localhost:3000" },
  ])("prints a link of $base that is open", async ({ env, base }) => {
    const { stdout } = await adminLink(env);
    const link = stdout.trim().split("\n").at(-1) ?? "";
    expect(link.startsWith(`${base}/setup/`)).toBe(true);
    const token = link.split("/").at(-1) ?? "";
    expect(await readSetupLink(database().pool, token, Date.now())).toBe("open");
  });

  it("fails with the reason when the database can't be reached", async () => {
    const gone = adminLink({ DATABASE_URL: "postgresql://nobody@127.0.0.1:1/none" });
    await expect(gone).rejects.toMatchObject({ code: 1, stdout: "" });
  });
});
