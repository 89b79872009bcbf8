import { describe, expect, it } from "vitest";

import { recordAct } from "../../db/acts.ts";
import { newId } from "../../db/new-id.ts";
import { assertDefined } from "../support/assert-defined.ts";
import {
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
} from "../support/rows.ts";
import { insertTold } from "../support/told.ts";
import type { Told } from "../support/told.ts";
import { gatherPost, insertVendorAccount, twilioPost } from "../support/vendors.ts";
import type { VendorAccount, VendorPost } from "../support/vendors.ts";
import { useApi } from "./harness.ts";
import type { Answer } from "./harness.ts";

const api = useApi();

type Call = {
  readonly account: VendorAccount;
  readonly notificationId: string;
  readonly user: { readonly id: string; readonly phone: string };
  readonly told: Told;
};

async function ringing(options: { readonly answers?: string } = {}): Promise<Call> {
  const { pool } = api();
  const answers = options.answers ?? "acknowledge";
  const type = await insertType(pool, { answers, priority: "critical" });
  const notificationId = await insertNotificationRow(pool, {
    type,
    policyId: await insertPolicy(pool),
    priority: "critical",
    answers,
  });
  const user = await insertUser(pool, { name: "Budi" });
  const account = await insertVendorAccount(pool, "twilio-voice");
  await insertTarget(pool, notificationId, { target: user.id });
  const told = await insertTold(pool, {
    notificationId,
    account,
    target: user.id,
    address: user.phone,
    status: "sent",
  });
  return { account, notificationId, user, told };
}

function post(request: VendorPost): Promise<Answer> {
  return api().request("POST", request.path, {
    key: null,
    rawBody: request.body,
    headers: request.headers,
  });
}

function press(
  { account, told }: Call,
  digits: string,
  options: { readonly answeredBy?: string; readonly isConfirming?: boolean } = {},
): Promise<Answer> {
  return post(
    gatherPost(account, told.providerMessageId, {
      digits,
      deliveryId: told.deliveryId,
      ...options,
    }),
  );
}

async function notificationOf({ notificationId }: Call): Promise<Record<string, unknown>> {
  const { rows } = await api().pool.query<Record<string, unknown>>(
    "select stop_kind, answer, acknowledged_by from notifications where id = $1",
    [notificationId],
  );
  return assertDefined(rows[0]);
}

function actsTold({ notificationId }: Call): readonly unknown[] {
  return api()
    .temporal.signals.filter(({ workflowId }) => workflowId.endsWith(notificationId))
    .map(({ fact }) => fact as { readonly kind: string })
    .filter(({ kind }) => kind === "act");
}

describe("a key pressed in a call", () => {
  it("1 acknowledges in the name of whoever was called, and the run is told", async () => {
    const call = await ringing();
    const answer = await press(call, "1");
    await api().background.idle();
    expect(answer.text).toContain("terima");
    expect(answer.headers.get("content-type")).toContain("text/xml");
    expect(await notificationOf(call)).toMatchObject({
      stop_kind: "acknowledge",
      answer: "acknowledged",
      acknowledged_by: { kind: "user", userId: call.user.id, name: "Budi", via: "keypress" },
    });
    expect(actsTold(call)).toMatchObject([{ act: { kind: "acknowledge", stops: true } }]);
    const { rows } = await api().pool.query("select status from deliveries where id = $1", [
      call.told.deliveryId,
    ]);
    expect(rows).toEqual([{ status: "read" }]);
  });

  it("2 refuses: the run carries it out", async () => {
    const call = await ringing();
    const answer = await press(call, "2");
    await api().background.idle();
    expect(answer.text).toContain("tolak");
    expect(await notificationOf(call)).toMatchObject({ stop_kind: null });
    expect(actsTold(call)).toMatchObject([{ act: { kind: "refuse", userId: call.user.id } }]);
  });

  it("that comes fifteen times is one act, and every repeat hears the same", async () => {
    const call = await ringing();
    const heard: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all([1, 2, 3, 4, 5].map(() => press(call, "1")));
      heard.push(...answers.map(({ text }) => text));
    }
    const { rows } = await api().pool.query("select kind from acts where notification_id = $1", [
      call.notificationId,
    ]);
    expect(rows).toEqual([{ kind: "acknowledge" }]);
    expect(new Set(heard).size).toBe(1);
  });

  it.each([
    ["silence", ""],
    ["a key that means nothing", "7"],
  ])("%s acknowledges nothing and hears the text again", async (_what, digits) => {
    const call = await ringing();
    const answer = await press(call, digits);
    expect(answer.text).toContain("Gangguan massal di POP Klari");
    expect(await notificationOf(call)).toMatchObject({ stop_kind: null });
  });

  it("in a call that a machine may have taken counts only when it is pressed again", async () => {
    const call = await ringing();
    const asked = await press(call, "1", { answeredBy: "machine_end_beep" });
    expect(asked.text).toContain("Tekan sekali lagi");
    expect(await notificationOf(call)).toMatchObject({ stop_kind: null });
    await press(call, "1", { answeredBy: "machine_end_beep", isConfirming: true });
    expect(await notificationOf(call)).toMatchObject({ stop_kind: "acknowledge" });
  });

  it("after somebody else was first hears who has it, and when", async () => {
    const call = await ringing();
    const first = await insertUser(api().pool, { name: "Sari" });
    await recordAct(api().pool, {
      actId: newId("act", Date.now()),
      notificationId: call.notificationId,
      kind: "acknowledge",
      by: { kind: "user", userId: first.id, name: "Sari" },
      via: "api",
      note: null,
      params: {},
      now: Date.UTC(2026, 0, 5, 7, 5),
    });
    const answers = [await press(call, "1"), await press(call, "1")];
    for (const answer of answers) {
      expect(answer.text).toContain("sudah diambil oleh Sari pukul 14:05");
    }
    expect(await notificationOf(call)).toMatchObject({
      acknowledged_by: { userId: first.id },
    });
  });

  it("is believed before the answer to the call is recorded, by the delivery it names", async () => {
    const call = await ringing();
    await api().pool.query("update messages set provider_message_id = null where id = $1", [
      call.told.messageId,
    ]);
    await press(call, "1");
    expect(await notificationOf(call)).toMatchObject({ stop_kind: "acknowledge" });
  });

  it("of another account's call acts on nothing", async () => {
    const call = await ringing();
    const other = await insertVendorAccount(api().pool, "twilio-voice");
    await press({ ...call, account: other }, "1");
    expect(await notificationOf(call)).toMatchObject({ stop_kind: null });
    const { rows } = await api().pool.query(
      "select state from inbound_messages where account_id = $1",
      [other.id],
    );
    expect(rows).toEqual([{ state: "unmatched" }]);
  });

  it("stands on the timeline", async () => {
    const call = await ringing();
    await press(call, "1");
    const { rows } = await api().pool.query(
      "select kind, target, reason from notification_events where notification_id = $1 and kind in ('reply', 'acknowledged') order by kind",
      [call.notificationId],
    );
    expect(rows).toEqual([
      { kind: "acknowledged", target: call.user.id, reason: "keypress" },
      { kind: "reply", target: call.user.id, reason: "acknowledge" },
    ]);
  });
});

describe("a voicemail", () => {
  it("that takes the call and ends it never acknowledges; the attempt failed and may be repeated", async () => {
    const call = await ringing();
    const report = (status: string, sequence: string) =>
      post(
        twilioPost(call.account, {
          CallSid: call.told.providerMessageId,
          CallStatus: status,
          AnsweredBy: "machine_end_beep",
          SequenceNumber: sequence,
        }),
      );
    await report("in-progress", "2");
    await report("completed", "3");
    await api().background.idle();
    expect(await notificationOf(call)).toMatchObject({ stop_kind: null });
    const { rows } = await api().pool.query("select status, reason from deliveries where id = $1", [
      call.told.deliveryId,
    ]);
    expect(rows).toEqual([{ status: "failed", reason: "voicemail" }]);
    const facts = api().temporal.signals.filter(({ workflowId }) =>
      workflowId.endsWith(call.notificationId),
    );
    expect(facts[0]).toMatchObject({
      fact: { status: "failed", final: false, reason: "voicemail" },
    });
  });

  it.each(["busy", "no-answer"])(
    "and a call that is %s leave the next try to the spacing",
    async (status) => {
      const call = await ringing();
      await post(
        twilioPost(call.account, { CallSid: call.told.providerMessageId, CallStatus: status }),
      );
      await api().background.idle();
      const facts = api().temporal.signals.filter(({ workflowId }) =>
        workflowId.endsWith(call.notificationId),
      );
      expect(facts).toMatchObject([{ fact: { status: "failed", final: false } }]);
    },
  );
});

describe("what a call costs", () => {
  it.each([
    { why: "nobody answered", status: "no-answer", seconds: "0", cost: 0 },
    { why: "a begun minute", status: "completed", seconds: "31", cost: 1_000 },
    { why: "two begun minutes", status: "completed", seconds: "61", cost: 2_000 },
  ])("is its time: $why", async ({ status, seconds, cost }) => {
    const call = await ringing();
    const { pool } = api();
    await pool.query(
      `insert into price_book (id, account_id, unit, amount, charged_on, valid_from)
       values ($1, $2, 'minute', 1000, 'delivered', '2025-01-01Z')`,
      [newId("prc", Date.now()), call.account.id],
    );
    await pool.query(
      "update messages m set price_id = price_for(account_id, null, address, created_at) where account_id = $1",
      [call.account.id],
    );
    await post(
      twilioPost(call.account, {
        CallSid: call.told.providerMessageId,
        CallStatus: status,
        CallDuration: seconds,
      }),
    );
    const { rows } = await pool.query("select delivery_cost($1) as cost", [call.told.deliveryId]);
    expect(rows).toEqual([{ cost }]);
  });
});
