import type pg from "pg";
import { recordAudit } from "../../db/audit.ts";
import {
  ALL_ZONES,
  deleteHoliday,
  listHolidays as readList,
  putHoliday,
  touchHolidayKeepers,
} from "../../db/holidays.ts";
import type { HolidayFilter, HolidayRow } from "../../db/holidays.ts";
import type { Page } from "../../db/page.ts";
import { markStale } from "../../db/stale-plans.ts";
import { withTransaction } from "../../db/transaction.ts";
import { readZones } from "../../db/words.ts";
import type { Actor } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import { Forbidden, InvalidInput, NotFound } from "./errors.ts";
import { readCursor } from "./read-cursor.ts";
import type { Replanner } from "./replanner.ts";

export type HolidayDeps = {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly replanner: Replanner;
};

export async function listHolidays(
  { pool }: Pick<HolidayDeps, "pool">,
  input: {
    readonly actor: Actor;
    readonly filter: HolidayFilter;
    readonly limit: number;
    readonly cursor: string | undefined;
  },
): Promise<Page<HolidayRow>> {
  if (!may(input.actor, "read_words")) throw new Forbidden();
  return readList(pool, {
    filter: input.filter,
    limit: input.limit,
    after: readCursor(input.cursor),
  });
}

/** @throws Forbidden, InvalidInput */
export async function setHoliday(
  deps: HolidayDeps,
  { actor, holiday }: { readonly actor: Actor; readonly holiday: HolidayRow },
): Promise<void> {
  if (!may(actor, "write_rules")) throw new Forbidden();
  const zones = await readZones(deps.pool);
  if (holiday.zone !== ALL_ZONES && !zones.some(({ code }) => code === holiday.zone)) {
    throw new InvalidInput([{ path: "zone", code: "unknown", message: "There is no such zone." }]);
  }
  await change(deps, { actor, holiday, action: "holiday.set" }, (client) =>
    putHoliday(client, holiday),
  );
}

/** @throws Forbidden, NotFound */
export async function removeHoliday(
  deps: HolidayDeps,
  { actor, holiday }: { readonly actor: Actor; readonly holiday: Omit<HolidayRow, "name"> },
): Promise<void> {
  if (!may(actor, "write_rules")) throw new Forbidden();
  await change(deps, { actor, holiday, action: "holiday.removed" }, async (client) => {
    if (!(await deleteHoliday(client, holiday))) throw new NotFound("holiday");
    return true;
  });
}

async function change(
  deps: HolidayDeps,
  what: {
    readonly actor: Actor;
    readonly holiday: Omit<HolidayRow, "name">;
    readonly action: string;
  },
  write: (client: pg.PoolClient) => Promise<boolean>,
): Promise<void> {
  const { date, zone } = what.holiday;
  const nowMs = deps.now();
  const markedAt = new Date(nowMs);
  const stale = await withTransaction(deps.pool, async (client) => {
    if (!(await write(client))) return [];
    const keepers = await touchHolidayKeepers(client, zone);
    await recordAudit(
      client,
      { by: what.actor, action: what.action, subject: `${zone} ${date}` },
      nowMs,
    );
    return markStale(client, keepers, markedAt);
  });
  deps.replanner.tell(stale, "holiday_changed", markedAt);
}
