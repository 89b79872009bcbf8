import { assert } from "./assert.ts";
import {
  WEEKDAYS,
  MINUTES_PER_DAY,
  dayOfReading,
  earliestShowing,
  formatLocalDate,
  isTimeZone,
  parseClockTime,
  readingAt,
  weekdayOf,
} from "./clock-time.ts";
import type { ClockTime, LocalDate, LocalDay, Reading } from "./clock-time.ts";
import type { QuietHoursTreatment, WhenAlwaysQuiet } from "./escalation-policy.ts";
import type { Priority } from "./priority.ts";

/**
 * Quiet hours: recurring wall-clock windows in which most notifications wait.
 *
 * A window starts at `from` on each listed day and ends at the next `to`: on the same day when `to` is later, else on the
 * day after, so that a window across midnight belongs to the day on which it starts. `from` is inside, `to` is not.
 * `from` equal to `to` is a window of 24 hours on the clock. Windows that touch or overlap act as one.
 *
 * A date counts as its weekday and, if it is a holiday, as `holiday` too: one listed kind is enough. A holiday thus adds
 * quiet time when `holiday` is listed and never takes away that of a listed weekday.
 *
 * A window is a set of readings of the person's clock (see clock-time.ts), so whoever looks at it knows whether it is
 * quiet. When clocks go forward over `to`, quiet ends at the jump; over `from`, it begins there. When clocks go back, the
 * repeated hour is judged each time it shows: a window with an edge in it can be left and entered again.
 */

export const DAY_KINDS = [...WEEKDAYS, "holiday"] as const;
export type DayKind = (typeof DAY_KINDS)[number];

export interface QuietHours {
  readonly enabled: boolean;
  /** "HH:MM", inclusive. */
  readonly from: string;
  /** "HH:MM", exclusive. */
  readonly to: string;
  /** The days on which a window starts; none listed is never quiet. */
  readonly days: readonly DayKind[];
  /** IANA name; null takes the person's, the work zone's or the installation's (`resolveTimeZone`). */
  readonly timeZone: string | null;
}

/** Requirements section 3: ready to be switched on. */
export const DEFAULT_QUIET_HOURS: QuietHours = {
  enabled: false,
  from: "22:00",
  to: "06:00",
  days: WEEKDAYS,
  timeZone: null,
};

/**
 * How far ahead an awake moment is looked for. A week shows every weekly pattern; the year lets runs of holidays end.
 * Whoever isn't awake once in it is "always" quiet.
 */
export const QUIET_SEARCH_DAYS_MAX = 366;

export interface QuietHoursProblem {
  readonly path: "from" | "to" | "days" | "timeZone";
  readonly rule: "clock_time" | "known_days" | "iana_time_zone";
}

/** Every bad field at once; empty for quiet hours that the functions below accept. */
export function quietHoursProblems(hours: QuietHours): readonly QuietHoursProblem[] {
  const problems: QuietHoursProblem[] = [];
  if (parseClockTime(hours.from) === null) problems.push({ path: "from", rule: "clock_time" });
  if (parseClockTime(hours.to) === null) problems.push({ path: "to", rule: "clock_time" });
  if (!hours.days.every((day) => DAY_KINDS.includes(day))) {
    problems.push({ path: "days", rule: "known_days" });
  }
  if (hours.timeZone !== null && !isTimeZone(hours.timeZone)) {
    problems.push({ path: "timeZone", rule: "iana_time_zone" });
  }
  return problems;
}

/** True when `now` lies inside a window. `holidays` are dates of the zone whose people these are. */
export function isQuiet(
  now: number,
  hours: QuietHours,
  timeZone: string,
  holidays: readonly LocalDate[],
): boolean {
  if (!hours.enabled) return false;
  const window = windowOf(hours, holidays);
  return quietEndAround(readingAt(now, timeZone), window) !== null;
}

/**
 * The earliest instant from `now` on that lies outside every window: `now` itself when it isn't quiet. "always" when the
 * clock shows no awake reading within `QUIET_SEARCH_DAYS_MAX` days.
 */
export function quietUntil(
  now: number,
  hours: QuietHours,
  timeZone: string,
  holidays: readonly LocalDate[],
): number | "always" {
  if (!hours.enabled) return now;
  const window = windowOf(hours, holidays);
  return earliestShowing(now, timeZone, (reading) => nextAwake(reading, window)) ?? "always";
}

/** The earliest instant from `now` on that lies inside a window: `now` itself when it is quiet. Null: none within `QUIET_SEARCH_DAYS_MAX` days. */
export function quietFrom(
  now: number,
  hours: QuietHours,
  timeZone: string,
  holidays: readonly LocalDate[],
): number | null {
  if (!hours.enabled) return null;
  const window = windowOf(hours, holidays);
  return earliestShowing(now, timeZone, (reading) => nextQuiet(reading, window));
}

interface Window {
  readonly from: ClockTime;
  /** 1 to 1440. */
  readonly lengthMinutes: number;
  readonly startsOn: (day: LocalDay) => boolean;
}

function windowOf(hours: QuietHours, holidays: readonly LocalDate[]): Window {
  const from = parseClockTime(hours.from);
  const to = parseClockTime(hours.to);
  assert(from !== null && to !== null, "stored quiet hours have clock times");
  const countsHolidays = hours.days.includes("holiday") && holidays.length > 0;
  return {
    from,
    lengthMinutes: to > from ? to - from : to - from + MINUTES_PER_DAY,
    startsOn: (day) =>
      hours.days.includes(weekdayOf(day)) ||
      (countsHolidays && holidays.includes(formatLocalDate(day))),
  };
}

/** The first awake reading from `reading` on, null when the search limit comes first. */
function nextAwake(reading: Reading, window: Window): Reading | null {
  const limit = reading + QUIET_SEARCH_DAYS_MAX * MINUTES_PER_DAY;
  let awake = reading;
  while (awake <= limit) {
    const end = quietEndAround(awake, window);
    if (end === null) return awake;
    awake = end;
  }
  return null;
}

/** The first quiet reading from `reading` on, null when the search limit comes first. */
function nextQuiet(reading: Reading, window: Window): Reading | null {
  if (quietEndAround(reading, window) !== null) return reading;
  const today = dayOfReading(reading);
  for (let day = today; day <= today + QUIET_SEARCH_DAYS_MAX; day += 1) {
    const start = day * MINUTES_PER_DAY + window.from;
    if (start > reading && window.startsOn(day)) return start;
  }
  return null;
}

/** The end of the window that holds a reading, null outside. No window is longer than a day: two days can start it. */
function quietEndAround(reading: Reading, window: Window): Reading | null {
  const today = dayOfReading(reading);
  for (const day of [today, today - 1]) {
    const start = day * MINUTES_PER_DAY + window.from;
    const end = start + window.lengthMinutes;
    if (start <= reading && reading < end && window.startsOn(day)) return end;
  }
  return null;
}

export const TIME_ZONE_SOURCES = ["quiet_hours", "person", "work_zone", "installation"] as const;
export type TimeZoneSource = (typeof TIME_ZONE_SOURCES)[number];

export interface ResolvedTimeZone {
  readonly timeZone: string;
  readonly source: TimeZoneSource;
  /** Sources that named a zone which this platform doesn't know: worth a warning, since the person meant something. */
  readonly unknown: readonly TimeZoneSource[];
}

/**
 * The zone of the person's quiet hours, else of the person, else of the work zone, else of the installation. The
 * installation's is checked at start, so nobody falls through to a silent UTC: an unknown one throws.
 */
export function resolveTimeZone(candidates: {
  readonly quietHours?: string | null;
  readonly person?: string | null;
  readonly workZone?: string | null;
  readonly installation: string;
}): ResolvedTimeZone {
  const named: readonly (readonly [TimeZoneSource, string | null | undefined])[] = [
    ["quiet_hours", candidates.quietHours],
    ["person", candidates.person],
    ["work_zone", candidates.workZone],
    ["installation", candidates.installation],
  ];
  const unknown: TimeZoneSource[] = [];
  for (const [source, timeZone] of named) {
    if (timeZone === null || timeZone === undefined) continue;
    if (isTimeZone(timeZone)) return { timeZone, source, unknown };
    unknown.push(source);
  }
  throw new Error("Invariant broken: the installation's time zone is an IANA name");
}

export const OVERRIDE_REASONS = [
  /** Critical doesn't wait. */
  "critical_priority",
  /** The policy overrides quiet hours for another priority. */
  "policy_override",
  /** The person lets high through. */
  "person_allows_high",
  /** No awake moment comes and the policy says to send then. */
  "always_quiet_send",
] as const;
export type OverrideReason = (typeof OVERRIDE_REASONS)[number];

export interface QuietQuestion {
  readonly now: number;
  /** Of this person at `now`, from `quietUntil`. */
  readonly quietUntil: number | "always";
  readonly priority: Priority;
  readonly policyQuietHours: QuietHoursTreatment;
  readonly whenAlwaysQuiet: WhenAlwaysQuiet;
  readonly allowHighInQuietHours: boolean;
  readonly overrideForCritical: boolean;
}

/** What quiet hours do to one person at one moment, as the record keeps it. */
export type QuietDecision =
  | { readonly kind: "tell_now"; readonly reason: "awake" }
  | {
      readonly kind: "tell_now";
      readonly reason: OverrideReason;
      /** The window that was overridden. */
      readonly overridden: number | "always";
    }
  | {
      readonly kind: "asleep";
      readonly until: number;
      readonly treatment: "hold" | "next_awake";
      readonly reason: "quiet_hours" | "no_override_for_this_person";
    }
  | {
      /** `hold`: asleep without an end, until somebody changes the window or the run's lifetime is over. */
      readonly kind: "always_quiet";
      readonly outcome: "hold" | "skip";
      readonly treatment: "hold" | "next_awake";
      readonly reason: "always_quiet";
    };

/**
 * Critical overrides whatever policy it runs under: a critical ticket must not wait because its type's policy was made
 * for milder ones. A person for whom critical has no override (`overrideForCritical: false`) is `next_awake` instead, and
 * so is any milder priority whose policy overrides: it can't be more intrusive than critical.
 */
export function quietTreatment(question: QuietQuestion): QuietDecision {
  const { now, quietUntil: until, priority, policyQuietHours } = question;
  if (until !== "always" && until <= now) return { kind: "tell_now", reason: "awake" };

  if (priority === "high" && question.allowHighInQuietHours) {
    return { kind: "tell_now", reason: "person_allows_high", overridden: until };
  }
  const wantsOverride = priority === "critical" || policyQuietHours === "override";
  if (wantsOverride && question.overrideForCritical) {
    const reason = priority === "critical" ? "critical_priority" : "policy_override";
    return { kind: "tell_now", reason, overridden: until };
  }

  const treatment = policyQuietHours === "hold" && !wantsOverride ? "hold" : "next_awake";
  if (until !== "always") {
    const reason = wantsOverride ? "no_override_for_this_person" : "quiet_hours";
    return { kind: "asleep", until, treatment, reason };
  }
  switch (question.whenAlwaysQuiet) {
    case "send":
      return { kind: "tell_now", reason: "always_quiet_send", overridden: until };
    case "hold":
    case "skip":
      return {
        kind: "always_quiet",
        outcome: question.whenAlwaysQuiet,
        treatment,
        reason: "always_quiet",
      };
  }
}
