import { expect, test } from "vitest";
import { maskEmail, maskGroupChatId } from "../../domain/mask.ts";

test.each([
  ["budi@example.com", "b•••@example.com", "ordinary"],
  ["b@example.com", "b•••@example.com", "as long as any other"],
  ['"a@b"@example.com', '"•••@example.com', "the last @ divides"],
  ["@example.com", "•••", "no local part"],
  ["budi@", "•••", "no domain"],
  ["budi", "•••", "not an address"],
  ["", "•••", "empty"],
])("masks the e-mail address %j as %j: %s", (address, masked) => {
  expect(maskEmail(address)).toBe(masked);
});

test.each([
  ["120363041234567890@g.us", "•••7890@g.us", "today's form"],
  ["6281234000001-1588888888@g.us", "•••8888@g.us", "the creator's number does not show"],
  ["1234@g.us", "•••", "too short to show a part"],
  ["nonsense", "•••", "not a group id"],
])("masks the group id %j as %j: %s", (groupChatId, masked) => {
  expect(maskGroupChatId(groupChatId)).toBe(masked);
});
