import type { AccountRow } from "../db/deliveries.ts";
import { openSecret } from "../db/sealed-secret.ts";
import type { AccountContext } from "../providers/provider.ts";

/** An account ready for use. Holds secrets: never log or return it. */
export interface OpenedAccount {
  readonly context: AccountContext;
  /** Where this account's vendor reports to; null when nobody can reach us. */
  readonly webhookUrl: string | null;
}

/** Opens an account's credentials and builds its webhook address. @throws SecretNotOpened */
export function createOpenAccount(deps: {
  readonly secretKey: Uint8Array;
  /** SIAGA_PUBLIC_URL, without a slash at its end. */
  readonly publicUrl: string | null;
}): (row: AccountRow) => OpenedAccount {
  return (row) => {
    const credentials = openSecret(row.credentialsEncrypted, deps.secretKey, {
      purpose: "provider_credentials",
      accountId: row.id,
    });
    const token = openSecret(row.webhookTokenEncrypted, deps.secretKey, {
      purpose: "webhook_token",
      accountId: row.id,
    });
    return {
      context: {
        accountId: row.id,
        baseUrl: row.baseUrl,
        sender: row.sender,
        credentials: parseCredentials(credentials),
        settings: row.settings,
      },
      webhookUrl: deps.publicUrl && `${deps.publicUrl}/webhooks/${row.provider}/${row.id}/${token}`,
    };
  };
}

/** Sealed by us from a checked record of texts; its authenticity has just been proven. */
function parseCredentials(json: string): Readonly<Record<string, string>> {
  return JSON.parse(json) as Readonly<Record<string, string>>;
}
