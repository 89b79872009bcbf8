import type { Channel } from "../domain/channel.ts";
import { LOCALES } from "../domain/locale.ts";
import type { Locale } from "../domain/locale.ts";
import { TEXT_LENDERS } from "../domain/template-choice.ts";

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
