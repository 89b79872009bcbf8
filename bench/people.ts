import type pg from "pg";

import { newId } from "../db/new-id.ts";

export interface BenchPerson {
  readonly id: string;
  /** E.164. */
  readonly phone: string;
}

/** Quiet hours every day, local times of the installation's zone. */
export interface Quiet {
  readonly from: string;
  readonly to: string;
}

/** Invented numbers, nobody's, beyond those of the seed. */
const FIRST_NUMBER = 6_281_234_500_000;

/** Technicians of no zone with a verified number each: told only when named. `offset` keeps calls of one installation apart. */
export async function makePeople(
  pool: pg.Pool,
  count: number,
  options: { readonly offset?: number; readonly quiet?: Quiet } = {},
): Promise<readonly BenchPerson[]> {
  const now = Date.now();
  const offset = options.offset ?? 0;
  const people = Array.from({ length: count }, (_, index) => ({
    id: newId("usr", now),
    contactId: newId("con", now),
    phone: `+${FIRST_NUMBER + offset + index}`,
    name: `Orang ${offset + index + 1}`,
  }));
  await pool.query(
    `/* bench */
     with given as (
       select * from jsonb_to_recordset($1::jsonb) as g(id text, "contactId" text, phone text, name text)
     ),
     people as (
       insert into users (id, name, role) select id, name, 'technician' from given returning id
     ),
     settings as (
       insert into notification_settings (user_id, settings) select id, $2::jsonb from people where $2::jsonb is not null
     )
     insert into contacts (id, user_id, kind, value, verified_at, verified_by)
     select g."contactId", p.id, 'phone', g.phone, now(), 'import' from given g join people p on p.id = g.id`,
    [
      JSON.stringify(people),
      options.quiet === undefined
        ? null
        : JSON.stringify({ quietHours: { enabled: true, ...options.quiet } }),
    ],
  );
  await pool.query("/* bench */ analyze users, contacts, notification_settings");
  return people.map(({ id, phone }) => ({ id, phone }));
}
