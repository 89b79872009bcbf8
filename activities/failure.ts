import { ApplicationFailure, ApplicationFailureCategory } from "@temporalio/common";

import type { FailureKind, ResultScope } from "../domain/result-kind.ts";

/** What the workflow reads from a failed `deliverMessage`: `details[0]` of the ApplicationFailure whose `type` is the kind. */
export interface DeliveryFailureDetail {
  readonly scope: ResultScope;
  readonly reason: string;
  readonly at: number;
}

/**
 * The only place where a send that was not accepted becomes a Temporal failure. Expected, so benign: it is the ladder's business, not an operator's.
 * Never retried by Temporal: repeats inside the attempt are asked for with `tryAgain`.
 */
export function deliveryFailure(
  kind: FailureKind,
  detail: DeliveryFailureDetail,
): ApplicationFailure {
  return ApplicationFailure.create({
    type: kind,
    message: `${kind} (${detail.scope}): ${detail.reason}`,
    nonRetryable: true,
    category: ApplicationFailureCategory.BENIGN,
    details: [detail],
  });
}

/** The same attempt asks again after a pause: the account has no slot yet, or the vendor was away and nothing was sent. */
export function tryAgain(reason: string, afterMs: number): ApplicationFailure {
  return ApplicationFailure.create({
    type: "try_again",
    message: reason,
    nextRetryDelay: Math.max(1, Math.ceil(afterMs)),
    category: ApplicationFailureCategory.BENIGN,
  });
}
