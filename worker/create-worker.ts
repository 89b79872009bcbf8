import type { NativeConnection } from "@temporalio/worker";
import { Worker } from "@temporalio/worker";

import type { Activities } from "../activities/contract.ts";
import { RECORDS_TASK_QUEUE, WORKFLOW_TASK_QUEUE } from "../workflows/contract.ts";

export interface WorkerOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly bundlePath: string;
  readonly activities: Activities;
  readonly maxCachedWorkflows: number;
  readonly shutdownGraceMs: number;
  /** How soon a run whose worker died is handed to another; short in crash tests. */
  readonly stickyQueueTimeoutMs?: number;
}

/**
 * Each call into the sandbox waits for a guard against endless loops, which the SDK starts and ends as a thread of its own. With one workflow thread all runs
 * stand in line behind these waits, and an alarm behind those that wake up; each thread more costs some fifty megabytes.
 */
const WORKFLOW_THREADS = 3;
/**
 * What a worker has taken is done in the order in which it came; what waits at the server goes by priority. So no more is taken than keeps the threads and
 * PostgreSQL busy: with forty at once (the SDK's default) an alarm waited twice as long while others woke up, and no more of them left.
 */
const WORKFLOW_TASKS_AT_ONCE = 10;

/** Runs the workflows, and beside them the activities that only touch the record. Messages go by the account queues. */
export async function createWorkers(options: WorkerOptions): Promise<readonly Worker[]> {
  const { connection, namespace, activities } = options;
  const workflows = await Worker.create({
    connection,
    namespace,
    taskQueue: WORKFLOW_TASK_QUEUE,
    workflowBundle: { codePath: options.bundlePath },
    // Here for the local activities alone: nobody puts an ordinary one on this queue.
    activities,
    maxCachedWorkflows: options.maxCachedWorkflows,
    workflowThreadPoolSize: WORKFLOW_THREADS,
    maxConcurrentWorkflowTaskExecutions: WORKFLOW_TASKS_AT_ONCE,
    maxConcurrentLocalActivityExecutions: 40,
    shutdownGraceTime: options.shutdownGraceMs,
    stickyQueueScheduleToStartTimeout: options.stickyQueueTimeoutMs ?? 5_000,
  });
  const records = await Worker.create({
    connection,
    namespace,
    taskQueue: RECORDS_TASK_QUEUE,
    activities,
    maxConcurrentActivityTaskExecutions: 20,
    shutdownGraceTime: options.shutdownGraceMs,
  });
  return [workflows, records];
}
