/**
 * Woowa (woo-wa.com, notifapi.com): an Indonesian gateway that drives a linked WhatsApp number. Unofficial, and no public
 * documentation could be found: everything here is read from public integrations' code, checked September 2026. So it is
 * used to send only; receipts are unknown, and replies are read by a mapping that an administrator writes down.
 */
import { z } from "zod";

import { NO_ATTACHMENTS } from "../provider.ts";
import type {
  AccountContext,
  AccountDefaults,
  AttachmentLimits,
  Capabilities,
  MessageLimits,
} from "../provider.ts";

export const WOOWA_DEFAULTS: AccountDefaults = {
  baseUrl: "https://notifapi.com",
  // Nothing is published. Two seconds are what a person needs for a short message; machine speed is what bans punish.
  pacing: { perSecond: 1, minGapSeconds: 2 },
  pairGapSeconds: 0,
  dailyCap: null,
  // Nothing tells that a message has left.
  receiptDeadlineSeconds: null,
  // It answers when WhatsApp has taken the message, which integrations wait up to six minutes for: as long as a send may take.
  sendTimeoutMs: 18_000,
};

export const WOOWA_LIMITS: MessageLimits = {
  // None is published: what every WhatsApp client shows without folding a business message.
  textCharsMax: 4_096,
  buttonsMax: 0,
  buttonTitleCharsMax: 0,
};

/** WhatsApp shows no more below a picture. Documents have no endpoint. */
export const WOOWA_PERSONAL_ATTACHMENTS: AttachmentLimits = {
  ...NO_ATTACHMENTS,
  image: { textCharsMax: 1_024, bytesMax: null },
};

export const WOOWA_PERSONAL_CAPABILITIES: Capabilities = {
  receipts: { sent: false, delivered: false, read: false, failed: false },
  // Only with a mapping; see woowaCapabilitiesOf.
  replies: false,
  quotes: false,
  reactions: false,
  buttons: false,
  keyPresses: false,
  // Images by address; documents are refused as unsupported.
  media: true,
  location: false,
  templates: false,
  signedWebhooks: false,
  groupMemberIds: false,
};

/** Groups have a text endpoint only. */
export const WOOWA_GROUP_CAPABILITIES: Capabilities = {
  ...WOOWA_PERSONAL_CAPABILITIES,
  media: false,
};

export const woowaCredentials = z.object({
  /** The API key; one key is one sending number. */
  key: z.string().min(1),
  /** Compared with the mapped field `secret` of inbound messages. */
  webhookSecret: z.string().min(1).optional(),
});
export type WoowaCredentials = z.infer<typeof woowaCredentials>;

/** The name of a field, or the way to it: "data.from". */
const fieldPath = z
  .string()
  .max(100)
  .regex(/^[\w-]+(?:\.[\w-]+)*$/, "must be a field name, or names joined by dots");

/**
 * Which fields of an inbound message mean what. Where the gateway tells messages from groups, `group` must be mapped (or
 * `sender` must carry the group's id), so that a group's message is never taken for a personal one.
 */
const woowaInbound = z.strictObject({
  sender: fieldPath,
  text: fieldPath,
  id: fieldPath.optional(),
  /** The group's id; empty or absent in a personal chat. */
  group: fieldPath.optional(),
  /** The member who wrote in a group; absent: `sender`. */
  writer: fieldPath.optional(),
  name: fieldPath.optional(),
  /** Unix seconds or ms. */
  time: fieldPath.optional(),
  /** The number that received it: it must be the account's. */
  device: fieldPath.optional(),
  /** A field that carries `webhookSecret`. */
  secret: fieldPath.optional(),
});
export type WoowaInbound = z.infer<typeof woowaInbound>;

export const woowaSettings = z.object({
  /** Hands messages to the gateway's queue, which answers at once; the shape of that answer is unconfirmed. */
  isQueued: z.boolean().default(false),
  inbound: woowaInbound.optional(),
});

/** Replies can be read where somebody has written down how. */
export function woowaCapabilitiesOf(
  capabilities: Capabilities,
  account: Pick<AccountContext, "settings">,
): Capabilities {
  const settings = woowaSettings.safeParse(account.settings);
  const inbound = settings.success ? settings.data.inbound : undefined;
  return inbound === undefined
    ? capabilities
    : { ...capabilities, replies: true, groupMemberIds: inbound.writer !== undefined };
}
