import { expect, it } from "vitest";

import { readBillingClass } from "../../providers/whatsapp-cloud/vocabulary.ts";

it.each([
  ["utility", "utility"],
  ["marketing", "marketing"],
  ["marketing_lite", "marketing"],
  ["authentication", "authentication"],
  ["authentication_international", "authentication"],
  ["authentication-international", "authentication"],
  ["service", "service"],
  ["referral_conversion", "service"],
  ["a category of next year", null],
  ["", null],
])("Meta's category %j is billed as %j", (category, expected) => {
  expect(readBillingClass(category)).toBe(expected);
});
