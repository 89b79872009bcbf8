/**
 * WAHA: a self-hosted gateway that drives a linked WhatsApp number (a "session") through one of several engines. Unofficial:
 * fast sending can get the number banned. https://waha.devlike.pro/docs/ and its OpenAPI description 2026.7.1, checked
 * September 2026.
 */
import { z } from "zod";

import type {
  AccountContext,
  AccountDefaults,
  AttachmentLimits,
  Capabilities,
  MessageLimits,
} from "../provider.ts";

export const WAHA_DEFAULTS: AccountDefaults = {
  baseUrl: null,
  // The gateway limits nothing. Its guide against blocking asks for 30 to 60 s between messages to strangers, which an alarm
  // can't wait; three seconds are what a person needs who forwards a message from chat to chat.
  pacing: { perSecond: 1, minGapSeconds: 3 },
  pairGapSeconds: 0,
  dailyCap: null,
  // The maintainer's recipe: what has no SERVER or DEVICE after a minute is stuck in the gateway (issue 789).
  receiptDeadlineSeconds: 60,
  // The gateway itself waits up to 5 s for its session; files are uploaded to WhatsApp before it answers.
  sendTimeoutMs: 18_000,
};

export const WAHA_LIMITS: MessageLimits = {
  // Unconfirmed: no limit is documented. WhatsApp's official API takes so much, so every client shows it.
  textCharsMax: 4096,
  buttonsMax: 0,
  buttonTitleCharsMax: 0,
};

/** Unconfirmed, like the length of a text. */
export const WAHA_CAPTION_CHARS_MAX = 1024;

export const WAHA_ATTACHMENTS: AttachmentLimits = {
  image: { textCharsMax: WAHA_CAPTION_CHARS_MAX, bytesMax: null },
  document: { textCharsMax: WAHA_CAPTION_CHARS_MAX, bytesMax: null },
  location: { textCharsMax: 0, bytesMax: null },
};

const WAHA_CAPABILITIES: Capabilities = {
  receipts: { sent: true, delivered: true, read: true, failed: true },
  replies: true,
  quotes: true,
  reactions: true,
  // `sendButtons` is deprecated and does not render reliably; the footer says in words what buttons would.
  buttons: false,
  keyPresses: false,
  media: true,
  location: true,
  templates: false,
  signedWebhooks: true,
  groupMemberIds: false,
};

export const WAHA_PERSONAL_CAPABILITIES = WAHA_CAPABILITIES;

/** `delivered` and `read` are told for each member, never for the group. */
export const WAHA_GROUP_CAPABILITIES: Capabilities = {
  ...WAHA_CAPABILITIES,
  receipts: { sent: true, delivered: false, read: false, failed: true },
  groupMemberIds: true,
};

const NO_RECEIPTS: Capabilities["receipts"] = {
  sent: false,
  delivered: false,
  read: false,
  failed: false,
};

export const wahaCredentials = z.object({
  /** `X-Api-Key`; one that is limited to the session is enough. */
  apiKey: z.string().min(1),
  /** `hmac.key` of the session's webhook. */
  webhookHmacKey: z.string().min(1),
});

export const wahaSettings = z.object({
  session: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .default("default"),
  /** What the session runs on: ids chosen by us are honoured by the first two only. */
  engine: z.enum(["NOWEB", "GOWS", "WEBJS", "WPP"]).default("NOWEB"),
  /** Whether the session is configured with `webjs.tagsEventsOn`: without it WEBJS reports no receipts (issue 1311). */
  webjsTagsEvents: z.boolean().default(false),
});
export type WahaSettings = z.infer<typeof wahaSettings>;

/** What the account's engine can tell. Settings that can't be read promise no receipts. */
export function wahaCapabilitiesOf(
  usual: Capabilities,
  account: Pick<AccountContext, "settings">,
): Capabilities {
  const settings = wahaSettings.safeParse(account.settings);
  if (!settings.success) return { ...usual, receipts: NO_RECEIPTS };
  const { engine, webjsTagsEvents } = settings.data;
  switch (engine) {
    case "NOWEB":
    case "GOWS":
      return usual;
    case "WEBJS":
      return webjsTagsEvents ? usual : { ...usual, receipts: NO_RECEIPTS };
    // Which receipts this engine reports is described nowhere.
    case "WPP":
      return { ...usual, receipts: NO_RECEIPTS };
  }
}
