import type { MissingVariables } from "../domain/request-check.ts";
import {
  isProviderId,
  UnknownProviderError,
  UnsupportedChannelError,
} from "../providers/registry.ts";
import type { ProviderRegistry } from "../providers/registry.ts";
import { templateScope } from "../rendering/scope.ts";
import { missingVariables as missingIn } from "../rendering/template.ts";
import type { PlanningContext } from "./verbs/accept-notification.ts";

/** What checking and planning need of vendors, texts and the installation, put together for the database's side of it. */
export function createPlanningContext(options: {
  readonly providers: ProviderRegistry;
  readonly timeZone: string;
  readonly portalUrl: string | null;
  readonly now: () => number;
}): PlanningContext {
  return {
    installationTimeZone: options.timeZone,
    capabilitiesOf: (provider, channel) => capabilitiesOf(options.providers, provider, channel),
    missingVariables: createMissingVariables(options),
  };
}

function createMissingVariables({
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

function capabilitiesOf(
  providers: ProviderRegistry,
  provider: string,
  channel: string,
): ReturnType<PlanningContext["capabilitiesOf"]> {
  const known = providers.all.find(
    ({ id, channel: carried }) => id === provider && carried === channel,
  );
  if (known === undefined) return null;
  const { sent, delivered } = known.capabilities.receipts;
  return { givesSent: sent, givesDelivered: delivered };
}
