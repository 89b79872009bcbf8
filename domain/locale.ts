/** Languages in which Siaga writes and reads. */
export const LOCALES = ["id", "en"] as const;
export type Locale = (typeof LOCALES)[number];

/** Any text → a language that Siaga knows; Indonesian for the rest. */
export function toLocale(text: string | null | undefined): Locale {
  return LOCALES.find((locale) => locale === text) ?? "id";
}
