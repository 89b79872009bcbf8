import { expect, test } from "vitest";
import { SUPPRESSION_REASONS, isSuppressionReason } from "../../domain/suppression.ts";

test("each reason stands once and is spelled for tables, metrics and the API", () => {
  expect(new Set(SUPPRESSION_REASONS).size).toBe(SUPPRESSION_REASONS.length);
  for (const reason of SUPPRESSION_REASONS) expect(reason).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
});

test("a word outside the set is not a reason", () => {
  for (const reason of SUPPRESSION_REASONS) expect(isSuppressionReason(reason)).toBe(true);
  expect(isSuppressionReason("because")).toBe(false);
  expect(isSuppressionReason("constructor")).toBe(false);
});
