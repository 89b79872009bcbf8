import { expect, test } from "vitest";

import { priorityKeyOf } from "../../domain/lane.ts";
import { PRIORITIES, PRIORITY_KEYS } from "../../domain/priority.ts";

test("a code goes with critical ones, before all else, and nothing else does by its type", () => {
  for (const priority of PRIORITIES) {
    expect(priorityKeyOf("otp", priority)).toBe(PRIORITY_KEYS.critical);
    expect(priorityKeyOf("outage", priority)).toBe(PRIORITY_KEYS[priority]);
  }
});
