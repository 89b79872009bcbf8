import { createHash } from "node:crypto";
import type pg from "pg";
import { newId } from "./new-id.ts";
import { openSecret, sealSecret } from "./sealed-secret.ts";

/**
 * Browsers and apps that a person lets us push to. Privacy: where one is reached is sealed under its row's id and leaves this file only towards the provider.
 */

/** As a browser's `PushSubscription` or an app's registration names it. */
export type PushDestination =
  | {
      readonly kind: "push_subscription";
      readonly endpoint: string;
      readonly p256dh: string;
      readonly auth: string;
    }
  | { readonly kind: "push_token"; readonly token: string };

export type PushSubscriptionRow = {
  readonly id: string;
  readonly account_id: string;
  readonly provider: string;
  readonly device_name: string | null;
  readonly created_at: Date;
  readonly last_used_at: Date | null;
};

/** Nobody signs in on more; what goes beyond it was left behind. */
export const PUSH_SUBSCRIPTIONS_MAX = 20;

const COLUMNS = "p.id, p.account_id, a.provider, p.device_name, p.created_at, p.last_used_at";

/** Those that take messages, newest first. */
export async function listPushSubscriptions(
  db: pg.Pool | pg.PoolClient,
  userId: string,
): Promise<readonly PushSubscriptionRow[]> {
  const { rows } = await db.query<PushSubscriptionRow>(
    `select ${COLUMNS} from push_subscriptions p join provider_accounts a on a.id = p.account_id
     where p.user_id = $1 and p.expired_at is null order by p.created_at desc, p.id desc`,
    [userId],
  );
  return rows;
}

export async function hasPushSubscription(
  db: pg.Pool | pg.PoolClient,
  userId: string,
): Promise<boolean> {
  const { rowCount } = await db.query(
    "select from push_subscriptions where user_id = $1 and expired_at is null limit 1",
    [userId],
  );
  return rowCount === 1;
}

export type PushAccount = {
  readonly id: string;
  readonly provider: string;
  readonly baseUrl: string | null;
  readonly sender: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly credentialsEncrypted: Buffer;
};

/** Accounts that carry push messages, in their order. */
export async function listPushAccounts(
  db: pg.Pool | pg.PoolClient,
): Promise<readonly PushAccount[]> {
  const { rows } = await db.query<PushAccount>(
    `select id, provider, base_url as "baseUrl", sender, settings, credentials_encrypted as "credentialsEncrypted"
     from provider_accounts where channel = 'push' and enabled order by position, id`,
  );
  return rows;
}

/**
 * Under the lock of the person's row. A device that is known becomes this person's and keeps its id; beyond the most that a person has, those used longest ago
 * are forgotten. `isNew`: nobody had it.
 */
export async function savePushSubscription(
  client: pg.PoolClient,
  subscription: {
    readonly userId: string;
    readonly accountId: string;
    readonly destination: PushDestination;
    readonly deviceName: string | null;
  },
  options: { readonly secretKey: Uint8Array; readonly nowMs: number },
): Promise<{
  readonly row: PushSubscriptionRow;
  readonly isNew: boolean;
  readonly formerUserId: string | null;
}> {
  const { userId, accountId, destination, deviceName } = subscription;
  const hash = destinationHash(destination);
  const { rows: known } = await client.query<{ id: string; user_id: string }>(
    `select id, user_id from push_subscriptions where account_id = $1 and destination_hash = $2 and expired_at is null for update`,
    [accountId, hash],
  );
  const id = known[0]?.id ?? newId("psh", options.nowMs);
  // The keys that a message is encrypted for may be new ones.
  const sealed = sealDestination(destination, options.secretKey, id);
  await client.query(
    `insert into push_subscriptions (id, user_id, account_id, destination_encrypted, destination_hash, device_name, created_at)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (id) do update set user_id = excluded.user_id, destination_encrypted = excluded.destination_encrypted,
       device_name = coalesce(excluded.device_name, push_subscriptions.device_name)`,
    [id, userId, accountId, sealed, hash, deviceName, new Date(options.nowMs)],
  );
  await client.query(
    `delete from push_subscriptions where id in (
       select id from push_subscriptions where user_id = $1 and expired_at is null and id <> $2
       order by coalesce(last_used_at, created_at) desc, id desc offset $3
     )`,
    [userId, id, PUSH_SUBSCRIPTIONS_MAX - 1],
  );
  const row = (await listPushSubscriptions(client, userId)).find((own) => own.id === id);
  if (row === undefined) throw new Error("Invariant broken: a saved subscription is there");
  const formerUserId = known[0]?.user_id ?? null;
  return {
    row,
    isNew: formerUserId === null,
    formerUserId: formerUserId === userId ? null : formerUserId,
  };
}

/** False: this person has no such subscription. */
export async function deletePushSubscription(
  client: pg.PoolClient,
  { userId, id }: { readonly userId: string; readonly id: string },
): Promise<boolean> {
  const { rowCount } = await client.query(
    "delete from push_subscriptions where id = $1 and user_id = $2 and expired_at is null",
    [id, userId],
  );
  return rowCount === 1;
}

function sealDestination(
  destination: PushDestination,
  secretKey: Uint8Array,
  subscriptionId: string,
): Buffer {
  return sealSecret(JSON.stringify(destination), secretKey, placeOf(subscriptionId));
}

/** @throws SecretNotOpened */
export function createOpenDestination({
  secretKey,
}: {
  readonly secretKey: Uint8Array;
}): (subscriptionId: string, sealed: Uint8Array) => PushDestination {
  return (subscriptionId, sealed) =>
    asDestination(JSON.parse(openSecret(sealed, secretKey, placeOf(subscriptionId))));
}

function placeOf(subscriptionId: string) {
  return { purpose: "push_destination", accountId: subscriptionId } as const;
}

/** Written by `sealDestination` of this or an earlier release, and authenticated by its seal. */
function asDestination(opened: unknown): PushDestination {
  return opened as PushDestination;
}

function destinationHash(destination: PushDestination): Buffer {
  const address =
    destination.kind === "push_subscription" ? destination.endpoint : destination.token;
  return createHash("sha256").update(address).digest();
}
