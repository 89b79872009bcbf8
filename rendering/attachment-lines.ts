import type { StoredAttachment } from "../domain/attachment.ts";
import type { Channel } from "../domain/channel.ts";
import type { Locale } from "../domain/locale.ts";
import { printValue } from "./printed-value.ts";
import { mapLink } from "./scope.ts";
import { isWhatsApp } from "./template.ts";
import { TEXTS, fill } from "./texts.ts";

/**
 * What is attached, in words: one line for each, with a link to the file or the map. Empty where links are of no use: a voice can't spell one, and a phone
 * shows no more of a push message than its text.
 */
export function attachmentLines(
  attachments: readonly StoredAttachment[],
  channel: Channel,
  locale: Locale,
): readonly string[] {
  if (channel === "call" || channel === "push") return [];
  const print = (value: string): string =>
    printValue(value, isWhatsApp(channel) ? "whatsapp" : "plain");
  const texts = TEXTS[locale];
  return attachments.map((attachment) => {
    const isPlace = attachment.kind === "location";
    const url = print(isPlace ? mapLink(attachment) : attachment.url);
    const words = isPlace ? [attachment.name, attachment.address] : [attachment.fileName];
    const name = print(words.filter((word) => word !== null && word !== "").join(", "));
    if (name !== "") return `${name}: ${url}`;
    return fill(isPlace ? texts.place : texts.attachment, { url });
  });
}
