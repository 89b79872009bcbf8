import { createInstallationCache } from "../db/installation.ts";
import { createAddressGuard } from "../providers/address-guard.ts";
import { evidenceOf } from "../providers/registry.ts";
import type { ProviderRegistry } from "../providers/registry.ts";
import { createMissingVariables } from "../rendering/missing-variables.ts";
import { estimateSegments } from "../rendering/sms-estimate.ts";
import type { PlanningContext } from "./verbs/accept-notification.ts";

/** What checking and planning need of vendors, texts and the installation, put together for the database's side of it. */
export function createPlanningContext(options: {
  readonly providers: ProviderRegistry;
  readonly timeZone: string;
  readonly portalUrl: string | null;
  readonly now: () => number;
  /** Files may be fetched from this machine: with simulated vendors. False if not given. */
  readonly allowsLocalFiles?: boolean | undefined;
}): PlanningContext {
  const guard = createAddressGuard({ allowsThisMachine: options.allowsLocalFiles ?? false });
  return {
    installationTimeZone: options.timeZone,
    installation: createInstallationCache(),
    capabilitiesOf: (account) => evidenceOf(options.providers, account),
    missingVariables: createMissingVariables(options),
    fileUrlProblem: (url) => guard.problemOf(url),
    segmentsOf: estimateSegments,
  };
}
