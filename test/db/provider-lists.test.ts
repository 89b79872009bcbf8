import { beforeEach, describe, expect, it } from "vitest";

import { newId } from "../../db/new-id.ts";
import { readProviderGroups, recordGroupList } from "../../db/provider-groups.ts";
import { dueInventories, readInventory, recordNotListed } from "../../db/provider-inventories.ts";
import {
  markTemplateTold,
  readProviderTemplates,
  recordTemplateList,
  recordTemplateState,
  untoldTemplateTroubles,
  type ListedTemplate,
} from "../../db/provider-templates.ts";
import { useFreshDatabase } from "../support/database.ts";
import { insertAccount, insertType } from "../support/rows.ts";

const database = useFreshDatabase();
const CARRIERS = [
  { provider: "meta", channel: "whatsapp_personal" },
  { provider: "waha", channel: "whatsapp_group" },
];

let minute = 0;
/** Each a minute later than the last. */
function nextAt(): Date {
  minute += 1;
  return new Date(Date.UTC(2026, 2, 2, 3, minute));
}

beforeEach(async () => {
  await database().pool.query("delete from provider_accounts");
  await database().pool.query("update templates set provider_template = null");
});

const LISTED: ListedTemplate = {
  name: "siaga_answer",
  languageCode: "id",
  state: "approved",
  category: "UTILITY",
  body: "{{1}} {{2}}",
  parameters: ["1", "2"],
  quickReplies: 2,
  unfillable: [],
};

async function metaAccount(): Promise<string> {
  const id = await insertAccount(database().pool);
  await database().pool.query("update provider_accounts set provider = 'meta' where id = $1", [id]);
  return id;
}

/** One text, mapped to the template. */
async function mappedType(parameters: readonly string[] = ["a", "b"]): Promise<string> {
  const type = await insertType(database().pool);
  await database().pool.query(
    "update templates set channel = 'whatsapp_personal', locale = 'id', provider_template = $2 where type = $1",
    [type, { name: "siaga_answer", status: null, language: "id", parameters }],
  );
  return type;
}

async function listTemplates(
  accountId: string,
  templates: readonly ListedTemplate[],
): Promise<void> {
  await recordTemplateList(database().pool, { accountId, templates, at: nextAt() });
}

describe("a vendor's templates", () => {
  it("replace those of the list before, and keep since when each is as it is", async () => {
    const { pool } = database();
    const accountId = await metaAccount();
    await listTemplates(accountId, [LISTED, { ...LISTED, name: "old" }]);
    const [first] = await readProviderTemplates(pool, accountId);
    await listTemplates(accountId, [{ ...LISTED, category: "MARKETING" }]);
    const rows = await readProviderTemplates(pool, accountId);
    expect(rows).toMatchObject([{ name: "siaga_answer", category: "MARKETING", usedBy: [] }]);
    expect(rows[0]?.stateSince).toEqual(first?.stateSince);
    expect(await readInventory(pool, accountId, "templates")).toMatchObject({ failure: null });
  });

  it("name what of ours goes out by them, and what hinders it", async () => {
    const accountId = await metaAccount();
    const type = await mappedType();
    const other = await mappedType(["a"]);
    await listTemplates(accountId, [LISTED]);
    const [row] = await readProviderTemplates(database().pool, accountId);
    expect(row?.usedBy.toSorted((a, b) => a.type.localeCompare(b.type))).toMatchObject(
      [
        { type, parameters: ["a", "b"], fault: null },
        { type: other, parameters: ["a"], fault: "template_parameters" },
      ].toSorted((a, b) => a.type.localeCompare(b.type)),
    );
  });

  it("are unknown where a text names what the vendor doesn't have, whether it ever had it or not", async () => {
    const { pool } = database();
    const accountId = await metaAccount();
    await mappedType();
    await listTemplates(accountId, []);
    expect(await readProviderTemplates(pool, accountId)).toMatchObject([
      { name: "siaga_answer", state: "unknown", usedBy: [{ fault: "template_unknown" }] },
    ]);
    await listTemplates(accountId, [LISTED]);
    expect(await readProviderTemplates(pool, accountId)).toMatchObject([{ state: "approved" }]);
    await listTemplates(accountId, []);
    expect(await readProviderTemplates(pool, accountId)).toMatchObject([{ state: "unknown" }]);
  });

  it("move by a report, after which every account of the provider is asked anew", async () => {
    const { pool } = database();
    const [one, two] = [await metaAccount(), await metaAccount()];
    await listTemplates(one, [LISTED]);
    await listTemplates(two, [LISTED]);
    const due = {
      kind: "templates",
      carriers: CARRIERS,
      askedBefore: new Date(0),
      limit: 9,
    } as const;
    expect(await dueInventories(pool, due)).toEqual([]);
    await recordTemplateState(pool, {
      accountId: one,
      name: "siaga_answer",
      languageCode: "id",
      state: "paused",
      at: nextAt(),
    });
    expect(await readProviderTemplates(pool, one)).toMatchObject([{ state: "paused" }]);
    expect(await readProviderTemplates(pool, two)).toMatchObject([{ state: "approved" }]);
    expect((await dueInventories(pool, due)).toSorted()).toEqual([one, two].toSorted());
  });

  it("that can't be sent any more are told once for each fault, and again after they were well", async () => {
    const { pool } = database();
    const accountId = await metaAccount();
    await mappedType();
    await listTemplates(accountId, [LISTED, { ...LISTED, name: "unused", state: "paused" }]);
    expect(await untoldTemplateTroubles(pool)).toEqual([]);
    for (const state of ["paused", "approved", "paused"] as const) {
      await listTemplates(accountId, [{ ...LISTED, state }]);
      const troubles = await untoldTemplateTroubles(pool);
      expect(troubles.map(({ fault }) => fault)).toEqual(
        state === "paused" ? ["template_paused"] : [],
      );
      for (const trouble of troubles) await markTemplateTold(pool, trouble);
      expect(await untoldTemplateTroubles(pool)).toEqual([]);
    }
    await listTemplates(accountId, [{ ...LISTED, state: "disabled" }]);
    expect(await untoldTemplateTroubles(pool)).toMatchObject([{ fault: "template_disabled" }]);
  });

  it("that wait for the vendor's approval are no trouble", async () => {
    const accountId = await metaAccount();
    await mappedType();
    await listTemplates(accountId, [{ ...LISTED, state: "pending" }]);
    expect(await untoldTemplateTroubles(database().pool)).toEqual([]);
  });
});

describe("when a vendor is asked for its lists", () => {
  it.each<{ change: string; isDue: boolean; reason: string }>([
    { change: "enabled = true", isDue: true, reason: "it never was" },
    { change: "enabled = false", isDue: false, reason: "the account is switched off" },
    { change: "health_state = 'out'", isDue: false, reason: "the account is out" },
    { change: "health_state = 'draining'", isDue: true, reason: "it still finishes messages" },
    { change: "provider = 'twilio-sms'", isDue: false, reason: "its vendor has no such list" },
  ])("$change: $isDue, because $reason", async ({ change, isDue }) => {
    const { pool } = database();
    const id = await metaAccount();
    await pool.query(`update provider_accounts set ${change}`);
    const due = {
      kind: "templates",
      carriers: CARRIERS,
      askedBefore: new Date(),
      limit: 9,
    } as const;
    expect(await dueInventories(pool, due)).toEqual(isDue ? [id] : []);
  });

  it("a question without an answer counts as asked and keeps the list before", async () => {
    const { pool } = database();
    const accountId = await metaAccount();
    await listTemplates(accountId, [LISTED]);
    const at = nextAt();
    await recordNotListed(pool, { accountId, kind: "templates", failure: "credentials", at });
    const due = (askedBefore: Date) =>
      dueInventories(pool, { kind: "templates", carriers: CARRIERS, askedBefore, limit: 9 });
    expect(await due(at)).toEqual([]);
    expect(await due(new Date(at.getTime() + 1))).toEqual([accountId]);
    expect(await readInventory(pool, accountId, "templates")).toMatchObject({
      failure: "credentials",
      askedAt: at,
    });
    expect(await readProviderTemplates(pool, accountId)).toHaveLength(1);
  });
});

describe("a vendor's groups", () => {
  async function groupAccounts(): Promise<{ groups: string; persons: string }> {
    const { pool } = database();
    const [groups, persons] = [await insertAccount(pool), await insertAccount(pool)];
    await pool.query(
      `update provider_accounts set provider = 'waha', device_key = 'waha:one', channel = case when id = $1 then 'whatsapp_group' else channel end
       where id in ($1, $2)`,
      [groups, persons],
    );
    return { groups, persons };
  }

  async function ourGroup(): Promise<{ id: string; groupChatId: string; name: string }> {
    const { pool } = database();
    const id = newId("grp", Date.now());
    const groupChatId = `${id.slice(-12)}@g.us`;
    await pool.query(
      "insert into whatsapp_groups (id, name, category, group_chat_id) values ($1, 'Teknisi', 'technicians', $2)",
      [id, groupChatId],
    );
    return { id, groupChatId, name: "Teknisi Karawang" };
  }

  const list = (
    accountId: string,
    groups: readonly { groupChatId: string; name: string }[],
    isComplete = true,
  ) => recordGroupList(database().pool, { accountId, groups, isComplete, at: nextAt() });

  async function provenTo(accountId: string): Promise<readonly string[]> {
    const { rows } = await database().pool.query<{ group_id: string }>(
      "select group_id from provider_account_groups where account_id = $1 order by group_id",
      [accountId],
    );
    return rows.map((row) => row.group_id);
  }

  it("prove membership to the accounts of the number that carry groups, whichever of them was asked", async () => {
    const { groups, persons } = await groupAccounts();
    const group = await ourGroup();
    const stranger = { groupChatId: "strangers@g.us", name: "Arisan" };
    expect(await list(persons, [group, stranger])).toMatchObject({ proven: 1, lost: 0 });
    expect(await provenTo(groups)).toEqual([group.id]);
    expect(await provenTo(persons)).toEqual([]);
    expect(await readProviderGroups(database().pool, persons)).toMatchObject([
      { name: "Arisan", groupId: null, isProven: false },
      { name: "Teknisi Karawang", groupId: group.id, groupName: "Teknisi", isProven: false },
    ]);
    expect(await list(groups, [group])).toMatchObject({ proven: 0, lost: 0 });
    expect(await readProviderGroups(database().pool, groups)).toMatchObject([{ isProven: true }]);
  });

  it.each<{ then: "another" | "nothing"; isComplete: boolean; lost: number; reason: string }>([
    { then: "another", isComplete: true, lost: 1, reason: "a complete list lacks it" },
    { then: "another", isComplete: false, lost: 0, reason: "the list may be older" },
    { then: "nothing", isComplete: true, lost: 0, reason: "one empty list may be a new device's" },
  ])("take away $lost when then $then is listed: $reason", async ({ then, isComplete, lost }) => {
    const { groups } = await groupAccounts();
    const [one, two] = [await ourGroup(), await ourGroup()];
    await list(groups, [one]);
    const outcome = await list(groups, then === "another" ? [two] : [], isComplete);
    expect(outcome.lost).toBe(lost);
    expect((await provenTo(groups)).includes(one.id)).toBe(lost === 0);
  });

  it("take everything away when a second list is empty, too", async () => {
    const { groups } = await groupAccounts();
    const one = await ourGroup();
    await list(groups, [one]);
    await list(groups, []);
    expect(await list(groups, [])).toMatchObject({ lost: 1 });
    expect(await provenTo(groups)).toEqual([]);
  });

  it("are audited as the vendor's word, and raise the version of the groups that changed", async () => {
    const { pool } = database();
    const { groups } = await groupAccounts();
    const [one, two] = [await ourGroup(), await ourGroup()];
    await list(groups, [one]);
    await list(groups, [two]);
    const { rows } = await pool.query<{ entry: string }>(
      `select concat_ws(' ', action, by ->> 'kind', by ->> 'name', detail ->> 'groupId') as entry from audit_log where subject = $1 order by at, action`,
      [groups],
    );
    expect(rows.map(({ entry }) => entry)).toEqual([
      `provider_account.group_proven vendor waha ${one.id}`,
      `provider_account.group_left vendor waha ${one.id}`,
      `provider_account.group_proven vendor waha ${two.id}`,
    ]);
    const { rows: versions } = await pool.query<{ version: number }>(
      "select version from whatsapp_groups where id = any($1) order by version",
      [[one.id, two.id]],
    );
    expect(versions.map(({ version }) => version)).toEqual([2, 3]);
  });
});
