/**
 * Runs whose quiet hours end together wake one after the other: each takes a place in its band, and the server's rate is kept.
 */
import type { Priority } from "./priority.ts";
import { isAtLeast } from "./priority.ts";

/** Urgent ones go first, at the very end of quiet hours; the others begin a minute later. */
export const WAKE_BANDS = ["urgent", "other"] as const;
export type WakeBand = (typeof WAKE_BANDS)[number];

/** A minute at the default of ten a second lets 600 urgent runs wake before the first of the others. */
const BAND_OFFSET_MS: Readonly<Record<WakeBand, number>> = { urgent: 0, other: 60_000 };
/** Quiet hours begin on a full minute, so a minute after their end nobody sleeps again. */
const AWAKE_MS_MIN = 60_000;

export interface WakePlace {
  /** Epoch ms at which the quiet hours end. */
  readonly windowEnd: number;
  readonly band: WakeBand;
  /** 0 is the first to wake. */
  readonly place: number;
}

export function wakeBand(priority: Priority): WakeBand {
  return isAtLeast(priority, "high") ? "urgent" : "other";
}

/**
 * When the run with this place wakes. Never inside another quiet window: a place that would be is moved into the first minute, and if even that is not awake,
 * to the very end.
 */
export function resumeAt(
  { windowEnd, band, place }: WakePlace,
  wakePerSecond: number,
  isAwake: (instant: number) => boolean,
): number {
  const spreadMs = Math.floor(BAND_OFFSET_MS[band] + (place * 1_000) / wakePerSecond);
  const wanted = windowEnd + spreadMs;
  if (isAwake(wanted)) return wanted;
  const squeezed = windowEnd + (spreadMs % AWAKE_MS_MIN);
  return isAwake(squeezed) ? squeezed : windowEnd;
}
