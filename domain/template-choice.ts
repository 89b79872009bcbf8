import type { Channel } from "./channel.ts";
import type { Locale } from "./locale.ts";

/**
 * Whose text a channel borrows when the type has none for it, best first: short texts for what is short, WhatsApp's for
 * everything, because every type has one.
 */
const LENDERS: Readonly<Record<Channel, readonly Channel[]>> = {
  whatsapp_personal: ["whatsapp_personal", "whatsapp_group"],
  whatsapp_group: ["whatsapp_group", "whatsapp_personal"],
  sms: ["sms", "whatsapp_personal", "whatsapp_group"],
  call: ["call", "sms", "whatsapp_personal", "whatsapp_group"],
  email: ["email", "whatsapp_personal", "whatsapp_group"],
  push: ["push", "in_app", "sms", "whatsapp_personal", "whatsapp_group"],
  in_app: ["in_app", "whatsapp_personal", "whatsapp_group"],
};

/** The recipient's language in any channel's text comes before another language in the right channel's. Null: the type has no text. */
export function chooseTemplate<T extends { readonly channel: string; readonly locale: string }>(
  templates: readonly T[],
  channel: Channel,
  locale: Locale,
): T | null {
  for (const language of [locale, locale === "id" ? "en" : "id"]) {
    for (const lender of LENDERS[channel]) {
      const found = templates.find(
        (template) => template.channel === lender && template.locale === language,
      );
      if (found !== undefined) return found;
    }
  }
  return null;
}
