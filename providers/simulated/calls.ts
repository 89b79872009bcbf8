/** A phone call as everybody but its vendor knows it. */
export const CALL_STATUSES = [
  "queued",
  "ringing",
  "in-progress",
  "completed",
  "busy",
  "failed",
  "no-answer",
  "canceled",
] as const;
export type CallStatus = (typeof CALL_STATUSES)[number];

export type PhoneCall = {
  /** The vendor's id. */
  readonly id: string;
  readonly accountId: string;
  readonly from: string;
  /** E.164. */
  readonly to: string;
  readonly deliveryKey: string | null;
  readonly status: CallStatus;
  readonly isOver: boolean;
  /** True while a key is asked for. */
  readonly isAsking: boolean;
  /** Everything that was said, in order. */
  readonly spoken: readonly string[];
  readonly pressed: string;
  readonly answeredBy: string | null;
  /** The vendor's codes of what went wrong with its instructions. */
  readonly warnings: readonly number[];
  readonly createdAt: number;
  /** When it began to ring. */
  readonly startedAt: number | null;
  readonly answeredAt: number | null;
  readonly endedAt: number | null;
  /** Seconds that it was answered, as a world without `timeScale` would count them. */
  readonly durationSeconds: number;
  /** The person takes the call; the keys are pressed as they are asked for. False when it doesn't ring. */
  readonly answer: (keys: string) => boolean;
  /** Keys are kept until they are asked for. False when nobody has taken the call. */
  readonly press: (keys: string) => boolean;
  /** The person refuses to take it, or hangs up. False when there is nothing to leave. */
  readonly leave: () => boolean;
  /** The caller ends it; whoever has not been reached sees it canceled. False when it is over. */
  readonly end: () => boolean;
};
