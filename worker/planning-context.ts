import { createInstallationCache } from "../db/installation.ts";
import type { CheckContext } from "../db/requests.ts";
import { createAddressGuard } from "../providers/address-guard.ts";
import { evidenceOf } from "../providers/registry.ts";
import type { ProviderRegistry } from "../providers/registry.ts";
import { createMissingVariables } from "../rendering/missing-variables.ts";
import { estimateSegments } from "../rendering/sms-estimate.ts";

/** What checking and planning need of vendors, texts and the installation. */
export function planningContext(options: {
  readonly providers: ProviderRegistry;
  readonly installationTimeZone: string;
  readonly portalUrl: string | null;
  readonly now: () => number;
  /** Files may be fetched from this machine: with simulated vendors. False if not given. */
  readonly allowsLocalFiles?: boolean | undefined;
}): Omit<CheckContext, "now" | "ticketMustExist"> {
  const guard = createAddressGuard({ allowsThisMachine: options.allowsLocalFiles ?? false });
  return {
    installationTimeZone: options.installationTimeZone,
    installation: createInstallationCache(),
    capabilitiesOf: (account) => evidenceOf(options.providers, account),
    missingVariables: createMissingVariables(options),
    fileUrlProblem: (url) => guard.problemOf(url),
    segmentsOf: estimateSegments,
  };
}
