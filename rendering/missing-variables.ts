import type { MissingVariables } from "../domain/request-check.ts";
import { templateScope } from "./scope.ts";
import { missingVariables as missingIn } from "./template.ts";

/** Looks for what a template can't do without, in the very scope that it will be rendered with. */
export function createMissingVariables({
  portalUrl,
  now,
}: {
  readonly portalUrl: string | null;
  readonly now: () => number;
}): MissingVariables {
  return (template, facts) => {
    const scope = templateScope({
      ...facts,
      type: { code: facts.type.code, name: facts.type.names[template.locale] },
      locale: template.locale,
      portalUrl,
      now: now(),
    });
    const texts = template.subject === null ? [template.body] : [template.subject, template.body];
    return texts.flatMap((text) => missingIn(text, scope));
  };
}
