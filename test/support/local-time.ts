import fc from "fast-check";
import { DateTime } from "luxon";

/**
 * Zones and instants for properties of local time. Half of the instants lie within hours of a clock change: that is where
 * rules about local time go wrong. Built on Luxon alone, so that it shares no code with what it tests.
 */

export const TIME_ZONES = [
  "Asia/Jakarta",
  "Asia/Makassar",
  "Asia/Jayapura",
  "Asia/Kathmandu",
  "Asia/Tehran",
  "Asia/Gaza",
  "Europe/Berlin",
  "Europe/Lisbon",
  "Europe/Dublin",
  "Africa/Casablanca",
  "Africa/Cairo",
  "America/New_York",
  "America/St_Johns",
  "America/Sao_Paulo",
  "America/Santiago",
  "America/Caracas",
  "Australia/Lord_Howe",
  "Australia/Sydney",
  "Antarctica/Troll",
  "Pacific/Apia",
  "Pacific/Chatham",
  "Pacific/Kiritimati",
  "UTC",
] as const;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FROM_MS = Date.UTC(2000, 0, 1);
const TO_MS = Date.UTC(2032, 0, 1);

const changesByZone = new Map<string, readonly number[]>();

/** Instants at which a zone's offset changes: the first of the new offset. */
export function clockChangesOf(zone: string): readonly number[] {
  const known = changesByZone.get(zone);
  if (known !== undefined) return known;
  const offsetAt = (at: number): number => DateTime.fromMillis(at, { zone }).offset;
  const changes: number[] = [];
  for (let at = FROM_MS; at < TO_MS; at += 5 * DAY_MS) {
    if (offsetAt(at) === offsetAt(at + 5 * DAY_MS)) continue;
    let low = at;
    let high = at + 5 * DAY_MS;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(middle) === offsetAt(at)) low = middle;
      else high = middle;
    }
    changes.push(high);
  }
  changesByZone.set(zone, changes);
  return changes;
}

export const aTimeZone = fc.constantFrom(...TIME_ZONES);

/** An instant of 2000 to 2031: near a clock change of the zone if it has any, or anywhere. */
export function anInstantIn(zone: string): fc.Arbitrary<number> {
  const anywhere = fc.integer({ min: FROM_MS, max: TO_MS });
  const changes = clockChangesOf(zone);
  if (changes.length === 0) return anywhere;
  const nearChange = fc
    .tuple(
      fc.constantFrom(...changes),
      fc.oneof(
        fc.constantFrom(-1, 0, 1, -HOUR_MS, HOUR_MS, -60_000, 60_000),
        fc.integer({ min: -26 * HOUR_MS, max: 4 * HOUR_MS }),
      ),
    )
    .map(([change, offsetMs]) => change + offsetMs);
  return fc.oneof({ weight: 2, arbitrary: nearChange }, { weight: 1, arbitrary: anywhere });
}
