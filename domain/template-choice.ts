import type { Channel } from "./channel.ts";
import { LOCALES } from "./locale.ts";
import type { Locale } from "./locale.ts";

/**
 * Whose text a channel takes when the type has none for it, best first, its own foremost. Texts for WhatsApp serve every
 * channel, so a type with one of them can be told on all.
 */
export const TEXT_LENDERS: Readonly<Record<Channel, readonly Channel[]>> = {
  whatsapp_personal: ["whatsapp_personal", "whatsapp_group"],
  whatsapp_group: ["whatsapp_group", "whatsapp_personal"],
  sms: ["sms", "whatsapp_personal", "whatsapp_group"],
  call: ["call", "sms", "whatsapp_personal", "whatsapp_group"],
  email: ["email", "whatsapp_personal", "whatsapp_group"],
  push: ["push", "in_app", "sms", "whatsapp_personal", "whatsapp_group"],
  in_app: ["in_app", "whatsapp_personal", "whatsapp_group"],
};

/**
 * The text for a channel and a language. The recipient's language in another channel's text comes before another language
 * in the channel's own: who can't read it is not told. Null: the type has no text.
 */
export function chooseTemplate<T extends { readonly channel: string; readonly locale: string }>(
  templates: readonly T[],
  channel: Channel,
  locale: Locale,
): T | null {
  for (const language of [locale, ...LOCALES.filter((other) => other !== locale)]) {
    for (const lender of TEXT_LENDERS[channel]) {
      const found = templates.find(
        (template) => template.channel === lender && template.locale === language,
      );
      if (found !== undefined) return found;
    }
  }
  return null;
}

/** Whether a type with texts for `templateChannels` has anything to say on a channel. */
export function hasTextFor(channel: Channel, templateChannels: readonly Channel[]): boolean {
  return TEXT_LENDERS[channel].some((lender) => templateChannels.includes(lender));
}
