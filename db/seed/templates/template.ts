import type { Channel } from "../../../domain/channel.ts";
import type { Locale } from "../../../domain/locale.ts";

export type SeedTemplate = {
  readonly type: string;
  readonly channel: Channel;
  readonly locale: Locale;
  /** In-app title and e-mail subject, also of the channels that borrow this text. Null: the type's name. */
  readonly subject: string | null;
  readonly body: string;
};

/** A body from its lines; a group that `when` made stays out when its value is absent. */
export function lines(...parts: readonly (string | readonly string[])[]): string {
  return parts.flat().join("\n");
}

/** Lines that are shown only when there is a value. Above all this: a missing phone number must not keep a technician from a ticket. */
export function when(variable: string, ...shown: readonly string[]): readonly string[] {
  return [`{%- if ${variable} %}`, ...shown, "{%- endif %}"];
}

type Texts = Readonly<Record<Locale, { readonly subject?: string; readonly body: string }>>;

/** The texts of one type on one channel, in both languages. */
export function inBothLanguages(
  type: string,
  channel: Channel,
  texts: Texts,
): readonly SeedTemplate[] {
  return (["id", "en"] as const).map((locale) => ({
    type,
    channel,
    locale,
    subject: texts[locale].subject ?? null,
    body: texts[locale].body,
  }));
}
