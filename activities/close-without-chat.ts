import { recordRefused, type DeliveryContext, type DeliveryEvent } from "../db/deliveries.ts";
import type { Channel } from "../domain/channel.ts";
import type { TemplateVerdict } from "../domain/provider-template.ts";
import { capabilitiesOf, type ProviderRegistry } from "../providers/registry.ts";
import { writeClosingInInbox } from "./closing-in-inbox.ts";
import { judgeTemplateOf } from "./outbound-message.ts";

/** As the vendor's own refusal (131047) is called. */
const WINDOW_CLOSED = "window_closed";

/**
 * Outside the recipient's window no free text may go out. A closing message that has no template which can be sent is not asked of the vendor but found in the
 * inbox. True: that is done, and the delivery decided.
 */
export async function closeWithoutChat(
  deps: Parameters<typeof writeClosingInInbox>[0] & {
    readonly providers: ProviderRegistry;
    readonly now: () => number;
  },
  notificationId: string,
  { context, event }: { readonly context: DeliveryContext; readonly event: DeliveryEvent },
): Promise<boolean> {
  const { account, delivery, recipient } = context;
  if (event.purpose !== "closing" || account === null) return false;
  if (recipient?.kind !== "person" || recipient.windowOpen) return false;
  const provider = deps.providers.get(account.provider, channelOf(event));
  if (!capabilitiesOf(provider, account).templates) return false;
  const verdict = judgeTemplateOf(context, provider.channel);
  if (verdict?.ok === true) return false;
  const now = deps.now();
  await writeClosingInInbox(deps, {
    notificationId,
    closing: event.pass,
    userId: recipient.id,
    now,
  });
  await recordRefused(deps.pool, {
    notificationId,
    deliveryId: delivery.id,
    accountId: account.id,
    status: "skipped",
    reason: reasonOf(verdict),
    error: null,
    at: now,
    event: { ...event, kind: "delivery_skipped" },
  });
  return true;
}

/** Where somebody has chosen a template, what is wrong with it. */
function reasonOf(verdict: TemplateVerdict | null): string {
  if (verdict === null || verdict.ok || verdict.fault === "template_unmapped") return WINDOW_CLOSED;
  return verdict.fault;
}

/** Orders name channels, all of which are ours. */
function channelOf({ channel }: DeliveryEvent): Channel {
  return channel as Channel;
}
