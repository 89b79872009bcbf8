/**
 * Evolution API: a self-hosted gateway that drives a linked WhatsApp number (an "instance") through Baileys. Unofficial:
 * fast sending can get the number banned. Source of 2.3.6, 2.3.7 and 2.4.0-rc2 in
 * https://github.com/EvolutionAPI/evolution-api (now evolution-foundation/evolution-api), read in September 2026.
 */
import { z } from "zod";

import type {
  AccountContext,
  AccountDefaults,
  AttachmentLimits,
  Capabilities,
  MessageLimits,
} from "../provider.ts";

export const EVOLUTION_DEFAULTS: AccountDefaults = {
  baseUrl: null,
  // The gateway limits nothing. Before a number's first message it asks WhatsApp whether the number exists, and many such
  // questions are what bans punish (issue 2228); three seconds are what a person needs from chat to chat.
  pacing: { perSecond: 1, minGapSeconds: 3 },
  pairGapSeconds: 0,
  dailyCap: null,
  // Messages that stay PENDING while the instance says "open" are a known fault (issues 1938, 2597): after a minute without
  // SERVER_ACK something is wrong.
  receiptDeadlineSeconds: 60,
  // Images are converted and files uploaded to WhatsApp before it answers.
  sendTimeoutMs: 18_000,
};

export const EVOLUTION_LIMITS: MessageLimits = {
  // Unconfirmed: no limit is documented. WhatsApp's official API takes so much, so every client shows it.
  textCharsMax: 4096,
  // The gateway refuses more reply buttons.
  buttonsMax: 3,
  // Unconfirmed: the official API's limit.
  buttonTitleCharsMax: 20,
};

/** Unconfirmed, like the length of a text. */
export const EVOLUTION_CAPTION_CHARS_MAX = 1024;

export const EVOLUTION_ATTACHMENTS: AttachmentLimits = {
  image: { textCharsMax: EVOLUTION_CAPTION_CHARS_MAX, bytesMax: null },
  document: { textCharsMax: EVOLUTION_CAPTION_CHARS_MAX, bytesMax: null },
  location: { textCharsMax: 0, bytesMax: null },
};

const EVOLUTION_CAPABILITIES: Capabilities = {
  receipts: { sent: true, delivered: true, read: true, failed: true },
  replies: true,
  quotes: true,
  reactions: true,
  buttons: false,
  keyPresses: false,
  media: true,
  location: true,
  templates: false,
  // A header proves who sends, not what: nothing covers the body.
  signedWebhooks: false,
  groupMemberIds: false,
};

export const EVOLUTION_PERSONAL_CAPABILITIES = EVOLUTION_CAPABILITIES;

/**
 * Which members' receipts are reported depends on the release (2.3.6: the first one's only), and whether any are is
 * unconfirmed: only that the message left is promised.
 */
export const EVOLUTION_GROUP_CAPABILITIES: Capabilities = {
  ...EVOLUTION_CAPABILITIES,
  receipts: { sent: true, delivered: false, read: false, failed: true },
  groupMemberIds: true,
};

export const evolutionCredentials = z.object({
  /** `apikey`: the instance's token is enough; the global key opens every instance. */
  apiKey: z.string().min(1),
  /** Given to the instance's webhook as a header, or as its `jwt_key`. */
  webhookSecret: z.string().min(1),
});

export const evolutionSettings = z.object({
  /** The instance's name; nothing can be sent without it. */
  instance: z.string().min(1).max(200).optional(),
  /**
   * Sends messages with reply buttons. Off unless its owner has tried it: whether a phone shows them, or the message at all,
   * depends on WhatsApp's client.
   */
  hasButtons: z.boolean().default(false),
});

/** Buttons where the account's owner has switched them on. */
export function evolutionCapabilitiesOf(
  usual: Capabilities,
  account: Pick<AccountContext, "settings">,
): Capabilities {
  const settings = evolutionSettings.safeParse(account.settings);
  return { ...usual, buttons: settings.success && settings.data.hasButtons };
}
