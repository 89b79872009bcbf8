import type { CheckContext } from "../db/requests.ts";
import { evidenceOf } from "../providers/registry.ts";
import type { ProviderRegistry } from "../providers/registry.ts";
import { createMissingVariables } from "../rendering/missing-variables.ts";

/** What checking and planning need of vendors, texts and the installation. */
export function planningContext(options: {
  readonly providers: ProviderRegistry;
  readonly installationTimeZone: string;
  readonly portalUrl: string | null;
  readonly now: () => number;
}): Omit<CheckContext, "now" | "ticketMustExist"> {
  return {
    installationTimeZone: options.installationTimeZone,
    capabilitiesOf: (account) => evidenceOf(options.providers, account),
    missingVariables: createMissingVariables(options),
  };
}
