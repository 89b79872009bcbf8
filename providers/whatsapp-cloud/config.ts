/**
 * WhatsApp Business Cloud API by Meta. https://developers.facebook.com/documentation/business-messaging/whatsapp/ and
 * `business-messaging-api_v23.0.yaml` in github.com/facebook/openapi, checked September 2026.
 */
import { z } from "zod";

import type {
  AccountDefaults,
  AttachmentLimits,
  Capabilities,
  MessageLimits,
} from "../provider.ts";

export const META_DEFAULTS: AccountDefaults = {
  baseUrl: "https://graph.facebook.com",
  // Throughput of one number before any upgrade.
  pacing: { perSecond: 80, minGapSeconds: 0 },
  // About one message every 6 s to the same person; more is refused with 131056.
  pairGapSeconds: 6,
  // What an account may begin a day depends on its portfolio's tier (250 people at first), which only its owner knows.
  dailyCap: null,
  receiptDeadlineSeconds: 30,
  sendTimeoutMs: 15_000,
};

export const META_LIMITS: MessageLimits = {
  textCharsMax: 4096,
  buttonsMax: 3,
  buttonTitleCharsMax: 20,
};

/** Texts that stand beside something else are shorter than a plain text. */
export const INTERACTIVE_BODY_CHARS_MAX = 1024;
export const CAPTION_CHARS_MAX = 1024;

/** A picture has at most 5 MB, which no readable source confirms; documents may be far larger than ours. */
export const META_ATTACHMENTS: AttachmentLimits = {
  image: { textCharsMax: CAPTION_CHARS_MAX, bytesMax: 5_000_000 },
  document: { textCharsMax: CAPTION_CHARS_MAX, bytesMax: null },
  location: { textCharsMax: 0, bytesMax: null },
};

export const BUTTON_ID_CHARS_MAX = 256;
export const CALLBACK_DATA_CHARS_MAX = 512;

export const META_CAPABILITIES: Capabilities = {
  // Read receipts depend on the recipient's privacy setting; `delivered` is left out when a message is read at once.
  receipts: { sent: true, delivered: true, read: true, failed: true },
  replies: true,
  quotes: true,
  reactions: true,
  buttons: true,
  keyPresses: false,
  media: true,
  location: true,
  templates: true,
  signedWebhooks: true,
  groupMemberIds: false,
};

export const metaCredentials = z.object({
  /** A system user's token; temporary ones die within a day. */
  accessToken: z.string().min(1),
  /** Signs the webhooks. */
  appSecret: z.string().min(1),
  /** Chosen by us, given back once by Meta when the webhook is set up. */
  verifyToken: z.string().min(1),
});

const graphId = z.string().regex(/^\d+$/);

export const metaSettings = z.object({
  /** Versions expire about two years after their release. */
  apiVersion: z
    .string()
    .regex(/^v\d+\.\d+$/)
    .default("v23.0"),
  /** The number's id in the Graph API; without it the account's sender is taken to be that id. */
  phoneNumberId: graphId.optional(),
  /** The WhatsApp Business Account, whose templates are listed. */
  businessAccountId: graphId.optional(),
});

export type MetaSettings = z.infer<typeof metaSettings>;
