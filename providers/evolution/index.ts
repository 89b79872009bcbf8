import type { HttpCall } from "../http.ts";
import type { Provider } from "../provider.ts";
import { findLost, listGroups, probeInstance, readReceipt } from "./ask.ts";
import {
  EVOLUTION_ATTACHMENTS,
  EVOLUTION_DEFAULTS,
  EVOLUTION_GROUP_CAPABILITIES,
  EVOLUTION_LIMITS,
  EVOLUTION_PERSONAL_CAPABILITIES,
  evolutionCapabilitiesOf,
  evolutionCredentials,
  evolutionSettings,
} from "./config.ts";
import { sendMessage } from "./send.ts";
import { evolutionWebhook } from "./webhook.ts";

/** Evolution to a person, and Evolution to a group: the same instance, two channels. */
export function createEvolutionProviders(httpCall: HttpCall): readonly Provider[] {
  const shared = {
    id: "evolution",
    limits: EVOLUTION_LIMITS,
    defaults: EVOLUTION_DEFAULTS,
    attachmentsAs: "bytes",
    attachmentLimits: EVOLUTION_ATTACHMENTS,
    credentials: evolutionCredentials,
    settings: evolutionSettings,
    webhook: evolutionWebhook,
    lookUp: (account, id, options) => readReceipt(httpCall, account, id, options),
    probe: (account, options) => probeInstance(httpCall, account, options),
    listGroups: (account, options) => listGroups(httpCall, account, options),
  } satisfies Partial<Provider>;
  return [
    {
      ...shared,
      channel: "whatsapp_personal",
      capabilities: EVOLUTION_PERSONAL_CAPABILITIES,
      capabilitiesOf: (account) =>
        evolutionCapabilitiesOf(EVOLUTION_PERSONAL_CAPABILITIES, account),
      send: (account, message, options) =>
        sendMessage(httpCall, "phone", account, message, options),
      findLost: (account, message, sentAfter, options) =>
        findLost(httpCall, "phone", account, message, sentAfter, options),
    },
    {
      ...shared,
      channel: "whatsapp_group",
      capabilities: EVOLUTION_GROUP_CAPABILITIES,
      capabilitiesOf: (account) => evolutionCapabilitiesOf(EVOLUTION_GROUP_CAPABILITIES, account),
      send: (account, message, options) =>
        sendMessage(httpCall, "group", account, message, options),
      findLost: (account, message, sentAfter, options) =>
        findLost(httpCall, "group", account, message, sentAfter, options),
    },
  ];
}
