import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from "@temporalio/client";
import type { Client } from "@temporalio/client";

import { ANSWER_WORKFLOW, answerWorkflowId, WORKFLOW_TASK_QUEUE } from "../workflows/contract.ts";
import type { AnswerWorkflowInput } from "../workflows/contract.ts";

/** An unsent answer is worth nothing after ten minutes; its workflow never outlives this. */
const ANSWER_RUN_LASTS = "15 minutes";

/** Starts the workflow that sends an answer. Idempotency: one for each message of a person's, whoever asks and how often. */
export async function startAnswer(client: Client, input: AnswerWorkflowInput): Promise<void> {
  try {
    await client.workflow.start(ANSWER_WORKFLOW, {
      workflowId: answerWorkflowId(input.inboundMessageId),
      taskQueue: WORKFLOW_TASK_QUEUE,
      args: [input],
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
      workflowExecutionTimeout: ANSWER_RUN_LASTS,
      priority: { priorityKey: 1 },
      staticSummary: "Answer to somebody who wrote",
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
