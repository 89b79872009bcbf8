import { sweep as sweepRecords } from "./activity-proxies.ts";

/** Starts what was accepted and not started, and repeats signals that were lost. Fired by a schedule. */
export async function sweep(): Promise<void> {
  await sweepRecords();
}
