import { ApplicationFailure, ApplicationFailureCategory } from "@temporalio/common";

import type { FailureKind, ResultScope } from "../domain/result-kind.ts";

/** What the workflow reads from a failed `deliverMessage`: `details[0]` of the ApplicationFailure whose `type` is the kind. */
export interface DeliveryFailureDetail {
  readonly scope: ResultScope;
  readonly reason: string;
  readonly at: number;
}

/** An account reaches the devices that subscribed with it and no other: when none of them is left, the person's devices at the next account are. */
const NO_DEVICE_LEFT: ReadonlySet<string> = new Set(["subscription_gone", "no_subscription"]);

/**
 * The only place where a send that was not accepted becomes a Temporal failure. Expected, so benign: it is the ladder's business, not an operator's.
 * Never retried by Temporal: repeats inside the attempt are asked for with `tryAgain`.
 */
export function deliveryFailure(
  kind: FailureKind,
  detail: DeliveryFailureDetail,
): ApplicationFailure {
  const isNextAsked = NO_DEVICE_LEFT.has(detail.reason);
  const type = isNextAsked ? "unavailable" : kind;
  const scope = isNextAsked ? "account" : detail.scope;
  return ApplicationFailure.create({
    type,
    message: `${type} (${scope}): ${detail.reason}`,
    nonRetryable: true,
    category: ApplicationFailureCategory.BENIGN,
    details: [{ ...detail, scope } satisfies DeliveryFailureDetail],
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
