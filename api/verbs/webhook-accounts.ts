import type pg from "pg";
import { loadAccount } from "../../db/deliveries.ts";
import type { AccountRow } from "../../db/deliveries.ts";
import type { OpenedAccount } from "../../db/opened-account.ts";
import type { Capabilities, Provider } from "../../providers/provider.ts";
import { capabilitiesOf } from "../../providers/registry.ts";
import type { ProviderRegistry } from "../../providers/registry.ts";

/** An account as its vendor's requests are judged by it. Holds secrets: never log or return it. */
export type WebhookAccount = {
  readonly row: AccountRow;
  readonly provider: Provider;
  readonly capabilities: Capabilities;
  readonly context: OpenedAccount["context"];
  readonly webhookToken: string;
};

export type WebhookAccounts = {
  /** Null: there is no such account, or this release has no provider for it. */
  readonly find: (accountId: string) => Promise<WebhookAccount | null>;
};

/** Vendors report several times a message; a change of an account holds for its webhooks after this time at the latest. */
export const ACCOUNT_REMEMBERED_MS = 5_000;
/** Bounds the memory that a flood of invented ids can take; the oldest goes first. */
const ACCOUNTS_REMEMBERED_MAX = 1_000;

/** Reads accounts; one in steady use costs one statement in five seconds. */
export function createWebhookAccounts(deps: {
  readonly pool: pg.Pool;
  readonly providers: ProviderRegistry;
  readonly openAccount: (row: AccountRow) => OpenedAccount;
  readonly now: () => number;
}): WebhookAccounts {
  type Found = Promise<WebhookAccount | null>;
  const remembered = new Map<string, { readonly found: Found; readonly untilMs: number }>();

  async function load(accountId: string): Found {
    const row = await loadAccount(deps.pool, accountId);
    const provider = row && findProvider(deps.providers, row);
    if (row === null || !provider) return null;
    const { context, webhookToken } = deps.openAccount(row);
    return {
      row,
      provider,
      capabilities: capabilitiesOf(provider, row),
      context,
      webhookToken,
    };
  }

  return {
    find(accountId) {
      const known = remembered.get(accountId);
      if (known && known.untilMs > deps.now()) return known.found;
      remembered.delete(accountId);
      const found = load(accountId);
      remembered.set(accountId, { found, untilMs: deps.now() + ACCOUNT_REMEMBERED_MS });
      found.catch(() => remembered.delete(accountId));
      const [oldest] = remembered.keys();
      if (remembered.size > ACCOUNTS_REMEMBERED_MAX && oldest !== undefined) {
        remembered.delete(oldest);
      }
      return found;
    },
  };
}

function findProvider(providers: ProviderRegistry, row: AccountRow): Provider | undefined {
  return providers.all.find(({ id, channel }) => id === row.provider && channel === row.channel);
}
