import { describe, expect, it } from "vitest";

import { newId } from "../../db/new-id.ts";
import { REPLY_WORDS } from "../../db/seed/reply-words.ts";
import {
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
} from "../support/rows.ts";
import { codeOf, insertTold } from "../support/told.ts";
import { replyPost } from "../support/vendor-replies.ts";
import type { Words } from "../support/vendor-replies.ts";
import { insertVendorAccount } from "../support/vendors.ts";
import type { ProviderName, VendorAccount } from "../support/vendors.ts";
import { useApi } from "./harness.ts";

/** People whose number WhatsApp hides: who they are is learned, never guessed. */
const api = useApi();

type Person = { readonly id: string; readonly phone: string };

let hasWords = false;

async function account(
  provider: ProviderName,
  options: Parameters<typeof insertVendorAccount>[2] = {},
): Promise<VendorAccount> {
  if (!hasWords) {
    hasWords = true;
    for (const meaning of ["acknowledge", "refuse"] as const) {
      for (const word of REPLY_WORDS.id[meaning]) {
        await api().pool.query(
          "insert into reply_words (locale, word, meaning) values ('id', $1, $2)",
          [word, meaning],
        );
      }
    }
  }
  return insertVendorAccount(api().pool, provider, options);
}

let aliases = 0;

/** Digits, another one each time. */
function newAlias(): string {
  aliases += 1;
  return `2515${Date.now()}${String(aliases).padStart(3, "0")}`.slice(0, 18);
}

type Notice = {
  readonly id: string;
  readonly code: string;
  readonly providerMessageId: string;
};

/** A notification that has told this person or group there. */
async function tell(
  over: VendorAccount,
  target: string,
  address: string,
  options: { readonly priority?: string; readonly countsStrangers?: boolean } = {},
): Promise<Notice> {
  const { pool } = api();
  const id = await insertNotificationRow(pool, {
    type: await insertType(pool, { answers: "acknowledge" }),
    policyId: await insertPolicy(pool, {
      rules: { countsStrangers: options.countsStrangers ?? false },
    }),
    priority: options.priority ?? "high",
    answers: "acknowledge",
  });
  await insertTarget(pool, id, { target });
  const code = await codeOf(pool, over, id);
  const { providerMessageId } = await insertTold(pool, {
    notificationId: id,
    account: over,
    target,
    address,
    code,
    at: Date.now() - 60_000,
  });
  return { id, code, providerMessageId };
}

async function write(over: VendorAccount, words: Words): Promise<void> {
  const request = replyPost(over, words);
  const answer = await api().request("POST", request.path, {
    key: null,
    rawBody: request.body,
    headers: request.headers,
  });
  expect(answer.status).toBe(200);
  await api().background.idle();
}

async function takenBy(notificationId: string): Promise<unknown> {
  const { rows } = await api().pool.query<{ acknowledged_by: Record<string, unknown> | null }>(
    "select acknowledged_by from notifications where id = $1",
    [notificationId],
  );
  return rows[0]?.acknowledged_by ?? null;
}

/** What was said on this device, and where. */
async function said(over: VendorAccount): Promise<readonly unknown[]> {
  const { rows } = await api().pool.query<Record<string, unknown>>(
    "select address, situations -> 0 ->> 'kind' as kind from answers where device_key = $1 order by created_at, id",
    [over.deviceKey],
  );
  return rows;
}

const HIDING = ["meta", "evolution", "waha", "gowa"] as const;

describe.each(HIDING)("a number that %s hides", (provider) => {
  it("is known by the alias that once came with it", async () => {
    const over = await account(provider);
    const user = await insertUser(api().pool, { name: "Budi" });
    const { id } = await tell(over, user.id, user.phone);
    const alias = newAlias();
    await write(over, { from: user.phone, alias, text: "halo" });
    await write(over, { from: null, alias, text: "siap" });
    expect(await takenBy(id)).toMatchObject({ userId: user.id });
  });

  it("and that nobody knows is asked for the code where the quoted message went, and believed by it", async () => {
    const over = await account(provider);
    const user = await insertUser(api().pool, { name: "Budi" });
    const notice = await tell(over, user.id, user.phone);
    const alias = newAlias();
    await write(over, { from: null, alias, text: "siap", quote: notice.providerMessageId });
    expect(await takenBy(notice.id)).toBeNull();
    expect(await said(over)).toEqual([{ address: user.phone, kind: "code_needed" }]);
    await write(over, { from: null, alias, text: `1 ${notice.code}` });
    expect(await takenBy(notice.id)).toMatchObject({ kind: "stranger", userId: null });
  });

  it("and that nobody knows acts on nothing by a bare word, and waits in the inbound list", async () => {
    const over = await account(provider);
    const user = await insertUser(api().pool, { name: "Budi" });
    const { id } = await tell(over, user.id, user.phone);
    await write(over, { from: null, alias: newAlias(), text: "siap" });
    expect(await takenBy(id)).toBeNull();
    expect(await said(over)).toEqual([]);
    const { rows } = await api().pool.query(
      "select state, user_id from inbound_messages where device_key = $1",
      [over.deviceKey],
    );
    expect(rows).toEqual([{ state: "unmatched", user_id: null }]);
  });

  it("is the person's who has it now, not of whoever had it before", async () => {
    const over = await account(provider);
    const before = await insertUser(api().pool, { name: "Budi" });
    const alias = newAlias();
    await write(over, { from: before.phone, alias, text: "halo" });
    const { pool } = api();
    const after = await insertUser(pool, { name: "Sari", phone: null });
    await pool.query("update contacts set user_id = $2 where kind = 'phone' and value = $1", [
      before.phone,
      after.id,
    ]);
    await write(over, { from: before.phone, alias, text: "halo" });
    const { id } = await tell(over, after.id, before.phone);
    await write(over, { from: null, alias, text: "siap" });
    expect(await takenBy(id)).toMatchObject({ userId: after.id });
  });

  it("is forgotten with the number that it came with", async () => {
    const over = await account(provider);
    const user = await insertUser(api().pool, { name: "Budi" });
    const alias = newAlias();
    await write(over, { from: user.phone, alias, text: "halo" });
    const changed = await api().request("PATCH", `/v1/users/${user.id}`, {
      body: { contacts: [{ kind: "phone", value: "+6281234000899" }] },
    });
    expect(changed.status, changed.text).toBe(200);
    const { rows } = await api().pool.query<{ kind: string }>(
      "select kind from contacts where user_id = $1",
      [user.id],
    );
    expect(rows).toEqual([{ kind: "phone" }]);
    await api().pool.query("delete from contacts where user_id = $1", [user.id]);
  });
});

const IN_GROUPS = ["evolution", "waha", "gowa"] as const;

describe.each(IN_GROUPS)("invariant 25: in a group over %s", (provider) => {
  type Group = {
    readonly personal: VendorAccount;
    readonly over: VendorAccount;
    readonly id: string;
    readonly chatId: string;
  };

  async function group(): Promise<Group> {
    const personal = await account(provider);
    const over = await account(provider, {
      deviceKey: personal.deviceKey,
      channel: "whatsapp_group",
    });
    const id = newId("grp", Date.now());
    const chatId = `1203630${Date.now()}${Math.floor(Math.random() * 1000)}@g.us`;
    await api().pool.query(
      "insert into whatsapp_groups (id, name, category, group_chat_id) values ($1, 'NOC', 'noc', $2)",
      [id, chatId],
    );
    return { personal, over, id, chatId };
  }

  async function addMember(
    { id }: Group,
    member: { readonly userId?: string; readonly phone?: string; readonly name?: string },
  ): Promise<void> {
    await api().pool.query(
      "insert into whatsapp_group_members (id, group_id, user_id, phone_number, name) values ($1, $2, $3, $4, $5)",
      [
        newId("mem", Date.now()),
        id,
        member.userId ?? null,
        member.phone ?? null,
        member.name ?? null,
      ],
    );
  }

  it("a member whose number is hidden is credited once the alias has come with it, there or in person", async () => {
    const one = await group();
    const inGroup: Person = await insertUser(api().pool, { name: "Joko", role: "noc" });
    const inPerson: Person = await insertUser(api().pool, { name: "Sari", role: "noc" });
    await addMember(one, { userId: inGroup.id });
    await addMember(one, { userId: inPerson.id });
    for (const [user, where] of [
      [inGroup, one.chatId],
      [inPerson, null],
    ] as const) {
      const alias = newAlias();
      const { id, code } = await tell(one.over, one.id, one.chatId);
      await write(one.personal, {
        from: user.phone,
        alias,
        text: "halo",
        ...(where === null ? {} : { group: where }),
      });
      await write(one.personal, { from: null, alias, text: `1 ${code}`, group: one.chatId });
      expect(await takenBy(id)).toMatchObject({
        kind: "user",
        userId: user.id,
        groupId: one.id,
      });
    }
  });

  it("so is a member without a user", async () => {
    const one = await group();
    const phone = "+6281234000861";
    await addMember(one, { phone, name: "Pak RT" });
    const { id, code } = await tell(one.over, one.id, one.chatId);
    const alias = newAlias();
    await write(one.personal, { from: phone, alias, text: "halo", group: one.chatId });
    await write(one.personal, { from: null, alias, text: `1 ${code}`, group: one.chatId });
    expect(await takenBy(id)).toMatchObject({ kind: "group", userId: null, name: "Pak RT" });
  });

  it.each([
    [false, null],
    [true, { kind: "stranger", userId: null }],
  ])(
    "an alias that nobody knows is a stranger, and where the policy says %s counted so",
    async (countsStrangers, expected) => {
      const one = await group();
      const { id, code } = await tell(one.over, one.id, one.chatId, { countsStrangers });
      await write(one.personal, {
        from: null,
        alias: newAlias(),
        text: `1 ${code}`,
        group: one.chatId,
      });
      const taken = await takenBy(id);
      if (expected === null) expect(taken).toBeNull();
      else expect(taken).toMatchObject(expected);
    },
  );

  it("a quote ties, and a bare word or a reaction to somebody else's message does nothing", async () => {
    const one = await group();
    const user = await insertUser(api().pool, { name: "Joko", role: "noc" });
    await addMember(one, { userId: user.id });
    const { id, providerMessageId } = await tell(one.over, one.id, one.chatId);
    await write(one.personal, { from: user.phone, text: "siap", group: one.chatId });
    await write(one.personal, {
      from: user.phone,
      reaction: "👍",
      quote: "3EB0000000000000000000",
      group: one.chatId,
    });
    expect(await takenBy(id)).toBeNull();
    await write(one.personal, {
      from: user.phone,
      reaction: "👍",
      quote: providerMessageId,
      group: one.chatId,
    });
    expect(await takenBy(id)).toMatchObject({ userId: user.id, via: "reaction" });
  });
});
