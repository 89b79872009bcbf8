import type { HttpCall } from "../http.ts";
import type { Provider } from "../provider.ts";
import {
  WAHA_ATTACHMENTS,
  WAHA_DEFAULTS,
  WAHA_GROUP_CAPABILITIES,
  WAHA_LIMITS,
  WAHA_PERSONAL_CAPABILITIES,
  wahaCapabilitiesOf,
  wahaCredentials,
  wahaSettings,
} from "./config.ts";
import { findLost, listGroups, probeSession, sendMessage } from "./send.ts";
import { wahaWebhook } from "./webhook.ts";

/** WAHA to a person, and WAHA to a group: the same session, two channels. */
export function createWahaProviders(httpCall: HttpCall): readonly Provider[] {
  const shared = {
    id: "waha",
    limits: WAHA_LIMITS,
    defaults: WAHA_DEFAULTS,
    attachmentsAs: "bytes",
    attachmentLimits: WAHA_ATTACHMENTS,
    credentials: wahaCredentials,
    settings: wahaSettings,
    webhook: wahaWebhook,
    probe: (account, options) => probeSession(httpCall, account, options),
    listGroups: (account, options) => listGroups(httpCall, account, options),
  } satisfies Partial<Provider>;
  return [
    {
      ...shared,
      channel: "whatsapp_personal",
      capabilities: WAHA_PERSONAL_CAPABILITIES,
      capabilitiesOf: (account) => wahaCapabilitiesOf(WAHA_PERSONAL_CAPABILITIES, account),
      send: (account, message, options) =>
        sendMessage(httpCall, "phone", account, message, options),
      findLost: (account, message, sentAfter, options) =>
        findLost(httpCall, "phone", account, message, sentAfter, options),
    },
    {
      ...shared,
      channel: "whatsapp_group",
      capabilities: WAHA_GROUP_CAPABILITIES,
      capabilitiesOf: (account) => wahaCapabilitiesOf(WAHA_GROUP_CAPABILITIES, account),
      send: (account, message, options) =>
        sendMessage(httpCall, "group", account, message, options),
      findLost: (account, message, sentAfter, options) =>
        findLost(httpCall, "group", account, message, sentAfter, options),
    },
  ];
}
