import { ALERT_TEMPLATES } from "./templates/alerts.ts";
import { EMAIL_TEMPLATES } from "./templates/emails.ts";
import { CUSTOMER_TEMPLATES } from "./templates/customers.ts";
import { REPORT_TEMPLATES } from "./templates/reports.ts";
import type { SeedTemplate } from "./templates/template.ts";
import { TICKET_TEMPLATES } from "./templates/tickets.ts";

export type { SeedTemplate } from "./templates/template.ts";

/** A text for every type, in both languages. */
export const TEMPLATES: readonly SeedTemplate[] = [
  ...TICKET_TEMPLATES,
  ...ALERT_TEMPLATES,
  ...CUSTOMER_TEMPLATES,
  ...REPORT_TEMPLATES,
  ...EMAIL_TEMPLATES,
];

/** Words of Liquid that stand where a variable could. */
const WORDS = new Set(["and", "or", "contains", "true", "false", "nil", "null", "blank", "empty"]);

/**
 * Names that a seeded text takes from the data, subject included, in order of appearance: what the column `variables`
 * holds. Reads the few forms that seeded texts use; a test compares it with Liquid's own analysis.
 */
export function variablesOf({ subject, body }: SeedTemplate): readonly string[] {
  const names = [
    ...`${body} ${subject ?? ""}`.matchAll(/\{\{(.*?)\}\}|\{%-? *(?:els)?if (.*?)%\}/gu),
  ]
    .flatMap(([, output = "", condition = ""]) =>
      output === ""
        ? [...condition.matchAll(/[a-z_]+/gu)].map(([word]) => word)
        : [
            ...(/^ *([a-z_]+)/u.exec(output)?.slice(1) ?? []),
            ...[...output.matchAll(/\| *[a-z_]+ *: *([a-z_]+)/gu)].map(
              ([, argument = ""]) => argument,
            ),
          ],
    )
    .filter((name) => !WORDS.has(name));
  return [...new Set(names)];
}
