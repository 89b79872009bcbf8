import type { Provider } from "../provider.ts";
import {
  SMTP_ATTACHMENTS,
  SMTP_CAPABILITIES,
  SMTP_DEFAULTS,
  SMTP_LIMITS,
  smtpCredentials,
  smtpSettings,
} from "./config.ts";
import { probeServer, sendMail } from "./send.ts";

/** E-mail; the one provider that is not reached over HTTP. */
export function createSmtpProviders(): readonly Provider[] {
  return [
    {
      id: "smtp",
      channel: "email",
      capabilities: SMTP_CAPABILITIES,
      limits: SMTP_LIMITS,
      defaults: SMTP_DEFAULTS,
      attachmentsAs: "bytes",
      attachmentLimits: SMTP_ATTACHMENTS,
      credentials: smtpCredentials,
      settings: smtpSettings,
      send: sendMail,
      webhook: null,
      probe: probeServer,
    },
  ];
}
