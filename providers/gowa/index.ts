import type { HttpCall } from "../http.ts";
import type { Provider } from "../provider.ts";
import {
  GOWA_ATTACHMENTS,
  GOWA_DEFAULTS,
  GOWA_GROUP_CAPABILITIES,
  GOWA_LIMITS,
  GOWA_PERSONAL_CAPABILITIES,
  gowaCredentials,
  gowaSettings,
} from "./config.ts";
import { findLost, listGroups, probeDevice, sendMessage } from "./send.ts";
import { gowaWebhook } from "./webhook.ts";

/** GOWA to a person, and GOWA to a group: the same device, two channels. */
export function createGowaProviders(httpCall: HttpCall): readonly Provider[] {
  const shared = {
    id: "gowa",
    limits: GOWA_LIMITS,
    defaults: GOWA_DEFAULTS,
    attachmentsAs: "bytes",
    attachmentLimits: GOWA_ATTACHMENTS,
    credentials: gowaCredentials,
    settings: gowaSettings,
    webhook: gowaWebhook,
    probe: (account, options) => probeDevice(httpCall, account, options),
    listGroups: (account, options) => listGroups(httpCall, account, options),
  } satisfies Partial<Provider>;
  return [
    {
      ...shared,
      channel: "whatsapp_personal",
      capabilities: GOWA_PERSONAL_CAPABILITIES,
      send: (account, message, options) =>
        sendMessage(httpCall, "phone", account, message, options),
      findLost: (account, message, sentAfter, options) =>
        findLost(httpCall, "phone", account, message, sentAfter, options),
    },
    {
      ...shared,
      channel: "whatsapp_group",
      capabilities: GOWA_GROUP_CAPABILITIES,
      send: (account, message, options) =>
        sendMessage(httpCall, "group", account, message, options),
      findLost: (account, message, sentAfter, options) =>
        findLost(httpCall, "group", account, message, sentAfter, options),
    },
  ];
}
