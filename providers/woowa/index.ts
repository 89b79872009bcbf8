import type { HttpCall } from "../http.ts";
import { NO_ATTACHMENTS } from "../provider.ts";
import type { Provider } from "../provider.ts";
import {
  WOOWA_DEFAULTS,
  WOOWA_GROUP_CAPABILITIES,
  WOOWA_LIMITS,
  WOOWA_PERSONAL_ATTACHMENTS,
  WOOWA_PERSONAL_CAPABILITIES,
  woowaCapabilitiesOf,
  woowaCredentials,
  woowaSettings,
} from "./config.ts";
import { listGroups, sendMessage } from "./send.ts";
import { woowaWebhook } from "./webhook.ts";

/**
 * Woowa to a person, and Woowa to a group: the same number, two channels. It has no probe: no call is known whose answer
 * would say that the device is linked, and one that misleads would keep a healthy account out.
 */
export function createWoowaProviders(httpCall: HttpCall): readonly Provider[] {
  const shared = {
    id: "woowa",
    limits: WOOWA_LIMITS,
    defaults: WOOWA_DEFAULTS,
    credentials: woowaCredentials,
    settings: woowaSettings,
    webhook: woowaWebhook,
    listGroups: (account, options) => listGroups(httpCall, account, options),
  } satisfies Partial<Provider>;
  return [
    {
      ...shared,
      channel: "whatsapp_personal",
      attachmentsAs: "url",
      attachmentLimits: WOOWA_PERSONAL_ATTACHMENTS,
      capabilities: WOOWA_PERSONAL_CAPABILITIES,
      capabilitiesOf: (account) => woowaCapabilitiesOf(WOOWA_PERSONAL_CAPABILITIES, account),
      send: (account, message, options) =>
        sendMessage(httpCall, "phone", account, message, options),
    },
    {
      ...shared,
      channel: "whatsapp_group",
      attachmentsAs: null,
      attachmentLimits: NO_ATTACHMENTS,
      capabilities: WOOWA_GROUP_CAPABILITIES,
      capabilitiesOf: (account) => woowaCapabilitiesOf(WOOWA_GROUP_CAPABILITIES, account),
      send: (account, message, options) =>
        sendMessage(httpCall, "group", account, message, options),
    },
  ];
}
