import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { DateTime } from "luxon";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WEEKDAYS } from "../../domain/clock-time.ts";
import { QUIET_HOURS_TREATMENTS, WHEN_ALWAYS_QUIET } from "../../domain/escalation-policy.ts";
import { PRIORITIES } from "../../domain/priority.ts";
import {
  DAY_KINDS,
  DEFAULT_QUIET_HOURS,
  OVERRIDE_REASONS,
  isQuiet,
  quietHoursProblems,
  quietTreatment,
  quietUntil,
  resolveTimeZone,
} from "../../domain/quiet-hours.ts";
import type { QuietHours, QuietQuestion } from "../../domain/quiet-hours.ts";
import { aTimeZone, anInstantIn, clockChangesOf } from "../support/local-time.ts";

const PROJECT_ROOT = new URL("../../", import.meta.url);
const JAKARTA = "Asia/Jakarta";
const NIGHT: QuietHours = { ...DEFAULT_QUIET_HOURS, enabled: true };
const utc = (text: string): number => Date.parse(text);
/** "2026-08-17 22:00" on the clock of a zone; for readings that show once. */
const at = (text: string, zone: string): number => DateTime.fromSQL(text, { zone }).toMillis();
const showIn = (zone: string, until: number | "always"): string =>
  until === "always" ? until : DateTime.fromMillis(until, { zone }).toFormat("yyyy-MM-dd HH:mm:ss");

describe("quiet hours 22:00–06:00 in Jakarta", () => {
  test.each([
    ["2026-08-17 21:59:59.999", false, "2026-08-17 21:59:59", "just before the start"],
    ["2026-08-17 22:00:00.000", true, "2026-08-18 06:00:00", "start is inside"],
    ["2026-08-17 22:00:00.001", true, "2026-08-18 06:00:00", "just after the start"],
    ["2026-08-17 23:59:59.999", true, "2026-08-18 06:00:00", "before midnight"],
    ["2026-08-18 00:00:00.000", true, "2026-08-18 06:00:00", "midnight"],
    ["2026-08-18 05:59:59.999", true, "2026-08-18 06:00:00", "just before the end"],
    ["2026-08-18 06:00:00.000", false, "2026-08-18 06:00:00", "end is outside"],
    ["2026-08-18 06:00:00.001", false, "2026-08-18 06:00:00", "just after the end"],
    ["2026-08-18 12:00:00.000", false, "2026-08-18 12:00:00", "noon"],
  ])("at %s: quiet %s, until %s: %s", (text, quiet, until) => {
    const now = at(text, JAKARTA);
    expect(isQuiet(now, NIGHT, JAKARTA, [])).toBe(quiet);
    expect(showIn(JAKARTA, quietUntil(now, NIGHT, JAKARTA, []))).toBe(until);
    if (!quiet) expect(quietUntil(now, NIGHT, JAKARTA, [])).toBe(now);
  });

  test("are another time in WITA and WIT", () => {
    const now = utc("2026-08-17T21:30:00Z");
    expect(showIn("Asia/Jakarta", quietUntil(now, NIGHT, "Asia/Jakarta", []))).toMatch(
      / 06:00:00$/,
    );
    expect(isQuiet(now, NIGHT, "Asia/Makassar", [])).toBe(true);
    expect(isQuiet(now, NIGHT, "Asia/Jayapura", [])).toBe(false);
  });

  test("hold nobody while they are switched off", () => {
    const now = at("2026-08-17 23:00", JAKARTA);
    expect(isQuiet(now, DEFAULT_QUIET_HOURS, JAKARTA, [])).toBe(false);
    expect(quietUntil(now, DEFAULT_QUIET_HOURS, JAKARTA, [])).toBe(now);
  });

  test("hold nobody when no day is listed", () => {
    const now = at("2026-08-17 23:00", JAKARTA);
    expect(quietUntil(now, { ...NIGHT, days: [] }, JAKARTA, [])).toBe(now);
  });
});

describe("days are those on which the window starts", () => {
  const weekdayNights: QuietHours = { ...NIGHT, days: ["mon", "tue", "wed", "thu", "fri"] };
  test.each([
    ["2026-08-21 22:00", true, "Friday night"],
    ["2026-08-22 05:59", true, "Saturday morning belongs to Friday"],
    ["2026-08-22 06:00", false, "Friday's window is over"],
    ["2026-08-22 22:00", false, "Saturday is not listed"],
    ["2026-08-24 05:59", false, "Monday morning belongs to Sunday"],
    ["2026-08-24 22:00", true, "Monday night"],
  ])("at %s with Monday to Friday listed: quiet %s: %s", (text, quiet) => {
    expect(isQuiet(at(text, JAKARTA), weekdayNights, JAKARTA, [])).toBe(quiet);
  });
});

describe("holidays", () => {
  const independence = ["2026-08-17"];
  const weekend: QuietHours = {
    ...NIGHT,
    from: "00:00",
    to: "12:00",
    days: ["sat", "sun", "holiday"],
  };
  test.each([
    ["2026-08-17 08:00", weekend, independence, true, "a Monday that is a holiday"],
    ["2026-08-17 08:00", weekend, [], false, "the same Monday without the holiday"],
    ["2026-08-18 08:00", weekend, independence, false, "the day after"],
    ["2026-08-16 08:00", weekend, independence, true, "a Sunday is quiet anyway"],
    [
      "2026-08-17 08:00",
      { ...weekend, days: ["mon"] },
      independence,
      true,
      "a holiday takes no listed weekday away",
    ],
    [
      "2026-08-17 08:00",
      { ...weekend, days: ["tue"] },
      independence,
      false,
      "holiday is not listed",
    ],
    [
      "2026-08-18 03:00",
      { ...NIGHT, days: ["holiday"] },
      independence,
      true,
      "the holiday's night ends on the day after",
    ],
    [
      "2026-08-17 03:00",
      { ...NIGHT, days: ["holiday"] },
      independence,
      false,
      "the night before belongs to the eve",
    ],
  ] as const)("at %s: %#", (text, hours, holidays, quiet, reason) => {
    expect(isQuiet(at(text, JAKARTA), hours, JAKARTA, holidays), reason).toBe(quiet);
  });

  test("are local dates of the zone asked about", () => {
    const now = utc("2026-08-16T16:30:00Z");
    const hours: QuietHours = { ...NIGHT, from: "00:00", to: "00:00", days: ["holiday"] };
    expect(isQuiet(now, hours, "Asia/Jakarta", independence)).toBe(false);
    expect(isQuiet(now, hours, "Asia/Jayapura", independence)).toBe(true);
  });
});

describe("windows that touch act as one", () => {
  test("a day of 24 hours on the clock runs from start to start", () => {
    const sunday: QuietHours = { ...NIGHT, from: "07:00", to: "07:00", days: ["sun"] };
    const start = at("2026-08-16 07:00", JAKARTA);
    expect(isQuiet(start - 1, sunday, JAKARTA, [])).toBe(false);
    expect(showIn(JAKARTA, quietUntil(start, sunday, JAKARTA, []))).toBe("2026-08-17 07:00:00");
  });

  test("a closed week-end ends where its last day does", () => {
    const closed: QuietHours = { ...NIGHT, from: "00:00", to: "00:00", days: ["sat", "sun"] };
    const now = at("2026-08-15 10:00", JAKARTA);
    expect(showIn(JAKARTA, quietUntil(now, closed, JAKARTA, []))).toBe("2026-08-17 00:00:00");
  });

  test("a closed week is always", () => {
    const closed: QuietHours = { ...NIGHT, from: "00:00", to: "00:00" };
    expect(quietUntil(at("2026-08-15 10:00", JAKARTA), closed, JAKARTA, [])).toBe("always");
    const closedFromNine: QuietHours = { ...closed, from: "09:00", to: "09:00" };
    expect(quietUntil(at("2026-08-15 10:00", JAKARTA), closedFromNine, JAKARTA, [])).toBe("always");
  });

  test("one awake minute a week is found", () => {
    const almost: QuietHours = { ...NIGHT, from: "00:00", to: "23:59" };
    const now = at("2026-08-15 00:00", JAKARTA);
    expect(showIn(JAKARTA, quietUntil(now, almost, JAKARTA, []))).toBe("2026-08-15 23:59:00");
  });

  test("a run of holidays ends, and one without end within the limit is always", () => {
    const closed: QuietHours = {
      ...NIGHT,
      from: "00:00",
      to: "00:00",
      days: ["mon", "tue", "wed", "thu", "fri", "sat", "holiday"],
    };
    const sundaysFrom = (count: number): string[] =>
      Array.from({ length: count }, (_, week) =>
        DateTime.fromISO("2026-08-16", { zone: "utc" })
          .plus({ weeks: week })
          .toFormat("yyyy-MM-dd"),
      );
    const now = at("2026-08-15 10:00", JAKARTA);
    expect(showIn(JAKARTA, quietUntil(now, closed, JAKARTA, []))).toBe("2026-08-16 00:00:00");
    expect(showIn(JAKARTA, quietUntil(now, closed, JAKARTA, sundaysFrom(10)))).toBe(
      "2026-10-25 00:00:00",
    );
    expect(quietUntil(now, closed, JAKARTA, sundaysFrom(60))).toBe("always");
  });
});

describe("clock changes", () => {
  const berlin = "Europe/Berlin";
  const rows: readonly (readonly [string, string, string, string, string, string])[] = [
    [
      "22:00",
      "06:00",
      berlin,
      "2026-03-28T21:00:00Z",
      "2026-03-29T04:00:00.000Z",
      "spring night: 7 hours",
    ],
    [
      "22:00",
      "06:00",
      berlin,
      "2026-10-24T20:00:00Z",
      "2026-10-25T05:00:00.000Z",
      "autumn night: 9 hours",
    ],
    [
      "22:00",
      "02:30",
      berlin,
      "2026-03-28T21:00:00Z",
      "2026-03-29T01:00:00.000Z",
      "a skipped end is the jump",
    ],
    [
      "02:30",
      "06:00",
      berlin,
      "2026-03-29T00:59:59Z",
      "2026-03-29T00:59:59.000Z",
      "before a skipped start",
    ],
    [
      "02:30",
      "06:00",
      berlin,
      "2026-03-29T01:00:00Z",
      "2026-03-29T04:00:00.000Z",
      "a skipped start is the jump",
    ],
    [
      "02:10",
      "02:50",
      berlin,
      "2026-03-29T01:00:00Z",
      "2026-03-29T01:00:00.000Z",
      "a window that never shows",
    ],
    [
      "22:00",
      "02:30",
      berlin,
      "2026-10-24T20:00:00Z",
      "2026-10-25T00:30:00.000Z",
      "a repeated end: its first showing",
    ],
    [
      "22:00",
      "02:30",
      berlin,
      "2026-10-25T01:00:00Z",
      "2026-10-25T01:30:00.000Z",
      "and entered again",
    ],
    [
      "02:30",
      "06:00",
      berlin,
      "2026-10-25T00:30:00Z",
      "2026-10-25T01:00:00.000Z",
      "a repeated start: left at the change",
    ],
    [
      "01:00",
      "05:00",
      "Australia/Lord_Howe",
      "2026-10-03T14:30:00Z",
      "2026-10-03T18:00:00.000Z",
      "half an hour forward",
    ],
    [
      "22:00",
      "06:00",
      "America/Sao_Paulo",
      "2018-11-04T01:00:00Z",
      "2018-11-04T08:00:00.000Z",
      "no midnight",
    ],
    [
      "22:00",
      "06:00",
      "Pacific/Apia",
      "2011-12-30T08:00:00Z",
      "2011-12-30T16:00:00.000Z",
      "over the skipped day",
    ],
    [
      "22:00",
      "06:00",
      "Africa/Casablanca",
      "2026-02-14T22:00:00Z",
      "2026-02-15T06:00:00.000Z",
      "Ramadan begins",
    ],
  ];
  test.each(rows)("%s–%s in %s at %s ends at %s: %s", (from, to, zone, now, until) => {
    const end = quietUntil(utc(now), { ...NIGHT, from, to }, zone, []);
    expect(end === "always" ? end : new Date(end).toISOString()).toBe(until);
  });

  test("the window of a skipped date begins at the jump", () => {
    // Samoa had no Friday 30 December 2011. Its window would start at 22:00; at the jump it is Saturday 00:00.
    const fridays: QuietHours = { ...NIGHT, days: ["fri"] };
    const jump = utc("2011-12-30T10:00:00Z");
    expect(isQuiet(jump - 1, fridays, "Pacific/Apia", [])).toBe(false);
    expect(showIn("Pacific/Apia", quietUntil(jump, fridays, "Pacific/Apia", []))).toBe(
      "2011-12-31 06:00:00",
    );
  });
});

/**
 * The same rules once more, minute by minute and by Luxon: a reading of the clock is quiet when it lies in the part of
 * the window that a listed day starts. Nothing is shared with the code under test but the words.
 */
function modelOf(hours: QuietHours, zone: string, holidays: readonly string[]) {
  const listed = new Map<string, boolean>();
  const isListed = (date: DateTime): boolean => {
    const text = date.toFormat("yyyy-MM-dd");
    const known = listed.get(text);
    if (known !== undefined) return known;
    const weekday = date.toFormat("ccc", { locale: "en" }).toLowerCase();
    const kinds = [weekday, ...(holidays.includes(text) ? ["holiday"] : [])];
    const is = hours.days.some((day) => kinds.includes(day));
    listed.set(text, is);
    return is;
  };
  const minuteOf = (text: string): number =>
    Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
  const from = minuteOf(hours.from);
  const to = minuteOf(hours.to);
  return (instantMs: number): boolean => {
    if (!hours.enabled) return false;
    const shown = DateTime.fromMillis(instantMs, { zone });
    const minute = shown.hour * 60 + shown.minute;
    // A date without a zone: yesterday is the calendar's, also across a clock change.
    const today = DateTime.utc(shown.year, shown.month, shown.day);
    if (from < to) return minute >= from && minute < to && isListed(today);
    return minute >= from ? isListed(today) : minute < to && isListed(today.minus({ days: 1 }));
  };
}

const aClockTime = fc.oneof(
  fc.constantFrom("00:00", "01:00", "02:00", "02:30", "03:00", "06:00", "22:00", "23:59"),
  fc
    .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
    .map((parts) => parts.map((part) => String(part).padStart(2, "0")).join(":")),
);
const someQuietHours: fc.Arbitrary<QuietHours> = fc
  .tuple(
    aClockTime,
    aClockTime,
    fc.boolean(),
    fc.oneof(fc.constant([...WEEKDAYS]), fc.subarray([...DAY_KINDS])),
  )
  .map(([from, to, isAllDay, days]) => ({
    enabled: true,
    from,
    to: isAllDay && days.length < 5 ? from : to,
    days,
    timeZone: null,
  }));
const aCase = aTimeZone
  .chain((zone) => fc.tuple(fc.constant(zone), anInstantIn(zone), someQuietHours))
  .chain(([zone, now, hours]) =>
    fc.record({
      zone: fc.constant(zone),
      now: fc.constant(now),
      hours: fc.constant(hours),
      holidays: fc
        .uniqueArray(fc.integer({ min: -2, max: 6 }), { maxLength: 5 })
        .map((days) =>
          days.map((day) =>
            DateTime.fromMillis(now, { zone })
              .setZone("utc", { keepLocalTime: true })
              .plus({ days: day })
              .toFormat("yyyy-MM-dd"),
          ),
        ),
    }),
  );

const MINUTE_MS = 60_000;
/** How far the model walks. Longer waits are checked up to here and by samples beyond. */
const WALK_MINUTES = 3 * 1_440;

describe.each(["UTC", "Asia/Jakarta", "America/New_York", "Pacific/Apia"])(
  "invariant 16: under the process time zone %s, by a minute-by-minute model",
  (processZone) => {
    const before = process.env["TZ"];
    beforeAll(() => {
      process.env["TZ"] = processZone;
      const winter = new Date(Date.UTC(2026, 0, 15));
      expect(winter.getHours()).toBe(DateTime.fromJSDate(winter, { zone: processZone }).hour);
    });
    afterAll(() => {
      if (before === undefined) delete process.env["TZ"];
      else process.env["TZ"] = before;
    });

    test("quietUntil is now or later, outside every window, and the earliest such instant", () => {
      let heldCount = 0;
      fc.assert(
        fc.property(aCase, ({ zone, now, hours, holidays }) => {
          const isQuietByModel = modelOf(hours, zone, holidays);
          const until = quietUntil(now, hours, zone, holidays);
          expect(isQuiet(now, hours, zone, holidays)).toBe(isQuietByModel(now));
          if (!isQuietByModel(now)) {
            expect(until).toBe(now);
            return;
          }
          heldCount += 1;
          const end = until === "always" ? Infinity : until;
          let minute = (Math.floor(now / MINUTE_MS) + 1) * MINUTE_MS;
          const walkEnd = minute + WALK_MINUTES * MINUTE_MS;
          while (minute < walkEnd && isQuietByModel(minute)) minute += MINUTE_MS;
          if (minute < walkEnd) {
            expect(end).toBe(minute);
            return;
          }
          expect(end).toBeGreaterThanOrEqual(walkEnd);
          if (until === "always") {
            for (let day = 3; day < 360; day += 0.37) {
              expect(isQuietByModel(now + day * 86_400_000)).toBe(true);
            }
          } else {
            expect(isQuietByModel(until)).toBe(false);
            expect(isQuietByModel(until - 1)).toBe(true);
          }
        }),
        { numRuns: 250 },
      );
      expect(heldCount).toBeGreaterThan(40);
    });
  },
);

test("every zone with clock changes has them among the tested instants", () => {
  expect(clockChangesOf("Europe/Berlin").length).toBe(64);
  expect(clockChangesOf("Australia/Lord_Howe").length).toBe(64);
  expect(clockChangesOf("Africa/Casablanca").length).toBeGreaterThan(30);
  expect(clockChangesOf("Asia/Jakarta")).toEqual([]);
});

test("invariant 16: a process started in any time zone decides the same", () => {
  const program = `
    import { quietUntil } from "./domain/quiet-hours.ts";
    const hours = { enabled: true, from: "22:00", to: "06:00", days: ["sat", "sun", "holiday"], timeZone: null };
    const zones = ["Asia/Jakarta", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York"];
    const ends = [];
    for (const zone of zones) {
      for (let hour = 0; hour < 24 * 14; hour += 1) {
        ends.push(quietUntil(Date.UTC(2026, 2, 22) + hour * 3600000, hours, zone, ["2026-03-25"]));
      }
    }
    console.log(new Date(0).getHours(), JSON.stringify(ends));
  `;
  const runIn = (zone: string): readonly [string, string] => {
    const output = execFileSync(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "--eval", program],
      { cwd: PROJECT_ROOT, env: { ...process.env, TZ: zone }, encoding: "utf8" },
    );
    const border = output.indexOf(" ");
    return [output.slice(0, border), output.slice(border)];
  };
  const [hourInUtc, ends] = runIn("UTC");
  expect(hourInUtc).toBe("0");
  expect(ends.length).toBeGreaterThan(10_000);
  for (const zone of ["Asia/Jayapura", "America/St_Johns"]) {
    const [hour, endsThere] = runIn(zone);
    expect(hour).not.toBe("0");
    expect(endsThere).toBe(ends);
  }
});

describe("bad quiet hours", () => {
  test("are all named at once", () => {
    const unknownDay: unknown = "someday";
    expect(
      quietHoursProblems({
        enabled: true,
        from: "25:00",
        to: "",
        days: ["mon", unknownDay as "mon"],
        timeZone: "Asia/Karawang",
      }),
    ).toEqual([
      { path: "from", rule: "clock_time" },
      { path: "to", rule: "clock_time" },
      { path: "days", rule: "known_days" },
      { path: "timeZone", rule: "iana_time_zone" },
    ]);
    expect(quietHoursProblems(DEFAULT_QUIET_HOURS)).toEqual([]);
    expect(quietHoursProblems({ ...NIGHT, timeZone: JAKARTA })).toEqual([]);
  });

  test("are a bug when they are judged all the same, never silently awake", () => {
    expect(() => isQuiet(0, { ...NIGHT, from: "9pm" }, JAKARTA, [])).toThrow("Invariant broken");
  });
});

describe("the time zone of a person's quiet hours", () => {
  const all = {
    quietHours: "Asia/Jayapura",
    person: "Asia/Makassar",
    workZone: "Asia/Pontianak",
    installation: JAKARTA,
  };
  test.each([
    [all, "Asia/Jayapura", "quiet_hours", []],
    [{ ...all, quietHours: null }, "Asia/Makassar", "person", []],
    [{ ...all, quietHours: null, person: null }, "Asia/Pontianak", "work_zone", []],
    [{ installation: JAKARTA }, JAKARTA, "installation", []],
    [{ ...all, quietHours: "WIT" }, "Asia/Makassar", "person", ["quiet_hours"]],
    [
      { ...all, quietHours: "", person: "+08:00" },
      "Asia/Pontianak",
      "work_zone",
      ["quiet_hours", "person"],
    ],
  ] as const)("of %j is %s", (candidates, timeZone, source, unknown) => {
    expect(resolveTimeZone(candidates)).toEqual({ timeZone, source, unknown });
  });

  test("is never a silent UTC: an installation without a zone is a bug", () => {
    expect(() => resolveTimeZone({ person: "WIB", installation: "" })).toThrow("Invariant broken");
  });
});

describe("the treatment of one person", () => {
  const now = at("2026-08-17 23:00", JAKARTA);
  const until = at("2026-08-18 06:00", JAKARTA);
  const question: QuietQuestion = {
    now,
    quietUntil: until,
    priority: "medium",
    policyQuietHours: "hold",
    whenAlwaysQuiet: "hold",
    allowHighInQuietHours: false,
    overrideForCritical: true,
  };
  const ask = (changes: Partial<QuietQuestion>): unknown =>
    quietTreatment({ ...question, ...changes });
  const asleep = (treatment: string, reason = "quiet_hours"): unknown => ({
    kind: "asleep",
    until,
    treatment,
    reason,
  });
  const override = (reason: string, overridden: number | "always" = until): unknown => ({
    kind: "tell_now",
    reason,
    overridden,
  });

  test.each<readonly [Partial<QuietQuestion>, unknown, string]>([
    [{ priority: "low" }, asleep("hold"), "the ladder waits"],
    [{ priority: "medium" }, asleep("hold"), "the ladder waits"],
    [
      { priority: "high", policyQuietHours: "next_awake" },
      asleep("next_awake"),
      "the ladder goes on with the awake",
    ],
    [
      { priority: "critical", policyQuietHours: "override" },
      override("critical_priority"),
      "critical overrides",
    ],
    [
      { priority: "critical", policyQuietHours: "hold" },
      override("critical_priority"),
      "critical overrides under a borrowed policy",
    ],
    [
      { priority: "high", policyQuietHours: "override" },
      override("policy_override"),
      "an operator notice",
    ],
    [
      { priority: "high", policyQuietHours: "next_awake", allowHighInQuietHours: true },
      override("person_allows_high"),
      "the person lets high through",
    ],
    [
      { priority: "medium", allowHighInQuietHours: true },
      asleep("hold"),
      "which lets nothing milder through",
    ],
    [
      { priority: "critical", policyQuietHours: "override", overrideForCritical: false },
      asleep("next_awake", "no_override_for_this_person"),
      "critical is next_awake for this person",
    ],
    [
      { priority: "high", policyQuietHours: "override", overrideForCritical: false },
      asleep("next_awake", "no_override_for_this_person"),
      "high can't be more intrusive than critical",
    ],
    [
      {
        priority: "high",
        policyQuietHours: "override",
        overrideForCritical: false,
        allowHighInQuietHours: true,
      },
      override("person_allows_high"),
      "the person's own wish",
    ],
    [
      { quietUntil: "always" },
      { kind: "always_quiet", outcome: "hold", treatment: "hold", reason: "always_quiet" },
      "held without an end",
    ],
    [
      { quietUntil: "always", whenAlwaysQuiet: "skip" },
      { kind: "always_quiet", outcome: "skip", treatment: "hold", reason: "always_quiet" },
      "skipped with the reason",
    ],
    [
      { quietUntil: "always", whenAlwaysQuiet: "send" },
      override("always_quiet_send", "always"),
      "sent, and recorded as an override",
    ],
    [
      {
        quietUntil: "always",
        priority: "critical",
        policyQuietHours: "override",
        whenAlwaysQuiet: "skip",
      },
      override("critical_priority", "always"),
      "critical overrides all-day-closed too",
    ],
    [
      {
        quietUntil: "always",
        priority: "critical",
        overrideForCritical: false,
        whenAlwaysQuiet: "skip",
      },
      { kind: "always_quiet", outcome: "skip", treatment: "next_awake", reason: "always_quiet" },
      "but not without its override",
    ],
  ])("with %j is %j: %s", (changes, decision) => {
    expect(ask(changes)).toEqual(decision);
  });

  const aQuestion = fc.record({
    now: fc.constant(now),
    quietUntil: fc.constantFrom<(number | "always")[]>(now - 1, now, now + 1, until, "always"),
    priority: fc.constantFrom(...PRIORITIES),
    policyQuietHours: fc.constantFrom(...QUIET_HOURS_TREATMENTS),
    whenAlwaysQuiet: fc.constantFrom(...WHEN_ALWAYS_QUIET),
    allowHighInQuietHours: fc.boolean(),
    overrideForCritical: fc.boolean(),
  });

  test("tells at once whoever is awake, and inside a window only with a recorded override", () => {
    fc.assert(
      fc.property(aQuestion, (any) => {
        const decision = quietTreatment(any);
        const isAwake = any.quietUntil !== "always" && any.quietUntil <= any.now;
        if (isAwake) {
          expect(decision).toEqual({ kind: "tell_now", reason: "awake" });
        } else if (decision.kind === "tell_now") {
          expect(OVERRIDE_REASONS).toContain(decision.reason);
          expect(decision).toHaveProperty("overridden", any.quietUntil);
        } else if (decision.kind === "asleep") {
          expect(decision.until).toBe(any.quietUntil);
          expect(decision.until).toBeGreaterThan(any.now);
        } else {
          expect(any.quietUntil).toBe("always");
          expect(decision.outcome).toBe(any.whenAlwaysQuiet);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("lets nothing milder through where critical waits, unless the person asked for it", () => {
    fc.assert(
      fc.property(aQuestion, (any) => {
        fc.pre(!any.allowHighInQuietHours);
        const critical = quietTreatment({ ...any, priority: "critical" });
        if (critical.kind !== "tell_now") expect(quietTreatment(any).kind).not.toBe("tell_now");
      }),
      { numRuns: 1_000 },
    );
  });
});
