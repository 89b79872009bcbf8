import type pg from "pg";
import type { Page } from "../../db/page.ts";
import {
  accountTag,
  listProviderAccounts,
  readDevicePace,
  readProviderAccount,
} from "../../db/provider-accounts.ts";
import type { AccountFilter, DevicePace, ProviderAccountRow } from "../../db/provider-accounts.ts";
import { SecretNotOpened, openCredentials, openWebhookToken } from "../../db/sealed-secret.ts";
import type { Actor } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import { Forbidden, NotFound } from "./errors.ts";
import type { StarvedPolicy } from "./policy-evidence.ts";
import { readCursor } from "./read-cursor.ts";

export type AccountDeps = {
  readonly pool: pg.Pool;
  /** SIAGA_SECRET_KEY. */
  readonly secretKey: Uint8Array;
  /** SIAGA_PUBLIC_URL, without a slash at its end. */
  readonly publicUrl: string;
};

/** An account without its secrets. Privacy: `webhookUrl` holds a token; null for those who don't manage accounts. */
export type SeenAccount = {
  readonly row: ProviderAccountRow;
  /** Names of the credentials that are set. */
  readonly credentialNames: readonly string[];
  readonly webhookUrl: string | null;
  /** False when the secret key is another one than that which sealed them: the account can't send. */
  readonly areSecretsReadable: boolean;
  readonly tag: string;
  /** Set by a change: policies that now wait for what no account reports. */
  readonly starved?: readonly StarvedPolicy[];
};

/** @throws Forbidden */
export async function listAccounts(
  deps: AccountDeps,
  input: {
    readonly actor: Actor;
    readonly filter: AccountFilter;
    readonly limit: number;
    readonly cursor: string | undefined;
  },
): Promise<Page<SeenAccount>> {
  judgeReader(input.actor);
  const page = await listProviderAccounts(deps.pool, {
    filter: input.filter,
    limit: input.limit,
    after: readCursor(input.cursor),
  });
  return { ...page, items: page.items.map((row) => toSeenAccount(deps, input.actor, row)) };
}

/** @throws Forbidden, NotFound */
export async function seeAccount(
  deps: AccountDeps,
  { actor, id }: { readonly actor: Actor; readonly id: string },
): Promise<SeenAccount> {
  judgeReader(actor);
  return toSeenAccount(deps, actor, foundAccount(await readProviderAccount(deps.pool, id)));
}

export type AccountHealth = {
  readonly row: ProviderAccountRow;
  readonly pace: DevicePace | null;
};

/** @throws Forbidden, NotFound */
export async function seeAccountHealth(
  { pool }: Pick<AccountDeps, "pool">,
  { actor, id }: { readonly actor: Actor; readonly id: string },
): Promise<AccountHealth> {
  judgeReader(actor);
  const row = foundAccount(await readProviderAccount(pool, id));
  return { row, pace: await readDevicePace(pool, row.device_key) };
}

export function toSeenAccount(
  { secretKey, publicUrl }: AccountDeps,
  actor: Actor,
  row: ProviderAccountRow,
): SeenAccount {
  const tag = accountTag(row);
  try {
    const credentials = openCredentials(row.credentials_encrypted, secretKey, row.id);
    const token = openWebhookToken(row.webhook_token_encrypted, secretKey, row.id);
    return {
      row,
      tag,
      areSecretsReadable: true,
      credentialNames: Object.keys(credentials).sort(),
      webhookUrl: may(actor, "write_accounts")
        ? `${publicUrl}/webhooks/${row.provider}/${row.id}/${encodeURIComponent(token)}`
        : null,
    };
  } catch (error) {
    if (!(error instanceof SecretNotOpened)) throw error;
    return { row, tag, areSecretsReadable: false, credentialNames: [], webhookUrl: null };
  }
}

/** @throws NotFound */
export function foundAccount(row: ProviderAccountRow | null): ProviderAccountRow {
  if (row === null) throw new NotFound("provider account");
  return row;
}

function judgeReader(actor: Actor): void {
  if (!may(actor, "read_accounts")) throw new Forbidden();
}
