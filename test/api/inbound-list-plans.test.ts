import { beforeAll, describe, expect, it } from "vitest";
import { listInbound } from "../../db/inbound-list.ts";
import type { InboundFilter } from "../../db/inbound-list.ts";
import type { Actor } from "../../domain/actor.ts";
import { reach } from "../../domain/permissions.ts";
import { useFreshDatabase } from "../support/database.ts";
import { poolStandIn } from "../support/stand-in.ts";

/** Goal and method are those of notifications-list-plans.test.ts. */
const ROWS = 100_000;
const database = useFreshDatabase();

beforeAll(async () => {
  const { pool } = database();
  await pool.query(
    `insert into inbound_messages (id, account_id, device_key, event_key, address, user_id, kind, body, state, received_at)
     select 'inb_' || lpad(i::text, 26, '0'), case when i % 10000 = 0 then 'acc_rare' when i > 90000 then 'acc_former' else 'acc_busy' end, 'dev',
       i::text, '+62' || (81234000000 + i % 1000), 'usr_' || i % 500, 'text', 'siap',
       case when i % 100 = 0 then 'unmatched' when i % 10 = 0 then 'ignored' else 'applied' end, now() - make_interval(secs => i)
     from generate_series(1, $1::integer) i`,
    [ROWS],
  );
  await pool.query("analyze");
}, 120_000);

const READER: Actor = {
  kind: "system",
  keyId: "key_a",
  sender: "test",
  name: "A key",
  scopes: ["messages:read"],
};
const PAST = { order: Date.now() * 1_000 - 50_000_000_000, id: "inb_x" };

describe("invariant 35: the list of what people wrote, at a tenth of a million rows", () => {
  it.each<[string, InboundFilter]>([
    ["what nobody understood", { state: "unmatched" }],
    ["what was understood", { state: "applied" }],
    ["an account that everybody writes to", { state: "applied", accountId: "acc_busy" }],
    ["an account that people wrote to long ago", { state: "applied", accountId: "acc_former" }],
    ["an account that few write to", { state: "unmatched", accountId: "acc_rare" }],
    ["an account that nobody writes to", { state: "applied", accountId: "acc_none" }],
    ["a person", { state: "applied", userId: "usr_77" }],
    ["a time", { state: "applied", from: Date.now() - 5_000_000, to: Date.now() - 4_000_000 }],
  ])(
    "%s: reads no table from end to end, on the first page and deep inside",
    async (_name, filter) => {
      for (const after of [null, PAST]) {
        const { statement, values } = await statementOf(filter, after);
        const { rows } = await database().pool.query<{ "QUERY PLAN": unknown }>(
          `explain (analyze, format json) ${statement}`,
          values,
        );
        const plan = JSON.stringify(rows[0]?.["QUERY PLAN"]);
        expect(plan).not.toMatch(/"Seq Scan"[^}]*?"Relation Name":"inbound_messages"/);
        expect(passedOver(plan), plan).toBeLessThan(ROWS / 20);
      }
    },
  );
});

/** The most rows that one node of the plan read in vain. */
function passedOver(plan: string): number {
  return Math.max(
    0,
    ...[...plan.matchAll(/"Rows Removed by Filter":(\d+)/g)].map(([, rows]) => Number(rows)),
  );
}

/** What the list sends to the database. */
async function statementOf(
  filter: InboundFilter,
  after: { readonly order: number; readonly id: string } | null,
): Promise<{ readonly statement: string; readonly values: unknown[] }> {
  let sent: { readonly statement: string; readonly values: unknown[] } | undefined;
  const listener = {
    query: (statement: string, values: unknown[]) => {
      sent = { statement, values };
      return Promise.resolve({ rows: [] });
    },
  };
  await listInbound(poolStandIn(listener), {
    actor: READER,
    grants: reach(READER, "read_inbound"),
    filter,
    limit: 50,
    after,
  });
  if (sent === undefined) throw new Error("nothing was sent");
  return sent;
}
