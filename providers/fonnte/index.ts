import type { HttpCall } from "../http.ts";
import type { Provider } from "../provider.ts";
import {
  FONNTE_ATTACHMENTS,
  FONNTE_DEFAULTS,
  FONNTE_GROUP_CAPABILITIES,
  FONNTE_LIMITS,
  FONNTE_PERSONAL_CAPABILITIES,
  fonnteCredentials,
  fonnteSettings,
} from "./config.ts";
import { listGroups, probeDevice, sendMessage } from "./send.ts";
import { fonnteWebhook } from "./webhook.ts";

/** Fonnte to a person, and Fonnte to a group: the same device, two channels. */
export function createFonnteProviders(httpCall: HttpCall): readonly Provider[] {
  const shared = {
    id: "fonnte",
    limits: FONNTE_LIMITS,
    defaults: FONNTE_DEFAULTS,
    attachmentsAs: "url",
    attachmentLimits: FONNTE_ATTACHMENTS,
    credentials: fonnteCredentials,
    settings: fonnteSettings,
    webhook: fonnteWebhook,
    probe: (account, options) => probeDevice(httpCall, account, options),
    listGroups: (account, options) => listGroups(httpCall, account, options),
  } satisfies Partial<Provider>;
  return [
    {
      ...shared,
      channel: "whatsapp_personal",
      capabilities: FONNTE_PERSONAL_CAPABILITIES,
      send: (account, message, options) =>
        sendMessage(httpCall, "phone", account, message, options),
    },
    {
      ...shared,
      channel: "whatsapp_group",
      capabilities: FONNTE_GROUP_CAPABILITIES,
      send: (account, message, options) =>
        sendMessage(httpCall, "group", account, message, options),
    },
  ];
}
