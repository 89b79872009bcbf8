/** Privacy: the forms in which addresses may stand on pages and in logs. Phone numbers: `maskPhone` in phone-number.ts. */

/** "budi@example.com" → "b•••@example.com". Text without a local part and a domain shows nothing of itself. */
export function maskEmail(address: string): string {
  const at = address.lastIndexOf("@");
  if (at < 1 || at === address.length - 1) return "•••";
  const [first] = address;
  return `${first ?? ""}•••${address.slice(at)}`;
}

/** "120363041234567890@g.us" → "•••7890@g.us". Older ids begin with the creator's phone number, so the start never shows. */
export function maskGroupChatId(groupChatId: string): string {
  const at = groupChatId.indexOf("@");
  if (at < 8) return "•••";
  return `•••${groupChatId.slice(at - 4)}`;
}
