/**
 * What the simulated vendors must know to fit the seeded rows: the same numbers, credentials, templates and groups. Plain data
 * in the form that their control interface takes (`/sandbox/accounts`, `/sandbox/groups`).
 */
import { SIMULATED_META_IDS, SIMULATED_SENDERS } from "./accounts.ts";
import type { SimulatedVendorAccess } from "./accounts.ts";
import { GROUPS } from "./groups.ts";
import { META_TEMPLATES } from "./meta-templates.ts";
import { PEOPLE } from "./people.ts";
import type { SeededAccount } from "./seed.ts";

/** The address at which one account's vendor reports; `publicUrl` has no slash at its end. */
export function webhookUrlOf(account: SeededAccount, publicUrl: string): string {
  return `${publicUrl}/webhooks/${account.provider}/${account.id}/${account.webhookToken}`;
}

/** Privacy: holds credentials and webhook tokens. */
export function simulatedWorld(
  access: SimulatedVendorAccess,
  accounts: readonly SeededAccount[],
  publicUrl: string,
) {
  const webhookOf = (
    credentials: SeededAccount["credentials"],
    channel: SeededAccount["channel"],
  ): string | null => {
    const account = accounts.find(
      (candidate) => candidate.credentials === credentials && candidate.channel === channel,
    );
    return account === undefined ? null : webhookUrlOf(account, publicUrl);
  };
  const { fonntePrimary, fonnteSecond, meta, twilio, smtp, webPush, fcm } = access.credentials;
  return {
    accounts: [
      {
        vendor: "fonnte" as const,
        sender: SIMULATED_SENDERS.fonntePrimary,
        name: "Siaga",
        credentials: fonntePrimary,
        // One device has one address, for persons and groups alike.
        webhookUrl: webhookOf("fonntePrimary", "whatsapp_personal"),
      },
      {
        vendor: "fonnte" as const,
        sender: SIMULATED_SENDERS.fonnteSecond,
        name: "Siaga 2",
        credentials: fonnteSecond,
        webhookUrl: webhookOf("fonnteSecond", "whatsapp_personal"),
      },
      {
        vendor: "meta" as const,
        sender: SIMULATED_SENDERS.meta,
        name: "Siaga",
        credentials: meta,
        phoneNumberId: SIMULATED_META_IDS.phoneNumberId,
        wabaId: SIMULATED_META_IDS.businessAccountId,
        webhookUrl: webhookOf("meta", "whatsapp_personal"),
        templates: META_TEMPLATES.map(({ name, language, body, buttons, isAuthentication }) => ({
          name,
          language,
          body,
          buttons: [...buttons],
          ...(isAuthentication === true
            ? { category: "AUTHENTICATION" as const, copyCode: true }
            : {}),
        })),
      },
      {
        vendor: "twilio" as const,
        sender: SIMULATED_SENDERS.twilio,
        name: "Siaga",
        credentials: twilio,
        webhookUrl: webhookOf("twilio", "sms"),
      },
      {
        vendor: "smtp" as const,
        sender: SIMULATED_SENDERS.smtp,
        name: "Siaga",
        credentials: smtp,
        // None of these reports anything.
        webhookUrl: null,
      },
      {
        vendor: "web-push" as const,
        sender: SIMULATED_SENDERS.webPush,
        name: "Siaga",
        // A push service never learns the private key.
        credentials: { publicKey: webPush.publicKey },
        webhookUrl: null,
      },
      {
        vendor: "fcm" as const,
        sender: SIMULATED_SENDERS.fcm,
        name: "Siaga",
        credentials: fcm,
        webhookUrl: null,
      },
    ],
    groups: GROUPS.map(({ externalId, groupChatId, name }) => ({
      id: groupChatId,
      name,
      members: PEOPLE.filter(({ groups }) => groups.includes(externalId)).map(({ phone }) => phone),
      accounts: [
        `fonnte:${SIMULATED_SENDERS.fonntePrimary.slice(1)}`,
        `fonnte:${SIMULATED_SENDERS.fonnteSecond.slice(1)}`,
      ],
    })),
  };
}
