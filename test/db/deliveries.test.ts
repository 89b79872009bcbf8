import { describe, expect, it } from "vitest";

import { recordAct } from "../../db/acts.ts";
import {
  lockMessage,
  openDelivery,
  recordAccepted,
  recordRefused,
  reserveSlot,
  spareDelivery,
  takeReplyCode,
  type DeliveryContext,
} from "../../db/deliveries.ts";
import { newId } from "../../db/new-id.ts";
import { linkAlias, recordReceipt, type ReportedReceipt } from "../../db/receipts.ts";
import { settleUnstopped } from "../../db/settle.ts";
import { withTransaction } from "../../db/transaction.ts";
import type { LadderEnd } from "../../domain/run.ts";
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

interface Scene {
  readonly notificationId: string;
  readonly accountId: string;
  readonly userId: string;
}

async function scene(account: Parameters<typeof insertAccount>[1] = {}): Promise<Scene> {
  const { pool } = database();
  const policyId = await insertPolicy(pool);
  const type = await insertType(pool);
  const notificationId = await insertNotificationRow(pool, { type, policyId });
  const user = await insertUser(pool);
  await insertTarget(pool, notificationId, { target: user.id });
  return { notificationId, accountId: await insertAccount(pool, account), userId: user.id };
}

async function open(
  { notificationId, accountId, userId }: Scene,
  key: { readonly handOver?: number; readonly attempt?: number } = {},
): Promise<DeliveryContext> {
  const context = await openDelivery(database().pool, {
    deliveryId: newId("dlv", Date.now()),
    notificationId,
    purpose: "ladder",
    pass: 1,
    step: 1,
    target: userId,
    channel: "whatsapp_personal",
    attempt: key.attempt ?? 1,
    handOver: key.handOver ?? 0,
    accountId,
    orderReason: "step",
    because: null,
    evidence: ["delivered", "read"],
    now: Date.now(),
  });
  if (!context) throw new Error("no such notification");
  return context;
}

function slotFor(one: Scene, context: DeliveryContext, isReserved = false) {
  if (!context.account || !context.recipient?.address) throw new Error("incomplete scene");
  return reserveSlot(database().pool, {
    notificationId: one.notificationId,
    purpose: "ladder",
    deliveryId: context.delivery.id,
    isReserved,
    account: context.account,
    address: context.recipient.address,
    aheadSeconds: 2,
    caps: { daily: context.account.dailyCap, newContacts: context.account.newContactCap },
    messageId: newId("msg", Date.now()),
    body: "Halo",
    replyCode: null,
    answerable: false,
  });
}

async function accept(
  one: Scene,
  context: DeliveryContext,
  messageId: string,
  providerMessageId: string,
) {
  return withTransaction(database().pool, async (client) => {
    await lockMessage(client, one.accountId, providerMessageId);
    return recordAccepted(client, {
      notificationId: one.notificationId,
      deliveryId: context.delivery.id,
      messageId,
      accountId: one.accountId,
      providerMessageId,
      status: "accepted",
      segments: null,
      providerResponse: { status: true },
      at: Date.now(),
      event: {
        pass: 1,
        step: 1,
        target: one.userId,
        channel: "whatsapp_personal",
        attempt: 1,
        purpose: "ladder",
      },
    });
  });
}

function report(
  one: Scene,
  providerMessageId: string | null,
  status: ReportedReceipt["status"],
  more: Partial<ReportedReceipt> = {},
): ReportedReceipt {
  return {
    receiptId: newId("rcp", Date.now()),
    accountId: one.accountId,
    eventKey: `${providerMessageId ?? more.alias ?? "?"}:${status}`,
    providerMessageId,
    alias: null,
    deliveryKey: null,
    status,
    final: true,
    reason: null,
    error: null,
    reportedAt: null,
    receivedAt: Date.now(),
    ...more,
  };
}

async function deliveryRow(id: string): Promise<Record<string, unknown>> {
  const { rows } = await database().pool.query<Record<string, unknown>>(
    "select * from deliveries where id = $1",
    [id],
  );
  return rows[0] ?? {};
}

async function send(one: Scene, providerMessageId: string) {
  const context = await open(one);
  const slot = await slotFor(one, context);
  if (slot.kind !== "send") throw new Error(`no slot: ${slot.kind}`);
  await accept(one, context, slot.messageId, providerMessageId);
  return context;
}

describe("opening a delivery", () => {
  it("calls the next attempt a reminder, and not the same one by another account or channel", async () => {
    const one = await scene();
    const { pool } = database();
    await send(one, "pm-first");
    const times = async (key: Parameters<typeof open>[1]): Promise<number | undefined> =>
      (await open(one, key)).notification.toldTimes;
    expect(await times({ handOver: 1 })).toBe(0);
    expect(await times({ attempt: 2 })).toBe(1);
    await pool.query(
      "update deliveries set channel = 'email' where notification_id = $1 and attempt = 1 and hand_over = 0",
      [one.notificationId],
    );
    expect(await times({ attempt: 3 }), "nobody is reminded of an e-mail").toBe(0);
  });

  it("finds the row of an earlier execution instead of making another", async () => {
    const one = await scene();
    const first = await open(one);
    const second = await open(one);
    expect(second.delivery.id).toBe(first.delivery.id);
    expect(first.recipient?.address).toMatch(/^\+62/);
    expect(first.templates).toHaveLength(1);
    expect(first.account?.credentialsEncrypted.length).toBeGreaterThan(20);
  });
});

describe("the slot statement", () => {
  it("marks the delivery sending and stores the message in the same statement", async () => {
    const one = await scene();
    const context = await open(one);
    expect(await slotFor(one, context)).toMatchObject({ kind: "send" });
    expect(await deliveryRow(context.delivery.id)).toMatchObject({ status: "sending", tries: 1 });
  });

  it("gives one of two executions the send and the other nothing", async () => {
    const one = await scene();
    const context = await open(one);
    const slots = await Promise.all([slotFor(one, context), slotFor(one, context)]);
    expect(slots.map((slot) => slot.kind).sort()).toEqual(["not_intended", "send"]);
  });

  it("invariant 9: gives a stopped notification nothing", async () => {
    const one = await scene();
    const context = await open(one);
    await recordAct(database().pool, {
      actId: newId("act", Date.now()),
      notificationId: one.notificationId,
      kind: "acknowledge",
      by: { kind: "user", userId: one.userId, name: "Somebody" },
      via: "api",
      note: null,
      params: {},
      now: Date.now(),
    });
    expect(await slotFor(one, context)).toEqual({ kind: "stopped" });
    expect(await deliveryRow(context.delivery.id)).toMatchObject({ status: "intended" });
  });

  it("begins no delivery of a notification that has settled, and finds those that it had", async () => {
    const one = await scene();
    const { delivery } = await open(one);
    await database().pool.query(
      "update notifications set status = 'settled', outcome = 'exhausted', settled_at = now() where id = $1",
      [one.notificationId],
    );
    await expect(open(one, { attempt: 2 })).rejects.toThrow("no such notification");
    expect((await open(one)).delivery.id).toBe(delivery.id);
  });

  it("invariant 29: hands out slots of one device a gap apart to parallel senders", async () => {
    const gapMs = 200;
    const one = await scene({ perSecond: 1000 / gapMs, deviceKey: "paced" });
    const contexts = await Promise.all(
      Array.from({ length: 8 }, (_, index) => open(one, { attempt: index + 1 })),
    );
    const slots = await Promise.all(contexts.map((context) => slotFor(one, context)));
    const takenAt = slots
      .map((slot) => (slot.kind === "wait" ? slot.slotAt : null))
      .filter((at) => at !== null)
      .sort((a, b) => a - b);
    expect(slots.filter((slot) => slot.kind === "send")).toHaveLength(1);
    expect(takenAt).toHaveLength(7);
    for (const [index, at] of takenAt.entries()) {
      const before = takenAt[index - 1];
      if (before !== undefined) expect(at - before).toBeGreaterThanOrEqual(gapMs - 1);
    }
  });

  it("takes nothing when the next slot is too far ahead", async () => {
    const one = await scene({ perSecond: 0.1, deviceKey: "slow" });
    expect(await slotFor(one, await open(one))).toMatchObject({ kind: "send" });
    const context = await open(one, { attempt: 2 });
    expect(await slotFor(one, context)).toMatchObject({ kind: "later" });
    expect(await slotFor(one, context)).toMatchObject({ kind: "later" });
    expect(await deliveryRow(context.delivery.id)).toMatchObject({ status: "intended" });
  });

  it("keeps two messages to one person the pair gap apart, and leaves others alone", async () => {
    const one = await scene({ pairGapSeconds: 60, deviceKey: "pairs" });
    expect(await slotFor(one, await open(one))).toMatchObject({ kind: "send" });
    expect(await slotFor(one, await open(one, { attempt: 2 }))).toMatchObject({ kind: "later" });
    const other = await insertUser(database().pool);
    const another = { ...one, userId: other.id };
    expect(await slotFor(another, await open(another))).toMatchObject({ kind: "send" });
  });

  it("stops at the daily cap", async () => {
    const one = await scene({ dailyCap: 1, deviceKey: "capped" });
    expect(await slotFor(one, await open(one))).toMatchObject({ kind: "send" });
    expect(await slotFor(one, await open(one, { attempt: 2 }))).toEqual({ kind: "capped" });
  });

  it("stops at the cap on new contacts, and goes on to those it knows", async () => {
    const one = await scene({ deviceKey: "gentle" });
    const { pool } = database();
    await pool.query("update provider_accounts set new_contact_cap = 1 where id = $1", [
      one.accountId,
    ]);
    const to = async (): Promise<Scene> => ({ ...one, userId: (await insertUser(pool)).id });
    expect(await slotFor(one, await open(one))).toMatchObject({ kind: "send" });
    const stranger = await to();
    const refused = await open(stranger);
    expect(await slotFor(stranger, refused)).toEqual({ kind: "capped_new_contact" });
    expect(await slotFor(one, await open(one, { attempt: 2 }))).toMatchObject({ kind: "send" });
    await pool.query(
      "insert into contact_windows (device_key, address, last_inbound_at) values ('gentle', $1, now())",
      [refused.recipient?.address],
    );
    expect(await slotFor(stranger, refused), "whoever wrote is no stranger").toMatchObject({
      kind: "send",
    });
  });
});

describe("receipts", () => {
  it("invariant 22: match by account and message id and tell the run what its policy waits for", async () => {
    const one = await scene();
    const context = await send(one, "pm-1");
    const sent = await recordReceipt(database().pool, report(one, "pm-1", "sent"));
    expect(sent).toEqual({ kind: "recorded", signals: [] });
    const delivered = await recordReceipt(database().pool, report(one, "pm-1", "delivered"));
    expect(delivered).toMatchObject({
      kind: "recorded",
      signals: [{ fact: { status: "delivered", target: one.userId, attempt: 1 } }],
    });
    expect(await deliveryRow(context.delivery.id)).toMatchObject({ status: "delivered" });
  });

  it("invariant 22: an id of another account changes nothing and is parked", async () => {
    const one = await scene();
    const other = await scene();
    const context = await send(one, "pm-2");
    expect(await recordReceipt(database().pool, report(other, "pm-2", "delivered"))).toEqual({
      kind: "parked",
    });
    expect(await deliveryRow(context.delivery.id)).toMatchObject({ status: "accepted" });
  });

  it("invariant 23: the same event fifteen times is one transition", async () => {
    const one = await scene();
    await send(one, "pm-3");
    const answers = await Promise.all(
      Array.from({ length: 15 }, () =>
        recordReceipt(database().pool, report(one, "pm-3", "delivered")),
      ),
    );
    expect(answers.filter((answer) => answer.kind === "recorded")).toHaveLength(1);
    expect(answers.filter((answer) => answer.kind === "duplicate")).toHaveLength(14);
  });

  it("invariant 23: the same event under either of a message's ids, at the same instant, is one transition", async () => {
    const one = await scene();
    const context = await send(one, "pm-both");
    await recordReceipt(database().pool, report(one, "pm-both", "sent", { alias: "state-both" }));
    for (let round = 0; round < 20; round += 1) {
      const eventKey = `either-${round}`;
      const answers = await Promise.all([
        recordReceipt(database().pool, report(one, "pm-both", "delivered", { eventKey })),
        recordReceipt(
          database().pool,
          report(one, null, "delivered", { alias: "state-both", eventKey }),
        ),
      ]);
      expect(answers.map(({ kind }) => kind).sort()).toEqual(["duplicate", "recorded"]);
    }
    const { rows } = await database().pool.query<{ receipts: number; noted: number }>(
      `select (select count(*) from receipts where message_id = m.id) as receipts,
         (select count(*) from notification_events e where e.delivery_id = $1 and e.kind = 'receipt') as noted
       from messages m where m.provider_message_id = 'pm-both'`,
      [context.delivery.id],
    );
    expect(rows).toEqual([{ receipts: 21, noted: 21 }]);
  });

  it("that come at the same instant, each under another of the message's ids, end in the higher status", async () => {
    for (let round = 0; round < 40; round += 1) {
      const one = await scene();
      const id = `apart-${round}`;
      const alias = `state-apart-${round}`;
      const context = await send(one, id);
      await linkAlias(database().pool, { accountId: one.accountId, providerMessageId: id, alias });
      await Promise.all([
        recordReceipt(database().pool, report(one, null, "delivered", { alias })),
        recordReceipt(database().pool, report(one, id, "sent")),
      ]);
      expect(await deliveryRow(context.delivery.id)).toMatchObject({ status: "delivered" });
    }
  });

  it("rewrite no index of the deliveries: none names what a report changes", async () => {
    const { rows } = await database().pool.query<{ index: string }>(
      `select indexdef as index from pg_indexes where tablename = 'deliveries'
       and indexdef ~ '\\m(status|note|accepted_at|sent_at|delivered_at|read_at|failed_at|reason|error)\\M'`,
    );
    expect(rows).toEqual([]);
  });

  it("a receipt that arrives before the send call has returned is applied, not lost", async () => {
    const one = await scene();
    const context = await open(one);
    const slot = await slotFor(one, context);
    if (slot.kind !== "send") throw new Error("no slot");
    expect(await recordReceipt(database().pool, report(one, "pm-4", "delivered"))).toEqual({
      kind: "parked",
    });
    expect(await accept(one, context, slot.messageId, "pm-4")).toEqual({
      status: "delivered",
      final: true,
    });
    expect(await deliveryRow(context.delivery.id)).toMatchObject({ status: "delivered" });
  });

  it("a receipt that races the record of the answer is applied whichever comes first", async () => {
    for (let round = 0; round < 20; round += 1) {
      const one = await scene();
      const context = await open(one);
      const slot = await slotFor(one, context);
      if (slot.kind !== "send") throw new Error("no slot");
      const id = `race-${round}`;
      await Promise.all([
        accept(one, context, slot.messageId, id),
        recordReceipt(database().pool, report(one, id, "delivered")),
      ]);
      expect(await deliveryRow(context.delivery.id)).toMatchObject({ status: "delivered" });
    }
  });

  it("a second id that is tied later brings its parked receipts along", async () => {
    const one = await scene();
    const context = await send(one, "pm-5");
    const parked = await recordReceipt(
      database().pool,
      report(one, null, "read", { alias: "state-5" }),
    );
    expect(parked).toEqual({ kind: "parked" });
    const signals = await linkAlias(database().pool, {
      accountId: one.accountId,
      providerMessageId: "pm-5",
      alias: "state-5",
    });
    expect(signals).toMatchObject([{ fact: { status: "read" } }]);
    expect(await deliveryRow(context.delivery.id)).toMatchObject({ status: "read" });
  });

  it("early receipts under both ids are all applied when the answer is recorded", async () => {
    const one = await scene();
    const context = await open(one);
    const slot = await slotFor(one, context);
    if (slot.kind !== "send") throw new Error("no slot");
    await recordReceipt(database().pool, report(one, "pm-6", "sent", { alias: "state-6" }));
    await recordReceipt(database().pool, report(one, null, "read", { alias: "state-6" }));
    expect(await accept(one, context, slot.messageId, "pm-6")).toMatchObject({ status: "read" });
    const late = await recordReceipt(
      database().pool,
      report(one, null, "delivered", { alias: "state-6" }),
    );
    expect(late).toEqual({ kind: "recorded", signals: [] });
    expect(await deliveryRow(context.delivery.id)).toMatchObject({ status: "read" });
  });

  it("a receipt under a second id alone, at the instant at which the answer is recorded, is applied too", async () => {
    for (let round = 0; round < 40; round += 1) {
      const one = await scene();
      const context = await open(one);
      const slot = await slotFor(one, context);
      if (slot.kind !== "send") throw new Error("no slot");
      const id = `tie-${round}`;
      const alias = `state-tie-${round}`;
      await recordReceipt(database().pool, report(one, id, "sent", { alias }));
      await Promise.all([
        accept(one, context, slot.messageId, id),
        recordReceipt(database().pool, report(one, null, "delivered", { alias })),
      ]);
      expect(await deliveryRow(context.delivery.id)).toMatchObject({ status: "delivered" });
    }
  });

  it("a lost answer is found again by the delivery id that the vendor gives back", async () => {
    const one = await scene();
    const context = await open(one);
    await slotFor(one, context);
    await recordRefused(database().pool, {
      notificationId: one.notificationId,
      deliveryId: context.delivery.id,
      accountId: one.accountId,
      status: "unknown",
      reason: "timeout",
      error: null,
      at: Date.now(),
      event: {
        kind: "delivery_unknown",
        pass: 1,
        step: 1,
        target: one.userId,
        channel: "whatsapp_personal",
        attempt: 1,
        purpose: "ladder",
      },
    });
    const found = await recordReceipt(
      database().pool,
      report(one, "pm-7", "delivered", { deliveryKey: context.delivery.id }),
    );
    expect(found).toMatchObject({ kind: "recorded", signals: [{ fact: { status: "delivered" } }] });
    expect(await deliveryRow(context.delivery.id)).toMatchObject({ status: "delivered" });
  });

  it("invariant 28: the first copy that turns out delivered after a failover is superseded", async () => {
    const one = await scene();
    const context = await send(one, "pm-8");
    await open({ ...one, accountId: await insertAccount(database().pool) }, { handOver: 1 });
    await recordReceipt(database().pool, report(one, "pm-8", "delivered"));
    expect(await deliveryRow(context.delivery.id)).toMatchObject({
      status: "superseded",
      note: "superseded_evidence",
    });
  });
});

describe("a hand-over for want of `sent`", () => {
  const rows: readonly [why: string, reported: "sent" | "delivered" | null, hasLeft: boolean][] = [
    ["nothing came", null, false],
    ["sent came and was not signalled", "sent", true],
    ["delivered came", "delivered", true],
  ];

  it.each(rows)(
    "is told whether the account before has sent: %s",
    async (why, reported, hasLeft) => {
      const one = await scene();
      const first = await send(one, why);
      if (reported) await recordReceipt(database().pool, report(one, why, reported));
      const next = await open(
        { ...one, accountId: await insertAccount(database().pool) },
        { handOver: 1 },
      );
      expect(next.delivery.hasLeftBefore).toBe(hasLeft);
      expect(first.delivery.hasLeftBefore).toBe(false);
    },
  );

  it("that was spared once stays spared, and does not replace the account before", async () => {
    const one = await scene();
    const first = await send(one, "pm-spared");
    await recordReceipt(database().pool, report(one, "pm-spared", "sent"));
    const second = { ...one, accountId: await insertAccount(database().pool) };
    const next = await open(second, { handOver: 1 });
    expect(await spareDelivery(database().pool, next.delivery.id)).toBe(true);
    expect(await spareDelivery(database().pool, next.delivery.id)).toBe(false);
    expect((await open(second, { handOver: 1 })).delivery).toMatchObject({
      status: "skipped",
      reason: "not_needed",
    });
    await recordReceipt(database().pool, report(one, "pm-spared", "delivered"));
    expect(await deliveryRow(first.delivery.id)).toMatchObject({ status: "delivered", note: null });
  });
});

describe("reply codes", () => {
  it("gives a notification one code per device and no two open ones the same", async () => {
    const one = await scene();
    const two = await scene();
    const take = (notificationId: string, random: () => number) =>
      takeReplyCode(database().pool, { deviceKey: "codes", notificationId, random });
    const first = await take(one.notificationId, () => 0.5);
    expect(first).toMatch(/^\d{4}$/);
    expect(await take(one.notificationId, () => 0.9)).toBe(first);
    let turn = 0;
    const second = await take(two.notificationId, () => (turn++ === 0 ? 0.5 : 0.7));
    expect(second).toMatch(/^\d{4}$/);
    expect(second).not.toBe(first);
  });
  it("gives deliveries that ask at once for one notification the same code", async () => {
    for (let round = 0; round < 10; round += 1) {
      const { notificationId } = await scene();
      const codes = await Promise.all(
        Array.from({ length: 8 }, () =>
          takeReplyCode(database().pool, {
            deviceKey: "racing",
            notificationId,
            random: Math.random,
          }),
        ),
      );
      expect(codes[0]).toMatch(/^\d{4}$/);
      expect(new Set(codes).size).toBe(1);
    }
  });
});

describe("settling", () => {
  it("withdraws what is still to be sent, calls what a dead worker was sending unknown, and leaves the rest", async () => {
    const one = await scene();
    const sent = await send(one, "pm-end");
    const dead = await open(one, { attempt: 2 });
    expect(await slotFor(one, dead)).toMatchObject({ kind: "send" });
    const waiting = await open(one, { attempt: 3 });
    const end: LadderEnd = { outcome: "expired", reason: null, unreached: [], unanswered: [] };
    const { pool } = database();
    expect(await settleUnstopped(pool, one.notificationId, end, null, Date.now())).toBe(true);
    expect(await settleUnstopped(pool, one.notificationId, end, null, Date.now())).toBe(false);
    expect(await deliveryRow(sent.delivery.id)).toMatchObject({ status: "accepted" });
    expect(await deliveryRow(waiting.delivery.id)).toMatchObject({
      status: "skipped",
      reason: "withdrawn",
    });
    expect(await deliveryRow(dead.delivery.id)).toMatchObject({
      status: "unknown",
      reason: "sender_died",
    });
    const { rows } = await pool.query<{ kind: string; message: string }>(
      `select e.kind, m.status as message from notification_events e join deliveries d on d.id = e.delivery_id
       join messages m on m.id = d.message_id where d.id = $1 order by e.id`,
      [dead.delivery.id],
    );
    expect(rows).toEqual([
      { kind: "delivery_attempted", message: "unknown" },
      { kind: "delivery_unknown", message: "unknown" },
    ]);
  });
});
