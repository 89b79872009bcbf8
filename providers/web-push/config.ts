/**
 * Web Push: one message to one browser, through the push service that the browser named. RFC 8030 (protocol), 8291
 * (encryption), 8292 (VAPID); checked September 2026.
 */
import { createECDH, timingSafeEqual } from "node:crypto";

import { z } from "zod";

import { NO_ATTACHMENTS } from "../provider.ts";
import type {
  AccountDefaults,
  AttachmentLimits,
  Capabilities,
  MessageLimits,
} from "../provider.ts";

export const WEB_PUSH_DEFAULTS: AccountDefaults = {
  // Every browser brings the address of its own push service.
  baseUrl: null,
  // No push service publishes a rate; each browser gets few messages, and they go to several services.
  pacing: { perSecond: 100, minGapSeconds: 0 },
  pairGapSeconds: 0,
  dailyCap: null,
  receiptDeadlineSeconds: null,
  sendTimeoutMs: 10_000,
};

export const WEB_PUSH_LIMITS: MessageLimits = {
  // Three bytes for each unit, a title and a link fit into the payload.
  textCharsMax: 800,
  // What browsers show beside a message.
  buttonsMax: 2,
  buttonTitleCharsMax: 30,
};

/** Services take 4,096 encrypted bytes; Mozilla's counts them in Base64, which leaves three quarters. */
export const PAYLOAD_BYTES_MAX = 3_000;
export const TITLE_CHARS_MAX = 120;

/** The library's own default is four weeks: an alarm of last month would still arrive. */
export const TTL_SECONDS_DEFAULT = 900;
/** Services cut longer ones. */
export const TTL_SECONDS_MAX = 2_419_200;
/** What is of use for minutes only may wake a device that saves its battery. */
export const URGENT_SECONDS_MAX = 900;

/** The browser fetches it when the message is shown. */
export const WEB_PUSH_ATTACHMENTS: AttachmentLimits = {
  ...NO_ATTACHMENTS,
  image: { textCharsMax: WEB_PUSH_LIMITS.textCharsMax, bytesMax: null },
};

export const WEB_PUSH_CAPABILITIES: Capabilities = {
  // A 2xx says that the push service keeps the message; only the page's own service worker could tell more.
  receipts: { sent: false, delivered: false, read: false, failed: false },
  replies: false,
  quotes: false,
  reactions: false,
  buttons: true,
  keyPresses: false,
  media: true,
  location: false,
  templates: false,
  signedWebhooks: false,
  groupMemberIds: false,
};

/**
 * Hosts of the browsers' push services, with everything below them: Chrome, Edge on Android, Opera, Samsung; Firefox;
 * Safari; Edge on Windows. An address comes from a client, so nothing else is ever asked.
 */
const PUSH_SERVICES: readonly string[] = [
  "fcm.googleapis.com",
  "push.services.mozilla.com",
  "push.apple.com",
  "notify.windows.com",
];

const PUBLIC_KEY_BYTES = 65;
const PRIVATE_KEY_BYTES = 32;

const keyText = (bytes: number) =>
  z
    .string()
    .regex(/^[\w-]+=*$/, "must be base64url")
    .refine((text) => Buffer.from(text, "base64url").length === bytes, {
      message: `must be ${bytes} bytes in base64url`,
    });

/** The VAPID key pair, as every generator prints it. */
export const webPushCredentials = z
  .object({ publicKey: keyText(PUBLIC_KEY_BYTES), privateKey: keyText(PRIVATE_KEY_BYTES) })
  .refine(({ publicKey, privateKey }) => isPair(publicKey, privateKey), {
    message: "is not the private key of this public key",
    path: ["privateKey"],
  });

const host = z.string().regex(/^(?=.{1,253}$)[a-z0-9-]+(\.[a-z0-9-]+)+$/, "must be a host name");

export const webPushSettings = z.object({
  /** Hosts of further push services that may be asked. */
  pushServices: z.array(host).max(20).default([]),
});

/** Who is asked to explain, if a push service has a complaint: RFC 8292 wants one of these two. */
export const vapidSubject = z.union([
  z.string().regex(/^mailto:[^\s@]+@[^\s@]+$/),
  z.url({ protocol: /^https$/ }),
]);

/**
 * Whether this address may be asked. An account with an address of its own (a simulated push service) sends there and
 * nowhere else; every other one to https at a known push service.
 */
export function isPushService(
  endpoint: string,
  baseUrl: string | null,
  furtherHosts: readonly string[],
): boolean {
  if (!URL.canParse(endpoint)) return false;
  const url = new URL(endpoint);
  if (url.username !== "" || url.password !== "") return false;
  if (baseUrl !== null) return URL.canParse(baseUrl) && url.origin === new URL(baseUrl).origin;
  if (url.protocol !== "https:" || url.port !== "") return false;
  return [...PUSH_SERVICES, ...furtherHosts].some(
    (service) => url.hostname === service || url.hostname.endsWith(`.${service}`),
  );
}

function isPair(publicKey: string, privateKey: string): boolean {
  try {
    const curve = createECDH("prime256v1");
    curve.setPrivateKey(Buffer.from(privateKey, "base64url"));
    return timingSafeEqual(curve.getPublicKey(), Buffer.from(publicKey, "base64url"));
  } catch {
    return false;
  }
}
