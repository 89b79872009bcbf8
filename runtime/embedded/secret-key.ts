import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";

const KEY_BYTES = 32;

/**
 * The `SIAGA_SECRET_KEY` of an installation that nobody configured (demo, tests): made once, kept in its data folder,
 * readable by its owner only. In base64. Whoever loses it loses the sealed credentials of that data folder with it.
 */
export async function keepSecretKey(dataDir: string): Promise<string> {
  const file = path.join(dataDir, "secret-key");
  await mkdir(dataDir, { recursive: true });
  const made = `${file}.${process.pid}-${randomBytes(4).toString("hex")}`;
  await writeFile(made, randomBytes(KEY_BYTES).toString("base64"), { mode: 0o600 });
  try {
    // Fails where the key exists; of two first starts one wins and both use its key, never half of one.
    await link(made, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) {
      throw error;
    }
  } finally {
    await rm(made, { force: true });
  }
  return readFile(file, "utf8");
}
