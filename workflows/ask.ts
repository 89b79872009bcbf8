import { askVendor } from "./activity-proxies.ts";
import type { AskWorkflowInput } from "./contract.ts";

/** Asks a vendor what became of one message, on the account's own queue. Its run learns of the answer as of a receipt. */
export async function ask({ accountId, deliveryId }: AskWorkflowInput): Promise<void> {
  await askVendor({ deliveryId }, accountId);
}
