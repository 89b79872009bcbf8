import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from "@temporalio/client";
import type { Client } from "@temporalio/client";

import {
  ASK_WORKFLOW,
  askWorkflowId,
  INVENTORY_WORKFLOW,
  inventoryWorkflowId,
  PROBE_WORKFLOW,
  probeWorkflowId,
  WORKFLOW_TASK_QUEUE,
} from "../workflows/contract.ts";
import type {
  AskWorkflowInput,
  InventoryWorkflowInput,
  ProbeWorkflowInput,
} from "../workflows/contract.ts";

/** Starts the workflow that asks an account's vendor how it is. Idempotency: one at a time for each account. */
export async function startProbe(client: Client, input: ProbeWorkflowInput): Promise<void> {
  await startErrand(client, {
    workflow: PROBE_WORKFLOW,
    workflowId: probeWorkflowId(input.accountId),
    input,
    priorityKey: 4,
    summary: "Asks a provider account how it is",
  });
}

/** Starts the workflow that asks a vendor about a message. Idempotency: one at a time for each delivery. */
export async function startAsk(client: Client, input: AskWorkflowInput): Promise<void> {
  await startErrand(client, {
    workflow: ASK_WORKFLOW,
    workflowId: askWorkflowId(input.deliveryId),
    input,
    priorityKey: 3,
    summary: "Asks a vendor what became of a message",
  });
}

/** Starts the workflow that asks an account's vendor for one of its lists. Idempotency: one at a time for each account and list. */
export async function startInventory(client: Client, input: InventoryWorkflowInput): Promise<void> {
  await startErrand(client, {
    workflow: INVENTORY_WORKFLOW,
    workflowId: inventoryWorkflowId(input),
    input,
    priorityKey: 4,
    summary: `Asks a vendor for an account's ${input.kind}`,
  });
}

/** A question to a vendor: asked once more later if it comes to nothing. */
async function startErrand(
  client: Client,
  errand: {
    readonly workflow: string;
    readonly workflowId: string;
    readonly input: ProbeWorkflowInput | AskWorkflowInput | InventoryWorkflowInput;
    readonly priorityKey: number;
    readonly summary: string;
  },
): Promise<void> {
  try {
    await client.workflow.start(errand.workflow, {
      workflowId: errand.workflowId,
      taskQueue: WORKFLOW_TASK_QUEUE,
      args: [errand.input],
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
      workflowExecutionTimeout: "1 minute",
      priority: { priorityKey: errand.priorityKey },
      staticSummary: errand.summary,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
