import { execFile } from "node:child_process";
import { access, stat } from "node:fs/promises";
import path from "node:path";
import { getuid } from "node:process";
import { promisify } from "node:util";

const run = promisify(execFile);

export type Identity = { readonly uid: number; readonly gid: number };

/** A command, and who runs it. */
export type Launch = {
  readonly command: string;
  readonly args: readonly string[];
  readonly identity: Identity | null;
};

const SETPRIV = "/usr/bin/setpriv";

/** PostgreSQL refuses to run as root: as root, the first of these that the machine has runs it. */
const UNPRIVILEGED_USERS = ["postgres", "nobody"];

/** Null when this process may run PostgreSQL itself. */
export async function findUnprivilegedIdentity(): Promise<Identity | null> {
  if (getuid?.() !== 0) {
    return null;
  }
  for (const user of UNPRIVILEGED_USERS) {
    try {
      const [uid, gid] = await Promise.all([run("id", ["-u", user]), run("id", ["-g", user])]);
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    } catch {
      continue;
    }
  }
  throw new Error(
    "PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody: run this as an ordinary user, or set DATABASE_URL.",
  );
}

/**
 * How to run a command as that identity when it must reach these paths. A checkout below a closed folder (such as
 * /root) is out of an ordinary user's reach; there the command keeps the one capability that lets it through.
 */
export async function launchAs(
  identity: Identity | null,
  command: string,
  args: readonly string[],
  paths: readonly string[],
): Promise<Launch> {
  if (identity === null || (await areReachable(paths, identity))) {
    return { command, args, identity };
  }
  try {
    await access(SETPRIV);
  } catch (cause) {
    throw new Error(
      "PostgreSQL does not run as root, and the folder of this project is closed to other users: move it, run this as an ordinary user, or set DATABASE_URL.",
      { cause },
    );
  }
  const { uid, gid } = identity;
  const setpriv = [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    "--clear-groups",
    // Else `access()`, by which PostgreSQL looks for its own programs, leaves the capability out of account (Linux, access_override_creds).
    "--securebits=+no_setuid_fixup",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
    "--",
  ];
  return { command: SETPRIV, args: [...setpriv, command, ...args], identity: null };
}

const SEARCHABLE_BY_OTHERS = 0o001;

/** Whether every folder above these paths lets that identity through. */
async function areReachable(paths: readonly string[], { uid }: Identity): Promise<boolean> {
  for (const start of paths) {
    for (let folder = path.dirname(path.resolve(start)); ; folder = path.dirname(folder)) {
      const { mode, uid: owner } = await stat(folder);
      if (owner !== uid && (mode & SEARCHABLE_BY_OTHERS) === 0) {
        return false;
      }
      if (folder === path.dirname(folder)) {
        break;
      }
    }
  }
  return true;
}
