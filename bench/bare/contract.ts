/** Names that the bare workflows, their worker and the bench share. */
export const BARE_TASK_QUEUE = "bench-bare";
/** Apart from the workflows, as an account's queue is. */
export const BARE_ACTIVITY_QUEUE = "bench-bare-activities";

export const BARE_SIGNAL = "go";

/** What a worker process prints for each activity that began, for the process that signals. */
export const BEGAN = "began ";

export interface BareActivities {
  /** Does nothing; answers when it began, epoch ms. */
  begin(): Promise<number>;
}
