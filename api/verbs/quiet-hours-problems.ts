import { quietHoursProblems } from "../../domain/quiet-hours.ts";
import type { QuietHours, QuietHoursProblem } from "../../domain/quiet-hours.ts";
import type { Problem } from "./errors.ts";

const RULES: Readonly<Record<QuietHoursProblem["rule"], string>> = {
  clock_time: "Must be a time of day, HH:MM.",
  known_days: "Must list days: mon to sun, holiday.",
  iana_time_zone: "Must be an IANA time zone.",
};

/** Every bad field of quiet hours that stand under `path`. */
export function quietHoursProblemsOf(path: string, hours: QuietHours): readonly Problem[] {
  return quietHoursProblems(hours).map((problem) => ({
    path: `${path}.${problem.path}`,
    code: `invalid_${problem.rule}`,
    message: RULES[problem.rule],
  }));
}
