import { LOCALES } from "../domain/locale.ts";
import type { Locale } from "../domain/locale.ts";

const FORMATS: Readonly<Record<Locale, string>> = { id: "id-ID", en: "en-GB" };
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})$/u;

const formatters = new Map<string, Intl.DateTimeFormat>();

/** An instant (ISO 8601 text with its offset, or epoch ms) → date and time on the clock of a zone; any other value unchanged. */
export function formatInstant(value: unknown, locale: Locale, timeZone: string): unknown {
  const instant =
    typeof value === "number" && value > 1e11
      ? value
      : typeof value === "string" && INSTANT.test(value)
        ? Date.parse(value)
        : Number.NaN;
  if (Number.isNaN(instant)) return value;
  return formatterFor(locale, timeZone)
    .formatToParts(instant)
    .map(({ type, value: part }) => (type === "timeZoneName" ? zoneName(instant, timeZone) : part))
    .join("");
}

/** Indonesians of either language say WIB, WITA, WIT; English data knows only their offsets. */
function zoneName(instant: number, timeZone: string): string {
  const parts = formatterFor("id", timeZone).formatToParts(instant);
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? timeZone;
}

/** Two languages and the few zones of an installation; the number of zone names bounds the rest. */
function formatterFor(locale: Locale, timeZone: string): Intl.DateTimeFormat {
  const key = `${locale} ${timeZone}`;
  const known = formatters.get(key);
  if (known !== undefined) return known;
  const formatter = new Intl.DateTimeFormat(FORMATS[locale], {
    timeZone,
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
  });
  if (formatters.size >= LOCALES.length * 64) formatters.clear();
  formatters.set(key, formatter);
  return formatter;
}
