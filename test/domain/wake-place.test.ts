import { expect, test } from "vitest";

import { resumeAt, wakeBand } from "../../domain/wake-place.ts";
import type { WakeBand } from "../../domain/wake-place.ts";

const END = Date.UTC(2026, 2, 2, 23);
const always = (): boolean => true;

test.each([
  ["critical", "urgent"],
  ["high", "urgent"],
  ["medium", "other"],
  ["low", "other"],
] as const)("%s wakes in the band %s", (priority, band) => {
  expect(wakeBand(priority)).toBe(band);
});

test.each<[WakeBand, number, number, number, string]>([
  ["urgent", 0, 10, 0, "the first of the urgent ones wakes at the end itself"],
  ["urgent", 1, 10, 100, "the next a tenth of a second later"],
  ["urgent", 599, 10, 59_900, "six hundred wake before the others"],
  ["other", 0, 10, 60_000, "the first of the others a minute after the end"],
  ["other", 10_000, 10, 1_060_000, "ten thousand take a quarter of an hour"],
  ["other", 3, 2, 61_500, "another rate"],
])("band %s, place %d, %d a second → %d ms after the end: %s", (band, place, rate, after, _why) => {
  expect(resumeAt({ windowEnd: END, band, place }, rate, always)).toBe(END + after);
});

test.each([
  [END + 90_000, 45_000, "the place lies in the next window: it moves into the first minute"],
  [END + 60_000, 45_000, "a gap of one minute holds it too"],
  [END + 1, 0, "a gap shorter than a minute: the very end"],
])("with quiet from %d on wakes %d ms after the end: %s", (quietFrom, after, _why) => {
  const place = { windowEnd: END, band: "other", place: 450 } as const;
  expect(resumeAt(place, 10, (instant) => instant < quietFrom)).toBe(END + after);
});
