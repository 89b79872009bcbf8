import type { HttpCall } from "../http.ts";
import { NO_ATTACHMENTS } from "../provider.ts";
import type { Provider } from "../provider.ts";
import {
  NUSASMS_CAPABILITIES,
  NUSASMS_DEFAULTS,
  NUSASMS_LIMITS,
  nusasmsCredentials,
  nusasmsSettings,
} from "./config.ts";
import { sendSms } from "./send.ts";

export function createNusasmsProviders(httpCall: HttpCall): readonly Provider[] {
  return [
    {
      id: "nusasms",
      channel: "sms",
      capabilities: NUSASMS_CAPABILITIES,
      limits: NUSASMS_LIMITS,
      defaults: NUSASMS_DEFAULTS,
      attachmentsAs: null,
      attachmentLimits: NO_ATTACHMENTS,
      credentials: nusasmsCredentials,
      settings: nusasmsSettings,
      webhook: null,
      send: (account, message, options) => sendSms(httpCall, account, message, options),
    },
  ];
}
