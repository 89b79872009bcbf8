import type { HttpCall } from "../http.ts";
import type { Provider } from "../provider.ts";
import {
  META_ATTACHMENTS,
  META_CAPABILITIES,
  META_DEFAULTS,
  META_LIMITS,
  metaCredentials,
  metaSettings,
} from "./config.ts";
import { listTemplates, probeNumber, sendMessage } from "./send.ts";
import { metaWebhook } from "./webhook.ts";

export function createMetaProviders(httpCall: HttpCall): readonly Provider[] {
  return [
    {
      id: "meta",
      channel: "whatsapp_personal",
      capabilities: META_CAPABILITIES,
      limits: META_LIMITS,
      defaults: META_DEFAULTS,
      attachmentsAs: "url",
      attachmentLimits: META_ATTACHMENTS,
      credentials: metaCredentials,
      settings: metaSettings,
      webhook: metaWebhook,
      send: (account, message, options) => sendMessage(httpCall, account, message, options),
      probe: (account, options) => probeNumber(httpCall, account, options),
      listTemplates: (account, options) => listTemplates(httpCall, account, options),
    },
  ];
}
