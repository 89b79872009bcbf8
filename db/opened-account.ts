import type { AccountRow } from "./deliveries.ts";
import { openCredentials, openWebhookToken } from "./sealed-secret.ts";
import type { Credentials } from "./sealed-secret.ts";

/** An account ready for use, in the shape that providers take. Holds secrets: never log or return it. */
export interface OpenedAccount {
  readonly context: {
    readonly accountId: string;
    /** Null for the vendor's own address. */
    readonly baseUrl: string | null;
    readonly sender: string;
    readonly credentials: Credentials;
    readonly settings: Readonly<Record<string, unknown>>;
  };
  /** The secret part of the account's webhook address. */
  readonly webhookToken: string;
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
    const webhookToken = openWebhookToken(row.webhookTokenEncrypted, deps.secretKey, row.id);
    return {
      context: {
        accountId: row.id,
        baseUrl: row.baseUrl,
        sender: row.sender,
        credentials: openCredentials(row.credentialsEncrypted, deps.secretKey, row.id),
        settings: row.settings,
      },
      webhookToken,
      webhookUrl:
        deps.publicUrl &&
        `${deps.publicUrl}/webhooks/${row.provider}/${row.id}/${encodeURIComponent(webhookToken)}`,
    };
  };
}
