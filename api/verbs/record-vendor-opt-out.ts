import { deliveriesOfMessage, recordVendorOptOut } from "../../db/opt-outs.ts";
import { VERDICTS } from "../../domain/result-kind.ts";
import type { ReceiptEvent } from "../../providers/provider.ts";
import type { EventDeps, Received } from "./inbound-deps.ts";

/**
 * A vendor's report that somebody has told it to stop withdraws that person's consent here too. Idempotency: a repeat of the report finds it withdrawn, or does
 * what the first one could not.
 */
export async function recordReportedOptOut(
  deps: EventDeps,
  { account, event, receivedAt }: Received<ReceiptEvent>,
): Promise<void> {
  const { failure } = event.receipt;
  if (failure === null || !VERDICTS[failure.kind].recordsOptOut || failure.scope !== "recipient") {
    return;
  }
  const deliveryIds = await deliveriesOfMessage(deps.pool, {
    deviceKey: account.row.deviceKey,
    providerIds: [event.providerMessageId, event.alias].flatMap((id) => id ?? []),
  });
  const stale = await recordVendorOptOut(deps.pool, { deliveryIds, now: receivedAt });
  deps.replanner.tell(stale, "consent_changed", new Date(receivedAt));
}
