import type { HttpCall } from "../http.ts";
import type { Provider } from "../provider.ts";
import { createAccessTokens } from "./access-token.ts";
import {
  FCM_ATTACHMENTS,
  FCM_CAPABILITIES,
  FCM_DEFAULTS,
  FCM_LIMITS,
  fcmCredentials,
  fcmSettings,
} from "./config.ts";
import { probeProject, sendToApp } from "./send.ts";
import type { FcmClient } from "./send.ts";

/** Push messages to apps. */
export function createFcmProviders(httpCall: HttpCall): readonly Provider[] {
  const client: FcmClient = { httpCall, tokens: createAccessTokens(httpCall) };
  return [
    {
      id: "fcm",
      channel: "push",
      capabilities: FCM_CAPABILITIES,
      limits: FCM_LIMITS,
      defaults: FCM_DEFAULTS,
      attachmentsAs: "url",
      attachmentLimits: FCM_ATTACHMENTS,
      credentials: fcmCredentials,
      settings: fcmSettings,
      send: (account, message, options) => sendToApp(client, account, message, options),
      webhook: null,
      probe: (account, options) => probeProject(client, account, options),
    },
  ];
}
