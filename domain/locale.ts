/** Languages in which Siaga writes and reads. */
export const LOCALES = ["id", "en"] as const;
export type Locale = (typeof LOCALES)[number];
