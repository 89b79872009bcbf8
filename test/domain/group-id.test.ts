import { describe, expect, test } from "vitest";
import {
  bareGroupNumber,
  isGroupChatId,
  looksLikeGroupId,
  parseGroupChatId,
} from "../../domain/group-id.ts";

describe("a group id", () => {
  test.each([
    ["120363041234567890@g.us", "120363041234567890@g.us", "today's form"],
    ["6281234000001-1588888888@g.us", "6281234000001-1588888888@g.us", "the older form"],
    [" 120363041234567890@G.US\n", "120363041234567890@g.us", "pasted loosely"],
  ])("%j is read as %s: %s", (input, groupChatId) => {
    expect(parseGroupChatId(input)).toEqual({ ok: true, groupChatId });
    expect(isGroupChatId(groupChatId)).toBe(true);
  });

  test.each([
    ["", "empty", "nothing"],
    ["120363041234567890", "no_suffix", "could be mistyped"],
    ["6281234000001-1588888888", "no_suffix", "could be mistyped"],
    ["6281234000001@s.whatsapp.net", "phone_chat", "a person"],
    ["6281234000001@c.us", "phone_chat", "a person"],
    ["123456789012345@lid", "phone_chat", "a person's alias"],
    ["6281234000001@g.us", "not_a_group_id", "a person's number with a group's suffix"],
    ["+6281234000001", "not_a_group_id", "a phone"],
    ["https://chat.whatsapp.com/AbCdEf", "not_a_group_id", "an invitation link"],
    ["120363041234567890@g.us.example.com", "not_a_group_id", "something behind it"],
    [`${"1".repeat(100)}@g.us`, "not_a_group_id", "far too long"],
  ])("%j is refused as %s: %s", (input, reason) => {
    expect(parseGroupChatId(input)).toEqual({ ok: false, reason });
    expect(isGroupChatId(input)).toBe(false);
  });

  test("is suspected with and without its suffix, and a phone is not", () => {
    expect(looksLikeGroupId("120363041234567890")).toBe(true);
    expect(looksLikeGroupId("nonsense@g.us")).toBe(true);
    expect(looksLikeGroupId("6281234000001-1588888888")).toBe(true);
    expect(looksLikeGroupId("6281234000001")).toBe(false);
    expect(looksLikeGroupId("0812-3400-0001")).toBe(false);
  });

  test("gives its bare number to vendors that want that", () => {
    const parsed = parseGroupChatId("120363041234567890@g.us");
    expect(parsed.ok && bareGroupNumber(parsed.groupChatId)).toBe("120363041234567890");
  });
});
