/**
 * GOWA (go-whatsapp-web-multidevice): a self-hosted gateway that drives linked WhatsApp numbers ("devices") with whatsmeow.
 * Unofficial: fast sending can get a number banned. https://github.com/aldinokemal/go-whatsapp-web-multidevice, release 9.2.0,
 * `docs/openapi.yaml` and `docs/webhook-payload.md`, checked September 2026.
 */
import { z } from "zod";

import type {
  AccountDefaults,
  AttachmentLimits,
  Capabilities,
  MessageLimits,
} from "../provider.ts";

export const GOWA_DEFAULTS: AccountDefaults = {
  baseUrl: null,
  // The gateway limits nothing and sends one after the other over one socket. Three seconds are what a person needs who
  // forwards a message from chat to chat; faster is what bans punish.
  pacing: { perSecond: 1, minGapSeconds: 3 },
  pairGapSeconds: 0,
  dailyCap: null,
  // The answer itself proves `sent`; no receipt does.
  receiptDeadlineSeconds: null,
  // The gateway gives up after 45 s, which is later than the activity that sends: what takes longer has an unknown outcome.
  sendTimeoutMs: 18_000,
};

export const GOWA_LIMITS: MessageLimits = {
  // Unconfirmed: no limit is documented. WhatsApp's official API takes so much, so every client shows it.
  textCharsMax: 4096,
  buttonsMax: 0,
  buttonTitleCharsMax: 0,
};

/** Unconfirmed, like the length of a text. */
export const GOWA_CAPTION_CHARS_MAX = 1024;

/** Receipts of a recipient's other devices are not forwarded: who reads on WhatsApp Web alone never shows as read. */
export const GOWA_ATTACHMENTS: AttachmentLimits = {
  image: { textCharsMax: GOWA_CAPTION_CHARS_MAX, bytesMax: null },
  document: { textCharsMax: GOWA_CAPTION_CHARS_MAX, bytesMax: null },
  location: { textCharsMax: 0, bytesMax: null },
};

const GOWA_CAPABILITIES: Capabilities = {
  // `sent` comes with the answer to the send; nothing ever reports a failure afterwards.
  receipts: { sent: true, delivered: true, read: true, failed: false },
  replies: true,
  quotes: true,
  reactions: true,
  buttons: false,
  keyPresses: false,
  media: true,
  location: true,
  templates: false,
  signedWebhooks: true,
  groupMemberIds: false,
};

export const GOWA_PERSONAL_CAPABILITIES = GOWA_CAPABILITIES;

/** `delivered` and `read` are told for each member, never for the group. */
export const GOWA_GROUP_CAPABILITIES: Capabilities = {
  ...GOWA_CAPABILITIES,
  receipts: { sent: true, delivered: false, read: false, failed: false },
  groupMemberIds: true,
};

/** What the gateway signs with unless it is told otherwise: everybody knows it. */
const DEFAULT_WEBHOOK_SECRET = "secret";

export const gowaCredentials = z.object({
  /** HTTP Basic, one of `APP_BASIC_AUTH`; both absent where the gateway asks for none. */
  username: z
    .string()
    .regex(/^[^:]+$/, "a user name of HTTP Basic has no colon")
    .optional(),
  password: z.string().min(1).optional(),
  /** `WHATSAPP_WEBHOOK_SECRET`, or the device's own. */
  webhookSecret: z
    .string()
    .min(1)
    .refine((secret) => secret !== DEFAULT_WEBHOOK_SECRET, "the default secret must be changed"),
});
export type GowaCredentials = z.infer<typeof gowaCredentials>;

export const gowaSettings = z.object({
  /** `X-Device-Id`: needed as soon as the gateway has more than one device. */
  deviceId: z
    .string()
    .regex(/^[\w@.:-]{1,128}$/)
    .optional(),
});
