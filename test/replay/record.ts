import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";

import { findTemporalBinary } from "../../runtime/embedded/temporal-binary.ts";
import { startTemporal } from "../../runtime/embedded/temporal-server.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";
import { buildWorkflowBundle } from "../../worker/bundle.ts";
import { SEARCH_ATTRIBUTES } from "../../workflows/contract.ts";
import "../support/quiet-temporal.ts";
import { openNamespace, type TestNamespace } from "../support/open-namespace.ts";
import { BRANCHES, historyFile, VERSION, type Branch } from "./branches.ts";

/** Runs every branch against a server of its own and keeps the histories; those of other versions stay as they are. */

const HISTORIES = fileURLToPath(new URL("histories/", import.meta.url));

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Privacy: a stack names folders of the machine that recorded it; replaying needs none. */
function withoutStacks(history: string): string {
  const kept: unknown = JSON.parse(history, (key, value: unknown) =>
    key === "stackTrace" ? "" : value,
  );
  return `${JSON.stringify(kept, null, 2)}\n`;
}

async function recordOne(namespace: TestNamespace, branch: Branch): Promise<string> {
  const workflowId = await branch.drive(namespace);
  const history = await namespace.client.workflow.getHandle(workflowId).fetchHistory();
  say(`${historyFile(branch)}: ${history.events?.length ?? 0} events`);
  return withoutStacks(historyToJSON(history));
}

async function recordAll(folder: string): Promise<ReadonlyMap<string, string>> {
  const binary = await findTemporalBinary({ progress: say, temporalAddress: null });
  if (binary === null) throw new Error("no Temporal program");
  const bundlePath = await buildWorkflowBundle(path.join(folder, "workflow-bundle.js"));
  const server = await startTemporal({
    binary,
    dataDir: path.join(folder, "temporal"),
    uiPort: null,
    searchAttributes: Object.values(SEARCH_ATTRIBUTES),
    log: SILENT_LOGGER,
  });
  try {
    const { address, namespace: name } = server;
    const namespace = await openNamespace({ address, name, bundlePath });
    const recorded = new Map<string, string>();
    for (const branch of BRANCHES) {
      recorded.set(historyFile(branch), await recordOne(namespace, branch));
    }
    await namespace.close();
    return recorded;
  } finally {
    await server.stop();
  }
}

/** All or nothing: a branch that does not end as it should leaves the histories as they were. */
async function main(): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "siaga-record-"));
  try {
    const recorded = await recordAll(folder);
    await mkdir(HISTORIES, { recursive: true });
    const stale = (await readdir(HISTORIES)).filter((file) => file.includes(`-${VERSION}-`));
    await Promise.all(stale.map((file) => rm(path.join(HISTORIES, file))));
    for (const [file, history] of recorded) {
      await writeFile(path.join(HISTORIES, file), history);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
