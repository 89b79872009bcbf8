import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createLogger, maskText } from "../../runtime/logger.ts";
import type { LogFields } from "../../runtime/logger.ts";
import { Secret } from "../../runtime/secret.ts";

function written(fields: LogFields, message = "said"): string {
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    process: "test",
    destination: { write: (line: string) => void lines.push(line) },
  });
  log.info(fields, message);
  return lines.join("");
}

describe("createLogger", () => {
  it("writes one JSON object a line with level, time, process and fields", () => {
    const line = JSON.parse(written({ notificationId: "ntf_1", attempt: 2 })) as Record<
      string,
      unknown
    >;
    expect(line).toMatchObject({
      level: "info",
      process: "test",
      notificationId: "ntf_1",
      attempt: 2,
      msg: "said",
    });
    expect(line["time"]).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  it.each([
    ["a secret by its type", { credentials: new Secret("s3cret-value") }, "s3cret-value"],
    ["a secret deep in an object", { a: { b: [new Secret("s3cret-value")] } }, "s3cret-value"],
    ["a field that names a phone", { phone: "anything" }, "anything"],
    ["a message text in a vendor's body", { answer: { body: "Pelanggan menunggu" } }, "Pelanggan"],
    ["an authorization header in any case", { headers: { Authorization: "Bearer abc" } }, "Bearer"],
    [
      "a phone number in an error",
      { error: new Error("no route to +6281234000001") },
      "6281234000001",
    ],
    [
      "a phone number in a cause",
      { error: new Error("x", { cause: new Error("to 081234000001") }) },
      "081234000001",
    ],
    ["a chat id", { detail: "sent to 6281234000001@s.whatsapp.net" }, "6281234000001"],
    ["a group id", { detail: "sent to 120363000000000001@g.us" }, "120363000000000001"],
    ["a password in an address", { detail: "postgresql://siaga:hunter2@localhost/x" }, "hunter2"],
    ["bytes", { raw: new TextEncoder().encode("+6281234000001") }, "6281234000001"],
  ])("hides %s", (_reason, fields, hidden) => {
    expect(written(fields)).not.toContain(hidden);
  });

  it("hides a phone number in the message itself", () => {
    expect(written({}, "called 0812-3400-0001")).not.toContain("0001");
  });

  it("survives a cyclic object", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    expect(written({ cyclic })).toContain("[deep]");
  });

  it("keeps below its level silent", () => {
    const lines: string[] = [];
    const log = createLogger({
      level: "warn",
      process: "test",
      destination: { write: (line: string) => void lines.push(line) },
    });
    log.info({}, "quiet");
    log.warn({}, "loud");
    expect(lines).toHaveLength(1);
  });
});

const LOGGER = fileURLToPath(new URL("../../runtime/logger.ts", import.meta.url));
/** Many times what is gathered before a write. */
const LINES = 500;

/** What a program wrote that logs so many lines, gathered, and then ends in this way. */
async function loggedBy(ending: string): Promise<readonly string[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "siaga-log-"));
  try {
    const file = path.join(folder, "program.mts");
    await writeFile(
      file,
      `import { createLogger } from ${JSON.stringify(LOGGER)};
       const log = createLogger({ level: "info", process: "test", gathers: true });
       for (let n = 0; n < ${LINES}; n += 1) log.info({ n }, "a line of some length, as they are");
       ${ending}`,
    );
    const text = await new Promise<string>((resolve) => {
      const cwd = path.dirname(path.dirname(LOGGER));
      execFile(process.execPath, ["--import", "tsx", file], { cwd }, (_error, stdout) =>
        resolve(stdout),
      );
    });
    return text.split("\n").filter((line) => line !== "");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe("a log that gathers its lines", () => {
  it.each([
    ["", "the end of its work"],
    ["process.exit(0);", "an exit"],
    ['throw new Error("on purpose");', "an error that nobody catches"],
    ['void Promise.reject(new Error("on purpose"));', "a promise that nobody looks after"],
    [
      'process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1e6); process.kill(process.pid, "SIGTERM");',
      "a signal that it answers by leaving",
    ],
  ])("loses none when the process ends: %j, %s", async (ending) => {
    const lines = await loggedBy(ending);
    // What is being written at that moment may come behind the rest.
    const numbers = lines.map((line) => (JSON.parse(line) as { n: number }).n);
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: LINES }, (_, n) => n));
  });

  it("has written what came before a moment ago, even if the process is killed then", async () => {
    const lines = await loggedBy('setTimeout(() => process.kill(process.pid, "SIGKILL"), 1_500);');
    expect(lines).toHaveLength(LINES);
  });
});

describe("maskText", () => {
  it.each([
    ["international with plus", "+6281234000001", "[phone]"],
    ["international without plus", "6281234000001", "[phone]"],
    ["national", "081234000001", "[phone]"],
    ["with separators", "+62 812-3400-0001", "[phone]"],
    ["an instant stays", "2026-11-22T14:00:00.000Z", "2026-11-22T14:00:00.000Z"],
    ["an instant with a space stays", "2026-11-22 14:00:00", "2026-11-22 14:00:00"],
    ["an id stays", "ntf_0123456789012", "ntf_0123456789012"],
    ["a ticket number stays", "TKT-20261122-0001", "TKT-20261122-0001"],
    ["an address stays", "192.168.100.200:7233", "192.168.100.200:7233"],
    [
      "a UUID stays",
      "12345678-1234-4234-8234-123456789012",
      "12345678-1234-4234-8234-123456789012",
    ],
    ["seven digits stay", "1234567", "1234567"],
  ])("%s", (_reason, text, expected) => {
    expect(maskText(text)).toBe(expected);
  });
});
