import type pg from "pg";

import { recordAudit } from "./audit.ts";
import { touchGroups } from "./groups.ts";
import { recordListed } from "./provider-inventories.ts";
import { markStale, type StaleRun } from "./stale-plans.ts";
import { withTransaction } from "./transaction.ts";

/** Groups that a vendor says an account's number is in, and what they prove. */

export interface ListedGroup {
  readonly groupChatId: string;
  readonly name: string;
}

export interface GroupListOutcome {
  readonly proven: number;
  readonly lost: number;
  /** Runs whose plan it outdates. */
  readonly stale: readonly StaleRun[];
}

/**
 * Keeps the list and carries out what it proves, for every account of the number that carries groups: a group of ours in it is proven, one that a complete list
 * lacks is not any more. An empty list takes nothing away unless the one before was empty too: a device that was linked a moment ago shows none yet.
 */
export async function recordGroupList(
  pool: pg.Pool,
  input: {
    readonly accountId: string;
    readonly groups: readonly ListedGroup[];
    readonly isComplete: boolean;
    readonly at: Date;
  },
): Promise<GroupListOutcome> {
  const { accountId, groups, at } = input;
  const chatIds = groups.map(({ groupChatId }) => groupChatId);
  return withTransaction(pool, async (client) => {
    const accounts = await lockAccountsOfNumber(client, accountId);
    const wasEmpty = await isListEmpty(client, accountId);
    await replaceList(client, accountId, groups);
    await recordListed(client, { ...input, kind: "groups" });
    const gained = await prove(client, accounts, chatIds, at);
    const takesAway = input.isComplete && (groups.length > 0 || wasEmpty);
    const lost = takesAway ? await disprove(client, accounts, chatIds) : [];
    for (const [action, changes] of [
      ["provider_account.group_proven", gained],
      ["provider_account.group_left", lost],
    ] as const) {
      for (const { accountId: subject, groupId, provider } of changes) {
        const by = { kind: "vendor", provider } as const;
        await recordAudit(client, { by, action, subject, detail: { groupId } }, at.getTime());
      }
    }
    const changed = [...new Set([...gained, ...lost].map(({ groupId }) => groupId))].sort();
    await touchGroups(client, changed);
    return {
      proven: gained.length,
      lost: lost.length,
      stale: await markStale(client, changed, at),
    };
  });
}

interface Change {
  readonly accountId: string;
  readonly groupId: string;
  readonly provider: string;
}

/** Of the number behind this account, those that carry groups. */
async function lockAccountsOfNumber(
  client: pg.PoolClient,
  accountId: string,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>({
    name: "groups-accounts-of-number",
    text: `
      select a.id from provider_accounts a join provider_accounts asked on asked.device_key = a.device_key and asked.provider = a.provider
      where asked.id = $1 and a.channel = 'whatsapp_group' order by a.id for update of a`,
    values: [accountId],
  });
  return rows.map(({ id }) => id);
}

async function isListEmpty(client: pg.PoolClient, accountId: string): Promise<boolean> {
  const { rowCount } = await client.query({
    name: "groups-was-empty",
    text: `
      select from provider_inventories i where i.account_id = $1 and i.kind = 'groups' and i.listed_at is not null
        and not exists (select from provider_groups g where g.account_id = $1)`,
    values: [accountId],
  });
  return rowCount === 1;
}

async function replaceList(
  client: pg.PoolClient,
  accountId: string,
  groups: readonly ListedGroup[],
): Promise<void> {
  await client.query({
    name: "groups-forget",
    text: "delete from provider_groups where account_id = $1",
    values: [accountId],
  });
  await client.query({
    name: "groups-keep",
    text: `
      insert into provider_groups (account_id, group_chat_id, name)
      select $1, l."groupChatId", l.name from jsonb_to_recordset($2::jsonb) as l("groupChatId" text, name text)
      on conflict do nothing`,
    values: [accountId, JSON.stringify(groups)],
  });
}

async function prove(
  client: pg.PoolClient,
  accounts: readonly string[],
  chatIds: readonly string[],
  at: Date,
): Promise<readonly Change[]> {
  const { rows } = await client.query<Change>({
    name: "groups-prove",
    text: `
      with proven as (
        insert into provider_account_groups (account_id, group_id, proven_at)
        select a.id, g.id, $3 from unnest($1::text[]) as a(id), whatsapp_groups g where g.group_chat_id = any($2)
        on conflict do nothing
        returning account_id, group_id
      )
      select p.account_id as "accountId", p.group_id as "groupId", a.provider from proven p join provider_accounts a on a.id = p.account_id
      order by 1, 2`,
    values: [accounts, chatIds, at],
  });
  return rows;
}

async function disprove(
  client: pg.PoolClient,
  accounts: readonly string[],
  chatIds: readonly string[],
): Promise<readonly Change[]> {
  const { rows } = await client.query<Change>({
    name: "groups-disprove",
    text: `
      with lost as (
        delete from provider_account_groups x using whatsapp_groups g
        where x.account_id = any($1) and g.id = x.group_id and g.group_chat_id is not null and g.group_chat_id <> all($2)
        returning x.account_id, x.group_id
      )
      select l.account_id as "accountId", l.group_id as "groupId", a.provider from lost l join provider_accounts a on a.id = l.account_id
      order by 1, 2`,
    values: [accounts, chatIds],
  });
  return rows;
}

export interface SeenProviderGroup extends ListedGroup {
  /** Ours; null: no group of ours has this chat. */
  readonly groupId: string | null;
  readonly groupName: string | null;
  /** This account is proven to carry it. */
  readonly isProven: boolean;
}

/** The list as last given, by name. */
export async function readProviderGroups(
  pool: pg.Pool,
  accountId: string,
): Promise<readonly SeenProviderGroup[]> {
  const { rows } = await pool.query<SeenProviderGroup>({
    name: "groups-of-account",
    text: `
      select l.group_chat_id as "groupChatId", l.name, g.id as "groupId", g.name as "groupName",
        exists (select from provider_account_groups x where x.account_id = l.account_id and x.group_id = g.id) as "isProven"
      from provider_groups l left join whatsapp_groups g on g.group_chat_id = l.group_chat_id
      where l.account_id = $1 order by l.name, l.group_chat_id`,
    values: [accountId],
  });
  return rows;
}
