/**
 * Zenziva: an Indonesian SMS gateway. Its documentation, https://www.zenziva.id/dokumentasi/, could not be read; what
 * stands here is what public clients of `console.zenziva.net` send and read, looked at in September 2026. One-way: nobody
 * can answer its shared senders.
 */
import { z } from "zod";

import type { AccountDefaults, Capabilities, MessageLimits } from "../provider.ts";

export const ZENZIVA_DEFAULTS: AccountDefaults = {
  baseUrl: "https://console.zenziva.net",
  // No rate is published. Five a second clears a hundred people in twenty seconds and stays far below what gateways allow.
  pacing: { perSecond: 5, minGapSeconds: 0 },
  pairGapSeconds: 0,
  dailyCap: null,
  receiptDeadlineSeconds: null,
  sendTimeoutMs: 15_000,
};

export const ZENZIVA_LIMITS: MessageLimits = {
  // Six parts of 153 characters. Unconfirmed: no source names a longest text.
  textCharsMax: 918,
  buttonsMax: 0,
  buttonTitleCharsMax: 0,
};

/** Send only: neither delivery reports nor inbound messages are described anywhere (unconfirmed). */
export const ZENZIVA_CAPABILITIES: Capabilities = {
  receipts: { sent: false, delivered: false, read: false, failed: false },
  replies: false,
  quotes: false,
  reactions: false,
  buttons: false,
  keyPresses: false,
  media: false,
  location: false,
  templates: false,
  signedWebhooks: false,
  groupMemberIds: false,
};

/** Where each product takes messages. The path of `masking` (a brand's name as sender) is unconfirmed. */
export const ZENZIVA_SEND_PATHS = {
  regular: "/reguler/api/sendsms/",
  masking: "/masking/api/sendsms/",
} as const;

/** Rp for one SMS where an account does not say its own: seen in one integration's test data, unconfirmed. */
const RUPIAH_PER_MESSAGE_DEFAULT = 350;

export const zenzivaCredentials = z.object({
  userkey: z.string().min(1),
  passkey: z.string().min(1),
});

export const zenzivaSettings = z.object({
  product: z.enum(["regular", "masking"]).default("regular"),
  /** Turns the balance, which is money, into the number of messages that it still buys. */
  rupiahPerMessage: z.number().positive().default(RUPIAH_PER_MESSAGE_DEFAULT),
});
