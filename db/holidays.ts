import type pg from "pg";
import { encodeCursor } from "./page.ts";
import type { Page, Position } from "./page.ts";

/** Dates that count as holidays, for one work zone or for all of them. */

/** How a row names all zones. */
export const ALL_ZONES = "*";

export type HolidayRow = {
  /** YYYY-MM-DD. */
  readonly date: string;
  /** A zone's code or ALL_ZONES. */
  readonly zone: string;
  readonly name: string;
};

export type HolidayFilter = {
  readonly zone?: string | undefined;
  /** Inclusive dates. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
};

/** Position of a row: the day counted from 1970, and the zone. The cursor's alphabet has no asterisk. */
const CURSOR_ALL_ZONES = "all";

/** By date, then zone. */
export async function listHolidays(
  pool: pg.Pool,
  input: {
    readonly filter: HolidayFilter;
    readonly limit: number;
    readonly after: Position | null;
  },
): Promise<Page<HolidayRow>> {
  const { filter, after, limit } = input;
  const { rows } = await pool.query<HolidayRow & { readonly day: number }>(
    `select to_char(date, 'YYYY-MM-DD') as date, zone, name, date - date '1970-01-01' as day
     from holidays
     where ($1::text is null or zone = $1) and ($2::date is null or date >= $2) and ($3::date is null or date <= $3)
       and ($4::integer is null or (date - date '1970-01-01', zone) > ($4, $5))
     order by holidays.date, zone limit $6`,
    [
      filter.zone ?? null,
      filter.from ?? null,
      filter.to ?? null,
      after?.order ?? null,
      after?.id === CURSOR_ALL_ZONES ? ALL_ZONES : (after?.id ?? null),
      limit + 1,
    ],
  );
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(({ date, zone, name }) => ({ date, zone, name })),
    nextCursor:
      rows.length > limit && last
        ? encodeCursor({
            order: last.day,
            id: last.zone === ALL_ZONES ? CURSOR_ALL_ZONES : last.zone,
          })
        : null,
  };
}

/** False when it stood there exactly so. */
export async function putHoliday(client: pg.PoolClient, holiday: HolidayRow): Promise<boolean> {
  const { rowCount } = await client.query(
    `insert into holidays as h (date, zone, name) values ($1, $2, $3)
     on conflict (zone, date) do update set name = excluded.name where h.name <> excluded.name`,
    [holiday.date, holiday.zone, holiday.name],
  );
  return rowCount === 1;
}

/** False when there was none. */
export async function deleteHoliday(
  client: pg.PoolClient,
  { date, zone }: Pick<HolidayRow, "date" | "zone">,
): Promise<boolean> {
  const { rowCount } = await client.query("delete from holidays where date = $1 and zone = $2", [
    date,
    zone,
  ]);
  return rowCount === 1;
}

/**
 * Persons and groups whose quiet hours ask about holidays where this one is, with their rows locked and their plan versions
 * raised, as every change of a person or group does.
 */
export async function touchHolidayKeepers(
  client: pg.PoolClient,
  zone: string,
): Promise<readonly string[]> {
  const { rows: persons } = await client.query<{ id: string }>(
    `update users set version = version + 1 where id in (
       select u.id from users u join notification_settings s on s.user_id = u.id
       where u.is_active and s.settings -> 'quietHours' -> 'days' ? 'holiday' and ($1 = '${ALL_ZONES}' or $1 = any(u.zones))
       order by u.id for update of u
     ) returning id`,
    [zone],
  );
  const { rows: groups } = await client.query<{ id: string }>(
    `update whatsapp_groups set version = version + 1 where id in (
       select g.id from whatsapp_groups g
       where g.quiet_hours -> 'days' ? 'holiday' and ($1 = '${ALL_ZONES}' or g.work_zone = $1)
       order by g.id for update of g
     ) returning id`,
    [zone],
  );
  return [...persons, ...groups].map(({ id }) => id);
}
