/** `npm run admin:link`: prints a one-time link that makes its holder an administrator. For whoever holds the server. */
import { randomBytes } from "node:crypto";
import { readDatabaseEnv, readVariable } from "../runtime/env.ts";
import { createLogger } from "../runtime/logger.ts";
import { createPool } from "./pool.ts";
import { createSetupLink, setupPath } from "./setup-links.ts";

const env = readDatabaseEnv();
const publicUrl =
  readVariable("SIAGA_PUBLIC_URL")?.replace(/\/+$/, "") ??
  `http://localhost:${readVariable("SIAGA_PORT") ?? "3000"}`;
const pool = createPool({
  databaseUrl: env.databaseUrl.reveal(),
  applicationName: "siaga-admin-link",
  max: 1,
  log: createLogger({ level: env.logLevel, process: "admin-link" }),
});
try {
  const { token, expiresAt } = await createSetupLink(pool, Date.now(), randomBytes);
  process.stdout.write(
    `Open once, until ${expiresAt.toISOString()}:\n${publicUrl}${setupPath(token)}\n`,
  );
} finally {
  await pool.end();
}
