import { takeInventory } from "./activity-proxies.ts";
import type { InventoryWorkflowInput } from "./contract.ts";

/** Asks an account's vendor for one of its lists, on the account's own queue. What it says stays in PostgreSQL. */
export async function inventory(input: InventoryWorkflowInput): Promise<void> {
  await takeInventory(input, input.accountId);
}
