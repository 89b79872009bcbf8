import type pg from "pg";
import { isOnThisMachine } from "../domain/account.ts";
import type { AccountPurpose, HealthState } from "../domain/account.ts";
import type { Channel } from "../domain/channel.ts";
import type { WarmUp } from "../domain/number-protection.ts";
import { contentTag } from "./content-tag.ts";
import { Parameters, toPage } from "./page.ts";
import type { Page, Position } from "./page.ts";

/** Provider accounts as people keep them. Their secrets stay sealed here; who opens them is the caller's business. */

export type Pacing = {
  readonly perSecond: number;
  readonly minGapSeconds: number;
  readonly pairGapSeconds: number;
};

export type ProviderAccountRow = {
  readonly id: string;
  readonly provider: string;
  readonly channel: Channel;
  readonly name: string;
  readonly base_url: string | null;
  readonly sender: string;
  readonly device_key: string;
  readonly credentials_encrypted: Buffer;
  readonly webhook_token_encrypted: Buffer;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly position: number;
  readonly purposes: readonly AccountPurpose[];
  readonly pacing: Pacing;
  readonly daily_cap: number | null;
  readonly new_contact_cap: number | null;
  readonly warm_up: WarmUp | null;
  readonly is_standby: boolean;
  readonly quota_left: number | null;
  readonly probed_at: Date | null;
  readonly next_try_at: Date | null;
  readonly receipt_deadline_seconds: number;
  readonly enabled: boolean;
  readonly health_state: HealthState;
  readonly health_since: Date;
  readonly health_reason: string | null;
  readonly consecutive_failures: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  /** Groups that its number is a proven member of. */
  readonly group_ids: readonly string[];
  readonly created_us: number;
};

const COLUMNS = `
  a.id, a.provider, a.channel, a.name, a.base_url, a.sender, a.device_key, a.credentials_encrypted, a.webhook_token_encrypted,
  a.settings, a.position, a.purposes, a.pacing, a.daily_cap, a.new_contact_cap, a.warm_up, a.is_standby, a.quota_left, a.probed_at, a.next_try_at, a.receipt_deadline_seconds, a.enabled, a.health_state,
  a.health_since, a.health_reason, a.consecutive_failures, a.created_at, a.updated_at,
  (
    select coalesce(array_agg(x.group_id order by x.group_id), '{}') from provider_account_groups x where x.account_id = a.id
  ) as group_ids,
  (extract(epoch from a.created_at) * 1000000)::bigint as created_us`;

/** What people edit of it: its health changes by itself. */
export function accountTag(row: ProviderAccountRow): string {
  return contentTag([
    row.id,
    row.name,
    row.base_url,
    row.sender,
    row.credentials_encrypted.toString("base64"),
    row.settings,
    row.position,
    row.purposes,
    row.pacing,
    row.daily_cap,
    row.new_contact_cap,
    row.warm_up,
    row.is_standby,
    row.receipt_deadline_seconds,
    row.enabled,
  ]);
}

export async function readProviderAccount(
  db: pg.Pool | pg.PoolClient,
  id: string,
): Promise<ProviderAccountRow | null> {
  const { rows } = await db.query<ProviderAccountRow>(
    `select ${COLUMNS} from provider_accounts a where a.id = $1`,
    [id],
  );
  return rows[0] ?? null;
}

export async function lockProviderAccount(
  client: pg.PoolClient,
  id: string,
): Promise<ProviderAccountRow | null> {
  const { rows } = await client.query<ProviderAccountRow>(
    `select ${COLUMNS} from provider_accounts a where a.id = $1 for update`,
    [id],
  );
  return rows[0] ?? null;
}

export type AccountFilter = {
  readonly provider?: string | undefined;
  readonly channel?: Channel | undefined;
  readonly enabled?: boolean | undefined;
};

/** Newest first; `position` says in which order the accounts of a channel are tried. */
export async function listProviderAccounts(
  pool: pg.Pool,
  input: {
    readonly filter: AccountFilter;
    readonly limit: number;
    readonly after: Position | null;
  },
): Promise<Page<ProviderAccountRow>> {
  const { filter, after } = input;
  const parameters = new Parameters();
  const conditions = ["true"];
  if (filter.provider !== undefined) {
    conditions.push(`a.provider = ${parameters.add(filter.provider)}`);
  }
  if (filter.channel !== undefined) {
    conditions.push(`a.channel = ${parameters.add(filter.channel)}`);
  }
  if (filter.enabled !== undefined) {
    conditions.push(`a.enabled = ${parameters.add(filter.enabled)}`);
  }
  if (after !== null) {
    conditions.push(
      `(a.created_at, a.id) < (timestamptz 'epoch' + ${parameters.add(after.order)}::bigint * interval '1 microsecond',
        ${parameters.add(after.id)})`,
    );
  }
  const { rows } = await pool.query<ProviderAccountRow>(
    `select ${COLUMNS} from provider_accounts a where ${conditions.join(" and ")}
     order by a.created_at desc, a.id desc limit ${parameters.add(input.limit + 1)}`,
    parameters.values,
  );
  return toPage(
    rows,
    input.limit,
    (row) => ({ order: row.created_us, id: row.id }),
    (row) => row,
  );
}

export type AccountFields = {
  readonly name: string;
  readonly baseUrl: string | null;
  readonly sender: string;
  readonly deviceKey: string;
  readonly credentialsEncrypted: Buffer;
  readonly webhookTokenEncrypted: Buffer;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Null: behind the channel's last one. */
  readonly position: number | null;
  readonly purposes: readonly string[];
  readonly pacing: Pacing;
  readonly dailyCap: number | null;
  readonly newContactCap: number | null;
  readonly warmUp: WarmUp | null;
  readonly isStandby: boolean;
  readonly receiptDeadlineSeconds: number;
  readonly enabled: boolean;
};

export async function insertProviderAccount(
  client: pg.PoolClient,
  account: AccountFields & {
    readonly id: string;
    readonly provider: string;
    readonly channel: Channel;
  },
  nowMs: number,
): Promise<void> {
  await client.query(
    `insert into provider_accounts (id, provider, channel, name, base_url, sender, device_key, credentials_encrypted, settings,
       position, purposes, pacing, daily_cap, receipt_deadline_seconds, enabled, webhook_token_encrypted, health_since, created_at, updated_at,
       new_contact_cap, warm_up, is_standby)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9,
       coalesce($10, (select coalesce(max(position), 0) + 1 from provider_accounts where channel = $3)),
       $11, $12, $13, $14, $15, $16, $17, $17, $17, $18, $19, $20)`,
    [
      account.id,
      account.provider,
      account.channel,
      account.name,
      account.baseUrl,
      account.sender,
      account.deviceKey,
      account.credentialsEncrypted,
      account.settings,
      account.position,
      account.purposes,
      account.pacing,
      account.dailyCap,
      account.receiptDeadlineSeconds,
      account.enabled,
      account.webhookTokenEncrypted,
      new Date(nowMs),
      account.newContactCap,
      account.warmUp,
      account.isStandby,
    ],
  );
}

export async function updateProviderAccount(
  client: pg.PoolClient,
  id: string,
  fields: AccountFields,
  nowMs: number,
): Promise<void> {
  await client.query(
    `update provider_accounts set name = $2, base_url = $3, sender = $4, device_key = $5, credentials_encrypted = $6, settings = $7,
       position = coalesce($8, position), purposes = $9, pacing = $10, daily_cap = $11, receipt_deadline_seconds = $12, enabled = $13,
       webhook_token_encrypted = $14, version = version + 1, updated_at = $15,
       phone_number = case when sender = $4 then phone_number end, new_contact_cap = $16, warm_up = $17, is_standby = $18
     where id = $1`,
    [
      id,
      fields.name,
      fields.baseUrl,
      fields.sender,
      fields.deviceKey,
      fields.credentialsEncrypted,
      fields.settings,
      fields.position,
      fields.purposes,
      fields.pacing,
      fields.dailyCap,
      fields.receiptDeadlineSeconds,
      fields.enabled,
      fields.webhookTokenEncrypted,
      new Date(nowMs),
      fields.newContactCap,
      fields.warmUp,
      fields.isStandby,
    ],
  );
}

/** By hand: what failed before is forgotten with it. */
export async function setAccountHealth(
  client: pg.PoolClient,
  id: string,
  health: { readonly state: HealthState; readonly reason: string | null },
  nowMs: number,
): Promise<void> {
  await client.query(
    `update provider_accounts set health_state = $2, health_reason = $3, health_since = $4, consecutive_failures = 0, failed_tries = 0,
       next_try_at = null, trial_delivery_id = null, updated_at = $4
     where id = $1`,
    [id, health.state, health.reason, new Date(nowMs)],
  );
}

export type DevicePace = { readonly nextFreeAt: Date; readonly sentToday: number };

/** Null: nothing was sent over this device yet. */
export async function readDevicePace(pool: pg.Pool, deviceKey: string): Promise<DevicePace | null> {
  const { rows } = await pool.query<{ next_free_at: Date; sent_today: number }>(
    `select next_free_at, case when sent_on = (now() at time zone 'UTC')::date then sent_today else 0 end as sent_today
     from device_pace where device_key = $1`,
    [deviceKey],
  );
  const row = rows[0];
  return row ? { nextFreeAt: row.next_free_at, sentToday: row.sent_today } : null;
}

/** True when it was not recorded before. */
export async function addProvenGroup(
  client: pg.PoolClient,
  accountId: string,
  groupId: string,
  nowMs: number,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `insert into provider_account_groups (account_id, group_id, proven_at) values ($1, $2, $3) on conflict do nothing`,
    [accountId, groupId, new Date(nowMs)],
  );
  return rowCount === 1;
}

/** True when it was recorded. */
export async function removeProvenGroup(
  client: pg.PoolClient,
  accountId: string,
  groupId: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    "delete from provider_account_groups where account_id = $1 and group_id = $2",
    [accountId, groupId],
  );
  return rowCount === 1;
}

/** Accounts, switched off or not, whose messages could leave this machine: beside them nothing is a mere demonstration. */
export async function findRealAccounts(pool: pg.Pool): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string; base_url: string | null }>(
    "select id, base_url from provider_accounts order by id",
  );
  return rows
    .filter(({ base_url: url }) => url === null || !isOnThisMachine(url))
    .map(({ id }) => id);
}

/** A number of ours that people could write to in person. */
export type ListeningAccount = Pick<
  ProviderAccountRow,
  "id" | "provider" | "channel" | "sender" | "settings"
> & {
  /** E.164, as the vendor told it where the sender is an id of its own. */
  readonly phone_number: string | null;
};

/** Accounts for personal WhatsApp that are switched on and not out, in the order in which they are tried. */
export async function listListeningAccounts(
  db: pg.Pool | pg.PoolClient,
): Promise<readonly ListeningAccount[]> {
  const { rows } = await db.query<ListeningAccount>(
    `select id, provider, channel, sender, settings, phone_number from provider_accounts
     where enabled and channel = 'whatsapp_personal' and health_state <> 'out' order by is_standby, position, id`,
  );
  return rows;
}

/** Accounts that are switched on, as far as what they report depends on them. */
export async function listEnabledCarriers(
  db: pg.Pool | pg.PoolClient,
): Promise<readonly Pick<ProviderAccountRow, "provider" | "channel" | "sender" | "settings">[]> {
  const { rows } = await db.query<
    Pick<ProviderAccountRow, "provider" | "channel" | "sender" | "settings">
  >("select provider, channel, sender, settings from provider_accounts where enabled order by id");
  return rows;
}
