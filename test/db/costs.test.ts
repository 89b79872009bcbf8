import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { monthlyFees, sumCosts } from "../../db/costs.ts";
import { openDelivery, recordAccepted, reserveSlot } from "../../db/deliveries.ts";
import { newId } from "../../db/new-id.ts";
import { insertPrice, repriceMessages } from "../../db/prices.ts";
import type { PriceTerms } from "../../db/prices.ts";
import { RECEIPT_MERGES } from "../../db/receipt-merges.ts";
import { recordReceipt } from "../../db/receipts.ts";
import type { ReportedBill } from "../../db/receipts.ts";
import type { ReceiptKind } from "../../domain/delivery.ts";
import { BILLING_CLASSES, COST_GROUPINGS, priceFor, sumRupiah } from "../../domain/price.ts";
import type { BillingClass, CostGrouping, Price } from "../../domain/price.ts";
import { withTransaction } from "../../db/transaction.ts";
import { assertDefined } from "../support/assert-defined.ts";
import { useFreshDatabase } from "../support/database.ts";
import {
  insertAccount,
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
} from "../support/rows.ts";

const database = useFreshDatabase();

const JAKARTA = "Asia/Jakarta";
const LONG_AGO = "2025-01-01";
const SPAN = { from: LONG_AGO, to: "2099-12-31", timeZone: JAKARTA };

const terms = (over: Partial<PriceTerms> = {}): PriceTerms => ({
  unit: "message",
  billingClass: null,
  prefix: "",
  amount: 200,
  currency: "IDR",
  exchangeRate: 1,
  chargedOn: "accepted",
  incrementSeconds: 60,
  quota: null,
  validFrom: LONG_AGO,
  note: null,
  ...over,
});

async function account(
  prices: readonly Partial<PriceTerms>[],
  channel = "whatsapp_personal",
): Promise<string> {
  const { pool } = database();
  const id = await insertAccount(pool, { channel });
  await withTransaction(pool, async (client) => {
    for (const price of prices) {
      await insertPrice(client, id, terms(price), JAKARTA, Date.now());
    }
  });
  return id;
}

interface Sent {
  readonly notificationId: string;
  readonly deliveryId: string;
  readonly messageId: string;
  readonly providerMessageId: string;
}

/** One delivery, as a worker makes it; accepted by the vendor unless said otherwise. */
async function send(
  accountId: string,
  over: {
    readonly phone?: string;
    readonly channel?: "whatsapp_personal" | "sms" | "call";
    readonly segments?: number | null;
    readonly isAccepted?: boolean;
    readonly notificationId?: string;
  } = {},
): Promise<Sent> {
  const { pool } = database();
  const channel = over.channel ?? "whatsapp_personal";
  const user = await insertUser(pool, over.phone === undefined ? {} : { phone: over.phone });
  const notificationId = over.notificationId ?? (await notification());
  await insertTarget(pool, notificationId, { target: user.id });
  const context = assertDefined(
    await openDelivery(pool, {
      deliveryId: newId("dlv", Date.now()),
      notificationId,
      purpose: "ladder",
      pass: 1,
      step: 1,
      target: user.id,
      channel,
      attempt: 1,
      handOver: 0,
      accountId,
      orderReason: "step",
      because: null,
      evidence: [],
      now: Date.now(),
    }),
  );
  const messageId = newId("msg", Date.now());
  const slot = await reserveSlot(pool, {
    notificationId,
    purpose: "ladder",
    deliveryId: context.delivery.id,
    isReserved: false,
    account: assertDefined(context.account),
    address: user.phone,
    aheadSeconds: 2,
    caps: { daily: null, newContacts: null },
    messageId,
    body: "Halo",
    replyCode: null,
    answerable: false,
  });
  expect(slot.kind).toBe("send");
  const providerMessageId = `pm-${messageId}`;
  if (over.isAccepted !== false) {
    await recordAccepted(pool, {
      notificationId,
      deliveryId: context.delivery.id,
      messageId,
      accountId,
      providerMessageId,
      status: "accepted",
      segments: over.segments ?? null,
      providerResponse: {},
      at: Date.now(),
      event: { pass: 1, step: 1, target: user.id, channel, attempt: 1, purpose: "ladder" },
    });
  }
  return { notificationId, deliveryId: context.delivery.id, messageId, providerMessageId };
}

async function notification(): Promise<string> {
  const { pool } = database();
  return insertNotificationRow(pool, {
    type: await insertType(pool),
    policyId: await insertPolicy(pool),
  });
}

let reports = 0;

async function report(
  accountId: string,
  sent: Sent,
  status: ReceiptKind,
  bill: Partial<ReportedBill> = {},
): Promise<void> {
  reports += 1;
  await recordReceipt(database().pool, {
    receiptId: newId("rcp", Date.now()),
    accountId,
    eventKey: `event-${reports}`,
    providerMessageId: sent.providerMessageId,
    alias: null,
    deliveryKey: null,
    status,
    final: true,
    reason: null,
    error: null,
    reportedAt: null,
    receivedAt: Date.now(),
    bill: { isBilled: null, billingClass: null, callSeconds: null, ...bill },
  });
}

async function costOf({ deliveryId }: Sent): Promise<number | null> {
  const { rows } = await database().pool.query<{ cost: number | null }>(
    "select delivery_cost($1) as cost",
    [deliveryId],
  );
  return assertDefined(rows[0]).cost;
}

describe("what a message costs", () => {
  type Report = readonly [status: ReceiptKind, bill?: Partial<ReportedBill>];
  type Row = readonly [why: string, price: Partial<PriceTerms>, Report[], number];
  const delivered: Partial<PriceTerms> = { chargedOn: "delivered" };
  const minute: Partial<PriceTerms> = { unit: "minute", chargedOn: "delivered", amount: 1_000 };

  it.each<Row>([
    ["a vendor that bills what it took bills at once", {}, [], 200],
    ["and what failed later", {}, [["failed"]], 200],
    ["unless it says that it does not", {}, [["failed", { isBilled: false }]], 0],
    ["one that bills what left it waits for that", { chargedOn: "sent" }, [], 0],
    ["and bills then", { chargedOn: "sent" }, [["sent"]], 200],
    ["also what fails after it", { chargedOn: "sent" }, [["sent"], ["failed"]], 200],
    ["one that bills what arrived waits for that", delivered, [["sent"]], 0],
    ["and bills then", delivered, [["delivered"]], 200],
    ["read has arrived", delivered, [["read"]], 200],
    ["its own word goes before", delivered, [["sent", { isBilled: true }]], 200],
    ["but not for what failed", delivered, [["sent", { isBilled: true }], ["failed"]], 0],
    ["and goes for free ones too", delivered, [["delivered", { isBilled: false }]], 0],
    [
      "billed once is billed",
      {},
      [
        ["sent", { isBilled: false }],
        ["read", { isBilled: true }],
      ],
      200,
    ],
    ["a call that nobody took costs nothing", minute, [["failed", { callSeconds: 0 }]], 0],
    ["a second of it is a minute", minute, [["delivered", { callSeconds: 1 }]], 1_000],
    ["a minute is a minute", minute, [["delivered", { callSeconds: 60 }]], 1_000],
    ["a second more is two", minute, [["delivered", { callSeconds: 61 }]], 2_000],
    ["a voicemail is paid by its time", minute, [["failed", { callSeconds: 30 }]], 1_000],
    ["of unknown length: one increment", minute, [["delivered"]], 1_000],
    [
      "increments of six seconds",
      { ...minute, incrementSeconds: 6 },
      [["delivered", { callSeconds: 31 }]],
      600,
    ],
    [
      "another currency at its rate",
      { amount: 0.0411, currency: "USD", exchangeRate: 16_250.5 },
      [],
      667.89555,
    ],
  ])("%s", async (_why, price, sequence, cost) => {
    const accountId = await account([price]);
    const sent = await send(accountId);
    for (const [status, bill] of sequence) await report(accountId, sent, status, bill);
    expect(await costOf(sent)).toBe(cost);
  });

  it("is not known without a price", async () => {
    expect(await costOf(await send(await account([])))).toBeNull();
  });

  it.each([
    ["one part", 1, 500],
    ["three parts", 3, 1_500],
    ["as many as nobody counted: one", null, 500],
  ])("counts the parts of an SMS: %s", async (_why, segments, cost) => {
    const accountId = await account([{ unit: "segment", amount: 500 }], "sms");
    expect(await costOf(await send(accountId, { channel: "sms", segments }))).toBe(cost);
  });

  it("is the price of the number's prefix", async () => {
    const accountId = await account([
      { amount: 1_200 },
      { prefix: "62", amount: 500 },
      { prefix: "62812", amount: 350 },
    ]);
    expect(await costOf(await send(accountId, { phone: "+6281234000501" }))).toBe(350);
    expect(await costOf(await send(accountId, { phone: "+62215550001" }))).toBe(500);
    expect(await costOf(await send(accountId, { phone: "+12025550101" }))).toBe(1_200);
  });

  it("is the price of the class that the vendor billed", async () => {
    const accountId = await account([
      { billingClass: "utility", amount: 320 },
      { billingClass: "service", amount: 0 },
      { billingClass: "marketing", amount: 657.6 },
    ]);
    const sent = await send(accountId);
    expect(await costOf(sent), "not classed yet").toBe(320);
    await report(accountId, sent, "sent", { billingClass: "marketing", isBilled: true });
    expect(await costOf(sent)).toBe(657.6);
  });

  it("is not counted for a message of which nobody knows, and counted when it turns up", async () => {
    const accountId = await account([{}]);
    const sent = await send(accountId, { isAccepted: false });
    await database().pool.query(
      `with d as (update deliveries set status = 'unknown' where id = $1)
       update messages set status = 'unknown' where id = $2`,
      [sent.deliveryId, sent.messageId],
    );
    expect(await costOf(sent)).toBe(0);
    const [sum] = await sumCosts(database().pool, SPAN, ["account"]).then((rows) =>
      rows.filter((row) => row.accountId === accountId),
    );
    expect(sum).toMatchObject({ cost: 0, messages: 1, inDoubt: 1 });
    await recordReceipt(database().pool, {
      receiptId: newId("rcp", Date.now()),
      accountId,
      eventKey: "found",
      providerMessageId: "pm-found",
      alias: null,
      deliveryKey: sent.deliveryId,
      status: "delivered",
      final: true,
      reason: null,
      error: null,
      reportedAt: null,
      receivedAt: Date.now(),
    });
    expect(await costOf(sent)).toBe(200);
  });

  it("invariant 28: counts the copy that was replaced and arrived all the same", async () => {
    const { pool } = database();
    const first = await account([{ chargedOn: "sent" }]);
    const second = await account([{ amount: 350 }]);
    const sent = await send(first);
    await pool.query(
      `insert into deliveries (id, notification_id, pass, step, target, user_id, channel, attempt, hand_over, account_id, status)
       select $2, notification_id, pass, step, target, user_id, channel, attempt, 1, $3, 'accepted' from deliveries where id = $1`,
      [sent.deliveryId, newId("dlv", Date.now()), second],
    );
    await pool.query(
      `with m as (
         insert into messages (id, account_id, provider, channel, device_key, address, body, status, accepted_at)
         values ($1, $2, 'fonnte', 'whatsapp_personal', 'd2', '+6281234000502', 'Halo', 'accepted', now()) returning id
       )
       update deliveries d set message_id = (select id from m) where d.notification_id = $3 and d.hand_over = 1`,
      [newId("msg", Date.now()), second, sent.notificationId],
    );
    await report(first, sent, "delivered");
    const { rows } = await pool.query(
      `select status, delivery_cost(id) as cost from deliveries where notification_id = $1 order by hand_over`,
      [sent.notificationId],
    );
    expect(rows).toEqual([
      { status: "superseded", cost: 200 },
      { status: "accepted", cost: 350 },
    ]);
  });

  it("of a push to several devices is that of all its copies", async () => {
    const { pool } = database();
    const accountId = await account([{ amount: 1.5 }], "push");
    const sent = await send(accountId);
    for (const id of [sent.messageId, newId("msg", Date.now()), newId("msg", Date.now() + 1)]) {
      if (id !== sent.messageId) {
        await pool.query(
          `insert into messages (id, account_id, provider, channel, device_key, address, body, status, accepted_at)
           values ($1, $2, 'fcm', 'push', 'd', 's', 'Halo', 'sent', now())`,
          [id, accountId],
        );
      }
      await pool.query("insert into push_copies values ($1, $2, $3)", [sent.deliveryId, id, id]);
    }
    expect(await costOf(sent)).toBe(4.5);
  });

  it("of a message that several deliveries share is borne by the first", async () => {
    const accountId = await account([{}]);
    const sent = await send(accountId);
    const other = await send(accountId);
    await database().pool.query("update deliveries set message_id = $2 where id = $1", [
      other.deliveryId,
      sent.messageId,
    ]);
    expect([await costOf(sent), await costOf(other)]).toEqual([200, null]);
  });
});

it("the database picks the price that the planner picks", async () => {
  const { pool } = database();
  const days = ["2026-01-01", "2026-01-02", "2026-01-03"] as const;
  const classes: readonly (BillingClass | null)[] = [null, ...BILLING_CLASSES];
  const book = fc.uniqueArray(
    fc.record({
      billingClass: fc.constantFrom(...classes),
      prefix: fc.constantFrom("", "6", "62", "62812", "1"),
      validFrom: fc.constantFrom(...days),
    }),
    { maxLength: 8, selector: (one) => JSON.stringify(one) },
  );
  const asked = fc.record({
    billingClass: fc.constantFrom(...classes),
    phone: fc.constantFrom("+6281234000503", "+62215550003", "+12025550103"),
    at: fc.constantFrom(
      "2025-12-31T16:59:59Z",
      "2025-12-31T17:00:00Z",
      "2026-01-02T05:00:00Z",
      "2026-01-09T00:00:00Z",
    ),
  });
  await fc.assert(
    fc.asyncProperty(book, asked, async (prices, { billingClass, phone, at }) => {
      const id = await account(prices.map((price, index) => ({ ...price, amount: index })));
      const { rows } = await pool.query<{ amount: number | null }>(
        "select (select amount from price_book where id = price_for($1, $2, $3, $4)) as amount",
        [id, billingClass, phone, new Date(at)],
      );
      const ours = priceFor(
        prices.map((price, index): Price => ({
          unit: "message",
          billingClass: price.billingClass,
          prefix: price.prefix,
          unitMicros: index,
          incrementSeconds: 60,
          validFrom: Date.parse(`${price.validFrom}T00:00:00+07:00`),
        })),
        { billingClass, digits: phone.slice(1, 7), at: Date.parse(at) },
      );
      expect(rows[0]?.amount).toBe(ours?.unitMicros ?? null);
    }),
    { numRuns: 60 },
  );
});

describe("invariant 34: message costs add up to the ledger", () => {
  const bill = fc.record({
    isBilled: fc.constantFrom(true, false, null),
    billingClass: fc.constantFrom<BillingClass | null>(null, ...BILLING_CLASSES),
    callSeconds: fc.constantFrom(null, 0, 30, 61),
  });
  const receipt = fc.record({
    status: fc.constantFrom<ReceiptKind>("sent", "delivered", "read", "failed"),
    bill,
  });
  const price = fc.record({
    unit: fc.constantFrom("message" as const, "segment" as const, "minute" as const),
    amount: fc.integer({ min: 0, max: 5_000_000 }).map((amount) => amount / 1_000),
    chargedOn: fc.constantFrom("accepted" as const, "sent" as const, "delivered" as const),
    incrementSeconds: fc.constantFrom(1, 6, 60),
  });

  it("whatever is reported, in whatever order", async () => {
    await fc.assert(
      fc.asyncProperty(
        price,
        fc.array(
          fc.record({ segments: fc.nat(4), receipts: fc.array(receipt, { maxLength: 4 }) }),
          {
            minLength: 1,
            maxLength: 4,
          },
        ),
        async (one, messages) => {
          const { pool } = database();
          const accountId = await account([one]);
          const costs: (number | null)[] = [];
          for (const { segments, receipts } of messages) {
            const first = await send(accountId, { segments });
            const second = await send(accountId, { segments });
            for (const { status, bill: said } of receipts) {
              await report(accountId, first, status, said);
            }
            for (const { status, bill: said } of [...receipts, ...receipts].reverse()) {
              await report(accountId, second, status, said);
            }
            const cost = await costOf(first);
            expect(await costOf(second), "the order makes no difference").toBe(cost);
            costs.push(cost, cost);
          }
          const sums = await sumCosts(pool, SPAN, ["account"]);
          const ledger = sums.find((sum) => sum.accountId === accountId);
          expect(ledger?.messages).toBe(costs.length);
          expect(ledger?.cost).toBe(sumRupiah(costs.map((cost) => cost ?? 0)));
        },
      ),
      { numRuns: 25 },
    );
  });

  it.each<{ readonly by: readonly CostGrouping[] }>([
    ...COST_GROUPINGS.map((grouping) => ({ by: [grouping] })),
    { by: ["month", "account"] },
    { by: ["day", "type", "zone"] },
  ])("by $by", async ({ by }) => {
    const { pool } = database();
    // Answers to people are messages of no notification.
    await pool.query(
      `insert into messages (id, account_id, provider, channel, device_key, address, body, status, accepted_at, created_at)
       values ($1, $2, 'fonnte', 'whatsapp_personal', 'd', '+6281234000504', 'Halo', 'accepted', now(), '2026-02-28T16:59:59.999Z'),
         ($3, $2, 'fonnte', 'whatsapp_personal', 'd', '+6281234000504', 'Halo', 'accepted', now(), '2026-02-28T17:00:00Z')`,
      [newId("msg", Date.now()), await account([{ amount: 7 }]), newId("msg", Date.now())],
    );
    const sums = await sumCosts(pool, SPAN, by);
    const [all] = await sumCosts(pool, SPAN, []);
    expect(sumRupiah(sums.map(({ cost }) => cost ?? 0))).toBe(all?.cost);
    expect(sums.reduce((sum, { messages }) => sum + messages, 0)).toBe(all?.messages);
    const { rows } = await pool.query<{ count: number }>("select count(*) as count from messages");
    expect(all?.messages).toBe(rows[0]?.count);
  });

  it("each message belongs to exactly one local day", async () => {
    const { pool } = database();
    const accountId = await account([{ amount: 7 }]);
    for (const at of [
      "2026-03-01T16:59:59.999Z",
      "2026-03-01T17:00:00Z",
      "2026-03-02T16:59:59.999Z",
    ]) {
      await pool.query(
        `insert into messages (id, account_id, provider, channel, device_key, address, body, status, accepted_at, created_at)
         values ($1, $2, 'fonnte', 'whatsapp_personal', 'd', '+6281234000505', 'Halo', 'accepted', now(), $3)`,
        [newId("msg", Date.parse(at)), accountId, at],
      );
    }
    const of = async (from: string, to: string) =>
      (await sumCosts(pool, { from, to, timeZone: JAKARTA }, ["day", "account"]))
        .filter((sum) => sum.accountId === accountId)
        .map(({ day, messages }) => [day, messages]);
    expect(await of("2026-03-01", "2026-03-01")).toEqual([["2026-03-01", 1]]);
    expect(await of("2026-03-02", "2026-03-02")).toEqual([["2026-03-02", 2]]);
    expect(await of("2026-03-01", "2026-03-02")).toEqual([
      ["2026-03-01", 1],
      ["2026-03-02", 2],
    ]);
    expect(await of("2026-03-03", "2026-03-03")).toEqual([]);
  });
});

it("a process of the release before this one still records receipts, and its messages have prices", async () => {
  const { pool } = database();
  const accountId = await account([{ chargedOn: "delivered" }]);
  const sent = await send(accountId);
  const { rows } = await pool.query<{ verdict: string }>(
    `select verdict from record_receipt($1, $2, $3, null, null, 'delivered', true, 'old', null, null, null, now(), $4)`,
    [newId("rcp", Date.now()), accountId, sent.providerMessageId, RECEIPT_MERGES],
  );
  expect(rows).toEqual([{ verdict: "recorded" }]);
  expect(await costOf(sent)).toBe(200);
});

describe("a price that comes late", () => {
  it("is given to the messages since its first day, and to no others", async () => {
    const { pool } = database();
    const accountId = await account([]);
    const [before, since] = [await send(accountId), await send(accountId)];
    await pool.query("update messages set created_at = '2026-01-01T16:59:59Z' where id = $1", [
      before.messageId,
    ]);
    await withTransaction(pool, (client) =>
      insertPrice(client, accountId, terms({ validFrom: "2026-01-02" }), JAKARTA, Date.now()),
    );
    expect(await repriceMessages(pool, accountId, "2026-01-02", JAKARTA)).toBe(1);
    expect([await costOf(before), await costOf(since)]).toEqual([null, 200]);
    expect(await repriceMessages(pool, accountId, "2026-01-02", JAKARTA), "again").toBe(0);
  });

  it("of the same day and for the same is refused", async () => {
    const { pool } = database();
    const accountId = await account([{}]);
    await withTransaction(pool, async (client) => {
      const insert = (over: Partial<PriceTerms>) =>
        insertPrice(client, accountId, terms(over), JAKARTA, Date.now());
      expect(await insert({ amount: 5 })).toBeNull();
      expect(await insert({ unit: "month" }), "a fee stands beside it").not.toBeNull();
      expect(await insert({ prefix: "62" })).not.toBeNull();
      expect(await insert({ billingClass: "utility" })).not.toBeNull();
      expect(await insert({ validFrom: "2025-01-02" })).not.toBeNull();
    });
  });
});

describe("monthly fees", () => {
  it("fall due on the month's first day", async () => {
    const { pool } = database();
    const accountId = await account([
      { unit: "month", amount: 66_000, validFrom: "2026-01-01" },
      { unit: "month", amount: 99_000, validFrom: "2026-02-02", quota: 10 },
    ]);
    const fees = async (from: string, to: string) =>
      (await monthlyFees(pool, { from, to, timeZone: JAKARTA }, Date.parse("2026-03-15T00:00:00Z")))
        .filter((fee) => fee.accountId === accountId)
        .map(({ month, cost, quota }) => [month, cost, quota]);
    expect(await fees("2025-12-01", "2026-03-31")).toEqual([
      ["2026-01", 66_000, null],
      ["2026-02", 66_000, null],
      ["2026-03", 99_000, 10],
    ]);
    expect(await fees("2026-01-01", "2026-01-01")).toEqual([["2026-01", 66_000, null]]);
    expect(await fees("2026-01-02", "2026-01-31")).toEqual([]);
  });

  it.each([
    ["nothing used yet", 0, null],
    ["less than half of it after half of the month", 4, null],
    ["more than that", 6, "2026-03-25"],
    ["all of it", 10, "2026-03-15"],
  ])("foretell when a package runs out: %s", async (_why, used, runsOutOn) => {
    const { pool } = database();
    const accountId = await account([{ unit: "month", amount: 66_000, quota: 10 }]);
    await pool.query(
      `insert into messages (id, account_id, provider, channel, device_key, address, body, status, accepted_at, created_at)
       select $1 || n, $2, 'fonnte', 'whatsapp_personal', 'd', '+6281234000506', 'Halo', 'accepted', now(), '2026-03-02T00:00:00Z'
       from generate_series(1, $3::integer) n`,
      [newId("msg", Date.now()), accountId, used],
    );
    const fees = await monthlyFees(
      pool,
      { from: "2026-03-01", to: "2026-03-31", timeZone: JAKARTA },
      Date.parse("2026-03-15T16:59:00Z"),
    );
    expect(fees.find((fee) => fee.accountId === accountId)).toMatchObject({ used, runsOutOn });
  });
});
