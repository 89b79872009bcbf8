import { mkdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode, DefaultLogger } from "@temporalio/worker";

const WORKFLOWS = fileURLToPath(new URL("../workflows/index.ts", import.meta.url));

/**
 * Bundles the workflow code once, for `workflowBundle: { codePath }` of any number of workers. The file appears whole
 * or not at all. Returns its path.
 */
export async function buildWorkflowBundle(file: string): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    // No module of ours keeps anything of a run, so all runs of a thread share them: each costs less memory, and less time to begin.
    preloadModules: [WORKFLOWS],
    logger: new DefaultLogger("WARN"),
  });
  await mkdir(path.dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, code);
  await rename(unfinished, file);
  return file;
}
