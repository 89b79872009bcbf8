/** The worker process of the bare workflows: same options as the product's (worker/create-worker.ts, worker/account-workers.ts). */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Context } from "@temporalio/activity";
import { bundleWorkflowCode, DefaultLogger, Worker } from "@temporalio/worker";

import { readEnv } from "../../runtime/env.ts";
import { createLogger } from "../../runtime/logger.ts";
import { connectWorker, installWorkerRuntime } from "../../runtime/temporal-worker.ts";
import { BARE_ACTIVITY_QUEUE, BARE_TASK_QUEUE, BEGAN } from "./contract.ts";
import type { BareActivities } from "./contract.ts";

const ACTIVITY_SLOTS = 200;
const WORKFLOW_THREADS = 3;
const WORKFLOW_TASKS_AT_ONCE = 10;

const env = readEnv();
installWorkerRuntime({ log: createLogger({ level: "warn", process: "bare-worker" }) });
const connection = await connectWorker(env.temporal);
const folder = await mkdtemp(path.join(os.tmpdir(), "siaga-bench-"));
const { code } = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL("./workflows.ts", import.meta.url)),
  logger: new DefaultLogger("WARN"),
});
const codePath = path.join(folder, "bare.js");
await writeFile(codePath, code);

const activities: BareActivities = {
  begin: () => {
    const began = Date.now();
    const { workflowExecution } = Context.current().info;
    process.stdout.write(`${BEGAN}${workflowExecution?.workflowId ?? ""}\n`);
    return Promise.resolve(began);
  },
};
const common = { connection, namespace: env.temporal.namespace };
const workers = [
  await Worker.create({
    ...common,
    taskQueue: BARE_TASK_QUEUE,
    workflowBundle: { codePath },
    maxCachedWorkflows: env.maxCachedWorkflows,
    workflowThreadPoolSize: WORKFLOW_THREADS,
    maxConcurrentWorkflowTaskExecutions: WORKFLOW_TASKS_AT_ONCE,
    stickyQueueScheduleToStartTimeout: "5 seconds",
  }),
  await Worker.create({
    ...common,
    taskQueue: BARE_ACTIVITY_QUEUE,
    activities,
    maxConcurrentActivityTaskExecutions: ACTIVITY_SLOTS,
  }),
];
const running = workers.map((worker) => worker.run());
process.once("SIGTERM", () => {
  for (const worker of workers) worker.shutdown();
});
process.stdout.write("bare worker runs\n");
await Promise.all(running);
await connection.close();
await rm(folder, { recursive: true, force: true });
process.exit(0);
