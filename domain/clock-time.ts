import { assert } from "./assert.ts";

/**
 * Local wall-clock time: what the clock on the wall of a named zone shows. The zone data is the platform's own.
 *
 * A *reading* is a date and a time of day, kept as one number: minutes since 1970-01-01 00:00 as the clock shows them.
 * Readings and instants are not one to one, and what follows is decided here for every rule that uses local time:
 * - A skipped reading (clocks go forward) never shows. What begins or ends at it happens at the jump.
 * - A repeated reading (clocks go back) shows twice. A rule over readings holds both times; an appointment at it
 *   (`instantOf`) is its first showing unless the last is asked for.
 * - A skipped date (Samoa, 30 December 2011) is nothing but skipped readings.
 *
 * Determinism: zone data differs between hosts and changes, so workflow code never calls this; it gets instants.
 */

export const MINUTE_MS = 60_000;
export const MINUTES_PER_DAY = 1_440;
const DAY_MS = MINUTES_PER_DAY * MINUTE_MS;

/** Minutes since midnight, 0 to 1439. */
export type ClockTime = number;
/** Days since 1970-01-01 on the calendar of some zone. */
export type LocalDay = number;
/** Minutes since 1970-01-01 00:00 as shown on the clock of some zone: day × 1440 + clock time. */
export type Reading = number;
/** A calendar date as text, YYYY-MM-DD. */
export type LocalDate = string;

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof WEEKDAYS)[number];
/** 1970-01-01 was a Thursday. */
const WEEKDAY_OF_DAY_ZERO = WEEKDAYS.indexOf("thu");

/** Formatted years keep four digits between these; nothing that people schedule lies outside. */
const INSTANT_MS_MIN = Date.UTC(1800, 0, 1);
const INSTANT_MS_MAX = Date.UTC(3000, 0, 1);

/** The longest IANA name has 32 characters; more is not a zone and isn't worth asking the platform about. */
const TIME_ZONE_CHARS_MAX = 64;
/** A formatter costs the platform tens of kilobytes. There are about 600 names; an installation uses a handful. */
const FORMATTERS_MAX = 128;

/**
 * How far `earliestShowing` looks ahead at once. Two clock changes of one zone that cancel each other within this
 * time would be overlooked; since 1990 no zone had two changes within the same week.
 */
const STRIDE_MS = DAY_MS / 2;
/** A limit on the loop that no search meets: over a year of strides, with room for clock changes. */
const STRIDES_MAX = 1_200;

const formatters = new Map<string, Intl.DateTimeFormat>();

/** True for an IANA name that this platform knows ("Asia/Jakarta"); false for offsets ("+07:00") and empty text. */
export function isTimeZone(name: string): boolean {
  if (name.length > TIME_ZONE_CHARS_MAX || !/^[A-Za-z]/.test(name)) return false;
  if (formatters.has(name)) return true;
  try {
    formatterFor(name);
    return true;
  } catch {
    return false;
  }
}

/** "HH:MM" from 00:00 to 23:59 → minutes since midnight; anything else → null. */
export function parseClockTime(text: string): ClockTime | null {
  const parts = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  return parts === null ? null : Number(parts[1]) * 60 + Number(parts[2]);
}

export function formatClockTime(clockTime: ClockTime): string {
  assert(
    Number.isInteger(clockTime) && clockTime >= 0 && clockTime < MINUTES_PER_DAY,
    "a clock time is a whole number of minutes from 0 to 1439",
  );
  const hours = Math.floor(clockTime / 60);
  return `${String(hours).padStart(2, "0")}:${String(clockTime % 60).padStart(2, "0")}`;
}

/** "YYYY-MM-DD" of a day that exists on the calendar → its number; anything else → null. */
export function parseLocalDate(text: LocalDate): LocalDay | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null;
  const day = Date.parse(`${text}T00:00:00Z`) / DAY_MS;
  return Number.isInteger(day) && formatLocalDate(day) === text ? day : null;
}

export function formatLocalDate(day: LocalDay): LocalDate {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

export function weekdayOf(day: LocalDay): Weekday {
  const weekday = WEEKDAYS[(((day + WEEKDAY_OF_DAY_ZERO) % 7) + 7) % 7];
  assert(weekday !== undefined, "a day is a whole number");
  return weekday;
}

/** What the clock of `timeZone` shows at an instant, seconds dropped. */
export function readingAt(instantMs: number, timeZone: string): Reading {
  return Math.floor((instantMs + offsetMsAt(instantMs, timeZone)) / MINUTE_MS);
}

export function dayOfReading(reading: Reading): LocalDay {
  return Math.floor(reading / MINUTES_PER_DAY);
}

export function clockTimeOfReading(reading: Reading): ClockTime {
  return reading - dayOfReading(reading) * MINUTES_PER_DAY;
}

/**
 * The instant at which the clock of `timeZone` shows a reading: the jump for a skipped one, the first of two showings
 * for a repeated one unless `occurrence` asks for the last.
 */
export function instantOf(
  reading: Reading,
  timeZone: string,
  occurrence: "first" | "last" = "first",
): number {
  const localMs = reading * MINUTE_MS;
  // Offsets lie within a day of UTC, so the instant lies between these two, and so does the change if there is one.
  const before = localMs - DAY_MS;
  const after = localMs + DAY_MS;
  const offsets = [offsetMsAt(before, timeZone), offsetMsAt(after, timeZone)];
  const showings = offsets
    .map((offsetMs) => ({ instantMs: localMs - offsetMs, offsetMs }))
    .filter(({ instantMs, offsetMs }) => offsetMsAt(instantMs, timeZone) === offsetMs)
    .map(({ instantMs }) => instantMs);
  if (showings.length === 0) return clockChangeBetween(before, after, timeZone);
  return occurrence === "first" ? Math.min(...showings) : Math.max(...showings);
}

/**
 * The earliest instant from `fromMs` on at which the clock of `timeZone` shows a wanted reading; null when `nextWanted`
 * knows of none. `nextWanted(reading)` gives the reading itself when it is wanted, else the next later one that is.
 */
export function earliestShowing(
  fromMs: number,
  timeZone: string,
  nextWanted: (reading: Reading) => Reading | null,
): number | null {
  let instantMs = fromMs;
  let offsetMs = offsetMsAt(instantMs, timeZone);
  for (let stride = 0; stride < STRIDES_MAX; stride += 1) {
    const localMs = instantMs + offsetMs;
    const reading = Math.floor(localMs / MINUTE_MS);
    const wanted = nextWanted(reading);
    if (wanted === null) return null;
    if (wanted === reading) return instantMs;
    assert(wanted > reading, "the next wanted reading is later than the one asked about");
    const reachedMs = instantMs + Math.min(wanted * MINUTE_MS - localMs, STRIDE_MS);
    const reachedOffsetMs = offsetMsAt(reachedMs, timeZone);
    // Up to a change every reading is unwanted; from there on the clock shows others, so the question is asked anew.
    instantMs =
      reachedOffsetMs === offsetMs ? reachedMs : clockChangeBetween(instantMs, reachedMs, timeZone);
    offsetMs = offsetMsAt(instantMs, timeZone);
  }
  return null;
}

/** How far the clock of `timeZone` is ahead of UTC at an instant, in milliseconds. */
function offsetMsAt(instantMs: number, timeZone: string): number {
  assert(
    instantMs >= INSTANT_MS_MIN && instantMs <= INSTANT_MS_MAX,
    "an instant is epoch milliseconds between the years 1800 and 3000",
  );
  const secondMs = Math.floor(instantMs / 1_000) * 1_000;
  // "MM/DD/YYYY, HH:MM:SS": read by place because asking for the parts takes three times as long.
  const shown = formatterFor(timeZone).format(secondMs);
  const shownAsUtcMs = Date.UTC(
    digitsAt(shown, 6, 4),
    digitsAt(shown, 0, 2) - 1,
    digitsAt(shown, 3, 2),
    digitsAt(shown, 12, 2),
    digitsAt(shown, 15, 2),
    digitsAt(shown, 18, 2),
  );
  assert(
    !Number.isNaN(shownAsUtcMs),
    "the platform formats dates of en-US as MM/DD/YYYY, HH:MM:SS",
  );
  return shownAsUtcMs - secondMs;
}

function digitsAt(text: string, start: number, length: number): number {
  return Number(text.slice(start, start + length));
}

/** The first instant after the clock change that lies between two instants of different offset. */
function clockChangeBetween(beforeMs: number, afterMs: number, timeZone: string): number {
  const offsetBeforeMs = offsetMsAt(beforeMs, timeZone);
  let low = beforeMs;
  let high = afterMs;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetMsAt(middle, timeZone) === offsetBeforeMs) low = middle;
    else high = middle;
  }
  return high;
}

/** Throws RangeError for a name that the platform doesn't know. */
function formatterFor(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const formatter = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  // Names arrive from outside and are case-insensitive: without a limit spellings of one zone could fill the memory.
  if (formatters.size >= FORMATTERS_MAX) formatters.clear();
  formatters.set(timeZone, formatter);
  return formatter;
}
