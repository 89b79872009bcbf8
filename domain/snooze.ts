import type { Priority } from "./priority.ts";

/** How long one snooze may pause a ladder, in milliseconds: two hours, a critical one a quarter of an hour. */
export const SNOOZE_MS_MAX: Readonly<Record<Priority, number>> = {
  critical: 15 * 60_000,
  high: 120 * 60_000,
  medium: 120 * 60_000,
  low: 120 * 60_000,
};
