import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  awakeFrom,
  isAwakeAt,
  outsideSendWindow,
  quietWindows,
} from "../../domain/quiet-calendar.ts";
import type { QuietRule } from "../../domain/quiet-calendar.ts";
import { WEEKDAYS } from "../../domain/clock-time.ts";
import { isQuiet } from "../../domain/quiet-hours.ts";
import type { QuietHours } from "../../domain/quiet-hours.ts";
import { assertDefined } from "../support/assert-defined.ts";

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
/** Spring and autumn clock changes of Berlin lie within four days of these. */
const STARTS = [Date.UTC(2026, 2, 27), Date.UTC(2026, 9, 23), Date.UTC(2026, 2, 2)];

const clock = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom(0, 1, 30, 59))
  .map(([hour, minute]) => `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`);
const hours = fc.record({
  enabled: fc.constant(true),
  from: clock,
  to: clock,
  days: fc.subarray([...WEEKDAYS, "holiday" as const]),
  timeZone: fc.constant(null),
});
const rule: fc.Arbitrary<QuietRule> = fc.record({
  hours,
  timeZone: fc.constantFrom("Asia/Jakarta", "Asia/Jayapura", "Europe/Berlin", "Asia/Kathmandu"),
  holidays: fc.subarray(["2026-03-28", "2026-03-29", "2026-10-25", "2026-03-03"]),
});
const start = fc
  .tuple(fc.constantFrom(...STARTS), fc.integer({ min: 0, max: 2 * 1_440 }))
  .map(([day, minutes]) => day + minutes * MINUTE);

function isQuietByAny(instant: number, rules: readonly QuietRule[]): boolean {
  return rules.some(({ hours: own, timeZone, holidays }) =>
    isQuiet(instant, own, timeZone, holidays),
  );
}

describe("the calendar of one target", () => {
  test("awakes at the first minute that no rule holds, as a minute-by-minute model finds it", () => {
    fc.assert(
      fc.property(start, fc.array(rule, { maxLength: 3 }), (now, rules) => {
        let expected: number | null = null;
        for (let at = now; at < now + 8 * DAY && expected === null; at += MINUTE) {
          if (!isQuietByAny(at, rules)) expected = at;
        }
        const found = awakeFrom(now, rules);
        if (expected !== null) expect(found).toBe(expected);
        else expect(found === "always" || found > now + 7 * DAY).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("has the quiet windows of the model, in order, none of them touching", () => {
    fc.assert(
      fc.property(start, fc.array(rule, { maxLength: 2 }), (now, rules) => {
        const until = now + 3 * DAY;
        const from = awakeFrom(now, rules);
        if (from === "always" || from >= until) return;
        const windows = quietWindows(from, until, rules);
        for (let at = from; at < until; at += 7 * MINUTE) {
          const isInside = windows.some((window) => window.from <= at && at < window.until);
          expect(isInside).toBe(isQuietByAny(at, rules));
        }
        windows.slice(1).forEach((window, index) => {
          expect(window.from).toBeGreaterThan(assertDefined(windows[index]).until);
        });
      }),
      { numRuns: 60 },
    );
  });

  test("without rules is always awake", () => {
    expect(awakeFrom(0, [])).toBe(0);
    expect(quietWindows(0, DAY, [])).toEqual([]);
  });

  test("whose rules leave no common moment never awakes", () => {
    const day: QuietHours = {
      enabled: true,
      from: "06:00",
      to: "20:00",
      days: WEEKDAYS,
      timeZone: null,
    };
    const night: QuietHours = { ...day, from: "20:00", to: "06:00" };
    const rules = [day, night].map((own) => ({
      hours: own,
      timeZone: "Asia/Jakarta",
      holidays: [],
    }));
    expect(awakeFrom(Date.UTC(2026, 2, 2), rules)).toBe("always");
    expect(isAwakeAt(Date.UTC(2026, 2, 2), rules)).toBe(false);
  });
});

describe("a send window", () => {
  const at = (local: string): number => Date.parse(`2026-03-02T${local}:00+07:00`);

  test.each([
    ["07:59", false, "just before it opens"],
    ["08:00", true, "at its opening"],
    ["19:59", true, "just before it closes"],
    ["20:00", false, "at its closing"],
  ])("at %s lets through: %s, %s", (local, isOpen, _why) => {
    const outside = assertDefined(
      outsideSendWindow({ from: "08:00", to: "20:00" }, "Asia/Jakarta"),
    );
    expect(isAwakeAt(at(local), [outside])).toBe(isOpen);
  });

  test("of the whole day holds nothing", () => {
    expect(outsideSendWindow({ from: "00:00", to: "00:00" }, "Asia/Jakarta")).toBeNull();
  });

  test("may cross midnight", () => {
    const outside = assertDefined(
      outsideSendWindow({ from: "20:00", to: "02:00" }, "Asia/Jakarta"),
    );
    expect(isAwakeAt(at("23:00"), [outside])).toBe(true);
    expect(isAwakeAt(at("12:00"), [outside])).toBe(false);
  });
});
