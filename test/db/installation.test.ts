import type pg from "pg";
import { beforeAll, describe, expect, test } from "vitest";

import {
  createInstallationCache,
  INSTALLATION,
  INSTALLATION_VERSION,
} from "../../db/installation.ts";
import { loadRequest, loadStored } from "../../db/plan-snapshot.ts";
import type { SnapshotContext } from "../../db/plan-snapshot.ts";
import type { RequestFacts } from "../../domain/plan-snapshot.ts";
import { readRequest } from "../../domain/request-check.ts";
import { assertDefined } from "../support/assert-defined.ts";
import { jakarta } from "../support/plan-snapshot.ts";
import { counting, usePlanning } from "../support/planning.ts";
import type { Planning } from "../support/planning.ts";

const NOON = jakarta("2026-03-02T12:00");

const planning = usePlanning(NOON);
const elsewhere = usePlanning(NOON);

const { raw } = readRequest({ type: "outage", zone: "karawang", assigneeId: "ext:T-1" }, NOON);

/** A process of its own: it keeps what it has read itself. */
interface Process {
  readonly snapshot: (db?: pg.Pool | pg.PoolClient) => Promise<RequestFacts>;
}

function process(at: Planning = planning()): Process {
  const context: SnapshotContext = { ...at.context, installation: createInstallationCache() };
  return {
    snapshot: (db = at.pool) => loadRequest(db, raw, context, { now: NOON, withRoleUp: true }),
  };
}

/** Rolls back what `work` did. */
async function inVain(work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
  const client = await planning().pool.connect();
  try {
    await client.query("begin");
    await work(client);
  } finally {
    await client.query("rollback");
    client.release();
  }
}

async function versionOf(db: pg.Pool | pg.PoolClient): Promise<string> {
  const { rows } = await db.query<{ version: string }>(`select ${INSTALLATION_VERSION} as version`);
  return assertDefined(rows[0]).version;
}

beforeAll(async () => {
  const { pool, changeSettings } = planning();
  // Their quiet hours ask for holidays, and the texts for templates of the vendor.
  await changeSettings("T-1", { quietHours: { days: ["mon", "holiday"] } });
  await pool.query(
    `update templates set provider_template = '{"name": "gangguan", "status": "approved"}' where type = 'outage'`,
  );
});

const ACCOUNT =
  "id = (select id from provider_accounts where provider = 'meta' order by id limit 1)";
const CHANGES: readonly (readonly [what: string, statement: string])[] = [
  ["a zone", "update zones set time_zone = 'Asia/Makassar' where code = 'karawang'"],
  ["a holiday", "insert into holidays (date, zone, name) values ('2026-03-19', '*', 'Nyepi')"],
  ["a type", "update notification_types set priority = 'low' where code = 'outage'"],
  [
    "a rule",
    "update notification_group_rules set enabled = false where notification_type = 'outage'",
  ],
  ["a policy", "update escalation_policies set name = name || ' 2'"],
  ["a policy's version", `update escalation_policy_versions set rules = rules || '{"passes": 9}'`],
  ["a text", "update templates set body = 'Gangguan.' where type = 'outage'"],
  [
    "a vendor's template",
    `insert into provider_templates (account_id, name, language_code, state, state_since, synced_at)
     select id, 'gangguan', 'id', 'rejected', now(), now() from provider_accounts where provider = 'meta'`,
  ],
  [
    "a price",
    `insert into price_book (id, account_id, unit, amount, valid_from)
     select 'price_' || id, id, 'message', 1, now() - interval '1 hour' from provider_accounts where provider = 'meta'`,
  ],
  ["a group", "update whatsapp_groups set is_active = false, version = version + 1"],
  ["a group's proof", "delete from provider_account_groups"],
  [
    "a new account",
    `insert into provider_accounts (id, provider, channel, name, sender, device_key, credentials_encrypted, pacing, receipt_deadline_seconds, webhook_token_encrypted)
     values ('acc_new', 'fonnte', 'whatsapp_personal', 'x', 'x', 'x', '', '{}', 60, '')`,
  ],
  ["an account's health", `update provider_accounts set health_state = 'out' where ${ACCOUNT}`],
  ["an account's sender", `update provider_accounts set device_key = 'another' where ${ACCOUNT}`],
  ["an account's place", "update provider_accounts set position = 10 - position"],
  [
    "an account's pace",
    `update provider_accounts set pacing = '{"perSecond": 3}' where ${ACCOUNT}`,
  ],
  ["an account switched off", `update provider_accounts set enabled = false where ${ACCOUNT}`],
];

describe.each(CHANGES)("a change of %s", (_what, statement) => {
  test("is in the next snapshot of its own transaction, and in none of others before it is committed", async () => {
    const [own, other] = [process(), process()];
    const before = await other.snapshot();
    await own.snapshot();
    await inVain(async (client) => {
      await client.query(statement);
      const changed = await own.snapshot(client);
      expect(changed).not.toEqual(before);
      expect(changed).toEqual(await process().snapshot(client));
      expect(await other.snapshot()).toEqual(before);
    });
    expect(await own.snapshot()).toEqual(before);
    expect(await other.snapshot()).toEqual(before);
  });
});

test("a committed change is in the next snapshot of every process, and so is its end", async () => {
  const { pool } = planning();
  const processes = [process(), process()];
  const zoneNames = () =>
    Promise.all(processes.map(async (one) => (await one.snapshot()).texts.zone?.name));
  expect(await zoneNames()).toEqual(["Karawang", "Karawang"]);
  await pool.query("update zones set name = 'Karawang Barat' where code = 'karawang'");
  expect(await zoneNames()).toEqual(["Karawang Barat", "Karawang Barat"]);
  await pool.query("update zones set name = 'Karawang' where code = 'karawang'");
  expect(await zoneNames()).toEqual(["Karawang", "Karawang"]);
});

test("two databases share nothing, even where one process asks of both", async () => {
  const { pool, context } = planning();
  await elsewhere().pool.query("update zones set name = 'Elsewhere' where code = 'karawang'");
  const nameIn = async (db: pg.Pool) =>
    (await loadRequest(db, raw, context, { now: NOON })).texts.zone?.name;
  expect(await nameIn(pool)).toBe("Karawang");
  expect(await nameIn(elsewhere().pool)).toBe("Elsewhere");
  expect(await nameIn(pool)).toBe("Karawang");
});

test("a lost version is never taken for a kept one", async () => {
  const own = process();
  await own.snapshot();
  await inVain(async (client) => {
    await client.query("delete from installation_versions");
    await client.query("alter table zones disable trigger zones_installation");
    await client.query("update zones set name = 'One' where code = 'karawang'");
    expect((await own.snapshot(client)).texts.zone?.name).toBe("One");
    await client.query("update zones set name = 'Two' where code = 'karawang'");
    expect((await own.snapshot(client)).texts.zone?.name).toBe("Two");
  });
});

describe("statements of a snapshot", () => {
  const cost = async (work: (pool: pg.Pool) => Promise<unknown>): Promise<number> => {
    const counted = counting(planning().pool);
    await work(counted.pool);
    return counted.count();
  };

  test("are one, two after a change, one again", async () => {
    const own = process();
    await own.snapshot();
    expect(await cost(own.snapshot)).toBe(1);
    await planning().pool.query("update zones set name = name");
    expect(await cost(own.snapshot)).toBe(2);
    expect(await cost(own.snapshot)).toBe(1);
  });

  test("are one for a stored notification by its workflow's id, two where its id doesn't tell the type", async () => {
    const { context, accept } = planning();
    const { id, workflowId } = await accept({
      type: "outage",
      zone: "karawang",
      data: { location: "x" },
    });
    const options = { now: NOON, withRoleUp: true };
    await loadStored(planning().pool, workflowId, context, options);
    expect(await cost((pool) => loadStored(pool, workflowId, context, options))).toBe(1);
    expect(await cost((pool) => loadStored(pool, id, context, options))).toBe(2);
  });
});

describe("the version", () => {
  test("changes with every table and column that the installation is read from", async () => {
    const tables = new Set(
      [...INSTALLATION.matchAll(/\b(?:from|join) ([a-z_]+)(?![a-z_.])/g)].map(([, table]) => table),
    );
    const { rows } = await planning().pool.query<{ table: string; definition: string }>(
      `select tgrelid::regclass::text as table, pg_get_triggerdef(oid) as definition from pg_trigger
       where tgfoid = 'change_installation_version'::regproc`,
    );
    const watched = new Set(rows.map(({ table }) => table));
    expect([...tables].filter((table) => !watched.has(assertDefined(table)))).toEqual([]);

    const definitions = (table: string) =>
      rows.filter((row) => row.table === table).map(({ definition }) => definition);
    for (const table of watched) {
      const events = definitions(table).join(" ");
      for (const event of ["INSERT", "UPDATE", "DELETE", "TRUNCATE"]) {
        expect(events, table).toContain(event);
      }
    }
    const accountColumns = new Set(
      [...INSTALLATION.matchAll(/\ba\.([a-z_]+)/g)].map(([, column]) => column),
    );
    const compared = definitions("provider_accounts").join(" ");
    const unseen = [...accountColumns].filter(
      (column) => !new RegExp(`\\bold\\."?${assertDefined(column)}\\b`, "i").test(compared),
    );
    // Its key, which no row changes.
    expect(unseen).toEqual(["id"]);
  });

  test.each([
    ["a count of failures", "consecutive_failures = consecutive_failures + 1"],
    ["a probe", "probed_at = now()"],
    ["the same health again", "health_state = health_state, health_since = now()"],
  ])("stays at %s", async (_what, change) => {
    const { pool } = planning();
    const before = await versionOf(pool);
    await pool.query(`update provider_accounts set ${change}`);
    expect(await versionOf(pool)).toBe(before);
  });

  test("lets changes meet in any order of tables, and none waits for another", async () => {
    const { pool } = planning();
    const [one, other] = [await pool.connect(), await pool.connect()];
    const before = await versionOf(pool);
    try {
      for (const client of [one, other]) {
        await client.query("begin");
        // Whoever waited for the other would end here.
        await client.query("set local lock_timeout = '2s'");
      }
      await one.query("update zones set name = name where code = 'karawang'");
      await other.query("update holidays set name = name");
      await one.query("update holidays set name = name where date = '1990-01-01'");
      await other.query("update zones set name = name where code = 'bekasi'");
      const [mine, theirs] = [await versionOf(one), await versionOf(other)];
      await one.query("commit");
      await other.query("commit");
      const both = await versionOf(pool);
      expect(new Set([before, mine, theirs, both]).size).toBe(4);
      await pool.query("update zones set name = name");
      expect((await versionOf(pool)).split(" ")).toHaveLength(1);
    } finally {
      one.release();
      other.release();
    }
  });
});

test("under changes that meet, commit or come to nothing, a snapshot is of one moment and no version has two contents", async () => {
  const { pool, idOf } = planning();
  const person = idOf("T-1");
  const WRITERS = 4;
  const TURNS = 25;
  let isOver = false;
  const turn = async (writer: number, number: number): Promise<void> => {
    const client = await pool.connect();
    const mark = `${writer}-${number}`;
    try {
      await client.query("begin");
      // Those who write here alone meet nobody: their version stands beside the others'.
      await client.query(
        `insert into holidays (date, zone, name) values ('2026-05-01', $1, $2) on conflict (zone, date) do update set name = excluded.name`,
        [`w${writer}`, mark],
      );
      if (number % 2 === 0) {
        // A part that is kept, before and behind one that is read each time.
        await client.query("update users set name = $2 where id = $1", [person, mark]);
        await client.query("update zones set name = $1 where code = 'karawang'", [mark]);
        await client.query("update notification_types set name_id = $1 where code = 'outage'", [
          mark,
        ]);
      }
      await client.query(number % 3 === 0 ? "rollback" : "commit");
    } finally {
      client.release();
    }
  };
  const write = async (writer: number): Promise<void> => {
    for (let number = 1; number <= TURNS; number += 1) await turn(writer, number);
  };
  const torn: unknown[] = [];
  const seen = new Set<string>();
  const read = async (): Promise<void> => {
    const own = process();
    while (!isOver) {
      const { texts } = await own.snapshot();
      const names = [texts.assigneeName, texts.zone?.name, texts.typeNames?.id];
      if (new Set(names).size > 1) torn.push(names);
      seen.add(names.join());
    }
  };
  const contents = new Map<string, Set<string>>();
  const compare = async (): Promise<void> => {
    while (!isOver) {
      const { rows } = await pool.query<{ version: string; content: unknown }>(
        `select ${INSTALLATION_VERSION} as version, ${INSTALLATION} as content`,
      );
      const { version, content } = assertDefined(rows[0]);
      contents.set(version, (contents.get(version) ?? new Set()).add(JSON.stringify(content)));
    }
  };
  await pool.query("update users set name = 'same' where id = $1", [person]);
  await pool.query("update zones set name = 'same' where code = 'karawang'");
  await pool.query("update notification_types set name_id = 'same' where code = 'outage'");
  const readers = [read(), read(), compare()];
  await Promise.all(Array.from({ length: WRITERS }, (_, index) => write(index)));
  isOver = true;
  await Promise.all(readers);
  expect(torn).toEqual([]);
  expect([...contents].filter(([, texts]) => texts.size > 1)).toEqual([]);
  // The readers did see changes come.
  expect(seen.size).toBeGreaterThan(3);
});
