/** NusaSMS: an Indonesian SMS gateway. https://nusasms.com/sms-api, checked September 2026. */
import { z } from "zod";

import type { AccountDefaults, Capabilities, MessageLimits } from "../provider.ts";

export const NUSASMS_DEFAULTS: AccountDefaults = {
  baseUrl: "https://api.nusasms.com",
  // No rate is published. Five a second clears a hundred people in twenty seconds and stays far below what gateways allow.
  pacing: { perSecond: 5, minGapSeconds: 0 },
  pairGapSeconds: 0,
  dailyCap: null,
  receiptDeadlineSeconds: null,
  sendTimeoutMs: 15_000,
};

export const NUSASMS_LIMITS: MessageLimits = {
  // Six parts of 153 characters. Unconfirmed: no source names a longest text.
  textCharsMax: 918,
  buttonsMax: 0,
  buttonTitleCharsMax: 0,
};

/** Send only: a delivery report is unconfirmed, inbound messages do not exist. */
export const NUSASMS_CAPABILITIES: Capabilities = {
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

export const NUSASMS_SEND_PATH = "/api/v3/sendsms/plain";

/** Value of the parameter `unicode`, which the page names without one. Unconfirmed. */
export const NUSASMS_UNICODE = "Y";

export const nusasmsCredentials = z.object({
  user: z.string().min(1),
  password: z.string().min(1),
});

export const nusasmsSettings = z.object({
  /** The registered masking name; without one the gateway's shared number sends. */
  maskingName: z.string().min(1).max(11).optional(),
  /** For an account that carries one-time codes alone. The vendor requires `otp=Y` with them; of ours it is told message by message. */
  isForOtp: z.boolean().default(false),
});
