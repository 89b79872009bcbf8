import { expect, test } from "vitest";

import { missingEvidence, type Reporter } from "../../domain/policy-evidence.ts";
import { rules, step } from "../support/run-plan.ts";

const TELLS_ALL: Reporter = { channel: "whatsapp_personal", delivered: true, read: true };
const TELLS_DELIVERED: Reporter = { channel: "sms", delivered: true, read: false };
const TELLS_NOTHING: Reporter = { channel: "whatsapp_personal", delivered: false, read: false };
const GROUP: Reporter = { channel: "whatsapp_group", delivered: false, read: false };

const personal = step({ channels: ["whatsapp_personal", "in_app"] });
const bySms = step({ channels: ["sms"] });
const grouped = step({ channels: [], groups: "primary" });

test.each([
  ["delivered", [personal], [TELLS_NOTHING], "delivered", "no account of its channel says so"],
  ["read", [personal], [TELLS_NOTHING], "read", "nor that it was read"],
  ["read", [bySms], [TELLS_DELIVERED], "read", "nobody knows whether an SMS was read"],
  ["delivered", [bySms], [TELLS_DELIVERED], null, "but whether it arrived"],
  ["delivered", [personal], [TELLS_NOTHING, TELLS_ALL], null, "one account that can is enough"],
  ["read", [personal, bySms], [TELLS_NOTHING, TELLS_DELIVERED], "read", "on all its channels"],
  ["delivered", [grouped], [GROUP], null, "of a group `sent` is the best"],
  ["delivered", [personal], [], null, "without accounts nothing can be said"],
  ["delivered", [personal], [TELLS_DELIVERED], null, "nor of channels that it does not use"],
  ["sent", [personal], [TELLS_NOTHING], null, "acceptance stands for `sent`"],
  ["acknowledged", [personal], [TELLS_NOTHING], null, "a person acknowledges"],
] as const)("a policy settled by %s over %j: %s", (settledBy, steps, reporters, missing, why) => {
  expect(missingEvidence(rules({ settledBy, steps: [...steps] }), [...reporters]), why).toBe(
    missing,
  );
});

test("a step that is switched off does not count", () => {
  const off = step({ channels: ["whatsapp_personal"], enabled: false });
  const policy = rules({ settledBy: "read", steps: [off, bySms] });
  expect(missingEvidence(policy, [TELLS_ALL, TELLS_DELIVERED])).toBe("read");
});
