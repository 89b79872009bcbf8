/** A gap below this is a rate; see `leave_now` in the migrations. */
const GAP_SECONDS_MIN = 0.1;
/** How much faster than the one before it a request may be on its way to the vendor, who counts when they arrive. */
const WAY_SECONDS = 0.02;

/** Seconds from one message of a device to its next. */
export function gapSecondsOf(pacing: {
  readonly perSecond: number;
  readonly minGapSeconds: number;
}): number {
  const gap = Math.max(pacing.minGapSeconds, 1 / pacing.perSecond);
  return gap < GAP_SECONDS_MIN ? gap : gap + WAY_SECONDS;
}

/** Seconds from one message of a device to its next for the same recipient; 0: no limit. */
export function pairGapSecondsOf(pacing: { readonly pairGapSeconds?: number }): number {
  const gap = pacing.pairGapSeconds ?? 0;
  return gap === 0 ? 0 : gap + WAY_SECONDS;
}
