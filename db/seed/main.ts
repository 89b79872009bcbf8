/**
 * `npm run seed`: master data into the database of DATABASE_URL. Nothing that is there is changed.
 *
 * `--api-key NAME` also makes an administrator's API key and prints it, this once.
 * `--simulated-vendors FILE` adds the invented people, groups, tickets and accounts; needs SIAGA_SIMULATED=true. The file is JSON
 * with `baseUrls` and `credentials` of the simulated vendors.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { z } from "zod";
import { readDatabaseEnv, readEnv } from "../../runtime/env.ts";
import { createLogger } from "../../runtime/logger.ts";
import { insertApiKey } from "../api-keys.ts";
import { createPool } from "../pool.ts";
import { seed } from "./seed.ts";
import type { SeedOptions } from "./seed.ts";

const fonnteCredentials = z.object({ token: z.string(), webhookSecret: z.string() });
const vendorAccess = z.object({
  baseUrls: z.object({
    fonnte: z.url(),
    meta: z.url(),
    twilio: z.url(),
    smtp: z.url(),
    "web-push": z.url(),
    fcm: z.url(),
  }),
  credentials: z.object({
    fonntePrimary: fonnteCredentials,
    fonnteSecond: fonnteCredentials,
    meta: z.object({ accessToken: z.string(), appSecret: z.string(), verifyToken: z.string() }),
    twilio: z.object({ accountSid: z.string(), authToken: z.string() }),
    smtp: z.object({ user: z.string(), password: z.string() }),
    webPush: z.object({ publicKey: z.string(), privateKey: z.string() }),
    fcm: z.object({ serviceAccount: z.string() }),
  }),
});

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      "api-key": { type: "string" },
      "simulated-vendors": { type: "string" },
    },
  });
  const file = values["simulated-vendors"];
  const env = readDatabaseEnv();
  const pool = createPool({
    databaseUrl: env.databaseUrl.reveal(),
    applicationName: "siaga-seed",
    max: 2,
    log: createLogger({ level: env.logLevel, process: "seed" }),
  });
  try {
    const { added } = await seed(pool, await optionsFrom(file));
    const tables = Object.entries(added);
    console.log(
      tables.length === 0
        ? "nothing to add"
        : tables.map(([table, count]) => `${table}: ${count} added`).join("\n"),
    );
    const keyName = values["api-key"];
    if (keyName !== undefined) {
      const { key } = await insertApiKey(
        pool,
        { name: keyName, sender: keyName, scopes: ["admin"], userId: null },
        Date.now(),
        randomBytes,
      );
      console.log(`API key ${keyName} (shown this once): ${key}`);
    }
  } finally {
    await pool.end();
  }
}

async function optionsFrom(file: string | undefined): Promise<SeedOptions> {
  const now = Date.now();
  // Without accounts nothing is sealed, so a database can be filled before there is a secret key.
  if (file === undefined) return { simulated: null, secretKey: new Uint8Array(), now };
  const env = readEnv();
  if (!env.isSimulated) {
    throw new Error("--simulated-vendors adds invented people: it needs SIAGA_SIMULATED=true");
  }
  const access = vendorAccess.safeParse(JSON.parse(await readFile(file, "utf8")));
  if (!access.success) {
    throw new Error(`--simulated-vendors: ${z.prettifyError(access.error)}`);
  }
  return { simulated: access.data, secretKey: env.secretKey.reveal(), now };
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : "seeding failed");
  process.exitCode = 1;
});
