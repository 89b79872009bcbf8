import { describe, expect, it } from "vitest";

import { takeReplyCode } from "../../db/deliveries.ts";
import { newId } from "../../db/new-id.ts";
import { REPLY_MEANINGS, REPLY_WORDS } from "../../db/seed/reply-words.ts";
import { LOCALES } from "../../domain/locale.ts";
import type { AnswerSituation } from "../../domain/answer-situation.ts";
import { createProviders } from "../../providers/registry.ts";
import { assertDefined } from "../support/assert-defined.ts";
import {
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
} from "../support/rows.ts";
import { codeOf, insertTold } from "../support/told.ts";
import { replyPost as vendorReply } from "../support/vendor-replies.ts";
import type { Words as VendorWords } from "../support/vendor-replies.ts";
import { fonntePost, insertVendorAccount, metaPost, vendorMessageId } from "../support/vendors.ts";
import type { ProviderName, VendorAccount, VendorPost } from "../support/vendors.ts";
import { useApi } from "./harness.ts";

const api = useApi();
let hasWords = false;

/** The words that an installation starts with. */
async function addWords(): Promise<void> {
  if (hasWords) return;
  hasWords = true;
  for (const locale of LOCALES) {
    for (const meaning of REPLY_MEANINGS) {
      for (const word of REPLY_WORDS[locale][meaning]) {
        await api().pool.query(
          "insert into reply_words (locale, word, meaning) values ($1, $2, $3)",
          [locale, word, meaning],
        );
      }
    }
  }
}

type Person = { readonly id: string; readonly phone: string };
type Chat = { readonly account: VendorAccount; readonly user: Person };

async function chat(
  provider: ProviderName,
  user: Parameters<typeof insertUser>[1] = { name: "Budi" },
): Promise<Chat> {
  await addWords();
  const account = await insertVendorAccount(api().pool, provider);
  return { account, user: await insertUser(api().pool, user) };
}

type Notice = {
  readonly id: string;
  readonly code: string;
  readonly providerMessageId: string;
};

/** A notification that told this person in this chat. */
async function tell(
  { account, user }: Chat,
  options: {
    readonly priority?: string;
    readonly answers?: string;
    readonly at?: number;
    readonly withoutCode?: boolean;
  } = {},
): Promise<Notice> {
  const { pool } = api();
  const answers = options.answers ?? "acknowledge";
  const type = await insertType(pool, { answers });
  const id = await insertNotificationRow(pool, {
    type,
    policyId: await insertPolicy(pool),
    priority: options.priority ?? "high",
    answers,
  });
  await insertTarget(pool, id, { target: user.id });
  const code = await codeOf(pool, account, id);
  const told = await insertTold(pool, {
    notificationId: id,
    account,
    target: user.id,
    address: user.phone,
    code: options.withoutCode ? null : code,
    at: options.at ?? Date.now() - 60_000,
  });
  return { id, code, providerMessageId: told.providerMessageId };
}

type Words = Omit<VendorWords, "from"> & { readonly from?: string };

let inboxId = 100_000;

function replyPost({ account, user }: Chat, words: Words): VendorPost {
  return vendorReply(account, { from: user.phone, ...words });
}

async function post(request: VendorPost): Promise<number> {
  const answer = await api().request("POST", request.path, {
    key: null,
    rawBody: request.body,
    headers: request.headers,
  });
  return answer.status;
}

async function write(one: Chat, words: Words | string): Promise<void> {
  const request = replyPost(one, typeof words === "string" ? { text: words } : words);
  expect(await post(request)).toBe(200);
  await api().background.idle();
}

type Row = Readonly<Record<string, unknown>>;

async function notificationRow(id: string): Promise<Row> {
  const { rows } = await api().pool.query<Row>(
    "select stop_kind, answer, rating, acknowledged_by from notifications where id = $1",
    [id],
  );
  return assertDefined(rows[0]);
}

const AN_INSTANT: unknown = expect.any(Number);
const inAnyOrder = (...ids: readonly string[]): unknown => expect.arrayContaining([...ids]);

const TAKEN = { stop_kind: "acknowledge" };
const OPEN = { stop_kind: null };

/** What was said to the writer, newest last. */
async function said({ account }: Chat): Promise<readonly (readonly AnswerSituation[])[]> {
  const { rows } = await api().pool.query<{ situations: readonly AnswerSituation[] }>(
    "select situations from answers where device_key = $1 order by created_at, inbound_message_id",
    [account.deviceKey],
  );
  return rows.map(({ situations }) => situations);
}

async function lastSaid(one: Chat): Promise<readonly AnswerSituation[] | null> {
  return (await said(one)).at(-1) ?? null;
}

async function inbound({ account }: Pick<Chat, "account">): Promise<readonly Row[]> {
  const { rows } = await api().pool.query<Row>(
    "select state, kind, body, user_id, group_id, notification_id, act_id is not null as acted, interpretation from inbound_messages where device_key = $1 order by received_at, id",
    [account.deviceKey],
  );
  return rows;
}

/** Whose vendors sign what they send us; the others prove it by an address or a secret beside the message. */
const SIGNED = ["waha", "gowa", "meta", "twilio-sms"] as const;
const UNSIGNED = ["fonnte", "wablas", "woowa", "evolution"] as const;
const WRITERS = [...UNSIGNED, ...SIGNED] as const;

describe.each(WRITERS)("a reply over %s", (provider) => {
  it("with the code acknowledges in the writer's name, once, and says thanks", async () => {
    const one = await chat(provider);
    const notice = await tell(one);
    await tell(one);
    await write(one, `1 ${notice.code}`);
    expect(await notificationRow(notice.id)).toMatchObject({
      ...TAKEN,
      acknowledged_by: { kind: "user", userId: one.user.id, name: "Budi", via: "reply" },
    });
    expect(await said(one)).toEqual([
      [{ kind: "thanks", notificationId: notice.id, answer: "acknowledged" }],
    ]);
    expect(await inbound(one)).toMatchObject([
      { state: "applied", user_id: one.user.id, notification_id: notice.id, acted: true },
    ]);
    expect(
      api().temporal.signals.filter(({ workflowId }) => workflowId.endsWith(notice.id)),
    ).toMatchObject([{ fact: { kind: "act", act: { kind: "acknowledge", stops: true } } }]);
    expect(
      api()
        .temporal.started.filter(({ workflowId }) => workflowId.startsWith("answer/"))
        .at(-1),
    ).toMatchObject({ options: { args: [{ accountId: one.account.id }] } });
  });

  it("with a bare word acknowledges what the last message sent there belongs to", async () => {
    const one = await chat(provider);
    const older = await tell(one, { at: Date.now() - 120_000 });
    const newer = await tell(one);
    await write(one, "Siap pak 🙏");
    expect(await notificationRow(newer.id)).toMatchObject(TAKEN);
    expect(await notificationRow(older.id)).toMatchObject(OPEN);
  });

  it("with a bare word after a closing message asks which one, and completes the answer by its code", async () => {
    const one = await chat(provider);
    const first = await tell(one, { at: Date.now() - 180_000 });
    const second = await tell(one, { at: Date.now() - 120_000 });
    await insertTold(api().pool, {
      notificationId: second.id,
      account: one.account,
      target: one.user.id,
      address: one.user.phone,
      purpose: "closing",
    });
    await write(one, "tolak");
    expect(await lastSaid(one)).toEqual([
      { kind: "which_one", notificationIds: [first.id, second.id] },
    ]);
    await write(one, first.code);
    const { rows } = await api().pool.query("select kind from acts where notification_id = $1", [
      first.id,
    ]);
    expect(rows).toEqual([{ kind: "refuse" }]);
  });

  it("that comes fifteen times, five at once, is one act and one answer", async () => {
    const one = await chat(provider);
    const notice = await tell(one);
    const request = replyPost(one, { text: `1 ${notice.code}`, id: "777", at: 1_782_000_000_000 });
    for (let round = 0; round < 3; round += 1) {
      await Promise.all([1, 2, 3, 4, 5].map(async () => expect(await post(request)).toBe(200)));
    }
    await api().background.idle();
    const { rows } = await api().pool.query("select kind from acts where notification_id = $1", [
      notice.id,
    ]);
    expect(rows).toEqual([{ kind: "acknowledge" }]);
    expect(await said(one)).toHaveLength(1);
    expect(await inbound(one)).toHaveLength(1);
  });

  it("is 5xx while it can't be stored, and counts once when the vendor repeats it", async () => {
    const one = await chat(provider);
    const notice = await tell(one);
    const request = replyPost(one, { text: `1 ${notice.code}`, id: "778", at: 1_782_000_000_000 });
    // The last statement of the transaction fails: what came before it must be gone.
    await api().pool.query("alter table answers rename to answers_away");
    try {
      expect(await post(request)).toBe(500);
      expect(await notificationRow(notice.id)).toMatchObject(OPEN);
      expect(await inbound(one)).toEqual([]);
    } finally {
      await api().pool.query("alter table answers_away rename to answers");
    }
    expect(await post(request)).toBe(200);
    expect(await notificationRow(notice.id)).toMatchObject(TAKEN);
  });

  it("invariant 24: by two people at once: one takes it, the other is told who was first, and when", async () => {
    const one = await chat(provider);
    const other: Chat = { ...one, user: await insertUser(api().pool, { name: "Sari" }) };
    const notice = await tell(one, { answers: "claim" });
    await insertTarget(api().pool, notice.id, { target: other.user.id });
    await Promise.all([
      post(replyPost(one, { text: `1 ${notice.code}` })),
      post(replyPost(other, { text: `1 ${notice.code}` })),
    ]);
    await api().background.idle();
    const row = await notificationRow(notice.id);
    expect(row).toMatchObject({ ...TAKEN, answer: "claimed" });
    const winner = (row["acknowledged_by"] as { readonly name: string }).name;
    const situations = (await said(one)).flat();
    expect(situations).toHaveLength(2);
    expect(situations.find(({ kind }) => kind === "taken")).toMatchObject({
      notificationId: notice.id,
      byName: winner,
      at: AN_INSTANT,
    });
  });

  it("that is not understood is for the inbound list, and answered once a day", async () => {
    const one = await chat(provider);
    await tell(one);
    await write(one, "apakah teknisinya sudah jalan?");
    await write(one, "halo, ada orang?");
    expect(await said(one)).toHaveLength(1);
    expect(await inbound(one)).toMatchObject([{ state: "unmatched" }, { state: "unmatched" }]);
  });

  it("that comes with others at once is answered once a day all the same", async () => {
    const one = await chat(provider);
    const texts = ["halo?", "ada orang?", "tolong dibalas", "kapan selesai?"];
    await Promise.all(texts.map((text) => write(one, text)));
    expect(await said(one)).toHaveLength(1);
    await api().pool.query(
      "update answers set created_at = created_at - interval '25 hours' where device_key = $1",
      [one.account.deviceKey],
    );
    await write(one, "halo lagi");
    expect(await said(one)).toHaveLength(2);
  });

  it("from an unknown number acts on nothing, whatever code it guesses", async () => {
    const one = await chat(provider);
    const notice = await tell(one);
    await write(one, { text: `1 ${notice.code}`, from: "+6281234000999" });
    expect(await notificationRow(notice.id)).toMatchObject(OPEN);
    expect(await inbound(one)).toMatchObject([{ state: "unmatched", user_id: null }]);
  });

  it("opens the writer's 24 hours with this number", async () => {
    const one = await chat(provider);
    await write(one, "halo");
    const { rows } = await api().pool.query(
      "select address from contact_windows where device_key = $1",
      [one.account.deviceKey],
    );
    expect(rows).toEqual([{ address: one.user.phone }]);
  });

  it("with 1 semua is asked once more with the list, and then takes them all", async () => {
    const one = await chat(provider);
    const notices = [await tell(one), await tell(one, { priority: "medium" })];
    const ids = notices.map(({ id }) => id);
    await write(one, "1 semua");
    expect(await lastSaid(one)).toEqual([{ kind: "confirm_all", notificationIds: ids }]);
    for (const id of ids) expect(await notificationRow(id)).toMatchObject(OPEN);
    await write(one, "ya");
    for (const id of ids) {
      expect(await notificationRow(id)).toMatchObject({
        ...TAKEN,
        acknowledged_by: { userId: one.user.id },
      });
    }
    expect(await lastSaid(one)).toEqual([{ kind: "all_done", count: 2 }]);
  });

  it("with a confirmation takes nothing once something else was said in the chat", async () => {
    const one = await chat(provider);
    const first = await tell(one);
    await write(one, "1 semua");
    const second = await tell(one, { at: Date.now() + 5 });
    await write(one, { text: "ya", at: Date.now() + 2_000 });
    expect(await notificationRow(first.id)).toMatchObject(OPEN);
    expect(await notificationRow(second.id)).toMatchObject(TAKEN);
  });
});

describe("providers that hear people", () => {
  const hearing = createProviders(() => Promise.reject(new Error("no vendor is asked"))).all.filter(
    ({ id, webhook }) => webhook !== null && id !== "twilio-voice",
  );
  const idsOf = (providers: typeof hearing): readonly string[] =>
    [...new Set(providers.map(({ id }) => id))].toSorted();

  it("are proven here, each of them, as signing what they send or not", () => {
    expect(idsOf(hearing.filter(({ capabilities }) => capabilities.signedWebhooks))).toEqual(
      [...SIGNED].toSorted(),
    );
    expect(idsOf(hearing.filter(({ capabilities }) => !capabilities.signedWebhooks))).toEqual(
      [...UNSIGNED].toSorted(),
    );
  });
});

describe("a critical notification", () => {
  it.each(UNSIGNED)(
    "over %s, which signs nothing, is acknowledged by its code alone",
    async (provider) => {
      const one = await chat(provider);
      const notice = await tell(one, { priority: "critical" });
      await write(one, "1");
      expect(await notificationRow(notice.id)).toMatchObject(OPEN);
      expect(await lastSaid(one)).toEqual([{ kind: "code_needed", notificationId: notice.id }]);
      await write(one, `1 ${notice.code}`);
      expect(await notificationRow(notice.id)).toMatchObject(TAKEN);
    },
  );

  it.each(SIGNED)("over %s is acknowledged by a bare word", async (provider) => {
    const one = await chat(provider);
    const notice = await tell(one, { priority: "critical" });
    await write(one, "ok");
    expect(await notificationRow(notice.id)).toMatchObject(TAKEN);
  });
});

describe.each(["meta", "evolution", "waha", "gowa"] as const)(
  "over %s, which tells what is quoted",
  (provider) => {
    it("a quote ties, whatever else was sent since", async () => {
      const one = await chat(provider);
      const first = await tell(one, { at: Date.now() - 120_000 });
      const second = await tell(one);
      await write(one, { text: "ok", quote: first.providerMessageId });
      expect(await notificationRow(first.id)).toMatchObject(TAKEN);
      expect(await notificationRow(second.id)).toMatchObject(OPEN);
    });

    it("a quote of something that we did not send asks", async () => {
      const one = await chat(provider);
      const notice = await tell(one);
      await write(one, { text: "ok", quote: vendorMessageId(provider) });
      expect(await notificationRow(notice.id)).toMatchObject(OPEN);
      expect(await lastSaid(one)).toEqual([{ kind: "which_one", notificationIds: [notice.id] }]);
    });

    it.each([
      ["👍", "acknowledge"],
      ["👍🏽", "acknowledge"],
      ["✅", "acknowledge"],
      ["👎🏿", "refuse"],
      ["❌", "refuse"],
    ])("the reaction %s is the act %s", async (reaction, act) => {
      const one = await chat(provider);
      const notice = await tell(one);
      await write(one, { reaction, quote: notice.providerMessageId });
      const { rows } = await api().pool.query(
        "select kind, via from acts where notification_id = $1",
        [notice.id],
      );
      expect(rows).toEqual([{ kind: act, via: "reaction" }]);
    });

    it.each([
      ["another emoji", "😂"],
      ["a reaction that is taken back", ""],
    ])("%s does nothing and says nothing", async (_what, reaction) => {
      const one = await chat(provider);
      const notice = await tell(one);
      await write(one, { reaction, quote: notice.providerMessageId });
      expect(await notificationRow(notice.id)).toMatchObject(OPEN);
      expect(await said(one)).toEqual([]);
    });
  },
);

describe("over Meta", () => {
  it.each<{ what: string; words: Words; opens: boolean }>([
    { what: "a text", words: { text: "halo" }, opens: true },
    { what: "a button", words: { button: { id: "ack:0000", title: "Terima" } }, opens: true },
    { what: "a reaction", words: { reaction: "👍", quote: "wamid.old" }, opens: true },
    { what: "a reaction taken back", words: { reaction: "", quote: "wamid.old" }, opens: false },
  ])("$what: opens the writer's 24 hours is $opens", async ({ words, opens }) => {
    const one = await chat("meta");
    await write(one, words);
    const { rowCount } = await api().pool.query(
      "select from contact_windows where device_key = $1 and address = $2",
      [one.account.deviceKey, one.user.phone],
    );
    expect(rowCount).toBe(opens ? 1 : 0);
  });

  it.each([
    ["ack", "acknowledge"],
    ["ref", "refuse"],
  ])("the button %s is the act %s", async (button, act) => {
    const one = await chat("meta");
    const notice = await tell(one);
    await write(one, {
      button: { id: `${button}:${notice.code}`, title: "Terima" },
      quote: notice.providerMessageId,
    });
    const { rows } = await api().pool.query(
      "select kind, via from acts where notification_id = $1",
      [notice.id],
    );
    expect(rows).toEqual([{ kind: act, via: "button" }]);
  });

  it("an old message's button is about that message, though its code was given out again", async () => {
    const one = await chat("meta");
    const old = await tell(one);
    await api().pool.query(
      "update notifications set stopped_at = now(), stop_kind = 'cancel' where id = $1",
      [old.id],
    );
    await releaseCode(one.account, old.code);
    const fresh = await tellWithCode(one, old.code);
    await write(one, {
      button: { id: `ack:${old.code}`, title: "Terima" },
      quote: old.providerMessageId,
    });
    expect(await notificationRow(fresh)).toMatchObject(OPEN);
    expect(await lastSaid(one)).toEqual([
      { kind: "over", notificationId: old.id, state: "cancelled" },
    ]);
  });

  it("a reply sent before the newest message asks which of the two was meant", async () => {
    const one = await chat("meta");
    const first = await tell(one, { at: Date.now() - 60_000 });
    const second = await tell(one, { at: Date.now() });
    await write(one, { text: "ok", at: Date.now() - 30_000 });
    expect(await lastSaid(one)).toEqual([
      { kind: "which_one", notificationIds: inAnyOrder(first.id, second.id) },
    ]);
    expect(await notificationRow(second.id)).toMatchObject(OPEN);
  });

  it("a reply that reaches us late never takes what was sent after it was written", async () => {
    const one = await chat("meta");
    const only = await tell(one, { at: Date.now() });
    await write(one, { text: "ok", at: Date.now() - 600_000 });
    expect(await notificationRow(only.id)).toMatchObject(OPEN);
    expect(await lastSaid(one)).toEqual([{ kind: "which_one", notificationIds: [only.id] }]);
  });

  it("a reply that reaches us late takes what was the last message when it was written", async () => {
    const one = await chat("meta");
    const first = await tell(one, { at: Date.now() - 900_000 });
    await insertTold(api().pool, {
      notificationId: (await tell(one, { at: Date.now() - 1_200_000 })).id,
      account: one.account,
      target: one.user.id,
      address: one.user.phone,
      purpose: "closing",
    });
    await write(one, { text: "ok", at: Date.now() - 600_000 });
    expect(await notificationRow(first.id)).toMatchObject(TAKEN);
  });

  it("a confirmation that was written before we asked confirms nothing", async () => {
    const one = await chat("meta");
    const notice = await tell(one, { at: Date.now() - 900_000 });
    await write(one, "1 semua");
    await write(one, { text: "ya", at: Date.now() - 600_000 });
    expect(await lastSaid(one)).not.toMatchObject([{ kind: "all_done" }]);
    expect(await notificationRow(notice.id)).toMatchObject(TAKEN);
  });

  it("a person is known by the alias that once came with the number", async () => {
    const one = await chat("meta");
    const notice = await tell(one);
    const alias = `ID.${newId("evt", Date.now()).slice(-20)}`;
    const message = (fields: Row): VendorPost =>
      metaPost(one.account, {
        messages: [
          {
            id: `wamid.${newId("evt", Date.now())}`,
            timestamp: "1782000000",
            type: "text",
            ...fields,
          },
        ],
      });
    const from = one.user.phone.slice(1);
    await post(message({ from, from_user_id: alias, text: { body: "halo" } }));
    await post(message({ from_user_id: alias, text: { body: `1 ${notice.code}` } }));
    expect(await notificationRow(notice.id)).toMatchObject({
      ...TAKEN,
      acknowledged_by: { userId: one.user.id },
    });
    const { rows } = await api().pool.query(
      "select kind, verified_by, is_primary from contacts where value = $1",
      [alias],
    );
    expect(rows).toEqual([{ kind: "bsuid", verified_by: "inbound", is_primary: false }]);
  });

  it("a name and a text of any characters are kept", async () => {
    const one = await chat("meta");
    const notice = await tell(one);
    const request = metaPost(one.account, {
      contacts: [{ wa_id: one.user.phone.slice(1), profile: { name: "a\0b\ud800" } }],
      messages: [
        {
          from: one.user.phone.slice(1),
          id: "wamid.ODD",
          timestamp: "1782000000",
          type: "text",
          text: { body: `1 ${notice.code} \0\ud800` },
        },
      ],
    });
    expect(await post(request)).toBe(200);
    expect(await notificationRow(notice.id)).toMatchObject(TAKEN);
  });
});

describe("a code", () => {
  it("of the same chat means what it meant there, after it was given to another notification", async () => {
    const one = await chat("fonnte");
    const other: Chat = { ...one, user: await insertUser(api().pool, {}) };
    const old = await tell(one);
    await api().pool.query(
      "update notifications set stopped_at = now(), stop_kind = 'resolve' where id = $1",
      [old.id],
    );
    await releaseCode(one.account, old.code);
    const fresh = await tellWithCode(other, old.code);
    await write(one, `1 ${old.code}`);
    expect(await notificationRow(fresh)).toMatchObject(OPEN);
    expect(await lastSaid(one)).toEqual([
      { kind: "over", notificationId: old.id, state: "resolved" },
    ]);
    await write(other, `1 ${old.code}`);
    expect(await notificationRow(fresh)).toMatchObject(TAKEN);
  });

  it("of somebody else's notification is as good as none for a technician, and enough for a supervisor of all", async () => {
    const told = await chat("fonnte");
    const notice = await tell(told);
    const technician: Chat = { ...told, user: await insertUser(api().pool, {}) };
    await write(technician, `1 ${notice.code}`);
    expect(await lastSaid(technician)).toEqual([{ kind: "unknown_code", code: notice.code }]);
    const manager: Chat = { ...told, user: await insertUser(api().pool, { role: "manager" }) };
    await write(manager, `1 ${notice.code}`);
    expect(await notificationRow(notice.id)).toMatchObject({
      ...TAKEN,
      acknowledged_by: { userId: manager.user.id },
    });
  });

  it("from an alias that nobody has is enough; a bare word is not", async () => {
    const one = await chat("fonnte");
    const notice = await tell(one);
    const unknown = (text: string): VendorPost =>
      fonntePost(one.account, {
        sender: "123456789012345@lid",
        message: text,
        inboxid: String((inboxId += 1)),
        name: "Tanpa nomor",
      });
    await post(unknown("ok"));
    expect(await notificationRow(notice.id)).toMatchObject(OPEN);
    await post(unknown(`1 ${notice.code}`));
    expect(await notificationRow(notice.id)).toMatchObject({
      ...TAKEN,
      acknowledged_by: { kind: "stranger", userId: null, name: "Tanpa nomor" },
    });
  });

  it("is not believed from an alias that has guessed before", async () => {
    const one = await chat("fonnte");
    const notice = await tell(one);
    const guess = (code: string): VendorPost =>
      fonntePost(one.account, {
        sender: "123456789012399@lid",
        message: `1 ${code}`,
        inboxid: String((inboxId += 1)),
      });
    const wrong = ["0001", "0002", "0003", "0004", "0005"];
    for (const code of wrong) await post(guess(code));
    await post(guess(notice.code));
    expect(await notificationRow(notice.id)).toMatchObject(OPEN);
    await api().pool.query(
      "update inbound_messages set received_at = received_at - interval '2 hours' where device_key = $1",
      [one.account.deviceKey],
    );
    await post(guess(notice.code));
    expect(await notificationRow(notice.id)).toMatchObject(TAKEN);
  });

  it("with a rating rates, also after the end, and a number out of range is asked again", async () => {
    const one = await chat("fonnte", { role: "customer", name: "Pelanggan" });
    const notice = await tell(one, { answers: "rate", priority: "low" });
    await write(one, `${notice.code} 6`);
    expect(await lastSaid(one)).toEqual([{ kind: "rate_range", notificationId: notice.id }]);
    await write(one, `${notice.code} 5`);
    expect(await notificationRow(notice.id)).toMatchObject({ rating: 5 });
    expect(await lastSaid(one)).toEqual([
      { kind: "thanks", notificationId: notice.id, answer: "rated" },
    ]);
  });

  it("keeps what follows it as the act's note", async () => {
    const one = await chat("fonnte");
    const notice = await tell(one);
    await write(one, `1 ${notice.code} sudah di jalan, sebentar lagi`);
    const { rows } = await api().pool.query("select note from acts where notification_id = $1", [
      notice.id,
    ]);
    expect(rows).toEqual([{ note: `1 ${notice.code} sudah di jalan, sebentar lagi` }]);
  });
});

async function releaseCode(account: VendorAccount, code: string): Promise<void> {
  await api().pool.query(
    "update reply_codes set released_at = now() - interval '2 hours' where device_key = $1 and code = $2",
    [account.deviceKey, code],
  );
}

/** Told in this chat under a code that was another notification's before. */
async function tellWithCode({ account, user }: Chat, code: string): Promise<string> {
  const { pool } = api();
  const type = await insertType(pool, { answers: "acknowledge" });
  const id = await insertNotificationRow(pool, {
    type,
    policyId: await insertPolicy(pool),
    priority: "high",
    answers: "acknowledge",
  });
  await insertTarget(pool, id, { target: user.id });
  const taken = await takeReplyCode(pool, {
    deviceKey: account.deviceKey,
    notificationId: id,
    random: () => (Number(code) - 1000) / 9000,
  });
  expect(taken).toBe(code);
  await insertTold(pool, {
    notificationId: id,
    account,
    target: user.id,
    address: user.phone,
    code,
  });
  return id;
}

describe("in a group", () => {
  type Group = {
    readonly account: VendorAccount;
    readonly groupAccount: VendorAccount;
    readonly id: string;
    readonly chatId: string;
    readonly member: Person;
  };

  async function group(): Promise<Group> {
    await addWords();
    const { pool } = api();
    const account = await insertVendorAccount(pool, "fonnte");
    const groupAccount = await insertVendorAccount(pool, "fonnte", {
      deviceKey: account.deviceKey,
      channel: "whatsapp_group",
    });
    const id = newId("grp", Date.now());
    const chatId = `1203630${Date.now()}${Math.floor(Math.random() * 1000)}@g.us`;
    await pool.query(
      "insert into whatsapp_groups (id, name, category, group_chat_id) values ($1, 'NOC', 'noc', $2)",
      [id, chatId],
    );
    const member = await insertUser(pool, { name: "Joko", role: "noc" });
    await pool.query(
      "insert into whatsapp_group_members (id, group_id, user_id) values ($1, $2, $3)",
      [newId("mem", Date.now()), id, member.id],
    );
    return { account, groupAccount, id, chatId, member };
  }

  async function tellGroup(
    one: Group,
    options: { readonly countsStrangers?: boolean; readonly priority?: string } = {},
  ): Promise<{ readonly id: string; readonly code: string }> {
    const { pool } = api();
    const type = await insertType(pool, { answers: "acknowledge" });
    const id = await insertNotificationRow(pool, {
      type,
      policyId: await insertPolicy(pool, {
        rules: { countsStrangers: options.countsStrangers ?? false },
      }),
      priority: options.priority ?? "high",
      answers: "acknowledge",
    });
    await insertTarget(pool, id, { target: one.id });
    const code = await codeOf(pool, one.groupAccount, id);
    await insertTold(pool, {
      notificationId: id,
      account: one.groupAccount,
      target: one.id,
      address: one.chatId,
      code,
    });
    return { id, code };
  }

  async function writeInGroup(
    one: Group,
    text: string,
    options: { readonly from?: string; readonly account?: VendorAccount } = {},
  ): Promise<void> {
    const request = fonntePost(options.account ?? one.account, {
      sender: one.chatId,
      member: (options.from ?? one.member.phone).replace("+", ""),
      name: "Nama di WhatsApp",
      message: text,
      inboxid: String((inboxId += 1)),
    });
    expect(await post(request)).toBe(200);
    await api().background.idle();
  }

  const saidIn = (one: Group) => said({ account: one.account, user: one.member });

  it("invariant 25: a member's code is the member's own answer, and the group hears of it by the closing message alone", async () => {
    const one = await group();
    const notice = await tellGroup(one, { priority: "critical" });
    await writeInGroup(one, `1 ${notice.code}`);
    expect(await notificationRow(notice.id)).toMatchObject({
      ...TAKEN,
      acknowledged_by: { kind: "user", userId: one.member.id, groupId: one.id, name: "Joko" },
    });
    expect(await saidIn(one)).toEqual([]);
  });

  it("invariant 24: a bare word never acknowledges, and is not kept", async () => {
    const one = await group();
    const notice = await tellGroup(one);
    await writeInGroup(one, "ok siap");
    await writeInGroup(one, "nanti sore rapat jam 1430 ya");
    expect(await notificationRow(notice.id)).toMatchObject(OPEN);
    expect(await saidIn(one)).toEqual([]);
    expect(await inbound(one)).toMatchObject([
      { state: "ignored", body: "" },
      { state: "ignored", body: "" },
    ]);
  });

  it("who is too late with the code is told who has it", async () => {
    const one = await group();
    const notice = await tellGroup(one);
    const other = await insertUser(api().pool, { name: "Tono", role: "noc" });
    await writeInGroup(one, `1 ${notice.code}`);
    await writeInGroup(one, `ok ${notice.code}`, { from: other.phone });
    expect(await saidIn(one)).toEqual([
      [{ kind: "taken", notificationId: notice.id, byName: "Joko", at: AN_INSTANT }],
    ]);
    const { rows } = await api().pool.query(
      "select account_id, to_name from answers where device_key = $1",
      [one.account.deviceKey],
    );
    expect(rows).toEqual([{ account_id: one.groupAccount.id, to_name: "Tono" }]);
  });

  it("a wrong code with an answer is corrected, four digits alone are not", async () => {
    const one = await group();
    await writeInGroup(one, "1 0007");
    await writeInGroup(one, "2026");
    expect(await saidIn(one)).toEqual([[{ kind: "unknown_code", code: "0007" }]]);
  });

  it("a member without a user answers as that member", async () => {
    const one = await group();
    const notice = await tellGroup(one);
    const phone = "+6281234000771";
    await api().pool.query(
      "insert into whatsapp_group_members (id, group_id, phone_number, name) values ($1, $2, $3, 'Pak RT')",
      [newId("mem", Date.now()), one.id, phone],
    );
    await writeInGroup(one, `1 ${notice.code}`, { from: phone });
    expect(await notificationRow(notice.id)).toMatchObject({
      ...TAKEN,
      acknowledged_by: { kind: "group", userId: null, groupId: one.id, name: "Pak RT" },
    });
  });

  it.each([
    [false, OPEN, "stranger"],
    [true, TAKEN, "acknowledge"],
  ])(
    "invariant 25: a stranger's code is recorded, and where the policy says %s counted so",
    async (countsStrangers, expected, reason) => {
      const one = await group();
      const notice = await tellGroup(one, { countsStrangers });
      await writeInGroup(one, `1 ${notice.code}`, { from: "+6281234000772" });
      expect(await notificationRow(notice.id)).toMatchObject(expected);
      const { rows } = await api().pool.query(
        "select reason, detail ->> 'byName' as name from notification_events where notification_id = $1 and kind = 'reply'",
        [notice.id],
      );
      expect(rows).toEqual([{ reason, name: "Nama di WhatsApp" }]);
      expect(await inbound(one)).toMatchObject([{ user_id: null, notification_id: notice.id }]);
    },
  );

  it("two numbers of ours in one group hear a word twice and take it once", async () => {
    const one = await group();
    const notice = await tellGroup(one);
    const second = await insertVendorAccount(api().pool, "fonnte");
    await Promise.all([
      writeInGroup(one, `1 ${notice.code}`),
      writeInGroup(one, `1 ${notice.code}`, { account: second }),
    ]);
    const { rows } = await api().pool.query("select kind from acts where notification_id = $1", [
      notice.id,
    ]);
    expect(rows).toEqual([{ kind: "acknowledge" }]);
    const heard = [...(await inbound(one)), ...(await inbound({ account: second }))];
    expect(heard.map(({ state }) => state).toSorted()).toEqual(["applied", "ignored"]);
    expect(await saidIn(one)).toEqual([]);
  });

  it("a code that one of our numbers gave out counts when the other one hears it alone", async () => {
    const one = await group();
    const notice = await tellGroup(one);
    const second = await insertVendorAccount(api().pool, "fonnte");
    await writeInGroup(one, `1 ${notice.code}`, { account: second });
    expect(await notificationRow(notice.id)).toMatchObject(TAKEN);
  });
});

describe("answers", () => {
  it("end when two machines talk to each other", async () => {
    const one = await chat("fonnte");
    await tell(one);
    for (let round = 0; round < 25; round += 1) await write(one, `1 ${1000 + round}`);
    expect((await said(one)).length).toBeLessThanOrEqual(20);
  });

  it("whose start was lost stay unstarted, for the sweep", async () => {
    const one = await chat("fonnte");
    const notice = await tell(one);
    api().temporal.mode = "away";
    try {
      await write(one, `1 ${notice.code}`);
    } finally {
      api().temporal.mode = "up";
    }
    const { rows } = await api().pool.query(
      "select started_at, status from answers where device_key = $1",
      [one.account.deviceKey],
    );
    expect(rows).toEqual([{ started_at: null, status: "intended" }]);
  });
});
