/**
 * `npm run bench [-- name …] [-- --quick] [-- --json FILE]`: measures the figures that the product must reach, each beside its bare reference from the same
 * run, prints them as a table and exits 1 when one is not met. docs/bench.md says how to read it.
 */
import { writeFile } from "node:fs/promises";
import os from "node:os";
import { parseArgs } from "node:util";

import { install } from "./installation.ts";
import type { Installation } from "./installation.ts";
import type { Figure, Line } from "./line.ts";
import { criticalHistory } from "./lines/critical-history.ts";
import { fanOut } from "./lines/fan-out.ts";
import { firstRequest } from "./lines/first-request.ts";
import { footprint } from "./lines/footprint.ts";
import { kills } from "./lines/kills.ts";
import { lateSteps } from "./lines/late-steps.ts";
import { logList } from "./lines/log-list.ts";
import { memory } from "./lines/memory.ts";
import { post } from "./lines/post.ts";
import { reaction } from "./lines/reaction.ts";
import { release } from "./lines/release.ts";
import { throughput } from "./lines/throughput.ts";
import { tableOf } from "./table.ts";

const LINES: readonly Line[] = [
  firstRequest,
  post,
  throughput,
  fanOut,
  reaction,
  lateSteps,
  release,
  footprint,
  criticalHistory,
  memory,
  logList,
  kills,
];

const { values, positionals } = parseArgs({
  options: { quick: { type: "boolean", default: false }, json: { type: "string" } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !LINES.some((line) => line.name === name));
if (unknown.length > 0) {
  console.error(
    `no such line: ${unknown.join(", ")}; there are ${LINES.map(({ name }) => name).join(", ")}`,
  );
  process.exit(2);
}
const chosen = LINES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));

const figures: (Figure & { readonly line: string })[] = [];
const failures: string[] = [];
for (const line of chosen) {
  console.log(`${line.name} …`);
  const installed: Installation[] = [];
  try {
    const measured = await line.measure({
      isQuick: values.quick,
      progress: (text) => console.log(`  ${text}`),
      install: async (options = {}) => {
        const installation = await install(options);
        installed.push(installation);
        return installation;
      },
    });
    figures.push(...measured.map((figure) => ({ ...figure, line: line.name })));
  } catch (error) {
    failures.push(line.name);
    console.error(`  ${line.name} could not be measured:`, error);
  } finally {
    for (const installation of installed) await installation.stop();
  }
}

const conditions = {
  measuredAt: new Date().toISOString(),
  cpus: os.availableParallelism(),
  cpuModel: os.cpus()[0]?.model ?? "",
  loadAverage: os.loadavg(),
  node: process.version,
  isQuick: values.quick,
};
console.log(`\n${tableOf(figures)}\n`);
console.log(
  `${conditions.cpus} cores (${conditions.cpuModel}), load ${conditions.loadAverage.map((load) => load.toFixed(1)).join(" ")}, Node ${conditions.node}${values.quick ? ", quick" : ""}`,
);
if (values.json !== undefined) {
  await writeFile(values.json, `${JSON.stringify({ conditions, figures }, null, 2)}\n`);
}
const missed = figures.filter(({ isMet }) => isMet === false).length;
process.exit(missed + failures.length === 0 ? 0 : 1);
