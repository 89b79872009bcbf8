import { assert } from "./assert.ts";

declare const groupChatIdBrand: unique symbol;
/** WhatsApp's id of a group chat, with its suffix: "120363041234567890@g.us". */
export type GroupChatId = string & { readonly [groupChatIdBrand]: true };

export type GroupChatIdResult =
  | { readonly ok: true; readonly groupChatId: GroupChatId }
  | {
      readonly ok: false;
      readonly reason: "empty" | "phone_chat" | "no_suffix" | "not_a_group_id";
    };

/** The longest seen has 24 characters; an attempt to store more is not a group id. */
const GROUP_CHAT_ID_CHARS_MAX = 48;

/** Groups made since 2021 have one number of 18 digits or more; older ones the creator's number and the time they were made. */
const GROUP_CHAT_ID = /^(?:\d{15,25}|\d{8,15}-\d{10})@g\.us$/;
const GROUP_NUMBER = /^(?:\d{18,25}|\d{8,15}-\d{10})$/;

/**
 * Reads a group id as people paste it: surrounding space and letter case don't matter, the suffix does, because a bare
 * number could as well be a mistyped phone (`no_suffix`).
 */
export function parseGroupChatId(input: string): GroupChatIdResult {
  const text = input.trim().toLowerCase();
  if (text === "") return { ok: false, reason: "empty" };
  if (text.length > GROUP_CHAT_ID_CHARS_MAX) return { ok: false, reason: "not_a_group_id" };
  if (isGroupChatId(text)) return { ok: true, groupChatId: text };
  if (GROUP_NUMBER.test(text)) return { ok: false, reason: "no_suffix" };
  if (/@(?:s\.whatsapp\.net|c\.us|lid)$/.test(text)) return { ok: false, reason: "phone_chat" };
  return { ok: false, reason: "not_a_group_id" };
}

/** True for the stored form only: lower case, nothing around it. */
export function isGroupChatId(text: string): text is GroupChatId {
  return GROUP_CHAT_ID.test(text);
}

/** True for text that is a group id with or without its suffix: such text never becomes a phone number. */
export function looksLikeGroupId(text: string): boolean {
  const candidate = text.trim().toLowerCase().replace(/^\+/, "");
  return candidate.endsWith("@g.us") || GROUP_NUMBER.test(candidate);
}

/** The number of a group without its suffix, for vendors that want it bare. */
export function bareGroupNumber(groupChatId: GroupChatId): string {
  assert(groupChatId.endsWith("@g.us"), "a group chat id ends in @g.us");
  return groupChatId.slice(0, -"@g.us".length);
}
