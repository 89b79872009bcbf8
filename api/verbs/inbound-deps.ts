import type { WebhookAccount } from "./webhook-accounts.ts";
import type { TellDeps } from "./tell-run.ts";

/** What storing and applying a vendor's event takes. */
export type EventDeps = TellDeps & {
  readonly now: () => number;
  readonly inbound: InboundSettings;
};

export type InboundSettings = {
  /** IANA; for people and zones without one of their own. */
  readonly timeZone: string;
  /** SIAGA_PORTAL_URL, without a slash at its end. */
  readonly portalUrl: string | null;
};

/** An event of a vendor's request that was believed. */
export type Received<Event> = {
  readonly account: WebhookAccount;
  readonly event: Event;
  /** Epoch ms. */
  readonly receivedAt: number;
};
