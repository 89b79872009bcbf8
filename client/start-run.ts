import {
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from "@temporalio/client";
import type { Client, WorkflowStartOptions } from "@temporalio/client";
import { TypedSearchAttributes } from "@temporalio/common";
import { priorityKeyOf } from "../domain/lane.ts";
import type { Priority } from "../domain/priority.ts";
import {
  NOTIFICATION_WORKFLOW,
  SEARCH_ATTRIBUTES,
  WORKFLOW_TASK_QUEUE,
} from "../workflows/contract.ts";
import type { NotificationInput } from "../workflows/contract.ts";

/** What a run's start needs to know. Privacy: ids and words of the contract only; all of it is readable in Temporal. */
export interface RunToStart {
  readonly workflowId: string;
  readonly type: string;
  /** Null: the type's, which a direct start leaves to the run. */
  readonly priority: Priority | null;
  readonly zone: string | null;
  readonly ticketId: string | null;
  /** Null: the row is stored, and the run reads it. */
  readonly direct: NotificationInput["direct"];
}

export type StartAnswer =
  | { readonly kind: "started"; readonly runId: string }
  /** The run with this id has ended before; nothing was started. */
  | { readonly kind: "already_over" };

/**
 * Starts the run of a notification. Idempotency: the workflow id is the notification's; while it runs a second start
 * gets the same run, and after it ended nothing is started.
 *
 * @throws what the server answers, or that it doesn't; `isTemporalAway`-like judgement is the caller's
 */
export async function startRun(client: Client, run: RunToStart): Promise<StartAnswer> {
  try {
    return await start(client, run, { typedSearchAttributes: searchAttributesOf(run) });
  } catch (error) {
    // An alarm goes out also on a server where nobody has registered the attributes that pages filter by.
    if (isUnknownSearchAttribute(error)) return start(client, run, {});
    throw error;
  }
}

async function start(
  client: Client,
  run: RunToStart,
  attributes: Pick<WorkflowStartOptions, "typedSearchAttributes">,
): Promise<StartAnswer> {
  const input: NotificationInput = { direct: run.direct };
  try {
    const handle = await client.workflow.start(NOTIFICATION_WORKFLOW, {
      workflowId: run.workflowId,
      taskQueue: WORKFLOW_TASK_QUEUE,
      args: [input],
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
      // Unknown may be critical: it goes before what is known to be able to wait.
      priority: { priorityKey: priorityKeyOf(run.type, run.priority ?? "high") },
      staticSummary: summaryOf(run),
      ...attributes,
    });
    return { kind: "started", runId: handle.firstExecutionRunId };
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return { kind: "already_over" };
    throw error;
  }
}

/** "critical outage · karawang · TKT-1042": the line by which a supervisor finds the run. */
function summaryOf({ type, priority, zone, ticketId }: RunToStart): string {
  const what = priority === null ? type : `${priority} ${type}`;
  const summary = [what, zone, ticketId].filter((part) => part !== null).join(" · ");
  // The server takes 400 bytes; a character has up to four.
  return Array.from(summary).slice(0, 100).join("");
}

function searchAttributesOf(run: RunToStart): TypedSearchAttributes {
  return new TypedSearchAttributes([
    { key: SEARCH_ATTRIBUTES.type, value: run.type },
    { key: SEARCH_ATTRIBUTES.status, value: "accepted" },
    ...(run.priority === null ? [] : [{ key: SEARCH_ATTRIBUTES.priority, value: run.priority }]),
    ...(run.zone === null ? [] : [{ key: SEARCH_ATTRIBUTES.zone, value: run.zone }]),
    ...(run.ticketId === null ? [] : [{ key: SEARCH_ATTRIBUTES.ticket, value: run.ticketId }]),
  ]);
}

/** gRPC's INVALID_ARGUMENT (https://grpc.io/docs/guides/status-codes/). */
const REFUSED = new Set<number>([3]);

function isUnknownSearchAttribute(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (isGrpcServiceError(cause)) {
      return REFUSED.has(cause.code) && /search ?attribute/i.test(cause.message);
    }
  }
  return false;
}
