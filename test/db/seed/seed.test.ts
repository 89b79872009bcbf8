import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { openCredentials, openWebhookToken } from "../../../db/sealed-secret.ts";
import { ACCOUNTS, makeSimulatedCredentials } from "../../../db/seed/accounts.ts";
import type { SimulatedVendorAccess } from "../../../db/seed/accounts.ts";
import { RULES } from "../../../db/seed/rules.ts";
import { accountIdOf, seed } from "../../../db/seed/seed.ts";
import { simulatedWorld } from "../../../db/seed/simulated-world.ts";
import { TEMPLATES } from "../../../db/seed/templates.ts";
import { TYPES } from "../../../db/seed/types.ts";
import { accountSchema } from "../../../providers/simulated/world.ts";
import { environmentWith } from "../../../runtime/env.ts";
import { freshDatabase } from "../../support/database.ts";
import type { FreshDatabase } from "../../support/database.ts";

const NOW = Date.UTC(2025, 9, 15, 3);
const KEY = randomBytes(32);
const ACCESS: SimulatedVendorAccess = {
  baseUrls: {
    fonnte: "http://localhost:4010/fonnte",
    meta: "http://localhost:4010/meta",
    twilio: "http://localhost:4010/twilio",
    smtp: "smtp://localhost:4025",
    "web-push": "http://localhost:4010/web-push",
    fcm: "http://localhost:4010/fcm",
  },
  credentials: makeSimulatedCredentials(randomBytes),
};

const TABLES = [
  "zones",
  "escalation_policies",
  "escalation_policy_versions",
  "notification_types",
  "notification_group_rules",
  "templates",
  "reply_words",
  "whatsapp_groups",
  "users",
  "contacts",
  "whatsapp_group_members",
  "tickets",
  "provider_accounts",
  "provider_account_groups",
  "price_book",
] as const;

async function withDatabase(work: (database: FreshDatabase) => Promise<void>): Promise<void> {
  const database = await freshDatabase();
  try {
    await work(database);
  } finally {
    await database.drop();
  }
}

function seedSimulated({ pool }: FreshDatabase, changes: Partial<SimulatedVendorAccess> = {}) {
  return seed(pool, { simulated: { ...ACCESS, ...changes }, secretKey: KEY, now: NOW });
}

async function contents({ pool }: FreshDatabase): Promise<Readonly<Record<string, unknown>>> {
  const tables: Record<string, unknown> = {};
  for (const table of TABLES) {
    const { rows } = await pool.query<{ row: unknown }>(
      `select to_jsonb(t) as row from ${table} t order by to_jsonb(t)::text`,
    );
    tables[table] = rows.map(({ row }) => row);
  }
  return tables;
}

async function count({ pool }: FreshDatabase, table: (typeof TABLES)[number]): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(`select count(*) as n from ${table}`);
  return rows[0]?.n ?? -1;
}

describe("seeding an installation with real vendors", () => {
  it("adds master data and nothing that is invented", async () => {
    await withDatabase(async (database) => {
      const { accounts } = await seed(database.pool, {
        simulated: null,
        secretKey: new Uint8Array(),
        now: NOW,
      });
      expect(accounts).toEqual([]);
      expect(await count(database, "zones")).toBe(6);
      expect(await count(database, "escalation_policies")).toBe(9);
      expect(await count(database, "notification_types")).toBe(TYPES.length);
      expect(await count(database, "notification_group_rules")).toBe(RULES.length);
      expect(await count(database, "templates")).toBe(TEMPLATES.length);
      for (const table of ["users", "whatsapp_groups", "tickets", "provider_accounts"] as const) {
        expect(await count(database, table)).toBe(0);
      }
    });
  });

  it("claims no approval of Meta's that nobody has given", async () => {
    await withDatabase(async ({ pool }) => {
      await seed(pool, { simulated: null, secretKey: new Uint8Array(), now: NOW });
      const { rows } = await pool.query(
        "select from templates where provider_template ->> 'name' is not null or provider_template ->> 'status' is not null",
      );
      expect(rows).toHaveLength(0);
    });
  });
});

describe("seeding an installation with simulated vendors", () => {
  it("adds the whole operation, tied together", async () => {
    await withDatabase(async (database) => {
      await seedSimulated(database);
      expect(await count(database, "whatsapp_groups")).toBe(10);
      expect(await count(database, "provider_accounts")).toBe(10);
      expect(await count(database, "provider_account_groups")).toBe(20);
      expect(await count(database, "tickets")).toBe(12);
      const { rows } = await database.pool.query(
        `select t.id, a.external_id as assignee, c.external_id as customer, t.deadline_at
           from tickets t join users a on a.id = t.assignee_id join users c on c.id = t.customer_id
           where t.id = 'TKT-1042'`,
      );
      expect(rows).toEqual([
        {
          id: "TKT-1042",
          assignee: "T-1",
          customer: "C-1",
          deadline_at: new Date(NOW + 3 * 3_600_000),
        },
      ]);
      const { rows: members } = await database.pool.query(
        `select u.external_id from whatsapp_group_members m join users u on u.id = m.user_id
           join whatsapp_groups g on g.id = m.group_id where g.name = 'Teknisi Karawang' order by 1`,
      );
      expect(members).toEqual(["T-1", "T-2", "T-3"].map((external_id) => ({ external_id })));
    });
  });

  it("gives one default policy to each priority, and the named ones to their types", async () => {
    await withDatabase(async (database) => {
      await seedSimulated(database);
      const { rows } = await database.pool.query(
        "select priority, code from escalation_policies where is_default order by 1",
      );
      expect(rows).toEqual(
        ["critical", "high", "low", "medium"].map((code) => ({ priority: code, code })),
      );
      const { rows: named } = await database.pool.query(
        `select t.code as type, p.code as policy from notification_types t
           join escalation_policies p on p.id = t.policy_id order by 1`,
      );
      expect(named).toEqual([
        { type: "new_ticket", policy: "claim" },
        { type: "operator_notice", policy: "notice" },
        { type: "otp", policy: "otp" },
        { type: "test_message", policy: "test" },
        { type: "ticket_assigned", policy: "assignment" },
      ]);
    });
  });

  it("stores secrets sealed, so that only the key of the installation opens them", async () => {
    await withDatabase(async (database) => {
      const { accounts } = await seedSimulated(database);
      expect(accounts.map(({ id }) => id).sort()).toEqual(ACCOUNTS.map(accountIdOf).sort());
      const { rows } = await database.pool.query<{
        id: string;
        credentials_encrypted: Buffer;
        webhook_token_encrypted: Buffer;
      }>("select id, credentials_encrypted, webhook_token_encrypted from provider_accounts");
      for (const row of rows) {
        const account = accounts.find(({ id }) => id === row.id);
        expect(openCredentials(row.credentials_encrypted, KEY, row.id)).toEqual(
          account && ACCESS.credentials[account.credentials],
        );
        expect(openWebhookToken(row.webhook_token_encrypted, KEY, row.id)).toBe(
          account?.webhookToken,
        );
      }
      expect(new Set(accounts.map(({ webhookToken }) => webhookToken)).size).toBe(accounts.length);
    });
  });

  it("describes the same accounts and groups to the simulated vendors, in their own form", async () => {
    await withDatabase(async (database) => {
      const { accounts } = await seedSimulated(database);
      const world = simulatedWorld(ACCESS, accounts, "http://localhost:3000");
      for (const account of world.accounts) {
        const parsed = accountSchema.parse(account);
        if (["smtp", "web-push", "fcm"].includes(parsed.vendor)) {
          expect(parsed.webhookUrl, "it reports nothing").toBeNull();
          continue;
        }
        expect(parsed.webhookUrl).toMatch(
          /^http:\/\/localhost:3000\/webhooks\/[a-z-]+\/acc_\w+\//u,
        );
      }
      expect(world.groups).toHaveLength(10);
      expect(world.groups[0]?.members).toEqual([
        "+6281234000001",
        "+6281234000002",
        "+6281234000003",
      ]);
      const vendors = new Set(
        world.accounts.map(({ vendor, sender }) => `${vendor}:${sender.slice(1)}`),
      );
      for (const group of world.groups) {
        for (const account of group.accounts) expect(vendors).toContain(account);
      }
    });
  });
});

describe("seeding again", () => {
  it("changes nothing", async () => {
    await withDatabase(async (database) => {
      const first = await seedSimulated(database);
      const before = await contents(database);
      const second = await seedSimulated(database);
      expect(await contents(database)).toEqual(before);
      expect(second.added).toEqual({});
      expect(second.accounts).toEqual(first.accounts);
    });
  });

  it("leaves what an administrator edited and does not bring back what was deleted", async () => {
    await withDatabase(async (database) => {
      await seedSimulated(database);
      const { pool } = database;
      await pool.query("update zones set name = 'Karawang Raya' where code = 'karawang'");
      await pool.query("update notification_types set priority = 'low' where code = 'outage'");
      await pool.query("delete from notification_group_rules where notification_type = 'outage'");
      await pool.query("delete from reply_words where word = 'siap'");
      await pool.query(
        "update users set name = 'Ganti', is_active = false where external_id = 'T-1'",
      );
      await pool.query("delete from contacts where value = '+6281234000002'");
      await pool.query("delete from whatsapp_group_members where phone_number = '+6281234000003'");
      await pool.query(
        "update provider_accounts set enabled = false, pacing = '{}' where provider = 'meta'",
      );
      await pool.query("delete from provider_account_groups");
      await pool.query("update escalation_policies set name = 'darurat' where code = 'critical'");
      await pool.query(
        `insert into templates (id, version, type, channel, locale, body, is_current)
           select id, 2, type, channel, locale, 'baru', false from templates where type = 'welcome' and locale = 'id'`,
      );
      await pool.query(
        "update templates set is_current = (version = 2) where type = 'welcome' and locale = 'id' and version = 1",
      );
      await pool.query(
        "update templates set is_current = true where type = 'welcome' and locale = 'id' and version = 2",
      );
      const before = await contents(database);
      expect((await seedSimulated(database)).added).toEqual({});
      expect(await contents(database)).toEqual(before);
    });
  });

  it("lets simulated accounts follow their vendors to another address, and keeps all else", async () => {
    await withDatabase(async (database) => {
      const first = await seedSimulated(database);
      await database.pool.query(
        "update provider_accounts set name = 'Nama lain' where provider = 'meta'",
      );
      const baseUrls = { ...ACCESS.baseUrls, meta: "http://localhost:5020/meta" };
      const second = await seedSimulated(database, { baseUrls });
      expect(second.accounts).toEqual(first.accounts);
      const { rows } = await database.pool.query(
        "select provider, name, base_url, version from provider_accounts where version > 1",
      );
      expect(rows).toEqual([
        { provider: "meta", name: "Nama lain", base_url: baseUrls.meta, version: 2 },
      ]);
    });
  });

  it("seals secrets anew when the installation has another key", async () => {
    await withDatabase(async (database) => {
      await seedSimulated(database);
      const key = randomBytes(32);
      const { accounts } = await seed(database.pool, {
        simulated: ACCESS,
        secretKey: key,
        now: NOW,
      });
      const { rows } = await database.pool.query<{ id: string; webhook_token_encrypted: Buffer }>(
        "select id, webhook_token_encrypted from provider_accounts",
      );
      for (const row of rows) {
        expect(openWebhookToken(row.webhook_token_encrypted, key, row.id)).toBe(
          accounts.find(({ id }) => id === row.id)?.webhookToken,
        );
      }
    });
  });

  it("by two processes at once adds every row once", async () => {
    await withDatabase(async (database) => {
      const [one, two] = await Promise.all([seedSimulated(database), seedSimulated(database)]);
      expect([one.added, two.added].filter((added) => Object.keys(added).length > 0)).toHaveLength(
        1,
      );
      expect(one.accounts).toEqual(two.accounts);
    });
  });
});

describe("npm run seed", () => {
  const run = promisify(execFile);
  const seedFrom = (
    url: string,
    options: readonly string[],
    variables: Readonly<Record<string, string>> = {},
  ) =>
    run("npx", ["tsx", "db/seed/main.ts", ...options], {
      env: environmentWith({ SIAGA_SIMULATED: undefined, ...variables, DATABASE_URL: url }),
    });
  const INSTALLATION = {
    SIAGA_SECRET_KEY: KEY.toString("base64"),
    SIAGA_PUBLIC_URL: "https://siaga.example",
  };

  it("fills a database, prints a key once when asked, and then has nothing to add", async () => {
    await withDatabase(async (database) => {
      const first = await seedFrom(database.url, ["--api-key", "uji"]);
      expect(first.stdout).toMatch(/templates: \d+ added/u);
      expect(first.stdout).toMatch(/API key uji \(shown this once\): sg_live_[\w-]{43}/u);
      const second = await seedFrom(database.url, []);
      expect(second.stdout.trim()).toBe("nothing to add");
      expect(await count(database, "users")).toBe(0);
    });
  });

  it("adds the invented operation for simulated vendors, and refuses it where vendors are real", async () => {
    const folder = await mkdtemp(join(tmpdir(), "siaga-seed-"));
    const file = join(folder, "vendors.json");
    await writeFile(file, JSON.stringify(ACCESS));
    const options = ["--simulated-vendors", file];
    try {
      await withDatabase(async (database) => {
        await expect(seedFrom(database.url, options, INSTALLATION)).rejects.toThrow(
          /needs SIAGA_SIMULATED=true/u,
        );
        expect(await count(database, "zones")).toBe(0);
        await seedFrom(database.url, options, { ...INSTALLATION, SIAGA_SIMULATED: "true" });
        expect(await count(database, "whatsapp_groups")).toBe(10);
        expect(await count(database, "provider_accounts")).toBe(10);
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
