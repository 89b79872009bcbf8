import { randomUUID } from "node:crypto";
import type { WorkflowHandle } from "@temporalio/client";
import { Worker } from "@temporalio/worker";

import type { Activities } from "../../activities/contract.ts";
import {
  accountTaskQueue,
  NOTIFICATION_WORKFLOW,
  notificationWorkflowId,
  RECORDS_TASK_QUEUE,
  WORKFLOW_TASK_QUEUE,
  type NotificationInput,
  type NotificationResult,
} from "../../workflows/contract.ts";
import { TEST_IDENTITY, type TestNamespace } from "./open-namespace.ts";

export type RunHandle = WorkflowHandle<(input: NotificationInput) => Promise<NotificationResult>>;

/** Runs workers with these activities while `story` goes on. */
export async function withWorkers<T>(
  namespace: TestNamespace,
  activities: Activities,
  story: () => Promise<T>,
  accounts: readonly string[] = ["acc_fake"],
): Promise<T> {
  const common = {
    connection: namespace.connection,
    namespace: namespace.name,
    identity: TEST_IDENTITY,
    activities,
  };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: WORKFLOW_TASK_QUEUE,
      workflowBundle: { codePath: namespace.bundlePath },
      maxCachedWorkflows: 50,
      stickyQueueScheduleToStartTimeout: "500ms",
    }),
    Worker.create({ ...common, taskQueue: RECORDS_TASK_QUEUE }),
    ...accounts.map((id) => Worker.create({ ...common, taskQueue: accountTaskQueue(id) })),
  ]);
  const running = workers.map((worker) => worker.run());
  try {
    return await story();
  } finally {
    for (const worker of workers) worker.shutdown();
    await Promise.all(running);
  }
}

export async function startRun(
  namespace: TestNamespace,
  ref: string = randomUUID(),
): Promise<RunHandle> {
  const workflowId = notificationWorkflowId("test", ref);
  return namespace.client.workflow.start<(input: NotificationInput) => Promise<NotificationResult>>(
    NOTIFICATION_WORKFLOW,
    { workflowId, taskQueue: WORKFLOW_TASK_QUEUE, args: [{ direct: null }] },
  );
}
