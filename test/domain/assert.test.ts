import { expect, test } from "vitest";
import { assert, assertNever } from "../../domain/assert.ts";

test("says what was expected when it does not hold, and nothing when it does", () => {
  expect(() => assert(true, "unused")).not.toThrow();
  expect(() => assert(false, "a step has a window")).toThrow(
    "Invariant broken: a step has a window",
  );
});

test("names a member that slipped into a closed set", () => {
  const slipped: unknown = "telegram";
  expect(() => assertNever(slipped as never, "channel")).toThrow(
    'Invariant broken: unexpected channel: "telegram"',
  );
});
