import { readFile } from "node:fs/promises";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { ENV_VARIABLES, InvalidEnvironment, readDatabaseEnv, readEnv } from "../../runtime/env.ts";
import type { EnvSource } from "../../runtime/env.ts";

const KEY = Buffer.alloc(32, 7).toString("base64");
const GOOD: EnvSource = {
  DATABASE_URL: "postgresql://siaga:hunter2@127.0.0.1:5432/siaga",
  SIAGA_SECRET_KEY: KEY,
  SIAGA_SIMULATED: "true",
};

function problemsOf(source: EnvSource): Record<string, string> {
  try {
    readEnv(source);
  } catch (error) {
    if (error instanceof InvalidEnvironment) {
      return Object.fromEntries(error.problems.map(({ name, rule }) => [name, rule]));
    }
    throw error;
  }
  return {};
}

describe("readEnv", () => {
  it("fills in the documented defaults", () => {
    const env = readEnv(GOOD);
    expect(env).toMatchObject({
      port: 3000,
      publicUrl: "http://localhost:3000",
      timeZone: "Asia/Jakarta",
      locale: "id",
      portalUrl: null,
      temporalUiUrl: null,
      isSimulated: true,
      sendOnlyTo: null,
      wakePerSecond: 10,
      startConcurrency: 20,
      maxCachedWorkflows: 1000,
      dbPoolMax: 10,
      logLevel: "info",
    });
    expect(env.temporal.address).toBe("localhost:7233");
    expect(env.temporal.namespace).toBe("default");
    expect(env.secretKey.reveal()).toHaveLength(32);
    expect(Object.isFrozen(env)).toBe(true);
  });

  it("reports every problem at once, by name", () => {
    expect(
      Object.keys(
        problemsOf({
          DATABASE_URL: "mysql://x",
          SIAGA_PORT: "0",
          SIAGA_TIME_ZONE: "Asia/Nowhere",
          SIAGA_LOCALE: "jp",
          SIAGA_SIMULATED: "yes",
          TEMPORAL_ADDRESS: "no-port",
          SIAGA_SEND_ONLY_TO: "0812",
        }),
      ).toSorted(),
    ).toEqual([
      "DATABASE_URL",
      "SIAGA_LOCALE",
      "SIAGA_PORT",
      "SIAGA_PUBLIC_URL",
      "SIAGA_SECRET_KEY",
      "SIAGA_SEND_ONLY_TO",
      "SIAGA_SIMULATED",
      "SIAGA_TIME_ZONE",
      "TEMPORAL_ADDRESS",
    ]);
  });

  it.each([
    ["a required variable is missing", { ...GOOD, DATABASE_URL: undefined }, "DATABASE_URL"],
    ["a blank variable counts as missing", { ...GOOD, DATABASE_URL: " " }, "DATABASE_URL"],
    [
      "real vendors need a public address",
      { ...GOOD, SIAGA_SIMULATED: "false" },
      "SIAGA_PUBLIC_URL",
    ],
    ["a public address is http", { ...GOOD, SIAGA_PUBLIC_URL: "ftp://x" }, "SIAGA_PUBLIC_URL"],
    [
      "31 bytes are no key",
      { ...GOOD, SIAGA_SECRET_KEY: Buffer.alloc(31).toString("base64") },
      "SIAGA_SECRET_KEY",
    ],
    [
      "33 bytes are no key",
      { ...GOOD, SIAGA_SECRET_KEY: Buffer.alloc(33).toString("base64") },
      "SIAGA_SECRET_KEY",
    ],
    ["an abbreviation is no time zone", { ...GOOD, SIAGA_TIME_ZONE: "WIB" }, "SIAGA_TIME_ZONE"],
    ["an offset is no time zone", { ...GOOD, SIAGA_TIME_ZONE: "+07:00" }, "SIAGA_TIME_ZONE"],
    ["ports end at 65535", { ...GOOD, SIAGA_PORT: "65536" }, "SIAGA_PORT"],
    [
      "a decimal is no whole number",
      { ...GOOD, SIAGA_WAKE_PER_SECOND: "1.5" },
      "SIAGA_WAKE_PER_SECOND",
    ],
    [
      "a crash point beside real vendors",
      {
        ...GOOD,
        SIAGA_SIMULATED: "false",
        SIAGA_CRASH_POINT: "after_record",
        SIAGA_CRASH_FILE: "/tmp/crash",
      },
      "SIAGA_CRASH_POINT",
    ],
    [
      "a crash point that does not exist",
      { ...GOOD, SIAGA_CRASH_POINT: "somewhere", SIAGA_CRASH_FILE: "/tmp/crash" },
      "SIAGA_CRASH_POINT",
    ],
    [
      "a crash point without the file that remembers it",
      { ...GOOD, SIAGA_CRASH_POINT: "after_record" },
      "SIAGA_CRASH_FILE",
    ],
    [
      "a certificate without its key",
      { ...GOOD, TEMPORAL_TLS_CLIENT_CERT_PATH: "/x" },
      "TEMPORAL_TLS_CLIENT_CERT_PATH",
    ],
    [
      "a configuration file that is not there",
      { ...GOOD, TEMPORAL_CONFIG_FILE: "/does/not/exist.toml", TEMPORAL_PROFILE: "p" },
      "TEMPORAL_CONFIG_FILE",
    ],
  ])("refuses: %s", (_reason, source, name) => {
    expect(problemsOf(source)).toHaveProperty([name]);
  });

  it.each([
    ["port just inside the lower bound", { SIAGA_PORT: "1" }, { port: 1 }],
    ["port just inside the upper bound", { SIAGA_PORT: "65535" }, { port: 65_535 }],
    ["UTC is a zone", { SIAGA_TIME_ZONE: "UTC" }, { timeZone: "UTC" }],
    [
      "a trailing slash is dropped",
      { SIAGA_PUBLIC_URL: "https://siaga.example/" },
      { publicUrl: "https://siaga.example" },
    ],
    [
      "numbers and groups limit real sends",
      { SIAGA_SEND_ONLY_TO: "+6281234000001, 120363000000000001@g.us" },
      { sendOnlyTo: ["+6281234000001", "120363000000000001@g.us"] },
    ],
    [
      "the default public address follows the port",
      { SIAGA_PORT: "3100" },
      { publicUrl: "http://localhost:3100" },
    ],
  ])("accepts: %s", (_reason, change, expected) => {
    expect(readEnv({ ...GOOD, ...change })).toMatchObject(expected);
  });

  it("reads Temporal's standard variables", () => {
    const env = readEnv({
      ...GOOD,
      TEMPORAL_ADDRESS: "siaga.abc.tmprl.cloud:7233",
      TEMPORAL_NAMESPACE: "siaga.abc",
      TEMPORAL_API_KEY: "temporal-key-value",
    });
    expect(env.temporal.address).toBe("siaga.abc.tmprl.cloud:7233");
    expect(env.temporal.namespace).toBe("siaga.abc");
    expect(env.temporal.connection.reveal()).toMatchObject({
      apiKey: "temporal-key-value",
      tls: true,
    });
  });

  it("never prints a secret", () => {
    const env = readEnv({ ...GOOD, TEMPORAL_API_KEY: "temporal-key-value" });
    const printed = [
      JSON.stringify(env),
      inspect(env, { depth: 9 }),
      env.databaseUrl.toString(),
    ].join("\n");
    for (const secret of ["hunter2", KEY, "temporal-key-value"]) {
      expect(printed).not.toContain(secret);
    }
    expect(printed).toContain("[redacted]");
  });

  it("never puts a value into a problem", () => {
    const values = ["badurl-value", "badkey-value", "badzone-value", "badlist-value"];
    const [url, key, zone, list] = values;
    try {
      readEnv({
        DATABASE_URL: url,
        SIAGA_SECRET_KEY: key,
        SIAGA_TIME_ZONE: zone,
        SIAGA_SEND_ONLY_TO: list,
      });
      expect.unreachable();
    } catch (error) {
      for (const value of values) {
        expect(inspect(error)).not.toContain(value);
      }
    }
  });

  it("asks a program that only touches the database for the database alone", () => {
    expect(readDatabaseEnv({ DATABASE_URL: "postgres://u:p@h/d" }).logLevel).toBe("info");
    expect(() => readDatabaseEnv({})).toThrow(/DATABASE_URL: is required/);
  });
});

describe("docs/configuration.md", () => {
  it("lists exactly the variables that the code reads", async () => {
    const text = await readFile(new URL("../../docs/configuration.md", import.meta.url), "utf8");
    const rows = text.split("\n").filter((line) => line.startsWith("| `"));
    expect(rows).toEqual(
      ENV_VARIABLES.map(
        ({ name, whenUnset, meaning }) => `| \`${name}\` | ${whenUnset} | ${meaning} |`,
      ),
    );
  });
});
