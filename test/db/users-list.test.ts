import type pg from "pg";
import { beforeAll, describe, expect, it } from "vitest";
import { listUsers } from "../../db/users.ts";
import type { UserFilter } from "../../db/users.ts";
import type { Actor } from "../../domain/actor.ts";
import { reach } from "../../domain/permissions.ts";
import { useFreshDatabase } from "../support/database.ts";
import { poolStandIn } from "../support/stand-in.ts";

const database = useFreshDatabase();

/** A tenth of the million that the invariant speaks of: nearly all of them customers. */
const CUSTOMERS = 100_000;

const ADMIN: Actor = {
  kind: "user",
  userId: "usr_admin",
  role: "admin",
  zones: [],
  name: null,
  sender: "user",
  keyId: null,
};
const SUPERVISOR: Actor = { ...ADMIN, userId: "usr_s", role: "supervisor", zones: ["karawang"] };

beforeAll(async () => {
  const { pool } = database();
  await pool.query(
    `insert into users (id, external_id, name, role, zones, is_active, created_at)
     select 'usr_' || lpad(n::text, 10, '0'), 'C-' || n, 'Contoh ' || n,
       case when n % 1000 = 0 then 'technician' else 'customer' end,
       case when n % 500 = 0 then '{karawang}'::text[] else '{}' end,
       n % 700 <> 0, timestamptz '2025-01-01' + n * interval '1 second'
     from generate_series(1, $1::int) n`,
    [CUSTOMERS],
  );
  await pool.query(
    `insert into contacts (id, user_id, kind, value)
     select 'con_' || u.id, u.id, 'phone', u.id from users u`,
  );
  await pool.query("vacuum analyze users");
  await pool.query("analyze contacts");
});

/** A pool that explains what it is asked instead of answering; the plans, as text. */
function explaining(): { readonly pool: pg.Pool; readonly plans: string[] } {
  const plans: string[] = [];
  const pool = {
    query: async (text: string, values: readonly unknown[]) => {
      const { rows } = await database().pool.query<{ "QUERY PLAN": string }>(`explain ${text}`, [
        ...values,
      ]);
      plans.push(rows.map((row) => row["QUERY PLAN"]).join("\n"));
      return { rows: [] };
    },
  };
  return { pool: poolStandIn(pool), plans };
}

describe("invariant 35: the list of users", () => {
  it.each([
    { who: ADMIN, filter: {}, reason: "the newest" },
    { who: ADMIN, filter: { role: "technician" }, reason: "by role" },
    { who: ADMIN, filter: { role: "customer", isActive: true }, reason: "by role and state" },
    { who: ADMIN, filter: { zone: "karawang" }, reason: "by zone" },
    { who: ADMIN, filter: { isActive: false }, reason: "switched off" },
    { who: ADMIN, filter: { q: "nobody" }, reason: "by a name that nobody has" },
    { who: ADMIN, filter: { q: "C-77" }, reason: "by external id" },
    { who: ADMIN, filter: { q: "usr_0000000077", contact: "x" }, reason: "by number" },
    { who: SUPERVISOR, filter: {}, reason: "of a supervisor's zones" },
    { who: SUPERVISOR, filter: { q: "nobody" }, reason: "of a supervisor's zones, by name" },
  ] satisfies readonly { who: Actor; filter: UserFilter; reason: string }[])(
    "reads no table from end to end: $reason",
    async ({ who, filter }) => {
      for (const after of [null, { order: 1_735_700_000_000_000, id: "usr_0000050000" }]) {
        const { pool, plans } = explaining();
        await listUsers(pool, {
          actor: who,
          grants: reach(who, "read_users"),
          filter,
          limit: 50,
          after,
        });
        expect(plans).toHaveLength(1);
        expect(plans[0]).not.toContain("Seq Scan");
      }
    },
  );

  it("finds by beginnings of words, whatever their case, and takes signs for spaces", async () => {
    const find = async (q: string) =>
      (
        await listUsers(database().pool, {
          actor: ADMIN,
          grants: reach(ADMIN, "read_users"),
          filter: { q },
          limit: 5,
          after: null,
        })
      ).items.map(({ name }) => name);
    expect(await find("CONT 9999")).toEqual(
      [99_999, 99_998, 99_997, 99_996, 99_995].map((n) => `Contoh ${n}`),
    );
    expect(await find("contoh-77")).toEqual(expect.arrayContaining(["Contoh 77999"]));
    expect(await find("ontoh")).toEqual([]);
    for (const odd of ["&", "!", "'", "a & !", "\\", ":*", "(", "%", " "]) {
      expect(await find(odd), odd).toEqual([]);
    }
  });
});
