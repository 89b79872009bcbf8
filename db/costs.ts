/** What messages cost: sums over the view `message_costs`, and the accounts' monthly fees. */
import type pg from "pg";

import { COST_GROUPINGS } from "../domain/price.ts";
import type { CostGrouping } from "../domain/price.ts";
import { Parameters } from "./page.ts";

export type CostSpan = {
  /** YYYY-MM-DD, both inclusive, local days of `timeZone`. */
  readonly from: string;
  readonly to: string;
  readonly timeZone: string;
};

export type CostSum = {
  readonly day: string | null;
  readonly month: string | null;
  readonly accountId: string | null;
  readonly channel: string | null;
  readonly type: string | null;
  readonly zone: string | null;
  /** Rupiah; null: none of these messages has a price. */
  readonly cost: number | null;
  readonly messages: number;
  /** Of those: without a price. */
  readonly unpriced: number;
  /** Of those: nobody knows whether the vendor has them; their cost is not in the sum. */
  readonly inDoubt: number;
};

const LOCAL_DAY = `to_char(c.created_at at time zone $3, 'YYYY-MM-DD')`;
const LOCAL_MONTH = `to_char(c.created_at at time zone $3, 'YYYY-MM')`;

const EXPRESSIONS: Readonly<Record<CostGrouping, string>> = {
  day: LOCAL_DAY,
  month: LOCAL_MONTH,
  account: "c.account_id",
  channel: "c.channel",
  type: "n.type",
  zone: "n.zone",
};

/** What belongs to a message: the first delivery that it carries, by itself or as one of a push's copies. Answers to people have none. */
const NOTIFICATION_OF_MESSAGE = `
  left join lateral (
    select d.notification_id from deliveries d where d.message_id = c.message_id
    union all
    select d.notification_id from push_copies y join deliveries d on d.id = y.delivery_id where y.message_id = c.message_id
    limit 1
  ) d on true
  left join notifications n on n.id = d.notification_id`;

/** Ordered by what they are grouped by. With no grouping: one sum of everything. */
export async function sumCosts(
  pool: pg.Pool,
  span: CostSpan,
  by: readonly CostGrouping[],
): Promise<readonly CostSum[]> {
  const needsNotification = by.includes("type") || by.includes("zone");
  const shown = COST_GROUPINGS.map((grouping) => {
    const name = grouping === "account" ? `"accountId"` : grouping;
    return `${by.includes(grouping) ? EXPRESSIONS[grouping] : "null"} as ${name}`;
  });
  const grouped = by.map((grouping) => EXPRESSIONS[grouping]);
  const { rows } = await pool.query<CostSum>(
    `select ${shown.join(", ")}, sum(c.cost) as cost, count(*) as messages, count(*) filter (where c.cost is null) as unpriced,
       count(*) filter (where c.status = 'unknown') as "inDoubt"
     from message_costs c ${needsNotification ? NOTIFICATION_OF_MESSAGE : ""}
     where c.created_at >= $1::date::timestamp at time zone $3 and c.created_at < ($2::date + 1)::timestamp at time zone $3
     ${grouped.length === 0 ? "" : `group by ${grouped.join(", ")} order by ${grouped.map((expression) => `${expression} nulls last`).join(", ")}`}`,
    [span.from, span.to, span.timeZone],
  );
  return rows;
}

export type MonthlyFee = {
  readonly accountId: string;
  /** YYYY-MM. */
  readonly month: string;
  /** Rupiah. */
  readonly cost: number;
  readonly quota: number | null;
  /** Messages that the account's vendor took in the month. */
  readonly used: number;
  /** YYYY-MM-DD: when the package is used up if the rest of the month goes as it went so far; null: not in this month, or no package. */
  readonly runsOutOn: string | null;
};

/** The fees of the span's months; a fee falls due on the month's first day, and counts where that day is in the span. */
export async function monthlyFees(
  pool: pg.Pool,
  span: CostSpan,
  now: number,
): Promise<readonly MonthlyFee[]> {
  const parameters = new Parameters();
  const [from, to, zone, at] = [span.from, span.to, span.timeZone, new Date(now)].map((value) =>
    parameters.add(value),
  );
  const { rows } = await pool.query<MonthlyFee>(
    `with months as (
       select month::date as first, (month + interval '1 month')::date as next,
         month::date::timestamp at time zone ${zone} as begins, (month + interval '1 month')::date::timestamp at time zone ${zone} as ends
       from generate_series(date_trunc('month', ${from}::date::timestamp), ${to}::date::timestamp, interval '1 month') month
       where month::date between ${from}::date and ${to}::date
     ),
     fees as (
       select distinct on (m.first, p.account_id) m.*, p.account_id, p.unit_cost, p.quota
       from months m join price_book p on p.unit = 'month' and p.valid_from <= m.begins
       order by m.first, p.account_id, p.valid_from desc
     ),
     used as (
       select f.*, (
         select count(*) from messages m
         where m.account_id = f.account_id and m.created_at >= f.begins and m.created_at < f.ends and m.accepted_at is not null
       ) as used, extract(epoch from least(${at}::timestamptz, f.ends) - f.begins) as seconds
       from fees f
     )
     select u.account_id as "accountId", to_char(u.first, 'YYYY-MM') as month, u.unit_cost as cost, u.quota, u.used,
       case when u.quota is not null and u.used > 0 and u.seconds > 0
         and u.begins + make_interval(secs => (u.quota * u.seconds / u.used)::double precision) < u.ends
       then to_char((u.begins + make_interval(secs => (u.quota * u.seconds / u.used)::double precision)) at time zone ${zone}, 'YYYY-MM-DD') end as "runsOutOn"
     from used u order by u.first, u.account_id`,
    parameters.values,
  );
  return rows;
}
