import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";

import { findUnprivilegedIdentity, launchAs } from "../../runtime/embedded/unprivileged.ts";

let folder: string;

beforeEach(async () => {
  // Closed to everybody else, as every folder of mkdtemp is.
  folder = await mkdtemp(path.join(os.tmpdir(), "siaga-closed-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

it("whoever runs PostgreSQL finds and reads programs below a folder that is closed to others", async () => {
  const program = path.join(folder, "program");
  await writeFile(program, "#!/bin/sh\n");
  await chmod(program, 0o755);
  const looks = `test -x "${program}" && cat "${program}" && "${program}" && echo ran`;
  const launch = await launchAs(
    await findUnprivilegedIdentity(),
    "/bin/sh",
    ["-c", looks],
    [program],
  );
  const { stdout } = await promisify(execFile)(launch.command, [...launch.args], {
    ...(launch.identity ?? {}),
  });
  expect(stdout).toContain("ran");
});
