import { ScheduleAlreadyRunning, ScheduleOverlapPolicy } from "@temporalio/client";
import type { Client } from "@temporalio/client";

import { SWEEP_SCHEDULE_ID, SWEEP_WORKFLOW, WORKFLOW_TASK_QUEUE } from "../workflows/contract.ts";

const SWEEP_EVERY_MS = 10_000;

/** Makes the schedule of the sweep if it is not there; any number of processes may ask. */
export async function ensureSweep(client: Client): Promise<void> {
  try {
    await client.schedule.create({
      scheduleId: SWEEP_SCHEDULE_ID,
      spec: { intervals: [{ every: SWEEP_EVERY_MS }] },
      // One that is late is worth as much as the next: what it missed is still there.
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: SWEEP_EVERY_MS },
      action: {
        type: "startWorkflow",
        workflowType: SWEEP_WORKFLOW,
        taskQueue: WORKFLOW_TASK_QUEUE,
        workflowExecutionTimeout: "1 minute",
        staticSummary: "Starts what was accepted and not started, repeats lost signals",
      },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
}
