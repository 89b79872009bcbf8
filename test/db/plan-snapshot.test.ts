import type pg from "pg";
import { beforeAll, expect, test } from "vitest";

import { loadRequest, loadStored } from "../../db/plan-snapshot.ts";
import { savePlan } from "../../db/plans.ts";
import { planRun } from "../../domain/planner.ts";
import { readRequest, snapshotOfStored } from "../../domain/request-check.ts";
import { assertDefined } from "../support/assert-defined.ts";
import { jakarta } from "../support/plan-snapshot.ts";
import { RUN, usePlanning } from "../support/planning.ts";

const NOON = jakarta("2026-03-02T12:00");
/** Enough that reading the whole table costs the planner of PostgreSQL more than any index. */
const CROWD = 60_000;
const LARGE = [
  "users",
  "contacts",
  "notifications",
  "tickets",
  "deliveries",
  "notification_targets",
  "acts",
];

const planning = usePlanning(NOON);

beforeAll(async () => {
  const { pool } = planning();
  await pool.query(
    `insert into users (id, external_id, role, zones)
     select 'usr_crowd' || n, 'CROWD-' || n, 'customer', array['bekasi'] from generate_series(1, $1::int) n`,
    [CROWD],
  );
  await pool.query(
    `insert into contacts (id, user_id, kind, value) select 'con_crowd' || n, 'usr_crowd' || n, 'phone', '+999' || n from generate_series(1, $1::int) n`,
    [CROWD],
  );
  await pool.query(
    `insert into tickets (id, zone) select 'CROWD-' || n, 'bekasi' from generate_series(1, $1::int) n`,
    [CROWD],
  );
  await pool.query(
    `insert into notifications (id, ref, workflow_id, sender, body_hash, type, priority, policy_id, policy_version)
     select 'ntf_crowd' || n, 'ntf_crowd' || n, 'notification/x/' || n, 'crowd', '\\x00', 'outage', 'low', 'pol_x', 1 from generate_series(1, $1::int) n`,
    [CROWD],
  );
  await pool.query(
    `insert into notification_targets (notification_id, target, kind, user_id)
     select 'ntf_crowd' || n, 'usr_crowd' || n, 'person', 'usr_crowd' || n from generate_series(1, $1::int) n`,
    [CROWD],
  );
  await pool.query(
    `insert into deliveries (id, notification_id, pass, step, target, channel, attempt, hand_over, status)
     select 'dlv_crowd' || n, 'ntf_crowd' || n, 1, 1, 'usr_crowd' || n, 'sms', 1, 0, 'accepted' from generate_series(1, $1::int) n`,
    [CROWD],
  );
  await pool.query(
    `insert into acts (id, notification_id, kind, by, via) select 'act_crowd' || n, 'ntf_crowd' || n, 'escalate', '{}', 'api' from generate_series(1, $1::int) n`,
    [CROWD],
  );
  await pool.query(`analyze ${LARGE.join(", ")}`);
});

/** The large tables that `work` read from one end to the other. */
async function wholeReads(
  work: (client: pg.PoolClient) => Promise<unknown>,
): Promise<readonly string[]> {
  const client = await planning().pool.connect();
  const scans = async (): Promise<ReadonlyMap<string, number>> => {
    await client.query("select pg_stat_force_next_flush()");
    await client.query("select pg_stat_clear_snapshot()");
    const { rows } = await client.query<{ relname: string; seq_scan: number }>(
      "select relname, seq_scan from pg_stat_user_tables where relname = any($1)",
      [LARGE],
    );
    return new Map(rows.map(({ relname, seq_scan }) => [relname, seq_scan]));
  };
  try {
    const before = await scans();
    // From the sixth execution on PostgreSQL may use one plan for all parameters.
    for (let turn = 0; turn < 7; turn += 1) await work(client);
    const after = await scans();
    return LARGE.filter(
      (table) => assertDefined(after.get(table)) > assertDefined(before.get(table)),
    );
  } finally {
    client.release();
  }
}

test("the counter of whole reads sees one", async () => {
  expect(await wholeReads((client) => client.query("select count(name) from users"))).toEqual([
    "users",
  ]);
});

test("checking a request reads no large table whole", async () => {
  const { context } = planning();
  const { raw } = readRequest(
    {
      type: "ticket_urgent",
      zone: "karawang",
      ticketId: "TKT-1042",
      assigneeId: "ext:T-1",
      recipients: { userIds: ["ext:CROWD-7"], roles: ["supervisor"], phones: ["+6281234000001"] },
    },
    NOON,
  );
  expect(await wholeReads((client) => loadRequest(client, raw, context, { now: NOON }))).toEqual(
    [],
  );
});

test("planning reads no large table whole, neither loading nor saving", async () => {
  const { context, accept } = planning();
  const stored = await accept({ type: "ticket_urgent", ticketId: "TKT-1042" });
  const reads = await wholeReads(async (client) => {
    const found = assertDefined(
      await loadStored(client, stored.workflowId, context, { now: NOON, withRoleUp: true }),
    );
    const snapshot = assertDefined(snapshotOfStored(found.facts));
    await savePlan(client, {
      notificationId: stored.id,
      runId: RUN,
      snapshot,
      planned: planRun(snapshot, NOON),
      isStopped: false,
      hasActs: false,
      inbox: [],
      at: NOON,
    });
  });
  expect(reads).toEqual([]);
});
