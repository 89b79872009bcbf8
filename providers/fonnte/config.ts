/**
 * Fonnte: an Indonesian gateway that drives a linked WhatsApp number ("device"). Unofficial: fast sending can get the
 * number banned, so pacing is gentle by default. https://docs.fonnte.com/, checked September 2026.
 */
import { z } from "zod";

import type {
  AccountDefaults,
  AttachmentLimits,
  Capabilities,
  MessageLimits,
} from "../provider.ts";

export const FONNTE_DEFAULTS: AccountDefaults = {
  baseUrl: "https://api.fonnte.com",
  // Fonnte publishes no rate. One message a second is what a fast human could do; more is what bans punish.
  pacing: { perSecond: 1, minGapSeconds: 1 },
  pairGapSeconds: 0,
  dailyCap: null,
  // A device that is linked reports `sent` within seconds; one that lost its phone says nothing.
  receiptDeadlineSeconds: 30,
  sendTimeoutMs: 15_000,
};

export const FONNTE_LIMITS: MessageLimits = {
  // https://docs.fonnte.com/api-send-message/
  textCharsMax: 60_000,
  buttonsMax: 0,
  buttonTitleCharsMax: 0,
};

/** WhatsApp shows no more below a file. */
const CAPTION_CHARS_MAX = 1_024;

/** A file has at most 4 MB. A pin is a field of a message with text. https://docs.fonnte.com/api-send-message/ */
export const FONNTE_ATTACHMENTS: AttachmentLimits = {
  image: { textCharsMax: CAPTION_CHARS_MAX, bytesMax: 4_000_000 },
  document: { textCharsMax: CAPTION_CHARS_MAX, bytesMax: 4_000_000 },
  location: { textCharsMax: FONNTE_LIMITS.textCharsMax, bytesMax: null },
};

const FONNTE_CAPABILITIES: Capabilities = {
  receipts: { sent: true, delivered: true, read: true, failed: true },
  replies: true,
  quotes: false,
  reactions: false,
  buttons: false,
  keyPresses: false,
  media: true,
  location: true,
  templates: false,
  signedWebhooks: false,
  groupMemberIds: false,
};

export const FONNTE_PERSONAL_CAPABILITIES = FONNTE_CAPABILITIES;

/** In a group nobody promises receipts per member: what Fonnte reports is that the message left. */
export const FONNTE_GROUP_CAPABILITIES: Capabilities = {
  ...FONNTE_CAPABILITIES,
  receipts: { sent: true, delivered: false, read: false, failed: true },
  groupMemberIds: true,
};

export const fonnteCredentials = z.object({
  /** The device's token; one token is one sending number. */
  token: z.string().min(1),
  /** The device's webhook secret key, when it is switched on. */
  webhookSecret: z.string().min(1).optional(),
});

export const fonnteSettings = z.object({});
