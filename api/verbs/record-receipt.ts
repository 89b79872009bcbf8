import { WorkflowNotFoundError } from "@temporalio/common";
import { forgetWindowOf } from "../../db/deliveries.ts";
import { newId } from "../../db/new-id.ts";
import { linkAlias, recordReceipt } from "../../db/receipts.ts";
import type { ReceiptSignal } from "../../db/receipts.ts";
import type { FailureReason } from "../../providers/errors.ts";
import type { LinkEvent, ReceiptEvent } from "../../providers/provider.ts";
import type { EventDeps, Received } from "./inbound-deps.ts";
import { toAddress } from "./reply-message.ts";
import { signalRun } from "./tell-run.ts";

/** A call that nobody took may be tried again after the step's spacing; every other failure is the message's last word. */
const LEFT_TO_SPACING: readonly FailureReason[] = ["busy", "no_answer", "voicemail"];

/** Stores what a vendor reports of a message and tells the runs that wait for it. */
export async function recordReceiptEvent(
  deps: EventDeps,
  { account, event, receivedAt }: Received<ReceiptEvent>,
): Promise<void> {
  const { status, at, failure } = event.receipt;
  const receiptId = newId("rcp", receivedAt);
  const answer = await recordReceipt(deps.keyedPool, {
    receiptId,
    accountId: account.row.id,
    eventKey: event.eventKey,
    providerMessageId: event.providerMessageId,
    alias: event.alias,
    deliveryKey: event.deliveryKey,
    status,
    final: failure === null || !LEFT_TO_SPACING.includes(failure.reason),
    reason: failure?.reason ?? null,
    error: failure && {
      kind: failure.kind,
      scope: failure.scope,
      message: failure.vendorCode ? `${failure.reason} (${failure.vendorCode})` : failure.reason,
    },
    reportedAt: at,
    receivedAt,
    bill: {
      isBilled: event.isBilled,
      billingClass: event.billingClass ?? null,
      callSeconds: event.callSeconds ?? null,
    },
    member: event.member?.map(toAddress) ?? null,
  });
  if (answer.kind !== "recorded") return;
  if (failure?.reason === "window_closed" && event.providerMessageId !== null) {
    await forgetWindowOf(deps.keyedPool, account.row.id, event.providerMessageId);
  }
  deps.announce?.({ kind: "receipt", receiptId });
  tell(deps, answer.signals);
}

/** Ties a second id to a message; receipts that waited for it reach their runs. */
export async function recordLink(
  deps: EventDeps,
  { account, event }: Received<LinkEvent>,
): Promise<void> {
  tell(
    deps,
    await linkAlias(deps.keyedPool, {
      accountId: account.row.id,
      providerMessageId: event.providerMessageId,
      alias: event.alias,
    }),
  );
}

/** Behind the answer to the vendor; what does not arrive stays unsignalled and is swept. */
function tell(deps: EventDeps, signals: readonly ReceiptSignal[]): void {
  if (signals.length === 0) return;
  deps.background.run(async () => {
    await Promise.all(
      signals.map(async ({ workflowId, fact }) => {
        try {
          await signalRun(deps, workflowId, fact);
        } catch (error) {
          // A message of a run that is over: there is nobody left to tell.
          if (!(error instanceof WorkflowNotFoundError)) throw error;
        }
      }),
    );
    await deps.markReceipts([...new Set(signals.map(({ receiptId }) => receiptId))]);
  });
}
