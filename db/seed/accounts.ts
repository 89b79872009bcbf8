/**
 * Accounts at the simulated vendors: two Fonnte numbers, each for persons and for groups, one Meta number, Twilio for SMS
 * and calls, a mail server, and push to browsers and to an app. Who starts the simulated vendors registers the same numbers there, with the same credentials.
 */
import { createECDH, generateKeyPairSync } from "node:crypto";

import type { Channel } from "../../domain/channel.ts";

/** Where the simulated vendors listen and what they accept; made anew by whoever starts them. */
export type SimulatedVendorAccess = {
  /** Addresses without a slash at their end. */
  readonly baseUrls: Readonly<Record<SimulatedVendor, string>>;
  readonly credentials: {
    readonly fonntePrimary: FonnteCredentials;
    readonly fonnteSecond: FonnteCredentials;
    readonly meta: MetaCredentials;
    readonly twilio: TwilioCredentials;
    readonly smtp: SmtpCredentials;
    readonly webPush: WebPushCredentials;
    readonly fcm: FcmCredentials;
  };
};

type SimulatedVendor = "fonnte" | "meta" | "twilio" | "smtp" | "web-push" | "fcm";

type FonnteCredentials = { readonly token: string; readonly webhookSecret: string };
type MetaCredentials = {
  readonly accessToken: string;
  readonly appSecret: string;
  readonly verifyToken: string;
};
type TwilioCredentials = { readonly accountSid: string; readonly authToken: string };
type SmtpCredentials = { readonly user: string; readonly password: string };
type WebPushCredentials = { readonly publicKey: string; readonly privateKey: string };
type FcmCredentials = { readonly serviceAccount: string };

/** Invented numbers, E.164, and an address, a contact and a project that are nobody's. */
export const SIMULATED_SENDERS = {
  fonntePrimary: "+6281234000091",
  fonnteSecond: "+6281234000092",
  meta: "+6281234000093",
  twilio: "+6281234000094",
  smtp: "siaga@siaga.example",
  webPush: "mailto:siaga@siaga.example",
  fcm: "siaga-example",
} as const;
export const SIMULATED_META_IDS = {
  phoneNumberId: "100000000000093",
  businessAccountId: "200000000000093",
} as const;

export type SeedAccount = {
  /** The account's id comes from it. */
  readonly name: string;
  readonly provider:
    "fonnte" | "meta" | "twilio-sms" | "twilio-voice" | "smtp" | "web-push" | "fcm";
  readonly channel: Channel;
  readonly sender: string;
  /** Accounts of one number share its pace. */
  readonly deviceKey: string;
  readonly vendor: SimulatedVendor;
  readonly credentials: keyof SimulatedVendorAccess["credentials"];
  readonly settings: Readonly<Record<string, unknown>>;
  /** Lower is tried first. */
  readonly position: number;
  readonly purposes: readonly string[];
  /** Seconds and messages a second; the vendors' own defaults. */
  readonly pacing: {
    readonly perSecond: number;
    readonly minGapSeconds: number;
    readonly pairGapSeconds: number;
  };
  readonly receiptDeadlineSeconds: number;
  /** The number is a member of every seeded group. */
  readonly isInGroups: boolean;
};

const FONNTE = {
  provider: "fonnte",
  vendor: "fonnte",
  settings: {},
  pacing: { perSecond: 1, minGapSeconds: 1, pairGapSeconds: 0 },
  receiptDeadlineSeconds: 30,
} as const;

const PRIMARY = {
  ...FONNTE,
  sender: SIMULATED_SENDERS.fonntePrimary,
  deviceKey: `fonnte:${SIMULATED_SENDERS.fonntePrimary}`,
  credentials: "fonntePrimary",
  position: 1,
  purposes: ["critical", "operational", "customer", "otp"],
} as const;

const SECOND = {
  ...FONNTE,
  sender: SIMULATED_SENDERS.fonnteSecond,
  deviceKey: `fonnte:${SIMULATED_SENDERS.fonnteSecond}`,
  credentials: "fonnteSecond",
  position: 2,
  purposes: ["critical", "operational", "customer"],
} as const;

const TWILIO = {
  vendor: "twilio",
  sender: SIMULATED_SENDERS.twilio,
  credentials: "twilio",
  settings: {},
  position: 1,
  purposes: ["critical", "operational", "otp"],
  isInGroups: false,
} as const;

/** Reports nothing, so no deadline for it is ever waited for. */
const PUSH = {
  channel: "push",
  settings: {},
  purposes: ["critical", "operational"],
  pacing: { perSecond: 100, minGapSeconds: 0, pairGapSeconds: 0 },
  receiptDeadlineSeconds: 30,
  isInGroups: false,
} as const;

export const ACCOUNTS: readonly SeedAccount[] = [
  { ...PRIMARY, name: "Fonnte utama", channel: "whatsapp_personal", isInGroups: false },
  { ...SECOND, name: "Fonnte cadangan", channel: "whatsapp_personal", isInGroups: false },
  { ...PRIMARY, name: "Fonnte utama (grup)", channel: "whatsapp_group", isInGroups: true },
  { ...SECOND, name: "Fonnte cadangan (grup)", channel: "whatsapp_group", isInGroups: true },
  {
    name: "Meta",
    provider: "meta",
    channel: "whatsapp_personal",
    sender: SIMULATED_SENDERS.meta,
    deviceKey: `meta:${SIMULATED_SENDERS.meta}`,
    vendor: "meta",
    credentials: "meta",
    settings: SIMULATED_META_IDS,
    position: 3,
    purposes: ["critical", "operational", "customer", "otp"],
    pacing: { perSecond: 80, minGapSeconds: 0, pairGapSeconds: 6 },
    receiptDeadlineSeconds: 30,
    isInGroups: false,
  },
  {
    ...TWILIO,
    name: "Twilio SMS",
    provider: "twilio-sms",
    channel: "sms",
    deviceKey: `twilio-sms:${SIMULATED_SENDERS.twilio}`,
    pacing: { perSecond: 10, minGapSeconds: 0, pairGapSeconds: 0 },
    receiptDeadlineSeconds: 60,
  },
  {
    ...TWILIO,
    name: "Twilio Voice",
    provider: "twilio-voice",
    channel: "call",
    deviceKey: `twilio-voice:${SIMULATED_SENDERS.twilio}`,
    pacing: { perSecond: 1, minGapSeconds: 0, pairGapSeconds: 0 },
    receiptDeadlineSeconds: 30,
  },
  {
    name: "E-mail",
    provider: "smtp",
    channel: "email",
    sender: SIMULATED_SENDERS.smtp,
    deviceKey: `smtp:${SIMULATED_SENDERS.smtp}`,
    vendor: "smtp",
    credentials: "smtp",
    settings: { fromName: "Siaga" },
    position: 1,
    purposes: ["critical", "operational", "customer", "otp"],
    pacing: { perSecond: 5, minGapSeconds: 0, pairGapSeconds: 0 },
    receiptDeadlineSeconds: 30,
    isInGroups: false,
  },
  {
    ...PUSH,
    name: "Web Push",
    provider: "web-push",
    sender: SIMULATED_SENDERS.webPush,
    deviceKey: `web-push:${SIMULATED_SENDERS.webPush}`,
    vendor: "web-push",
    credentials: "webPush",
    position: 1,
  },
  {
    ...PUSH,
    name: "FCM",
    provider: "fcm",
    sender: SIMULATED_SENDERS.fcm,
    deviceKey: `fcm:${SIMULATED_SENDERS.fcm}`,
    vendor: "fcm",
    credentials: "fcm",
    position: 2,
  },
];

/** Credentials that the simulated vendors and the seeded accounts share, in each vendor's own form. */
export function makeSimulatedCredentials(
  randomBytes: (count: number) => Uint8Array,
): SimulatedVendorAccess["credentials"] {
  const hex = (count: number): string => Buffer.from(randomBytes(count)).toString("hex");
  return {
    fonntePrimary: { token: hex(16), webhookSecret: hex(16) },
    fonnteSecond: { token: hex(16), webhookSecret: hex(16) },
    meta: { accessToken: hex(24), appSecret: hex(16), verifyToken: hex(16) },
    twilio: { accountSid: `AC${hex(16)}`, authToken: hex(16) },
    smtp: { user: SIMULATED_SENDERS.smtp, password: hex(16) },
    webPush: makeVapidKeys(),
    fcm: { serviceAccount: makeServiceAccount(SIMULATED_SENDERS.fcm) },
  };
}

function makeVapidKeys(): WebPushCredentials {
  const curve = createECDH("prime256v1");
  return {
    publicKey: curve.generateKeys().toString("base64url"),
    // Short by its leading zeros once in 256 times.
    privateKey: Buffer.from(curve.getPrivateKey("hex").padStart(64, "0"), "hex").toString(
      "base64url",
    ),
  };
}

/** A key file as Google would make it, for a project that does not exist. */
function makeServiceAccount(projectId: string): string {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return JSON.stringify({
    type: "service_account",
    project_id: projectId,
    private_key_id: "simulated",
    private_key: privateKey,
    client_email: `siaga@${projectId}.iam.gserviceaccount.com`,
    token_uri: "https://oauth2.googleapis.com/token",
  });
}
