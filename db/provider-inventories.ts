import type pg from "pg";

import type { Carrier } from "./account-health.ts";

/** Lists that a vendor gives of an account: when it was asked, and when it last answered. */
export type InventoryKind = "templates" | "groups";

export interface Inventory {
  readonly askedAt: Date | null;
  readonly listedAt: Date | null;
  readonly isComplete: boolean;
  /** Why the latest question has no answer. */
  readonly failure: string | null;
}

/** Null: the vendor was never asked. */
export async function readInventory(
  db: pg.Pool | pg.PoolClient,
  accountId: string,
  kind: InventoryKind,
): Promise<Inventory | null> {
  const { rows } = await db.query<Inventory>({
    name: "inventory-read",
    text: `select asked_at as "askedAt", listed_at as "listedAt", is_complete as "isComplete", failure
      from provider_inventories where account_id = $1 and kind = $2`,
    values: [accountId, kind],
  });
  return rows[0] ?? null;
}

/** The vendor answered; belongs into the transaction that keeps what it said. */
export async function recordListed(
  client: pg.PoolClient,
  input: {
    readonly accountId: string;
    readonly kind: InventoryKind;
    readonly isComplete: boolean;
    readonly at: Date;
  },
): Promise<void> {
  await client.query({
    name: "inventory-listed",
    text: `insert into provider_inventories (account_id, kind, asked_at, listed_at, is_complete) values ($1, $2, $4, $4, $3)
      on conflict (account_id, kind) do update set asked_at = $4, listed_at = $4, is_complete = $3, failure = null`,
    values: [input.accountId, input.kind, input.isComplete, input.at],
  });
}

/** The vendor gave no list: what it said before stays. */
export async function recordNotListed(
  db: pg.Pool | pg.PoolClient,
  input: {
    readonly accountId: string;
    readonly kind: InventoryKind;
    readonly failure: string;
    readonly at: Date;
  },
): Promise<void> {
  await db.query({
    name: "inventory-not-listed",
    text: `insert into provider_inventories (account_id, kind, asked_at, failure) values ($1, $2, $4, $3)
      on conflict (account_id, kind) do update set asked_at = $4, failure = $3`,
    values: [input.accountId, input.kind, input.failure, input.at],
  });
}

/** Accounts in use whose vendor can give this list and was not asked for so long. What is out is not asked: it has other worries. */
export async function dueInventories(
  pool: pg.Pool,
  input: {
    readonly kind: InventoryKind;
    readonly carriers: readonly Carrier[];
    readonly askedBefore: Date;
    readonly limit: number;
  },
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>({
    name: "inventory-due",
    text: `
      select a.id from provider_accounts a
      join jsonb_to_recordset($2::jsonb) as c(provider text, channel text) on c.provider = a.provider and c.channel = a.channel
      left join provider_inventories i on i.account_id = a.id and i.kind = $1
      where a.enabled and a.health_state <> 'out' and (i.asked_at is null or i.asked_at < $3)
      order by i.asked_at nulls first, a.id limit $4`,
    values: [input.kind, JSON.stringify(input.carriers), input.askedBefore, input.limit],
  });
  return rows.map(({ id }) => id);
}
