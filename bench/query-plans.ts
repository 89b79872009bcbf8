import type { Logger } from "../runtime/logger.ts";
import { SILENT_LOGGER } from "../runtime/logger.ts";

/** What the embedded PostgreSQL writes. */
export interface PlanLog {
  readonly log: Logger;
  readonly lines: () => readonly string[];
  readonly forget: () => void;
}

export function collectPlans(): PlanLog {
  let lines: string[] = [];
  return {
    log: {
      ...SILENT_LOGGER,
      debug: (fields, message) => {
        if (message === "PostgreSQL") lines.push(String(fields["line"]));
      },
    },
    lines: () => lines,
    forget: () => {
      lines = [];
    },
  };
}

/** The plan nodes that read one of these tables from one end to the other. */
export function wholeReadsIn(
  lines: readonly string[],
  tables: readonly string[],
): readonly string[] {
  const pattern = new RegExp(`Seq Scan on (?:public\\.)?(?:${tables.join("|")})\\b`);
  return [...new Set(lines.filter((line) => pattern.test(line)).map((line) => line.trim()))];
}
