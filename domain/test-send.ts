/** What a test send says: the vendor's real verdict as far as it is known, in the words of the record. */
import type { DeliveryStatus } from "./delivery.ts";

export const TEST_VERDICTS = ["queued", "sent", "delivered", "failed", "unknown"] as const;
export type TestVerdict = (typeof TEST_VERDICTS)[number];

/** What this account on this channel can ever tell of a message. */
export interface Tells {
  readonly sent: boolean;
  readonly delivered: boolean;
}

export function verdictOf(status: DeliveryStatus): TestVerdict {
  switch (status) {
    case "intended":
    case "sending":
    case "accepted":
      return "queued";
    case "sent":
    case "superseded":
      return "sent";
    case "delivered":
    case "read":
      return "delivered";
    case "failed":
    case "skipped":
      return "failed";
    case "unknown":
      return "unknown";
  }
}

/** Whether more can come of it: somebody waits for the answer, and not longer than it says something new. */
export function isLastWord(status: DeliveryStatus, tells: Tells): boolean {
  switch (verdictOf(status)) {
    case "delivered":
    case "failed":
      return true;
    case "sent":
      return !tells.delivered;
    case "queued":
      return status === "accepted" && !tells.sent && !tells.delivered;
    case "unknown":
      return false;
  }
}
