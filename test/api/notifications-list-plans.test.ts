import { beforeAll, describe, expect, it } from "vitest";
import { listNotifications } from "../../db/notification-list.ts";
import type { NotificationFilter } from "../../db/notification-list.ts";
import type { Actor } from "../../domain/actor.ts";
import { reach } from "../../domain/permissions.ts";
import { useFreshDatabase } from "../support/database.ts";
import { insertUser } from "../support/rows.ts";
import { poolStandIn } from "../support/stand-in.ts";
import { seedWords } from "./harness.ts";

/**
 * Goal: no filter of the list reads the whole table, with the planner's default settings. Method: a tenth of a million
 * rows of a plausible mixture, ANALYZE, then the statement that the list really sends, explained.
 */
const ROWS = 100_000;
const database = useFreshDatabase();
let userId = "";

beforeAll(async () => {
  const { pool } = database();
  await seedWords(pool);
  userId = (await insertUser(pool, { role: "technician" })).id;
  await pool.query(
    `insert into notifications (id, ref, workflow_id, sender, body_hash, type, priority, zone, ticket_id, assignee_id, data, policy_id,
       policy_version, accepted_at, status, outcome, settled_at)
     select 'ntf_' || lpad(i::text, 26, '0'), 'ref' || i, 'wf' || i, 'test', '\\x00',
       (array['outage', 'ticket_urgent', 'service_update', 'promotion'])[1 + i % 4], (array['critical', 'high', 'medium', 'low'])[1 + i % 4],
       (array['karawang', 'bekasi'])[1 + i % 2], 'TKT-' || i % 20000, case when i % 5000 = 0 then $1 end,
       jsonb_build_object('location', 'POP ' || md5((i % 3000)::text)), 'pol_a', 1,
       now() - make_interval(secs => i), case when i <= 50 then 'waiting' else 'settled' end,
       case when i > 50 then (array['acknowledged', 'sent', 'delivered', 'exhausted'])[1 + (i / 7) % 4] end,
       case when i > 50 then now() end
     from generate_series(1, $2::integer) i`,
    [userId, ROWS],
  );
  await pool.query(
    `insert into notification_targets (notification_id, target, kind, user_id)
     select 'ntf_' || lpad(i::text, 26, '0'), case when i % 4000 = 0 then $1 else 'usr_' || i end, 'person', case when i % 4000 = 0 then $1 else 'usr_' || i end
     from generate_series(1, $2::integer) i`,
    [userId, ROWS],
  );
  await pool.query("analyze");
}, 120_000);

const ADMIN: Actor = {
  kind: "system",
  keyId: "key_a",
  sender: "test",
  name: "A key",
  scopes: ["admin"],
};
const person = (role: "supervisor" | "customer_service" | "technician"): Actor => ({
  kind: "user",
  userId,
  role,
  zones: ["bekasi"],
  name: null,
  sender: "test",
  keyId: null,
});
const PAST = { order: Date.now() * 1_000 - 50_000_000_000, id: "ntf_x" };

it("sees a table that is read from end to end", async () => {
  const { rows } = await database().pool.query<{ "QUERY PLAN": unknown }>(
    "explain (format json) select from notifications where rating = 1",
  );
  expect(tablesReadWhole(rows[0]?.["QUERY PLAN"])).toEqual(["notifications"]);
});

describe("invariant 35: the list of notifications, at a tenth of a million rows", () => {
  it.each<[string, NotificationFilter, () => Actor]>([
    ["everything", {}, () => ADMIN],
    ["open ones", { open: true }, () => ADMIN],
    ["settled ones", { open: false }, () => ADMIN],
    ["a status that is rare", { status: "waiting" }, () => ADMIN],
    ["a status that is common", { status: "settled" }, () => ADMIN],
    ["a status that none has", { status: "holding" }, () => ADMIN],
    ["an outcome", { outcome: "exhausted" }, () => ADMIN],
    ["an outcome that none has", { outcome: "rejected" }, () => ADMIN],
    ["a type", { type: "promotion" }, () => ADMIN],
    ["a type that none has", { type: "otp" }, () => ADMIN],
    ["a priority", { priority: "critical" }, () => ADMIN],
    ["a zone", { zone: "bekasi" }, () => ADMIN],
    ["a ticket", { ticketId: "TKT-77" }, () => ADMIN],
    ["a user", { userId: "usr_77" }, () => ADMIN],
    ["a user by external id", { userId: "ext:T-1" }, () => ADMIN],
    ["a time", { from: Date.now() - 5_000_000, to: Date.now() - 4_000_000 }, () => ADMIN],
    ["words that are rare", { q: "TKT-77" }, () => ADMIN],
    ["words that none has", { q: "nowhere" }, () => ADMIN],
    ["several", { type: "outage", zone: "karawang", open: false }, () => ADMIN],
    ["a supervisor's", {}, () => person("supervisor")],
    ["customer service's", {}, () => person("customer_service")],
    ["a technician's", {}, () => person("technician")],
    ["a technician's words", { q: "POP" }, () => person("technician")],
  ])(
    "%s: reads no table from end to end, on the first page and deep inside",
    async (_name, filter, actor) => {
      for (const after of [null, PAST]) {
        const { statement, values } = await statementOf(filter, actor(), after);
        const { rows } = await database().pool.query<{ "QUERY PLAN": unknown }>(
          `explain (analyze, format json) ${statement}`,
          values,
        );
        const plan = JSON.stringify(rows[0]?.["QUERY PLAN"]);
        expect(tablesReadWhole(rows[0]?.["QUERY PLAN"]), plan).toEqual([]);
        const tookMs = Number(/"Execution Time":([\d.]+)/.exec(plan)?.[1]);
        expect(tookMs).toBeLessThan(200);
      }
    },
  );
});

/** Of the tables that grow. */
function tablesReadWhole(plan: unknown): readonly string[] {
  const text = JSON.stringify(plan);
  return [...text.matchAll(/"Seq Scan"[^}]*?"Relation Name":"(\w+)"/g)]
    .map(([, table = ""]) => table)
    .filter((table) => table === "notifications" || table === "notification_targets");
}

/** What the list sends to the database. */
async function statementOf(
  filter: NotificationFilter,
  actor: Actor,
  after: { readonly order: number; readonly id: string } | null,
): Promise<{ readonly statement: string; readonly values: unknown[] }> {
  let sent: { readonly statement: string; readonly values: unknown[] } | undefined;
  const listener = {
    query: async (statement: string, values: unknown[]) => {
      sent = { statement, values };
      return { rows: [] };
    },
  };
  await listNotifications(poolStandIn(listener), {
    actor,
    grants: reach(actor, "see_notification"),
    filter,
    limit: 50,
    after,
  });
  if (sent === undefined) throw new Error("nothing was sent");
  return sent;
}
