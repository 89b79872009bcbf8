import { DateTime } from "luxon";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  MINUTE_MS,
  clockTimeOfReading,
  dayOfReading,
  earliestShowing,
  formatClockTime,
  formatLocalDate,
  instantOf,
  isTimeZone,
  parseClockTime,
  parseLocalDate,
  readingAt,
  weekdayOf,
} from "../../domain/clock-time.ts";
import { anInstantIn, aTimeZone } from "../support/local-time.ts";

const utc = (iso: string): number => Date.parse(iso);
const iso = (instantMs: number): string => new Date(instantMs).toISOString();

/** "2026-03-29 02:30" → its reading. */
function readingOf(text: string): number {
  const [date = "", time = ""] = text.split(" ");
  const day = parseLocalDate(date);
  const clockTime = parseClockTime(time);
  if (day === null || clockTime === null) throw new Error(`not a reading: ${text}`);
  return day * 1_440 + clockTime;
}
function show(reading: number): string {
  const date = formatLocalDate(dayOfReading(reading));
  return `${date} ${formatClockTime(clockTimeOfReading(reading))}`;
}

describe("a clock time", () => {
  test.each([
    ["00:00", 0, "first minute"],
    ["06:00", 360, "whole hour"],
    ["23:59", 1_439, "last minute"],
  ])("%s is %d minutes since midnight and back: %s", (text, minutes) => {
    expect(parseClockTime(text)).toBe(minutes);
    expect(formatClockTime(minutes)).toBe(text);
  });

  test.each([
    ["24:00", "the day ends at 23:59"],
    ["6:00", "two digits"],
    ["06:60", "sixty minutes are an hour"],
    ["06:00:00", "no seconds"],
    ["06:00\n", "nothing behind"],
    [" 06:00", "nothing before"],
    ["06.00", "a colon divides"],
    ["-1:00", "no sign"],
    ["٠٦:٠٠", "Latin digits"],
    ["", "empty"],
  ])("%j is none: %s", (text) => {
    expect(parseClockTime(text)).toBeNull();
  });

  test.each([-1, 1_440, 1.5, Number.NaN])("%d minutes are none", (minutes) => {
    expect(() => formatClockTime(minutes)).toThrow("Invariant broken");
  });
});

describe("a local date", () => {
  test.each([
    ["1970-01-01", 0, "thu"],
    ["1969-12-31", -1, "wed"],
    ["2000-02-29", 11_016, "tue"],
    ["2026-08-17", 20_682, "mon"],
  ])("%s is day %d, a %s", (text, day, weekday) => {
    expect(parseLocalDate(text)).toBe(day);
    expect(formatLocalDate(day)).toBe(text);
    expect(weekdayOf(day)).toBe(weekday);
  });

  test.each([
    ["2026-02-29", "not a leap year"],
    ["2026-02-30", "no such day in any year"],
    ["2026-13-01", "no such month"],
    ["2026-00-10", "no such month"],
    ["2026-8-17", "two digits"],
    ["20260817", "hyphens divide"],
    ["2026-08-17T00:00", "a date alone"],
    ["", "empty"],
  ])("%j is none: %s", (text) => {
    expect(parseLocalDate(text)).toBeNull();
  });

  test("has the weekday that the calendar gives it", () => {
    fc.assert(
      fc.property(fc.integer({ min: -40_000, max: 60_000 }), (day) => {
        const calendar = DateTime.fromMillis(day * 86_400_000, { zone: "utc" });
        expect(weekdayOf(day)).toBe(calendar.toFormat("ccc", { locale: "en" }).toLowerCase());
        expect(formatLocalDate(day)).toBe(calendar.toISODate());
        expect(parseLocalDate(formatLocalDate(day))).toBe(day);
      }),
    );
  });
});

describe("a time zone", () => {
  test.each([
    ["Asia/Jakarta", true, "WIB"],
    ["Asia/Makassar", true, "WITA"],
    ["Asia/Jayapura", true, "WIT"],
    ["America/Argentina/Buenos_Aires", true, "two slashes"],
    ["UTC", true, "when somebody means it"],
    ["Asia/Karawang", false, "no such zone"],
    ["WIB", false, "an abbreviation"],
    ["+07:00", false, "an offset knows no clock changes"],
    ["-03", false, "an offset knows no clock changes"],
    ["", false, "empty"],
    ["Asia/Jakarta ", false, "trailing space"],
    ["A".repeat(65), false, "far too long"],
    ["constructor", false, "not a name of the platform's objects either"],
  ])("%j: %s (%s)", (name, is) => {
    expect(isTimeZone(name)).toBe(is);
  });

  test("stays known when more names than the formatters' limit were asked for", () => {
    const names = Intl.supportedValuesOf("timeZone");
    expect(names.length).toBeGreaterThan(256);
    for (const name of names) expect(isTimeZone(name)).toBe(true);
    expect(show(readingAt(utc("2026-08-17T00:00:00Z"), "Asia/Jakarta"))).toBe("2026-08-17 07:00");
  });
});

describe("the clock on the wall shows", () => {
  test.each([
    ["2026-01-01T16:59:59.999Z", "Asia/Jakarta", "2026-01-01 23:59", "just before midnight"],
    ["2026-01-01T17:00:00.000Z", "Asia/Jakarta", "2026-01-02 00:00", "midnight"],
    ["2026-01-01T17:00:00.001Z", "Asia/Jakarta", "2026-01-02 00:00", "just after midnight"],
    ["2026-01-01T00:00:00Z", "Asia/Makassar", "2026-01-01 08:00", "WITA"],
    ["2026-01-01T00:00:00Z", "Asia/Jayapura", "2026-01-01 09:00", "WIT"],
    ["2026-01-01T00:00:00Z", "Asia/Kathmandu", "2026-01-01 05:45", "a quarter hour"],
    ["2026-03-29T00:59:59.999Z", "Europe/Berlin", "2026-03-29 01:59", "before clocks go forward"],
    ["2026-03-29T01:00:00Z", "Europe/Berlin", "2026-03-29 03:00", "after clocks went forward"],
    ["2026-10-25T00:59:59.999Z", "Europe/Berlin", "2026-10-25 02:59", "before clocks go back"],
    ["2026-10-25T01:00:00Z", "Europe/Berlin", "2026-10-25 02:00", "after clocks went back"],
    ["2026-04-04T15:00:00Z", "Australia/Lord_Howe", "2026-04-05 01:30", "half an hour back"],
    ["2011-12-30T09:59:59.999Z", "Pacific/Apia", "2011-12-29 23:59", "before the skipped day"],
    ["2011-12-30T10:00:00Z", "Pacific/Apia", "2011-12-31 00:00", "after the skipped day"],
    ["1963-12-31T16:29:59.999Z", "Asia/Jakarta", "1963-12-31 23:59", "in its years of 7:30"],
  ])("at %s in %s %s: %s", (at, timeZone, shown) => {
    expect(show(readingAt(utc(at), timeZone))).toBe(shown);
  });

  test("what Luxon says it shows, around clock changes and elsewhere", () => {
    fc.assert(
      fc.property(
        aTimeZone.chain((zone) => fc.tuple(fc.constant(zone), anInstantIn(zone))),
        ([zone, at]) => {
          const shown = DateTime.fromMillis(at, { zone }).toFormat("yyyy-MM-dd HH:mm");
          expect(show(readingAt(at, zone))).toBe(shown);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("nothing for an instant that is none", () => {
    expect(() => readingAt(Number.NaN, "Asia/Jakarta")).toThrow("Invariant broken");
    expect(() => readingAt(Infinity, "Asia/Jakarta")).toThrow("Invariant broken");
  });
});

describe("the instant of a reading", () => {
  test.each([
    [
      "2026-08-17 06:00",
      "Asia/Jakarta",
      "2026-08-16T23:00:00.000Z",
      "2026-08-16T23:00:00.000Z",
      "no change",
    ],
    [
      "2026-03-29 01:59",
      "Europe/Berlin",
      "2026-03-29T00:59:00.000Z",
      "2026-03-29T00:59:00.000Z",
      "last before the gap",
    ],
    [
      "2026-03-29 02:00",
      "Europe/Berlin",
      "2026-03-29T01:00:00.000Z",
      "2026-03-29T01:00:00.000Z",
      "skipped: the jump",
    ],
    [
      "2026-03-29 02:59",
      "Europe/Berlin",
      "2026-03-29T01:00:00.000Z",
      "2026-03-29T01:00:00.000Z",
      "skipped: the jump",
    ],
    [
      "2026-03-29 03:00",
      "Europe/Berlin",
      "2026-03-29T01:00:00.000Z",
      "2026-03-29T01:00:00.000Z",
      "first after the gap",
    ],
    [
      "2026-10-25 01:59",
      "Europe/Berlin",
      "2026-10-24T23:59:00.000Z",
      "2026-10-24T23:59:00.000Z",
      "last before the repeat",
    ],
    [
      "2026-10-25 02:00",
      "Europe/Berlin",
      "2026-10-25T00:00:00.000Z",
      "2026-10-25T01:00:00.000Z",
      "shows twice",
    ],
    [
      "2026-10-25 02:59",
      "Europe/Berlin",
      "2026-10-25T00:59:00.000Z",
      "2026-10-25T01:59:00.000Z",
      "shows twice",
    ],
    [
      "2026-10-25 03:00",
      "Europe/Berlin",
      "2026-10-25T02:00:00.000Z",
      "2026-10-25T02:00:00.000Z",
      "first after the repeat",
    ],
    [
      "2026-10-04 02:15",
      "Australia/Lord_Howe",
      "2026-10-03T15:30:00.000Z",
      "2026-10-03T15:30:00.000Z",
      "skipped half hour",
    ],
    [
      "2026-04-05 01:45",
      "Australia/Lord_Howe",
      "2026-04-04T14:45:00.000Z",
      "2026-04-04T15:15:00.000Z",
      "repeated half hour",
    ],
    [
      "2011-12-30 12:00",
      "Pacific/Apia",
      "2011-12-30T10:00:00.000Z",
      "2011-12-30T10:00:00.000Z",
      "skipped date: the jump",
    ],
    [
      "2018-11-04 00:00",
      "America/Sao_Paulo",
      "2018-11-04T03:00:00.000Z",
      "2018-11-04T03:00:00.000Z",
      "no midnight",
    ],
  ])("%s in %s is first %s, last %s: %s", (text, timeZone, first, last) => {
    expect(iso(instantOf(readingOf(text), timeZone))).toBe(first);
    expect(iso(instantOf(readingOf(text), timeZone, "last"))).toBe(last);
  });

  test("leads back to the minute of the instant, or to its other showing", () => {
    fc.assert(
      fc.property(
        aTimeZone.chain((zone) => fc.tuple(fc.constant(zone), anInstantIn(zone))),
        ([zone, at]) => {
          const minute = Math.floor(at / MINUTE_MS) * MINUTE_MS;
          const reading = readingAt(minute, zone);
          const showings = [instantOf(reading, zone, "first"), instantOf(reading, zone, "last")];
          expect(showings).toContain(minute);
          for (const showing of showings) expect(readingAt(showing, zone)).toBe(reading);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("the earliest showing of a wanted reading", () => {
  /** Wanted on every day: the minutes from `from` on, up to `to`. */
  const daily =
    (from: number, to: number) =>
    (reading: number): number => {
      const clockTime = clockTimeOfReading(reading);
      if (clockTime >= from && clockTime < to) return reading;
      const today = dayOfReading(reading) * 1_440 + from;
      return clockTime < from ? today : today + 1_440;
    };

  test.each([
    ["2026-08-17T00:59:59.999Z", "2026-08-17T01:00:00.000Z", "just before: at the opening"],
    ["2026-08-17T01:00:00.000Z", "2026-08-17T01:00:00.000Z", "at the opening: at once"],
    ["2026-08-17T12:59:59.999Z", "2026-08-17T12:59:59.999Z", "just before the end: at once"],
    ["2026-08-17T13:00:00.000Z", "2026-08-18T01:00:00.000Z", "at the end: the next day"],
  ])("for 08:00–20:00 in Jakarta from %s is %s: %s", (from, expected) => {
    const found = earliestShowing(utc(from), "Asia/Jakarta", daily(480, 1_200));
    expect(found === null ? null : iso(found)).toBe(expected);
  });

  test("is not found when nothing is wanted", () => {
    expect(earliestShowing(utc("2026-08-17T00:00:00Z"), "Asia/Jakarta", () => null)).toBeNull();
  });

  test("that clocks skip is the next day's when the whole span is skipped", () => {
    const found = earliestShowing(utc("2026-03-28T23:00:00Z"), "Europe/Berlin", daily(125, 175));
    expect(found === null ? null : iso(found)).toBe("2026-03-30T00:05:00.000Z");
  });

  test("ends its search although the wanted reading never shows", () => {
    const always = (reading: number): number => reading + 1;
    expect(earliestShowing(utc("2026-01-01T00:00:00Z"), "Asia/Jakarta", always)).toBeNull();
  });
});
