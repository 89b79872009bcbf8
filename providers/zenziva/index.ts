import type { HttpCall } from "../http.ts";
import { NO_ATTACHMENTS } from "../provider.ts";
import type { Provider } from "../provider.ts";
import {
  ZENZIVA_CAPABILITIES,
  ZENZIVA_DEFAULTS,
  ZENZIVA_LIMITS,
  zenzivaCredentials,
  zenzivaSettings,
} from "./config.ts";
import { probeBalance, sendSms } from "./send.ts";

export function createZenzivaProviders(httpCall: HttpCall): readonly Provider[] {
  return [
    {
      id: "zenziva",
      channel: "sms",
      capabilities: ZENZIVA_CAPABILITIES,
      limits: ZENZIVA_LIMITS,
      defaults: ZENZIVA_DEFAULTS,
      attachmentsAs: null,
      attachmentLimits: NO_ATTACHMENTS,
      credentials: zenzivaCredentials,
      settings: zenzivaSettings,
      webhook: null,
      send: (account, message, options) => sendSms(httpCall, account, message, options),
      probe: (account, options) => probeBalance(httpCall, account, options),
    },
  ];
}
