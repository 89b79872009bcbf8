import { describe, expect, it } from "vitest";

import type { DeliverInput } from "../../activities/contract.ts";
import type { DeliverDeps, KeptAcceptance } from "../../activities/deliver-message.ts";
import { newId } from "../../db/new-id.ts";
import { gapSecondsOf } from "../../db/pace.ts";
import { createOpenDestination, savePushSubscription } from "../../db/push-subscriptions.ts";
import { withTransaction } from "../../db/transaction.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { FailureReason } from "../../providers/errors.ts";
import type { OutboundMessage, SendOptions } from "../../providers/provider.ts";
import { useFreshDatabase } from "../support/database.ts";
import { deliverWorker, firstMessage, takenAs } from "../support/deliver-worker.ts";
import {
  insertAccount,
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
  SECRET_KEY,
} from "../support/rows.ts";

const database = useFreshDatabase();

interface Sent {
  readonly token: string;
  readonly message: OutboundMessage;
  readonly options: SendOptions;
}
type Answers = Readonly<Record<string, ProviderError | "accepted">>;

interface Scene {
  readonly notificationId: string;
  readonly accountId: string;
  readonly userId: string;
  /** Ids of the subscriptions by their token. */
  readonly devices: Readonly<Record<string, string>>;
}

async function scene(
  tokens: readonly string[],
  options: { answers?: string } = {},
): Promise<Scene> {
  const { pool } = database();
  const type = await insertType(pool, options);
  const policyId = await insertPolicy(pool);
  const notificationId = await insertNotificationRow(pool, { type, policyId, ...options });
  const user = await insertUser(pool);
  await insertTarget(pool, notificationId, { target: user.id });
  const accountId = await insertAccount(pool, { provider: "fcm", channel: "push" });
  const devices: Record<string, string> = {};
  for (const token of tokens) {
    const saved = await withTransaction(pool, (client) =>
      savePushSubscription(
        client,
        {
          userId: user.id,
          accountId,
          destination: { kind: "push_token", token },
          deviceName: token,
        },
        { secretKey: SECRET_KEY, nowMs: Date.now() },
      ),
    );
    devices[token] = saved.row.id;
  }
  return { notificationId, accountId, userId: user.id, devices };
}

/** The product with another way of sending pushes. */
function worker(answers: Answers, over: Partial<DeliverDeps> = {}) {
  const sent: Sent[] = [];
  const deliver = deliverWorker(
    database().pool,
    (message, options) => {
      const token = message.to.kind === "push_token" ? message.to.token : "?";
      sent.push({ token, message, options });
      const answer = answers[token] ?? "accepted";
      return answer === "accepted"
        ? Promise.resolve(takenAs(`vendor-${options.deliveryKey}`))
        : Promise.reject(answer);
    },
    {
      openDestination: createOpenDestination({ secretKey: SECRET_KEY }),
      ackLink: ({ notificationId }) => `https://siaga.test/a/${notificationId}`,
      ...over,
    },
  );
  return { sent, deliver };
}

function order({ notificationId, accountId, userId }: Scene): DeliverInput {
  return firstMessage({ notificationId, target: userId, accountId }, "push");
}

function failure(kind: ProviderError["kind"], reason: FailureReason): ProviderError {
  return new ProviderError({
    provider: "fcm",
    attempted: "send a push message",
    kind,
    scope: kind === "rejected" ? "recipient" : "account",
    reason,
  });
}
const GONE = failure("rejected", "subscription_gone");

async function record({ notificationId }: Scene) {
  const { rows } = await database().pool.query<{
    status: string;
    reason: string | null;
    speaker: string | null;
    copies: Record<string, string>;
    reasons: Record<string, string | null>;
  }>(
    `select d.status, d.reason, s.device_name as speaker, (
       select coalesce(jsonb_object_agg(p.device_name, m.status), '{}') from push_copies c
       join messages m on m.id = c.message_id join push_subscriptions p on p.id = c.subscription_id where c.delivery_id = d.id
     ) as copies, (
       select jsonb_object_agg(p.device_name, c.reason) from push_copies c join push_subscriptions p on p.id = c.subscription_id
       where c.delivery_id = d.id
     ) as reasons
     from deliveries d left join push_copies c on c.message_id = d.message_id left join push_subscriptions s on s.id = c.subscription_id
     where d.notification_id = $1`,
    [notificationId],
  );
  expect(rows).toHaveLength(1);
  return rows[0];
}

async function subscribed({ userId }: Scene): Promise<readonly string[]> {
  const { rows } = await database().pool.query<{ device_name: string }>(
    "select device_name from push_subscriptions where user_id = $1 and expired_at is null order by device_name",
    [userId],
  );
  return rows.map(({ device_name }) => device_name);
}

describe("a delivery of channel push", () => {
  it("reaches every device of the person with a message of its own", async () => {
    const one = await scene(["phone", "tablet", "laptop"], { answers: "acknowledge" });
    const { sent, deliver } = worker({});
    const answer = await deliver(order(one));
    expect(answer.result).toEqual({ kind: "accepted", status: "accepted" });
    expect(sent.map(({ token }) => token).toSorted()).toEqual(["laptop", "phone", "tablet"]);
    expect(new Set(sent.map(({ options }) => options.deliveryKey)).size).toBe(3);
    expect(sent[0]?.message).toMatchObject({
      subject: "Jenis",
      text: "Halo",
      link: `https://siaga.test/a/${one.notificationId}`,
    });
    expect(await record(one)).toMatchObject({
      status: "accepted",
      copies: { phone: "accepted", tablet: "accepted", laptop: "accepted" },
    });
    const { rows } = await database().pool.query(
      "select from push_subscriptions where user_id = $1 and last_used_at is not null",
      [one.userId],
    );
    expect(rows).toHaveLength(3);
  });

  it.each([
    {
      answers: { phone: GONE },
      status: "accepted",
      speaker: "tablet",
      copies: { phone: "failed", tablet: "accepted" },
      left: ["tablet"],
      why: "a device that is gone is no failure of the other",
    },
    {
      answers: { tablet: failure("unknown_outcome", "timeout") },
      status: "accepted",
      speaker: "phone",
      copies: { phone: "accepted", tablet: "unknown" },
      left: ["phone", "tablet"],
      why: "one service has it: the person is told",
    },
    {
      answers: { phone: GONE, tablet: GONE },
      status: "failed",
      speaker: null,
      copies: { phone: "failed", tablet: "failed" },
      left: [],
      why: "nobody is there any more",
    },
    {
      answers: { phone: GONE, tablet: failure("unknown_outcome", "timeout") },
      status: "unknown",
      speaker: "tablet",
      copies: { phone: "failed", tablet: "unknown" },
      left: ["tablet"],
      why: "it may have arrived",
    },
    {
      answers: { phone: GONE, tablet: failure("unavailable", "no_connection") },
      status: "intended",
      speaker: "tablet",
      copies: { phone: "failed", tablet: "failed" },
      left: ["tablet"],
      why: "surely not sent: tried again within the attempt",
    },
  ])("is $status when $why", async ({ answers, status, speaker, copies, left }) => {
    const one = await scene(["phone", "tablet"]);
    const { deliver } = worker(answers);
    const end = deliver(order(one));
    await (status === "accepted" ? end : expect(end).rejects.toThrow());
    const recorded = await record(one);
    expect(recorded).toMatchObject({ status, copies });
    if (speaker !== null) expect(recorded?.speaker).toBe(speaker);
    const told: Answers = answers;
    for (const device of ["phone", "tablet"]) {
      const answer = told[device];
      const why = answer instanceof ProviderError ? answer.reason : null;
      expect(recorded?.reasons[device], device).toBe(why);
    }
    expect(await subscribed(one)).toEqual(left);
  });

  it("tries again only those that are still there, each under its first name", async () => {
    const one = await scene(["phone", "tablet"]);
    const first = worker({ phone: GONE, tablet: failure("unavailable", "no_connection") });
    await expect(first.deliver(order(one))).rejects.toThrow("unavailable");
    const second = worker({});
    await second.deliver(order(one));
    expect(second.sent.map(({ token }) => token)).toEqual(["tablet"]);
    const nameOf = (sent: readonly Sent[]) =>
      sent.find(({ token }) => token === "tablet")?.options.deliveryKey;
    expect(nameOf(second.sent)).toBe(nameOf(first.sent));
    expect(await record(one)).toMatchObject({
      status: "accepted",
      speaker: "tablet",
      reasons: { phone: "subscription_gone", tablet: null },
    });
  });

  it.each([
    {
      tokens: ["phone", "tablet"],
      reason: "subscription_gone",
      why: "the service knows none of them",
    },
    { tokens: [], reason: "no_subscription", why: "the person signed out everywhere" },
  ])(
    "leaves the person to the next account when no device is left at this one ($why), twice the same",
    async ({ tokens, reason }) => {
      const one = await scene(tokens);
      const { deliver } = worker({ phone: GONE, tablet: GONE });
      for (const execution of [1, 2]) {
        await expect(deliver(order(one)), `execution ${execution}`).rejects.toMatchObject({
          type: "unavailable",
          details: [{ scope: "account", reason }],
        });
      }
      const { rows } = await database().pool.query(
        "select d.error ->> 'scope' as scope from deliveries d where d.notification_id = $1",
        [one.notificationId],
      );
      expect(rows, "no fault of the account").toEqual([{ scope: "recipient" }]);
    },
  );

  it("says no_subscription when the last device went between plan and send", async () => {
    const one = await scene([]);
    const { sent, deliver } = worker({});
    await expect(deliver(order(one))).rejects.toThrow("no_subscription");
    expect(sent).toEqual([]);
    expect(await record(one)).toMatchObject({ status: "failed", reason: "no_subscription" });
  });

  it("sends to none of the devices once the notification is stopped", async () => {
    const one = await scene(["phone", "tablet"]);
    await database().pool.query(
      "update notifications set stopped_at = now(), stop_kind = 'cancel' where id = $1",
      [one.notificationId],
    );
    const { sent, deliver } = worker({});
    expect((await deliver(order(one))).result).toEqual({ kind: "not_sent", reason: "stopped" });
    expect(sent).toEqual([]);
  });

  it("invariant 4: a worker that died among the devices leaves a doubt, and no device is asked again", async () => {
    const one = await scene(["phone", "tablet"]);
    const dying = worker(
      {},
      {
        crashPoint: (name) => {
          if (name === "after_vendor_accepted") throw new Error("killed");
        },
      },
    );
    await expect(dying.deliver(order(one))).rejects.toThrow("killed");
    const next = worker({});
    await expect(next.deliver(order(one))).rejects.toThrow("unknown_outcome");
    expect(next.sent).toEqual([]);
    expect(await record(one)).toMatchObject({
      status: "unknown",
      reason: "sender_died",
      copies: { phone: "unknown", tablet: "unknown" },
    });
  });

  it("records for every device what an earlier execution kept in its heartbeat", async () => {
    const one = await scene(["phone", "tablet"]);
    let kept: KeptAcceptance | null = null;
    const pool = database().pool;
    const first = worker(
      { phone: GONE },
      {
        keepAcceptance: { save: (acceptance) => (kept = acceptance), read: () => null },
        crashPoint: (name) => {
          // From here on PostgreSQL is away for this execution.
          if (name === "after_vendor_accepted") failing = true;
        },
        pool: new Proxy(pool, {
          get: (target, name, receiver) => {
            if (failing && (name === "query" || name === "connect")) {
              return () => Promise.reject(new Error("PostgreSQL is away"));
            }
            return Reflect.get(target, name, receiver) as unknown;
          },
        }),
      },
    );
    let failing = false;
    await expect(first.deliver(order(one))).rejects.toThrow("PostgreSQL is away");
    expect(kept).not.toBeNull();
    const second = worker({}, { keepAcceptance: { save: () => undefined, read: () => kept } });
    expect((await second.deliver(order(one))).result).toMatchObject({ kind: "accepted" });
    expect(second.sent).toEqual([]);
    expect(await record(one)).toMatchObject({
      status: "accepted",
      speaker: "tablet",
      copies: { phone: "failed", tablet: "accepted" },
    });
    expect(await subscribed(one)).toEqual(["tablet"]);
  });

  it("keeps the account's pace: one gap between the devices, all of them counted", async () => {
    const one = await scene(["phone", "tablet", "laptop"]);
    await database().pool.query(
      `update provider_accounts set pacing = '{"perSecond": 4, "minGapSeconds": 0}', daily_cap = 3 where id = $1`,
      [one.accountId],
    );
    const gapMs = gapSecondsOf({ perSecond: 4, minGapSeconds: 0 }) * 1_000;
    const pauses: number[] = [];
    const { deliver } = worker(
      {},
      {
        sleep: (ms) => {
          pauses.push(ms);
          return Promise.resolve();
        },
      },
    );
    await deliver(order(one));
    expect(pauses).toEqual([0, gapMs, 2 * gapMs]);
    const { rows } = await database().pool.query<{ sent_today: number; ahead: number }>(
      `select p.sent_today, extract(epoch from p.next_free_at - m.created_at)::float8 as ahead from device_pace p
       join messages m on m.device_key = p.device_key where m.account_id = $1 order by m.created_at limit 1`,
      [one.accountId],
    );
    expect(rows[0]?.sent_today).toBe(3);
    expect(rows[0]?.ahead).toBeCloseTo((3 * gapMs) / 1_000, 1);
    const next = { ...order(one), order: { ...order(one).order, attempt: 2 } };
    await expect(deliver(next as DeliverInput)).rejects.toThrow("daily_cap");
  });

  it("invariant 36: no token in any error or in the record", async () => {
    const token = `secret-token-${newId("psh", Date.now())}`;
    const one = await scene([token]);
    await database().pool.query(
      "update push_subscriptions set device_name = 'x' where user_id = $1",
      [one.userId],
    );
    const { deliver } = worker({ [token]: failure("unavailable", "no_connection") });
    const error: unknown = await deliver(order(one)).catch((thrown: unknown) => thrown);
    expect(String(error)).not.toContain(token);
    const { rows } = await database().pool.query<{ text: string }>(
      `select d::text || m::text || coalesce((select string_agg(e::text, '') from notification_events e where e.notification_id = d.notification_id), '') as text
       from deliveries d join messages m on m.id = d.message_id where d.notification_id = $1`,
      [one.notificationId],
    );
    expect(rows[0]?.text).not.toContain(token);
  });
});
