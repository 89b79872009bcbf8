import { createHash, timingSafeEqual } from "node:crypto";
import { assertNever } from "../../domain/assert.ts";
import type {
  InboundEvent,
  RawWebhook,
  Speech,
  WebhookAnswer,
  WebhookReader,
} from "../../providers/provider.ts";
import { Unauthenticated } from "./errors.ts";
import type { EventDeps } from "./inbound-deps.ts";
import {
  recordAccountStateEvent,
  recordTemplateStateEvent,
  recordUnrecognised,
} from "./record-account-event.ts";
import { readSpeech, recordKeyPress } from "./record-key-press.ts";
import { recordLink, recordReceiptEvent } from "./record-receipt.ts";
import { recordReportedOptOut } from "./record-vendor-opt-out.ts";
import { recordReply } from "./record-reply.ts";
import type { WebhookAccount, WebhookAccounts } from "./webhook-accounts.ts";

export type WebhookDeps = EventDeps & { readonly webhookAccounts: WebhookAccounts };

export type WebhookCall = {
  readonly provider: string;
  readonly accountId: string;
  readonly token: string;
  readonly request: RawWebhook;
};

/**
 * A request from a vendor: believed by the address's token and then in the vendor's own way, stored and applied event by event, answered last. What can't be
 * stored throws, so that the vendor repeats the request; what of it is stored is then a duplicate.
 *
 * @throws Unauthenticated, with the same words for every reason
 */
export async function receiveWebhook(deps: WebhookDeps, call: WebhookCall): Promise<WebhookAnswer> {
  const { account, reader } = await believe(deps, call);
  const { request } = call;
  const receivedAt = deps.now();
  let speech: Speech | null = null;
  for (const event of withoutImpliedLinks(reader.parse(request, account.context, receivedAt))) {
    speech = (await store(deps, { account, event, receivedAt }, request)) ?? speech;
  }
  const wanted = reader.speechWanted?.(request) ?? null;
  if (wanted !== null) speech ??= await readSpeech(deps, account.row.id, wanted);
  return reader.respond(request, account.context, speech);
}

async function believe(
  deps: WebhookDeps,
  { provider, accountId, token, request }: WebhookCall,
): Promise<{ readonly account: WebhookAccount; readonly reader: WebhookReader }> {
  const account = await deps.webhookAccounts.find(accountId);
  // Compared even where there is no account, so that both take the same time.
  const isToken = isSame(token, account?.webhookToken ?? "");
  const reader = account?.provider.webhook ?? null;
  if (account === null || !isToken || account.row.provider !== provider || reader === null) {
    throw refused();
  }
  const verdict = reader.verify(request, account.context);
  if (!verdict.ok) {
    deps.log.warn({ accountId, provider, reason: verdict.reason }, "a webhook was not believed");
    throw refused();
  }
  return { account, reader };
}

function refused(): Unauthenticated {
  return new Unauthenticated("This address or its signature is not valid.");
}

/** Compares hashes, so that neither content nor length can be learnt from the time it takes. */
function isSame(given: string, expected: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(expected)) && expected !== "";
}

/** A receipt that carries both ids of its message ties them itself, in the same statements. */
function withoutImpliedLinks(events: readonly InboundEvent[]): readonly InboundEvent[] {
  return events.filter(
    (event) =>
      event.kind !== "link" ||
      !events.some(
        (other) =>
          other.kind === "receipt" &&
          other.alias === event.alias &&
          other.providerMessageId === event.providerMessageId,
      ),
  );
}

/** What is to be said next, where the event is a key pressed in a call. */
async function store(
  deps: EventDeps,
  received: {
    readonly account: WebhookAccount;
    readonly event: InboundEvent;
    readonly receivedAt: number;
  },
  request: RawWebhook,
): Promise<Speech | null> {
  const { event } = received;
  switch (event.kind) {
    case "receipt":
      await recordReceiptEvent(deps, { ...received, event });
      await recordReportedOptOut(deps, { ...received, event });
      return null;
    case "link":
      await recordLink(deps, { ...received, event });
      return null;
    case "keypress":
      return recordKeyPress(deps, { ...received, event });
    case "reply":
      await recordReply(deps, { ...received, event });
      return null;
    case "account_state":
      await recordAccountStateEvent(deps, { ...received, event });
      return null;
    case "template_state":
      await recordTemplateStateEvent(deps, { ...received, event });
      return null;
    case "unrecognised":
      await recordUnrecognised(deps, { ...received, event }, request);
      return null;
    default:
      return assertNever(event, "event of a webhook");
  }
}
