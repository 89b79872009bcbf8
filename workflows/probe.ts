import { probeAccount } from "./activity-proxies.ts";
import type { ProbeWorkflowInput } from "./contract.ts";

/** Asks one account's vendor how it is, on the account's own queue, so that the question keeps its pace. */
export async function probe({ accountId }: ProbeWorkflowInput): Promise<void> {
  await probeAccount({ accountId }, accountId);
}
