import type { Change } from "../db/changes.ts";
import type { Activities, DeliverInput, Progress } from "./contract.ts";

export type Announce = (change: Change) => void;

/**
 * Announces what activities have changed, once each has ended: by then it is in the record, whether the activity came through or not.
 *
 * `now` is the clock by which the activities date inbox rows.
 */
export function withAnnouncements(
  activities: Activities,
  announce: Announce,
  now: () => number,
): Activities {
  const notification = (notificationId: string): void => {
    announce({ kind: "notification", notificationId });
  };
  const progressed = (notificationId: string, progress: Progress | null, since: number): void => {
    if (progress === null) return;
    notification(notificationId);
    if (progress.inApp.length > 0) announce({ kind: "inbox", notificationId, since });
  };
  /** Runs it and says what it changed, also when it fails. */
  async function telling<Answer>(
    work: () => Promise<Answer>,
    tell: (since: number) => void,
  ): Promise<Answer> {
    const since = now();
    try {
      return await work();
    } finally {
      tell(since);
    }
  }
  return {
    ...activities,
    planNotification: async (input) => {
      const since = now();
      const answer = await activities.planNotification(input);
      if (answer.kind === "planned") {
        const { notificationId, inAppWritten } = answer.plan;
        notification(notificationId);
        if (inAppWritten.length > 0) announce({ kind: "inbox", notificationId, since });
      }
      return answer;
    },
    replanNotification: (input) =>
      telling(
        () => activities.replanNotification(input),
        () => notification(input.notificationId),
      ),
    deliverMessage: (input) =>
      telling(
        () => activities.deliverMessage(input),
        (since) => {
          announce(deliveryOf(input));
          // A closing message that no chat may bring is a row of the inbox.
          if (input.order.purpose === "closing") {
            announce({ kind: "inbox", notificationId: input.notificationId, since });
          }
          progressed(input.notificationId, input.progress, since);
        },
      ),
    recordProgress: (input) =>
      telling(
        () => activities.recordProgress(input),
        (since) => progressed(input.notificationId, input.progress, since),
      ),
    settleNotification: (input) =>
      telling(
        () => activities.settleNotification(input),
        (since) => {
          notification(input.notificationId);
          announce({ kind: "inbox", notificationId: input.notificationId, since });
        },
      ),
    advanceResolution: (input) =>
      telling(
        () => activities.advanceResolution(input),
        (since) => {
          notification(input.notificationId);
          announce({ kind: "inbox", notificationId: input.notificationId, since });
        },
      ),
    recordTemporalUiAct: (input) =>
      telling(
        () => activities.recordTemporalUiAct(input),
        () => notification(input.notificationId),
      ),
  };
}

/** The same key by which `deliverMessage` opens its row. */
function deliveryOf({ notificationId, order }: DeliverInput): Change {
  const { target, channel } = order;
  return order.purpose === "ladder"
    ? {
        kind: "delivery_key",
        notificationId,
        purpose: "ladder",
        pass: order.pass,
        step: order.step,
        target,
        channel,
        attempt: order.attempt,
        handOver: order.handOver,
      }
    : {
        kind: "delivery_key",
        notificationId,
        purpose: "closing",
        pass: order.closing,
        step: 0,
        target,
        channel,
        attempt: 1,
        handOver: 0,
      };
}
