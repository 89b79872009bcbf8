/**
 * Accounts at the simulated vendors: two Fonnte numbers, each for persons and for groups, one Meta number, and Twilio for SMS
 * and calls. Who starts the simulated vendors registers the same numbers there, with the same credentials.
 */
import type { Channel } from "../../domain/channel.ts";

/** Where the simulated vendors listen and what they accept; made anew by whoever starts them. */
export type SimulatedVendorAccess = {
  /** Addresses without a slash at their end. */
  readonly baseUrls: { readonly fonnte: string; readonly meta: string; readonly twilio: string };
  readonly credentials: {
    readonly fonntePrimary: FonnteCredentials;
    readonly fonnteSecond: FonnteCredentials;
    readonly meta: MetaCredentials;
    readonly twilio: TwilioCredentials;
  };
};

type FonnteCredentials = { readonly token: string; readonly webhookSecret: string };
type MetaCredentials = {
  readonly accessToken: string;
  readonly appSecret: string;
  readonly verifyToken: string;
};
type TwilioCredentials = { readonly accountSid: string; readonly authToken: string };

/** Invented numbers, E.164. */
export const SIMULATED_SENDERS = {
  fonntePrimary: "+6281234000091",
  fonnteSecond: "+6281234000092",
  meta: "+6281234000093",
  twilio: "+6281234000094",
} as const;
export const SIMULATED_META_IDS = {
  phoneNumberId: "100000000000093",
  businessAccountId: "200000000000093",
} as const;

export type SeedAccount = {
  /** The account's id comes from it. */
  readonly name: string;
  readonly provider: "fonnte" | "meta" | "twilio-sms" | "twilio-voice";
  readonly channel: Channel;
  readonly sender: string;
  /** Accounts of one number share its pace. */
  readonly deviceKey: string;
  readonly vendor: keyof SimulatedVendorAccess["baseUrls"];
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
  };
}
