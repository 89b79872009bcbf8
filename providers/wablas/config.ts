/**
 * Wablas: an Indonesian gateway that drives a linked WhatsApp number ("device"). Unofficial: fast sending can get the
 * number banned, so pacing is gentle by default. https://wablas.com/documentation/api and the vendor's own PHP package
 * (https://packagist.org/packages/silvanix/wablas), checked September 2026.
 */
import { z } from "zod";

import type {
  AccountDefaults,
  AttachmentLimits,
  Capabilities,
  MessageLimits,
} from "../provider.ts";

export const WABLAS_DEFAULTS: AccountDefaults = {
  // An account lives on one of many servers (solo, jogja, bdg …): only its owner knows which.
  baseUrl: null,
  // Nothing is published. Two seconds are what a person needs for a short message; machine speed is what bans punish.
  pacing: { perSecond: 1, minGapSeconds: 2 },
  pairGapSeconds: 0,
  dailyCap: null,
  // The gateway queues by itself; a linked device has sent within a minute, one that lost its phone says nothing.
  receiptDeadlineSeconds: 60,
  sendTimeoutMs: 15_000,
};

export const WABLAS_LIMITS: MessageLimits = {
  // None is published: what every WhatsApp client shows without folding a business message.
  textCharsMax: 4_096,
  buttonsMax: 0,
  buttonTitleCharsMax: 0,
};

/** WhatsApp shows no more below a file. */
const CAPTION_CHARS_MAX = 1_024;

/** A file has at most 2 MB. https://www.wablas.com/documentation/api, of 27 July 2025. */
export const WABLAS_ATTACHMENTS: AttachmentLimits = {
  image: { textCharsMax: CAPTION_CHARS_MAX, bytesMax: 2_000_000 },
  document: { textCharsMax: CAPTION_CHARS_MAX, bytesMax: 2_000_000 },
  location: { textCharsMax: 0, bytesMax: null },
};

const WABLAS_CAPABILITIES: Capabilities = {
  receipts: { sent: true, delivered: true, read: true, failed: true },
  replies: true,
  quotes: false,
  reactions: false,
  // The send-button and send-list endpoints are there, but present clients often show nothing of them.
  buttons: false,
  keyPresses: false,
  media: true,
  location: true,
  templates: false,
  signedWebhooks: false,
  groupMemberIds: false,
};

export const WABLAS_PERSONAL_CAPABILITIES = WABLAS_CAPABILITIES;

/**
 * In a group nobody says what `received` of a whole group would mean, and the field that names the writer is unconfirmed
 * (see webhook.ts): neither is promised.
 */
export const WABLAS_GROUP_CAPABILITIES: Capabilities = {
  ...WABLAS_CAPABILITIES,
  receipts: { sent: true, delivered: false, read: false, failed: true },
};

export const wablasCredentials = z.object({
  /** The device's token; one token is one sending number. */
  token: z.string().min(1),
  /** The device's secret key; older devices have none. */
  secretKey: z.string().min(1).optional(),
});
export type WablasCredentials = z.infer<typeof wablasCredentials>;

export const wablasSettings = z.object({
  /** The device's id in webhooks ("ABC123"); where it is set, every webhook must carry it. */
  deviceId: z.string().min(1).max(64).optional(),
});
