import type { HttpCall } from "../http.ts";
import type { Provider } from "../provider.ts";
import {
  WABLAS_ATTACHMENTS,
  WABLAS_DEFAULTS,
  WABLAS_GROUP_CAPABILITIES,
  WABLAS_LIMITS,
  WABLAS_PERSONAL_CAPABILITIES,
  wablasCredentials,
  wablasSettings,
} from "./config.ts";
import { findLostMessage, lookUpMessage, probeDevice } from "./report.ts";
import { sendMessage } from "./send.ts";
import { wablasWebhook } from "./webhook.ts";

/** Wablas to a person, and Wablas to a group: the same device, two channels. Nothing lists its groups. */
export function createWablasProviders(httpCall: HttpCall): readonly Provider[] {
  const shared = {
    id: "wablas",
    limits: WABLAS_LIMITS,
    defaults: WABLAS_DEFAULTS,
    attachmentsAs: "url",
    attachmentLimits: WABLAS_ATTACHMENTS,
    credentials: wablasCredentials,
    settings: wablasSettings,
    webhook: wablasWebhook,
    lookUp: (account, id, options) => lookUpMessage(httpCall, account, id, options),
    findLost: (account, message, sentAfter, options) =>
      findLostMessage(httpCall, account, message, sentAfter, options),
    probe: (account, options) => probeDevice(httpCall, account, options),
  } satisfies Partial<Provider>;
  return [
    {
      ...shared,
      channel: "whatsapp_personal",
      capabilities: WABLAS_PERSONAL_CAPABILITIES,
      send: (account, message, options) =>
        sendMessage(httpCall, "phone", account, message, options),
    },
    {
      ...shared,
      channel: "whatsapp_group",
      capabilities: WABLAS_GROUP_CAPABILITIES,
      send: (account, message, options) =>
        sendMessage(httpCall, "group", account, message, options),
    },
  ];
}
