import { describe, expect, it } from "vitest";

import { createDropAnswer, createSendAnswer } from "../../activities/send-answer.ts";
import type { AnswerDeps } from "../../activities/send-answer.ts";
import {
  insertAnswer,
  insertWrittenAnswer,
  loadAnswer,
  unstartedAnswers,
} from "../../db/answers.ts";
import { lockInbound, markHandled } from "../../db/inbound-handling.ts";
import { insertInbound } from "../../db/inbound.ts";
import { newId } from "../../db/new-id.ts";
import { createOpenAccount } from "../../db/opened-account.ts";
import { recordReceipt } from "../../db/receipts.ts";
import { withTransaction } from "../../db/transaction.ts";
import type { AnswerSituation } from "../../domain/answer-situation.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { OutboundMessage, Provider, SendResult } from "../../providers/provider.ts";
import { createProviders, createRegistry } from "../../providers/registry.ts";
import { assertDefined } from "../support/assert-defined.ts";
import { useFreshDatabase } from "../support/database.ts";
import { insertNotificationRow, insertPolicy, insertType, SECRET_KEY } from "../support/rows.ts";
import { codeOf } from "../support/told.ts";
import { insertVendorAccount } from "../support/vendors.ts";
import type { VendorAccount } from "../support/vendors.ts";

const database = useFreshDatabase();

type Vendor = {
  readonly sent: OutboundMessage[];
  readonly deps: AnswerDeps;
};

/** Fonnte with another way of sending; everything else is the product's. */
function vendor(
  answer: (call: number) => SendResult | ProviderError | Promise<SendResult>,
  overrides: Partial<AnswerDeps> = {},
): Vendor {
  const sent: OutboundMessage[] = [];
  const send: Provider["send"] = async (_account, message) => {
    sent.push(message);
    const result = await answer(sent.length);
    if (result instanceof ProviderError) throw result;
    return result;
  };
  const real = createProviders(() => Promise.reject(new Error("no vendor is asked")));
  const providers = createRegistry(real.all.map((provider) => ({ ...provider, send })));
  return {
    sent,
    deps: {
      pool: database().pool,
      providers,
      openAccount: createOpenAccount({ secretKey: SECRET_KEY, publicUrl: "https://siaga.test" }),
      sendOnlyTo: null,
      now: () => Date.now(),
      random: Math.random,
      sleep: () => Promise.resolve(),
      cancelled: () => new AbortController().signal,
      ...overrides,
    },
  };
}

const accepted = (id: string): SendResult => ({
  providerMessageId: id,
  status: "accepted",
  segments: null,
  isHeldForQuality: false,
  providerResponse: {},
});
const failure = (kind: ProviderError["kind"]): ProviderError =>
  new ProviderError({
    provider: "fonnte",
    attempted: "send a text message",
    kind,
    scope: "account",
    reason: "provider_fault",
  });

const ADDRESS = "+6281234000551";

async function answered(
  situations: readonly AnswerSituation[],
  options: {
    readonly account?: VendorAccount;
    readonly now?: number;
    readonly groupChatId?: string;
  } = {},
): Promise<{ readonly id: string; readonly account: VendorAccount }> {
  const { pool } = database();
  const account = options.account ?? (await insertVendorAccount(pool, "fonnte"));
  const id = newId("inb", Date.now());
  const now = options.now ?? Date.now();
  const started = await withTransaction(pool, async (client) => {
    await insertInbound(client, {
      id,
      accountId: account.id,
      deviceKey: account.deviceKey,
      eventKey: id,
      address: ADDRESS,
      groupChatId: options.groupChatId ?? null,
      kind: "text",
      body: "ok",
      quotedProviderMessageId: null,
      state: "asked",
      receivedAt: now,
    });
    return insertAnswer(client, {
      inboundMessageId: id,
      deviceKey: account.deviceKey,
      provider: account.provider,
      channel: account.channel,
      address: options.groupChatId ?? ADDRESS,
      locale: "id",
      timeZone: "Asia/Jakarta",
      toName: options.groupChatId === undefined ? null : "Joko",
      situations,
      isUnmatched: false,
      now,
    });
  });
  expect(started).toEqual({ inboundMessageId: id, accountId: account.id });
  return { id, account };
}

async function notice(): Promise<string> {
  const { pool } = database();
  const type = await insertType(pool, { answers: "acknowledge" });
  const id = await insertNotificationRow(pool, {
    type,
    policyId: await insertPolicy(pool),
    answers: "acknowledge",
  });
  await pool.query("update notifications set data = $2 where id = $1", [
    id,
    { location: "POP Klari" },
  ]);
  return id;
}

async function messageOf(id: string): Promise<Readonly<Record<string, unknown>>> {
  const { rows } = await database().pool.query<Record<string, unknown>>(
    `select a.status as answer, a.reason, a.tries, m.status, m.body, m.address, m.provider_message_id
     from answers a left join messages m on m.id = a.message_id where a.inbound_message_id = $1`,
    [id],
  );
  return assertDefined(rows[0]);
}

describe("an answer", () => {
  it("is sent once, in the chat that was written to, and kept as a message", async () => {
    const { id } = await answered([{ kind: "nothing_open" }]);
    const { deps, sent } = vendor(() => accepted("80000001"));
    const sendAnswer = createSendAnswer(deps);
    expect(await sendAnswer({ inboundMessageId: id })).toEqual({
      status: "accepted",
      reason: null,
    });
    expect(await sendAnswer({ inboundMessageId: id })).toEqual({
      status: "accepted",
      reason: null,
    });
    expect(sent).toMatchObject([
      { to: { kind: "phone", e164: ADDRESS }, language: "id", isWindowOpen: true },
    ]);
    expect(await messageOf(id)).toMatchObject({
      answer: "accepted",
      status: "accepted",
      address: ADDRESS,
      body: sent[0]?.text,
      provider_message_id: "80000001",
    });
  });

  it("names each notification and its code on this number", async () => {
    const [first, second] = [await notice(), await notice()];
    const { id, account } = await answered([
      { kind: "which_one", notificationIds: [first, second] },
    ]);
    const { deps, sent } = vendor(() => accepted("80000002"));
    await createSendAnswer(deps)({ inboundMessageId: id });
    const codes = [
      await codeOf(database().pool, account, first),
      await codeOf(database().pool, account, second),
    ];
    expect(sent[0]?.text).toBe(
      `Maaf, yang mana? Balas dengan kodenya:\n*${codes[0]}* Jenis, POP Klari\n*${codes[1]}* Jenis, POP Klari`,
    );
  });

  it("says who was first and when, on the reader's clock", async () => {
    const first = await notice();
    const { id } = await answered([
      { kind: "taken", notificationId: first, byName: "Sari", at: Date.UTC(2026, 0, 5, 7, 5) },
    ]);
    const { deps, sent } = vendor(() => accepted("80000003"));
    await createSendAnswer(deps)({ inboundMessageId: id });
    expect(sent[0]?.text).toBe(
      "Terima kasih, tetapi Jenis, POP Klari sudah diambil oleh Sari pukul 14:05.",
    );
  });

  it("says two things in one message, and in a group whom it means", async () => {
    const account = await insertVendorAccount(database().pool, "fonnte", {
      channel: "whatsapp_group",
    });
    const first = await notice();
    const groupChatId = "120363099000000001@g.us";
    const { id } = await answered(
      [
        { kind: "unknown_code", code: "0007" },
        { kind: "over", notificationId: first, state: "cancelled" },
      ],
      { account, groupChatId },
    );
    const { deps, sent } = vendor(() => accepted("80000004"));
    await createSendAnswer(deps)({ inboundMessageId: id });
    expect(sent[0]?.to).toEqual({ kind: "group", groupChatId });
    expect(sent[0]?.text.split("\n\n")).toEqual([
      "Joko: Maaf, kode 0007 tidak ditemukan atau sudah selesai.",
      "Joko: Terima kasih, tetapi Jenis, POP Klari sudah dibatalkan.",
    ]);
  });

  it("is not sent again when an earlier execution died while sending", async () => {
    const { id } = await answered([{ kind: "nothing_open" }]);
    const dying = vendor(() => Promise.reject(new Error("the process dies here")));
    await expect(createSendAnswer(dying.deps)({ inboundMessageId: id })).rejects.toThrow();
    const { deps, sent } = vendor(() => accepted("80000005"));
    expect(await createSendAnswer(deps)({ inboundMessageId: id })).toEqual({
      status: "unknown",
      reason: "sender_died",
    });
    expect(sent).toEqual([]);
    expect(await messageOf(id)).toMatchObject({ answer: "unknown", status: "unknown" });
  });

  it("is tried again after a failure that surely sent nothing, and then given up", async () => {
    const { id } = await answered([{ kind: "nothing_open" }]);
    const { deps, sent } = vendor(() => failure("unavailable"));
    const sendAnswer = createSendAnswer(deps);
    let tries = 0;
    for (;;) {
      tries += 1;
      const result = await sendAnswer({ inboundMessageId: id }).catch((error: unknown) => error);
      if (!(result instanceof Error)) {
        expect(result).toEqual({ status: "not_sent", reason: "provider_fault" });
        break;
      }
      expect(tries).toBeLessThan(5);
    }
    expect(sent).toHaveLength(tries);
    expect(await messageOf(id)).toMatchObject({ answer: "failed", status: "failed" });
  });

  it("whose outcome is unknown is left so", async () => {
    const { id } = await answered([{ kind: "nothing_open" }]);
    const { deps } = vendor(() => failure("unknown_outcome"));
    expect(await createSendAnswer(deps)({ inboundMessageId: id })).toMatchObject({
      status: "unknown",
    });
    expect(await messageOf(id)).toMatchObject({ answer: "unknown", status: "unknown" });
  });

  it.each<[what: string, ageMs: number, overrides: Partial<AnswerDeps>, reason: string | null]>([
    ["just before its ten minutes are over", 599_000, {}, null],
    ["after ten minutes", 600_000, {}, "too_late"],
    ["to a number that may not be written to", 0, { sendOnlyTo: new Set() }, "not_in_send_only_to"],
    ["to a number that may be written to", 0, { sendOnlyTo: new Set([ADDRESS]) }, null],
  ])("%s is sent or dropped with the reason", async (_what, ageMs, overrides, reason) => {
    const { id } = await answered([{ kind: "nothing_open" }], { now: Date.now() - ageMs });
    const { deps, sent } = vendor(() => accepted(`8${Date.now()}`), overrides);
    expect(await createSendAnswer(deps)({ inboundMessageId: id })).toMatchObject(
      reason === null ? { status: "accepted" } : { status: "not_sent", reason },
    );
    expect(sent).toHaveLength(reason === null ? 1 : 0);
  });

  it("over an account that is switched off is dropped", async () => {
    const { id, account } = await answered([{ kind: "nothing_open" }]);
    await database().pool.query("update provider_accounts set enabled = false where id = $1", [
      account.id,
    ]);
    const { deps, sent } = vendor(() => accepted("80000006"));
    expect(await createSendAnswer(deps)({ inboundMessageId: id })).toMatchObject({
      status: "not_sent",
      reason: "account_disabled",
    });
    expect(sent).toEqual([]);
  });

  it("keeps the pace of its number like every other message", async () => {
    const account = await insertVendorAccount(database().pool, "fonnte");
    await database().pool.query("update provider_accounts set pacing = $2 where id = $1", [
      account.id,
      { perSecond: 2, minGapSeconds: 0.8 },
    ]);
    const slept: number[] = [];
    const { deps, sent } = vendor((call) => accepted(`8000010${call}`), {
      // Time passes for what has left; the slots that are taken stay where they are.
      sleep: async (ms) => {
        slept.push(ms);
        await database().pool.query(
          "update device_pace set last_sent_at = last_sent_at - make_interval(secs => $1)",
          [(ms + 50) / 1000],
        );
      },
    });
    const sendAnswer = createSendAnswer(deps);
    for (let count = 0; count < 3; count += 1) {
      const { id } = await answered([{ kind: "nothing_open" }], { account });
      await sendAnswer({ inboundMessageId: id });
    }
    expect(sent).toHaveLength(3);
    expect(slept).toHaveLength(2);
    expect(slept[0]).toBeGreaterThan(500);
    expect(slept[1]).toBeGreaterThan(slept[0] ?? 0);
    const { id } = await answered([{ kind: "nothing_open" }], { account });
    await expect(sendAnswer({ inboundMessageId: id })).rejects.toMatchObject({ type: "try_again" });
  });

  it("shows a receipt that came before the vendor's answer", async () => {
    const { id, account } = await answered([{ kind: "nothing_open" }]);
    const { deps } = vendor(async () => {
      await recordReceipt(database().pool, {
        receiptId: newId("rcp", Date.now()),
        accountId: account.id,
        eventKey: "early",
        providerMessageId: "80000007",
        alias: null,
        deliveryKey: null,
        status: "delivered",
        final: true,
        reason: null,
        error: null,
        reportedAt: null,
        receivedAt: Date.now(),
      });
      return accepted("80000007");
    });
    await createSendAnswer(deps)({ inboundMessageId: id });
    expect(await messageOf(id)).toMatchObject({ answer: "accepted", status: "delivered" });
  });

  it("that nobody sent in time is dropped, and one that was sent stays so", async () => {
    const { deps } = vendor(() => accepted("80000008"));
    const dropAnswer = createDropAnswer(deps);
    const late = await answered([{ kind: "nothing_open" }]);
    await dropAnswer({ inboundMessageId: late.id, reason: "no_worker" });
    expect(await messageOf(late.id)).toMatchObject({ answer: "dropped", reason: "no_worker" });
    const sent = await answered([{ kind: "nothing_open" }]);
    await createSendAnswer(deps)({ inboundMessageId: sent.id });
    await dropAnswer({ inboundMessageId: sent.id, reason: "no_worker" });
    expect(await messageOf(sent.id)).toMatchObject({ answer: "accepted" });
  });

  it("that was never started is found by the sweep, the oldest first", async () => {
    const { pool } = database();
    const before = await unstartedAnswers(pool, { olderThan: new Date(), limit: 1_000 });
    const young = await answered([{ kind: "nothing_open" }]);
    const old = await answered([{ kind: "nothing_open" }], { now: Date.now() - 60_000 });
    const found = await unstartedAnswers(pool, {
      olderThan: new Date(Date.now() - 15_000),
      limit: 1_000,
    });
    const ids = found.map(({ inboundMessageId }) => inboundMessageId);
    expect(ids).toContain(old.id);
    expect(ids).not.toContain(young.id);
    expect(before.map(({ inboundMessageId }) => inboundMessageId)).not.toContain(old.id);
    expect(await loadAnswer(pool, old.id)).toMatchObject({ status: "intended" });
  });
});

describe("what a person has answered", () => {
  async function written(): Promise<{ readonly inboundId: string; readonly answerId: string }> {
    const { id: inboundId, account } = await answered([]);
    const answerId = newId("ans", Date.now());
    const started = await withTransaction(database().pool, async (client) => {
      await lockInbound(client, inboundId);
      const answer = await insertWrittenAnswer(client, {
        id: answerId,
        inboundMessageId: inboundId,
        deviceKey: account.deviceKey,
        provider: account.provider,
        channel: account.channel,
        address: ADDRESS,
        locale: "id",
        timeZone: "Asia/Jakarta",
        text: "Teknisi kami tiba pukul 14.",
        now: Date.now(),
      });
      await markHandled(client, {
        id: inboundId,
        state: "answered",
        by: { userId: null, name: "CS" },
        note: null,
        at: new Date(),
      });
      return answer;
    });
    expect(started).toEqual({ inboundMessageId: answerId, accountId: account.id });
    return { inboundId, answerId };
  }

  async function stateOf(inboundId: string): Promise<unknown> {
    const { rows } = await database().pool.query<Record<string, unknown>>(
      "select state, handled_by is not null as handled from inbound_messages where id = $1",
      [inboundId],
    );
    return rows[0];
  }

  it("is sent in that person's own words, once", async () => {
    const { inboundId, answerId } = await written();
    const { sent, deps } = vendor(() => accepted("written-1"));
    const send = createSendAnswer(deps);
    expect(await send({ inboundMessageId: answerId })).toMatchObject({ status: "accepted" });
    expect(await send({ inboundMessageId: answerId })).toMatchObject({ status: "accepted" });
    expect(sent.map(({ text }) => text)).toEqual(["Teknisi kami tiba pukul 14."]);
    expect(await stateOf(inboundId)).toEqual({ state: "answered", handled: true });
    expect(await loadAnswer(database().pool, inboundId)).toMatchObject({ status: "intended" });
  });

  it.each<[end: ProviderError["kind"] | "no_worker", state: string, why: string]>([
    ["rejected", "unmatched", "it surely did not arrive: somebody has to see the message again"],
    ["no_worker", "unmatched", "nobody has sent it in time"],
    ["unknown_outcome", "answered", "it may have arrived"],
  ])("that ends as %s leaves the message %s: %s", async (end, state) => {
    const { inboundId, answerId } = await written();
    const { deps } = vendor(() => failure(end === "no_worker" ? "rejected" : end));
    if (end === "no_worker") {
      await createDropAnswer(deps)({ inboundMessageId: answerId, reason: end });
    } else {
      await createSendAnswer(deps)({ inboundMessageId: answerId });
    }
    expect(await stateOf(inboundId)).toEqual({ state, handled: state === "answered" });
  });
});
