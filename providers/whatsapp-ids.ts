/**
 * Ids as gateways over a linked WhatsApp device write them: a number or a group id with its suffix, with a device part
 * ("628…:12@s.whatsapp.net"), or bare.
 */
import { isGroupChatId, looksLikeGroupId } from "../domain/group-id.ts";
import type { GroupChatId } from "../domain/group-id.ts";
import type { SenderId } from "./provider.ts";

/**
 * Who wrote. A suffix decides where there is one; bare digits that are no possible phone are taken for an alias. Null for
 * groups and for what is nobody's id. Indonesian gateways also write a number in national form ("08…").
 */
export function readSenderId(text: string): SenderId | null {
  if (looksLikeGroupId(text)) return null;
  const [name = "", domain = ""] = text.trim().toLowerCase().split("@");
  const digits = (name.split(":")[0] ?? "").replace(/[\s().+-]/g, "");
  if (!/^\d+$/.test(digits)) return null;
  if (domain === "lid") return { kind: "lid", id: `${digits}@lid` };
  if (domain !== "" && domain !== "s.whatsapp.net" && domain !== "c.us") return null;
  if (digits.length > 15) return { kind: "lid", id: `${digits}@lid` };
  const international = digits.startsWith("0") ? `62${digits.slice(1)}` : digits;
  return /^[1-9]\d{6,14}$/.test(international)
    ? { kind: "phone", e164: `+${international}` }
    : null;
}

/** A group's id in its stored form, from one with or without suffix; null for everything else. */
export function readGroupChatId(text: string): GroupChatId | null {
  const bare = text.trim().toLowerCase();
  if (isGroupChatId(bare)) return bare;
  const suffixed = `${bare}@g.us`;
  return looksLikeGroupId(bare) && isGroupChatId(suffixed) ? suffixed : null;
}

/** True when both are the same number, however they are written. */
export function isSameNumber(one: string, other: string): boolean {
  const [first, second] = [readSenderId(one), readSenderId(other)];
  return first?.kind === "phone" && second?.kind === "phone" && first.e164 === second.e164;
}
