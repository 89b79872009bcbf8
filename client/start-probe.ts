import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from "@temporalio/client";
import type { Client } from "@temporalio/client";

import { PROBE_WORKFLOW, probeWorkflowId, WORKFLOW_TASK_QUEUE } from "../workflows/contract.ts";
import type { ProbeWorkflowInput } from "../workflows/contract.ts";

/** Starts the workflow that asks an account's vendor how it is. Idempotency: one at a time for each account. */
export async function startProbe(client: Client, input: ProbeWorkflowInput): Promise<void> {
  try {
    await client.workflow.start(PROBE_WORKFLOW, {
      workflowId: probeWorkflowId(input.accountId),
      taskQueue: WORKFLOW_TASK_QUEUE,
      args: [input],
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
      workflowExecutionTimeout: "1 minute",
      priority: { priorityKey: 4 },
      staticSummary: "Asks a provider account how it is",
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
