import type { HttpCall } from "../http.ts";
import type { Provider } from "../provider.ts";
import {
  WEB_PUSH_ATTACHMENTS,
  WEB_PUSH_CAPABILITIES,
  WEB_PUSH_DEFAULTS,
  WEB_PUSH_LIMITS,
  webPushCredentials,
  webPushSettings,
} from "./config.ts";
import { sendPush } from "./send.ts";

/** Push messages to browsers. */
export function createWebPushProviders(httpCall: HttpCall): readonly Provider[] {
  return [
    {
      id: "web-push",
      channel: "push",
      capabilities: WEB_PUSH_CAPABILITIES,
      limits: WEB_PUSH_LIMITS,
      defaults: WEB_PUSH_DEFAULTS,
      attachmentsAs: "url",
      attachmentLimits: WEB_PUSH_ATTACHMENTS,
      credentials: webPushCredentials,
      settings: webPushSettings,
      send: (account, message, options) => sendPush(httpCall, account, message, options),
      webhook: null,
      subscriptionKey: ({ credentials }) => {
        const read = webPushCredentials.safeParse(credentials);
        return read.success ? read.data.publicKey : null;
      },
    },
  ];
}
