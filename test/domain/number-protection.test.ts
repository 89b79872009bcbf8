import { describe, expect, test } from "vitest";

import { capsAt, type NumberProtection } from "../../domain/number-protection.ts";

const START = Date.UTC(2026, 8, 1);
const DAY = 86_400_000;
const NONE: NumberProtection = { dailyCap: null, newContactCap: null, warmUp: null };
const CURVE = { startedOn: "2026-09-01", caps: [20, 50, 100] };

describe("the caps of a day", () => {
  test.each<[string, Partial<NumberProtection>, number, number | null, number | null]>([
    ["no cap at all", {}, START, null, null],
    ["a daily cap", { dailyCap: 500 }, START, 500, null],
    ["a cap on new contacts", { newContactCap: 10 }, START, null, 10],
    ["the last moment before a curve begins", { warmUp: CURVE }, START - 1, 0, null],
    ["its first moment", { warmUp: CURVE }, START, 20, null],
    ["the last moment of its first day", { warmUp: CURVE }, START + DAY - 1, 20, null],
    ["its second day", { warmUp: CURVE }, START + DAY, 50, null],
    ["its last moment", { warmUp: CURVE }, START + 3 * DAY - 1, 100, null],
    ["after it", { warmUp: CURVE }, START + 3 * DAY, null, null],
    ["a curve below the daily cap", { warmUp: CURVE, dailyCap: 80 }, START, 20, null],
    ["a daily cap below the curve", { warmUp: CURVE, dailyCap: 80 }, START + 2 * DAY, 80, null],
    ["a daily cap after the curve", { warmUp: CURVE, dailyCap: 80 }, START + 9 * DAY, 80, null],
  ])("with %s", (_what, over, now, daily, newContacts) => {
    expect(capsAt({ ...NONE, ...over }, "high", now)).toEqual({ daily, newContacts });
  });

  test("never hold a critical message back", () => {
    const tight = { dailyCap: 1, newContactCap: 1, warmUp: CURVE };
    expect(capsAt(tight, "critical", START - 1)).toEqual({ daily: null, newContacts: null });
  });
});
