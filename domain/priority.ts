/** Most urgent first; the order is the order of `PRIORITIES`. */
export const PRIORITIES = ["critical", "high", "medium", "low"] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Temporal's priorityKey: lower goes first; 5 is left to bulk. */
export const PRIORITY_KEYS: Readonly<Record<Priority, number>> = {
  critical: 1,
  high: 2,
  medium: 3,
  low: 4,
};

/** True when `a` is at least as urgent as `b`. */
export function isAtLeast(a: Priority, b: Priority): boolean {
  return PRIORITIES.indexOf(a) <= PRIORITIES.indexOf(b);
}
