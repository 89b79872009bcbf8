import { randomBytes } from "node:crypto";
import type pg from "pg";
import { hasAdministratorKey } from "../db/api-key-list.ts";
import { createSetupLink, setupPath } from "../db/setup-links.ts";

/**
 * Where nobody holds an administrator's key, a one-time link is the way in: it is made and given to `print`, which shows
 * it to whoever started the server. Privacy: the link is a secret; it goes to the terminal and never into the log.
 */
export async function printSetupLinkIfNeeded(
  pool: pg.Pool,
  publicUrl: string,
  print: (text: string) => void,
): Promise<void> {
  if (await hasAdministratorKey(pool)) return;
  const { token, expiresAt } = await createSetupLink(pool, Date.now(), randomBytes);
  print(
    [
      "Nobody is an administrator yet. Open this link once to become the first one",
      `(until ${expiresAt.toISOString()}):`,
      `  ${publicUrl}${setupPath(token)}`,
    ].join("\n"),
  );
}
