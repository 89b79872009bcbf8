/** What goes before what, wherever messages wait: by priority, but for one-time passwords, which have a lane of their own. */
import { isOtp } from "./otp.ts";
import { PRIORITY_KEYS } from "./priority.ts";
import type { Priority } from "./priority.ts";

/** Temporal's priorityKey of a notification: one-time passwords go with critical ones, before everything else. */
export function priorityKeyOf(type: string, priority: Priority): number {
  return isOtp(type) ? PRIORITY_KEYS.critical : PRIORITY_KEYS[priority];
}
