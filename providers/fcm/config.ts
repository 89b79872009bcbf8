/**
 * Firebase Cloud Messaging, HTTP v1: one message to one installed app (Android, iOS, or a browser that registered with
 * Firebase). https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages, checked September 2026.
 */
import { z } from "zod";

import { parseJsonObject, textAt } from "../json.ts";
import { NO_ATTACHMENTS } from "../provider.ts";
import type {
  AccountDefaults,
  AttachmentLimits,
  Capabilities,
  MessageLimits,
} from "../provider.ts";

export const FCM_DEFAULTS: AccountDefaults = {
  baseUrl: "https://fcm.googleapis.com",
  // The quota is 600,000 a minute for a project; so much is never needed at once, and bursts are what it punishes.
  pacing: { perSecond: 100, minGapSeconds: 0 },
  pairGapSeconds: 0,
  dailyCap: null,
  receiptDeadlineSeconds: null,
  sendTimeoutMs: 15_000,
};

export const FCM_LIMITS: MessageLimits = {
  // Three bytes for each unit, a title, a link and what stands around them fit into the payload.
  textCharsMax: 1_000,
  buttonsMax: 0,
  buttonTitleCharsMax: 0,
};

/** Of `message` as JSON: keys and values. */
export const MESSAGE_BYTES_MAX = 4_096;
export const TITLE_CHARS_MAX = 120;

/** FCM's own default is four weeks: an alarm of last month would still arrive. */
export const TTL_SECONDS_DEFAULT = 900;
export const TTL_SECONDS_MAX = 2_419_200;
/** What is of use for minutes only may wake a device that saves its battery. */
export const URGENT_SECONDS_MAX = 900;

/** Phones leave larger pictures out. https://firebase.google.com/docs/cloud-messaging/android/send-image */
export const FCM_ATTACHMENTS: AttachmentLimits = {
  ...NO_ATTACHMENTS,
  image: { textCharsMax: FCM_LIMITS.textCharsMax, bytesMax: 1_000_000 },
};

export const FCM_CAPABILITIES: Capabilities = {
  // "Accepted by FCM" is the best that FCM ever says; the app itself would have to tell more.
  receipts: { sent: false, delivered: false, read: false, failed: false },
  replies: false,
  quotes: false,
  reactions: false,
  buttons: false,
  keyPresses: false,
  media: true,
  location: false,
  templates: false,
  signedWebhooks: false,
  groupMemberIds: false,
};

/** Where Google hands out access tokens; a key file may name another address at Google. */
const TOKEN_URL = "https://oauth2.googleapis.com/token";

export type ServiceAccount = {
  readonly clientEmail: string;
  /** PEM. */
  readonly privateKey: string;
  readonly privateKeyId: string | null;
  readonly tokenUrl: string;
};

/** Null for text that is no key file of a service account. */
export function readServiceAccount(keyFile: string): ServiceAccount | null {
  const file = parseJsonObject(keyFile);
  if (file === null) return null;
  const clientEmail = textAt(file, "client_email");
  const privateKey = textAt(file, "private_key");
  const tokenUrl = textAt(file, "token_uri") ?? TOKEN_URL;
  if (clientEmail === null || privateKey === null) return null;
  if (!privateKey.includes("PRIVATE KEY") || !isGoogle(tokenUrl)) return null;
  return { clientEmail, privateKey, privateKeyId: textAt(file, "private_key_id"), tokenUrl };
}

/** A key file that is handed over by somebody else must not decide who is asked with its signature. */
function isGoogle(url: string): boolean {
  return URL.canParse(url) && /^https:\/\/[a-z0-9.-]+\.(googleapis|google)\.com\//i.test(url);
}

export const fcmCredentials = z.object({
  /** The service account's key file, as it was downloaded. */
  serviceAccount: z.string().refine((text) => readServiceAccount(text) !== null, {
    message: "must be the JSON of a service account's key",
  }),
});

export const fcmSettings = z.object({
  /** The app's notification channel on Android; absent: its default one. */
  androidChannelId: z.string().min(1).max(100).optional(),
});

/** Google's form of a project id; it becomes part of an address. */
export const PROJECT_ID = /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/;
