/**
 * Twilio: SMS and voice calls. https://www.twilio.com/docs/messaging/api/message-resource,
 * https://www.twilio.com/docs/voice/api/call-resource and `twilio_api_v2010.json` in github.com/twilio/twilio-oai, checked
 * September 2026.
 */
import { z } from "zod";

import type { AccountContext, AccountDefaults, Capabilities, MessageLimits } from "../provider.ts";

const BASE_URL = "https://api.twilio.com";

export const SMS_DEFAULTS: AccountDefaults = {
  baseUrl: BASE_URL,
  // What Twilio hands on for one international long or alphanumeric sender; more only queues there.
  pacing: { perSecond: 10, minGapSeconds: 0 },
  pairGapSeconds: 0,
  dailyCap: null,
  receiptDeadlineSeconds: 60,
  // Twilio may need up to 26 s; a send that takes this long is unknown and found again by its callback.
  sendTimeoutMs: 15_000,
};

export const VOICE_DEFAULTS: AccountDefaults = {
  ...SMS_DEFAULTS,
  // Calls that an account may begin per second unless Twilio has raised it; more are queued.
  pacing: { perSecond: 1, minGapSeconds: 0 },
  // Ringing is reported within seconds of the call's start.
  receiptDeadlineSeconds: 30,
};

export const SMS_LIMITS: MessageLimits = {
  textCharsMax: 1600,
  buttonsMax: 0,
  buttonTitleCharsMax: 0,
};

/** About a minute and a half of speech: who has not understood by then presses another key to hear it again. */
const SPEECH_CHARS_MAX = 1500;

export const VOICE_LIMITS: MessageLimits = { ...SMS_LIMITS, textCharsMax: SPEECH_CHARS_MAX };

/** Longest `Twiml` parameter of a call. */
export const TWIML_CHARS_MAX = 4000;

/** Seconds that Twilio may keep a message: its own bounds, and the least that it does not discourage. */
export const VALIDITY_SECONDS_MIN = 6;
export const VALIDITY_SECONDS_MAX = 36_000;

/** A call is over by then, whatever answered: three rounds of speech and waiting. */
export const CALL_SECONDS_MAX = 300;

const NONE = {
  replies: false,
  quotes: false,
  reactions: false,
  buttons: false,
  keyPresses: false,
  // MMS does not exist in Indonesia; links in the text do.
  media: false,
  location: false,
  templates: false,
  signedWebhooks: true,
  groupMemberIds: false,
};

export const SMS_CAPABILITIES: Capabilities = {
  ...NONE,
  receipts: { sent: true, delivered: true, read: false, failed: true },
  replies: true,
};

/** `delivered`: a human picked up. `read`: a key was pressed. */
export const VOICE_CAPABILITIES: Capabilities = {
  ...NONE,
  receipts: { sent: true, delivered: true, read: true, failed: true },
  keyPresses: true,
};

/** Nobody can answer a sender that is a name; most SMS senders to Indonesia are. */
export function smsCapabilitiesOf(account: Pick<AccountContext, "sender">): Capabilities {
  return { ...SMS_CAPABILITIES, replies: !isAlphanumericSender(account.sender) };
}

export function isMessagingService(sender: string): boolean {
  return /^MG[0-9a-zA-Z]{32}$/.test(sender);
}

function isAlphanumericSender(sender: string): boolean {
  return !isMessagingService(sender) && /[a-zA-Z]/.test(sender);
}

export const twilioCredentials = z
  .object({
    accountSid: z.string().regex(/^AC\w+$/),
    /** Signs the webhooks, and authenticates requests when there is no API key. */
    authToken: z.string().min(1),
    apiKeySid: z
      .string()
      .regex(/^SK\w+$/)
      .optional(),
    apiKeySecret: z.string().min(1).optional(),
  })
  .refine(
    ({ apiKeySid, apiKeySecret }) => (apiKeySid === undefined) === (apiKeySecret === undefined),
    { message: "an API key has a SID and a secret" },
  );

export type TwilioCredentials = z.infer<typeof twilioCredentials>;

export const smsSettings = z.object({});

/** Long enough to find the phone, short enough to end before most voicemails answer. */
const RING_SECONDS_DEFAULT = 25;

export const voiceSettings = z.object({
  ringSeconds: z.number().int().min(5).max(60).default(RING_SECONDS_DEFAULT),
  /** Twilio's voice names; without one Twilio chooses by language. Whether it has one for id-ID is unconfirmed. */
  voices: z.object({ id: z.string().optional(), en: z.string().optional() }).default({}),
});

export type VoiceSettings = z.infer<typeof voiceSettings>;
