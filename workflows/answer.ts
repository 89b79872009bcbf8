import { ActivityFailure, isCancellation } from "@temporalio/workflow";

import type { AnswerOutcome } from "../activities/contract.ts";
import { onRecord, sendAnswer } from "./activity-proxies.ts";
import type { AnswerWorkflowInput } from "./contract.ts";

/** Says something to a person who wrote to us, once, over the account that was written to. Nothing else waits for it. */
export async function answer(input: AnswerWorkflowInput): Promise<AnswerOutcome> {
  const { inboundMessageId, accountId } = input;
  try {
    return await sendAnswer({ inboundMessageId }, accountId);
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    // No worker has taken it in time, or the account has none: an unsent answer is no failure of ours to retry for ever.
    await onRecord("dropAnswer", { inboundMessageId, reason: "no_worker" });
    return { status: "not_sent", reason: "no_worker" };
  }
}
