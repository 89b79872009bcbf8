import type { HttpCall } from "../http.ts";
import { NO_ATTACHMENTS } from "../provider.ts";
import type { Provider } from "../provider.ts";
import {
  SMS_CAPABILITIES,
  SMS_DEFAULTS,
  SMS_LIMITS,
  smsCapabilitiesOf,
  smsSettings,
  twilioCredentials,
  VOICE_CAPABILITIES,
  VOICE_DEFAULTS,
  VOICE_LIMITS,
  voiceSettings,
} from "./config.ts";
import { findLostCall, hangUp, placeCall, readCall } from "./place-call.ts";
import { findLostSms, probeAccount, readSms, sendSms } from "./send-sms.ts";
import { smsWebhook, voiceWebhook } from "./webhook.ts";

export function createTwilioProviders(httpCall: HttpCall): readonly Provider[] {
  return [
    {
      id: "twilio-sms",
      channel: "sms",
      capabilities: SMS_CAPABILITIES,
      capabilitiesOf: smsCapabilitiesOf,
      limits: SMS_LIMITS,
      defaults: SMS_DEFAULTS,
      attachmentsAs: null,
      attachmentLimits: NO_ATTACHMENTS,
      credentials: twilioCredentials,
      settings: smsSettings,
      webhook: smsWebhook,
      send: (account, message, options) => sendSms(httpCall, account, message, options),
      lookUp: (account, id, options) => readSms(httpCall, account, id, options),
      findLost: (account, message, sentAfter, options) =>
        findLostSms(httpCall, account, message, sentAfter, options),
      probe: (account, options) => probeAccount(httpCall, "twilio-sms", account, options),
    },
    {
      id: "twilio-voice",
      channel: "call",
      capabilities: VOICE_CAPABILITIES,
      limits: VOICE_LIMITS,
      defaults: VOICE_DEFAULTS,
      attachmentsAs: null,
      attachmentLimits: NO_ATTACHMENTS,
      credentials: twilioCredentials,
      settings: voiceSettings,
      webhook: voiceWebhook,
      send: (account, message, options) => placeCall(httpCall, account, message, options),
      lookUp: (account, id, options) => readCall(httpCall, account, id, options),
      findLost: (account, message, sentAfter, options) =>
        findLostCall(httpCall, account, message, sentAfter, options),
      hangUp: (account, callId, options) => hangUp(httpCall, account, callId, options),
      probe: (account, options) => probeAccount(httpCall, "twilio-voice", account, options),
    },
  ];
}
