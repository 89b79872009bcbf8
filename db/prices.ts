/** The price book: what accounts cost. Costs themselves are the view `message_costs`. */
import type pg from "pg";

import type { Id } from "../domain/ids.ts";
import type { BillingClass, ChargedOn, PriceUnit } from "../domain/price.ts";
import { contentTag } from "./content-tag.ts";
import { newId } from "./new-id.ts";
import { Parameters, toPage } from "./page.ts";
import type { Page, Position } from "./page.ts";

export type PriceId = Id<"prc">;

export type PriceTerms = {
  readonly unit: PriceUnit;
  /** Null stands for every class. */
  readonly billingClass: BillingClass | null;
  /** First digits of the number, from its country code; empty for every number. */
  readonly prefix: string;
  readonly amount: number;
  readonly currency: string;
  /** Rupiah for one of the currency. */
  readonly exchangeRate: number;
  readonly chargedOn: ChargedOn;
  readonly incrementSeconds: number;
  /** Messages in a month's package; null: no package. */
  readonly quota: number | null;
  /** YYYY-MM-DD: from the beginning of that day in the installation's zone. */
  readonly validFrom: string;
  readonly note: string | null;
};

export type PriceRow = PriceTerms & {
  readonly id: PriceId;
  readonly accountId: string;
  readonly channel: string;
  /** Rupiah, of one unit. */
  readonly unitCost: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

/** Names a price's state, for `If-Match`. */
export function priceTag(price: PriceRow): string {
  return contentTag(price);
}

function columns(timeZone: string): string {
  return `p.id, p.account_id as "accountId", a.channel, p.unit, p.billing_class as "billingClass", p.prefix, p.amount, p.currency,
    p.exchange_rate as "exchangeRate", p.unit_cost as "unitCost", p.charged_on as "chargedOn", p.increment_seconds as "incrementSeconds", p.quota,
    to_char(p.valid_from at time zone ${timeZone}, 'YYYY-MM-DD') as "validFrom", p.note, p.created_at as "createdAt", p.updated_at as "updatedAt"`;
}

export type PriceFilter = {
  readonly accountId?: string | undefined;
  /** Only prices that hold on this day (YYYY-MM-DD) in the installation's zone. */
  readonly on?: string | undefined;
};

/** Newest first. */
export async function listPrices(
  pool: pg.Pool,
  input: {
    readonly filter: PriceFilter;
    readonly timeZone: string;
    readonly limit: number;
    readonly after: Position | null;
  },
): Promise<Page<PriceRow>> {
  const { filter, after } = input;
  const parameters = new Parameters();
  const zone = `${parameters.add(input.timeZone)}::text`;
  const conditions: string[] = [];
  if (filter.accountId !== undefined) {
    conditions.push(`p.account_id = ${parameters.add(filter.accountId)}`);
  }
  if (filter.on !== undefined) {
    const from = `${parameters.add(filter.on)}::date::timestamp at time zone ${zone}`;
    conditions.push(
      `p.valid_from <= ${from}`,
      `not exists (
         select from price_book n
         where n.account_id = p.account_id and (n.unit = 'month') = (p.unit = 'month') and n.prefix = p.prefix
           and n.billing_class is not distinct from p.billing_class and n.valid_from > p.valid_from and n.valid_from <= ${from}
       )`,
    );
  }
  if (after !== null) {
    conditions.push(
      `(p.created_at, p.id) < (timestamptz 'epoch' + ${parameters.add(after.order)}::bigint * interval '1 microsecond', ${parameters.add(after.id)})`,
    );
  }
  const { rows } = await pool.query<PriceRow & { readonly created_us: number }>(
    `select ${columns(zone)}, (extract(epoch from p.created_at) * 1000000)::bigint as created_us
     from price_book p join provider_accounts a on a.id = p.account_id
     ${conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`}
     order by p.created_at desc, p.id desc limit ${parameters.add(input.limit + 1)}`,
    parameters.values,
  );
  return toPage(
    rows,
    input.limit,
    (row) => ({ order: row.created_us, id: row.id }),
    ({ created_us: _, ...row }) => row,
  );
}

export async function readPrice(
  db: pg.Pool | pg.PoolClient,
  id: string,
  timeZone: string,
): Promise<PriceRow | null> {
  const { rows } = await db.query<PriceRow>(
    `select ${columns("$2::text")} from price_book p join provider_accounts a on a.id = p.account_id where p.id = $1`,
    [id, timeZone],
  );
  return rows[0] ?? null;
}

/** Serialises changes of one account's prices; false: there is no such account. */
export async function lockAccountPrices(
  client: pg.PoolClient,
  accountId: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    "select from provider_accounts where id = $1 for no key update",
    [accountId],
  );
  return rowCount === 1;
}

export async function countPrices(client: pg.PoolClient, accountId: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    "select count(*) as count from price_book where account_id = $1",
    [accountId],
  );
  return rows[0]?.count ?? 0;
}

/** Null: the account has a price for the same, from the same day. */
export async function insertPrice(
  client: pg.PoolClient,
  accountId: string,
  terms: PriceTerms,
  timeZone: string,
  now: number,
): Promise<PriceId | null> {
  const id = newId("prc", now);
  const { rowCount } = await client.query(
    `insert into price_book (id, account_id, unit, billing_class, prefix, amount, currency, exchange_rate, charged_on, increment_seconds, quota,
       note, valid_from, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::date::timestamp at time zone $14, $15, $15)
     on conflict do nothing`,
    [id, accountId, ...termValues(terms), terms.validFrom, timeZone, new Date(now)],
  );
  return rowCount === 1 ? id : null;
}

/** False: the account has another price for the same, from the same day. */
export async function updatePrice(
  client: pg.PoolClient,
  id: string,
  terms: PriceTerms,
  timeZone: string,
  now: number,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `update price_book p set unit = $2, billing_class = $3, prefix = $4, amount = $5, currency = $6, exchange_rate = $7, charged_on = $8,
       increment_seconds = $9, quota = $10, note = $11, valid_from = $12::date::timestamp at time zone $13, updated_at = $14
     where p.id = $1 and not exists (
       select from price_book o
       where o.id <> p.id and o.account_id = p.account_id and (o.unit = 'month') = ($2 = 'month') and o.prefix = $4
         and o.billing_class is not distinct from $3 and o.valid_from = $12::date::timestamp at time zone $13
     )`,
    [id, ...termValues(terms), terms.validFrom, timeZone, new Date(now)],
  );
  return rowCount === 1;
}

function termValues(terms: PriceTerms): readonly unknown[] {
  return [
    terms.unit,
    terms.billingClass,
    terms.prefix,
    terms.amount,
    terms.currency,
    terms.exchangeRate,
    terms.chargedOn,
    terms.incrementSeconds,
    terms.quota,
    terms.note,
  ];
}

/** So many rows are looked at, and locked where they change, at a time: receipts of these messages wait that long. */
const REPRICE_ROWS = 1_000;

/**
 * Messages of an account, from a day on, get the prices that hold for them now; returns how many changed. In portions by id, each its own transaction.
 *
 * Idempotency: what has its price already is left alone, so a run that was cut off is completed by the next.
 */
export async function repriceMessages(
  pool: pg.Pool,
  accountId: string,
  /** YYYY-MM-DD, in the installation's zone. */
  from: string,
  timeZone: string,
): Promise<number> {
  let count = 0;
  let after: string | null = "";
  while (after !== null) {
    const { rows }: pg.QueryResult<{ last: string | null; changed: number }> = await pool.query(
      `with portion as (
         select m.id, price_for(m.account_id, m.billing_class, m.address, m.created_at) as price_id from messages m
         where m.account_id = $1 and m.created_at >= $2::date::timestamp at time zone $3 and m.id > $4
         order by m.id limit ${REPRICE_ROWS}
       ),
       changed as (
         update messages m set price_id = p.price_id from portion p where m.id = p.id and m.price_id is distinct from p.price_id
         returning m.id
       )
       select (select max(id) from portion) as last, (select count(*) from changed) as changed`,
      [accountId, from, timeZone, after],
    );
    count += rows[0]?.changed ?? 0;
    after = rows[0]?.last ?? null;
  }
  return count;
}
