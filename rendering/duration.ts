import type { Locale } from "../domain/locale.ts";

const UNITS: Readonly<Record<Locale, Readonly<Record<"day" | "hour" | "minute", string>>>> = {
  id: { day: "hari", hour: "jam", minute: "menit" },
  en: { day: "d", hour: "h", minute: "min" },
};

/** A time span in the two largest units that matter: "2 jam", "1 hari 3 jam", "45 menit"; what is over is "0 menit". */
export function durationText(durationMs: number, locale: Locale): string {
  const minutes = Math.max(0, Math.floor(durationMs / 60_000));
  const parts = [
    { count: Math.floor(minutes / 1_440), unit: UNITS[locale].day },
    { count: Math.floor((minutes % 1_440) / 60), unit: UNITS[locale].hour },
    { count: minutes % 60, unit: UNITS[locale].minute },
  ];
  const first = parts.findIndex(({ count }) => count > 0);
  if (first === -1) return `0 ${UNITS[locale].minute}`;
  return parts
    .slice(first, first + 2)
    .filter(({ count }) => count > 0)
    .map(({ count, unit }) => `${count} ${unit}`)
    .join(" ");
}
