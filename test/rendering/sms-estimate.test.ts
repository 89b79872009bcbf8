import { expect, test } from "vitest";

import { estimateSegments } from "../../rendering/sms-estimate.ts";

test.each([
  ["no text is one part", "", 1],
  ["a full part", "a".repeat(160), 1],
  ["a sign more is two", "a".repeat(161), 2],
  ["a variable counts as a short word", `${"a".repeat(148)}{{ location }}`, 1],
  ["and not as its name", `${"a".repeat(149)}{{ location }}`, 2],
  ["a condition has no length", `${"a".repeat(160)}{% if\nlocation %}{% endif %}`, 1],
  ["an emoji halves a part", `${"a".repeat(69)}🔔`, 2],
])("%s", (_why, template, segments) => {
  expect(estimateSegments(template)).toBe(segments);
});
