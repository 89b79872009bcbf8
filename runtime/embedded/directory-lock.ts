import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { kill, pid } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 200;
/** A lock folder without an owner's name: its owner died between two steps, or is between them just now. */
const NAMELESS_AGE_MS = 5_000;

/**
 * Runs `work` while no other process on this machine holds the same lock. The lock is a folder, because making one
 * succeeds for exactly one process; a lock whose owner has died is taken over.
 */
export async function withDirectoryLock<T>(
  folder: string,
  onWait: () => void,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(path.dirname(folder), { recursive: true });
  let hasWaited = false;
  while (!(await take(folder))) {
    if (!hasWaited) {
      hasWaited = true;
      onWait();
    }
    if (await isAbandoned(folder)) {
      await rm(folder, { recursive: true, force: true });
    } else {
      await sleep(POLL_MS);
    }
  }
  try {
    return await work();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function take(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
  } catch {
    return false;
  }
  await writeFile(path.join(folder, "pid"), String(pid));
  return true;
}

async function isAbandoned(folder: string): Promise<boolean> {
  try {
    const owner = Number(await readFile(path.join(folder, "pid"), "utf8"));
    if (owner > 0) {
      return !isAlive(owner);
    }
  } catch {
    // No name in it yet.
  }
  const made = await stat(folder).catch(() => null);
  return made !== null && Date.now() - made.mtimeMs > NAMELESS_AGE_MS;
}

function isAlive(owner: number): boolean {
  try {
    kill(owner, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
