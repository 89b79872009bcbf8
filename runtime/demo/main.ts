/**
 * `npm run demo`: the whole installation on this machine, a critical alert, and its ladder told live. `--once` plays the stories to their end without a person,
 * holds the record against what the simulated vendors saw, and exits 0 when both agree and nothing is missing.
 */
import { rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { createLogger } from "../logger.ts";
import { createShutdown } from "../shutdown.ts";
import { createDemoApi, type DemoApi, type Json } from "./api-client.ts";
import type { Names } from "./narrator.ts";
import {
  demoPolicy,
  outageStory,
  raiseOutage,
  setOutageScene,
  tellUntilSettled,
  type StoryEnd,
} from "./outage.ts";
import { quietNightStory } from "./quiet-night.ts";
import { startStack, type Stack } from "./stack.ts";
import { chooseVendors, readChoice } from "./vendor-choice.ts";

const SIAGA_DIR = fileURLToPath(new URL("../../.siaga/", import.meta.url));
const SHUTDOWN_TIMEOUT_MS = 60_000;
/** People answer, networks deliver and phones ring faster than in life. */
const TIME_SCALE = 0.5;

const { values } = parseArgs({
  options: {
    once: { type: "boolean", default: false },
    whatsapp: { type: "string" },
    sms: { type: "string" },
  },
});
const choice = readChoice(values);
const print = (line: string): void => {
  console.log(line);
};
const log = createLogger({ level: "error", process: "demo" });
const shutdown = createShutdown({ log, timeoutMs: SHUTDOWN_TIMEOUT_MS });
shutdown.listen();

const stack = await start(values.once);
const api = createDemoApi(stack.apiUrl, stack.key);
await chooseVendors(stack.vendors, api, choice);
const names = await readNames(api);
if (values.once) {
  process.exitCode = await playOnce(stack, api, names);
  await shutdown.stop("the stories are over");
  process.exit();
} else {
  await playLive(stack, api, names);
}

async function start(isOnce: boolean): Promise<Stack> {
  const dataDir = path.join(SIAGA_DIR, isOnce ? "demo-once" : "demo");
  if (isOnce) await rm(dataDir, { recursive: true, force: true });
  print("Siaga: starting everything on this machine\n");
  const began = Date.now();
  const started = await startStack({
    dataDir,
    progress: (line) => {
      if (line !== "") print(`  ${line}`);
    },
    log,
    ports: { api: 3000, temporal: 7233, temporalUi: 8233 },
    timeScale: TIME_SCALE,
    apiKeyName: "demo",
  });
  shutdown.onStop("everything", () => started.stop());
  print(`\nReady after ${Math.round((Date.now() - began) / 1000)} s.\n`);
  return started;
}

async function playOnce(stack: Stack, api: DemoApi, names: Names): Promise<number> {
  print(
    "A critical outage in Karawang. The first WhatsApp account fails, one phone is switched off.\n",
  );
  const outage = await outageStory(stack, api, names, choice, print);
  report(outage);
  print("\nThe same alert with priority high, while one of two people sleeps.\n");
  const night = await quietNightStory(stack, api, names, print);
  report(night);
  const problems = [...outage.problems, ...night.problems];
  print(
    problems.length === 0
      ? "\nEverything happened as it should."
      : "\nThis is not as it should be.",
  );
  return problems.length === 0 ? 0 : 1;
}

function report({ problems }: StoryEnd): void {
  for (const problem of problems) print(`  ✗ ${problem}`);
}

async function playLive(stack: Stack, api: DemoApi, names: Names): Promise<void> {
  setOutageScene(stack, choice);
  const policyId = await demoPolicy(api, "demo: critical, ten times faster", "critical");
  const id = await raiseOutage(api, policyId);
  print(addresses(stack, id));
  await tellUntilSettled(api, id, names, print, { isLive: true });
  print("\nThat one is settled. Raise another one, or end with Ctrl-C.\n");
}

function addresses(stack: Stack, id: string): string {
  const auth = `-H "authorization: Bearer ${stack.key}"`;
  return [
    `API            ${stack.apiUrl}/docs`,
    `Temporal UI    ${stack.temporalUiUrl ?? "(your own server's)"}`,
    `Sandbox        ${stack.apiUrl}/sandbox   (phones, their messages, faults)`,
    `API key        ${stack.key}`,
    "",
    `A critical outage was raised: ${id}`,
    "Nobody answers by itself. Acknowledge it yourself:",
    `  curl -X POST ${auth} ${stack.apiUrl}/v1/notifications/${id}/acknowledge`,
    "or answer the phone that will ring, by pressing 1:",
    `  curl -X POST ${auth} -H "content-type: application/json" -d '{"keys":"1"}' ${stack.apiUrl}/sandbox/phones/+6281234000031/answer`,
    "",
  ].join("\n");
}

/** Ids to names, so that the story reads as people tell it. */
async function readNames(api: DemoApi): Promise<Names> {
  const known = new Map<string, string>();
  for (const path of ["/v1/users", "/v1/groups", "/v1/provider-accounts"]) {
    const page = await api.get(`${path}?limit=100`);
    for (const item of page["items"] as readonly Json[]) {
      known.set(String(item["id"]), String(item["name"]));
    }
  }
  return { of: (id) => (id === null ? "" : (known.get(id) ?? id)) };
}
