/**
 * Everything that may keep one target quiet, taken together: quiet hours and, for customers, the hours outside the type's send window.
 */
import { WEEKDAYS } from "./clock-time.ts";
import type { LocalDate } from "./clock-time.ts";
import { QUIET_SEARCH_DAYS_MAX, quietFrom, quietUntil } from "./quiet-hours.ts";
import type { QuietHours } from "./quiet-hours.ts";
import type { QuietWindow } from "./run.ts";

/** One recurring reason to be quiet, on the clock of its zone. */
export interface QuietRule {
  readonly hours: QuietHours;
  readonly timeZone: string;
  readonly holidays: readonly LocalDate[];
}

const DAY_MS = 86_400_000;
/** A run of three days has four nights; more windows than these stand in no plan. */
export const QUIET_WINDOWS_MAX = 16;

/** The earliest instant from `now` on that every rule leaves awake; "always" when there is none within a year. */
export function awakeFrom(now: number, rules: readonly QuietRule[]): number | "always" {
  const limit = now + QUIET_SEARCH_DAYS_MAX * DAY_MS;
  let instant = now;
  while (instant <= limit) {
    const before = instant;
    for (const { hours, timeZone, holidays } of rules) {
      const until = quietUntil(instant, hours, timeZone, holidays);
      if (until === "always") return "always";
      instant = until;
    }
    if (instant === before) return instant;
  }
  return "always";
}

export function isAwakeAt(instant: number, rules: readonly QuietRule[]): boolean {
  return awakeFrom(instant, rules) === instant;
}

/** Quiet windows that begin from `from` on and before `until`, ascending; windows that touch are one. */
export function quietWindows(
  from: number,
  until: number,
  rules: readonly QuietRule[],
): readonly QuietWindow[] {
  const windows: QuietWindow[] = [];
  let instant = from;
  while (windows.length < QUIET_WINDOWS_MAX) {
    const starts = rules.flatMap(
      ({ hours, timeZone, holidays }) => quietFrom(instant, hours, timeZone, holidays) ?? [],
    );
    const start = Math.min(...starts);
    if (start >= until) return windows;
    const end = awakeFrom(start, rules);
    if (end === "always") return [...windows, { from: start, until }];
    windows.push({ from: start, until: end });
    instant = end;
  }
  return windows;
}

/** The hours outside a send window, as quiet hours of every day; null when the window is the whole day. */
export function outsideSendWindow(
  sendWindow: { readonly from: string; readonly to: string },
  timeZone: string,
): QuietRule | null {
  if (sendWindow.from === sendWindow.to) return null;
  return {
    hours: {
      enabled: true,
      from: sendWindow.to,
      to: sendWindow.from,
      days: WEEKDAYS,
      timeZone: null,
    },
    timeZone,
    holidays: [],
  };
}
