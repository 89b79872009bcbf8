import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";

import { outageFor, RECOVERY_MS, until, useCrashStack } from "../support/crash-stack.ts";
import { inWords } from "../support/story.ts";

const crash = useCrashStack();
const TEST_MS = 2 * RECOVERY_MS;
const SMS = { channels: ["sms"], windowSeconds: 30 } as const;
const STEP = { channels: ["whatsapp_personal"], windowSeconds: 60 } as const;

describe("while PostgreSQL is down", () => {
  it(
    "nothing is accepted by half, and what is open settles when it is back",
    async () => {
      const { stack, ask, policy, settled, taken, holdAgainstVendors, pool, ...servers } = crash();
      const waiting = await policy({ settledBy: "acknowledged", steps: [STEP] }, "high");
      const policyId = await policy({ settledBy: "delivered", steps: [STEP] }, "medium");
      const since = new Date();
      const afterSeq = stack.vendors.sandbox.log.lastSeq;
      const open = await ask("POST", "/v1/notifications", outageFor("T-2", waiting, "high"));
      await until("the person is told", () =>
        Promise.resolve(taken(afterSeq).length > 0 ? true : null),
      );
      await servers.killPostgres();
      const key = { "idempotency-key": randomUUID() };
      const request = outageFor("T-1", policyId, "medium");
      const refused = await ask("POST", "/v1/notifications", request, key);
      expect(refused.status, JSON.stringify(refused.body)).toBe(503);
      expect(refused.contentType).toContain("application/problem+json");
      // Neither process ends for want of a database.
      expect([stack.api().isRunning(), stack.worker().isRunning()]).toEqual([true, true]);

      await servers.restartPostgres();
      const { rows } = await until("PostgreSQL answers", () =>
        pool.query("select id from notifications where accepted_at >= $1", [since]),
      );
      expect(rows).toEqual([{ id: open.body["id"] }]);
      const accepted = await ask("POST", "/v1/notifications", request, key);
      expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
      expect(await settled(String(accepted.body["id"]))).toMatchObject({ outcome: "delivered" });
      const act = await ask("POST", `/v1/notifications/${String(open.body["id"])}/acknowledge`, {});
      expect(act.status, JSON.stringify(act.body)).toBe(200);
      expect(await settled(String(open.body["id"]))).toMatchObject({ outcome: "acknowledged" });
      await holdAgainstVendors(since, afterSeq);
    },
    TEST_MS,
  );

  it(
    "an open run goes on at its time, and what it then sends leaves once when the record is back",
    async () => {
      const { stack, ask, policy, settled, taken, holdAgainstVendors, ...servers } = crash();
      const policyId = await policy(
        {
          settledBy: "acknowledged",
          steps: [
            { ...STEP, windowSeconds: 3 },
            { ...STEP, channels: ["sms"], windowSeconds: 30 },
          ],
        },
        "high",
      );
      const since = new Date();
      const afterSeq = stack.vendors.sandbox.log.lastSeq;
      const accepted = await ask("POST", "/v1/notifications", outageFor("T-3", policyId, "high"));
      const id = String(accepted.body["id"]);
      const workflowId = await servers.workflowIdOf(id);
      const [first] = await until("the person is told", () => {
        const all = taken(afterSeq);
        return Promise.resolve(all.length > 0 ? all : null);
      });
      await servers.killPostgres();
      const orderedAt = await until("the next step is ordered", async () => {
        const { events } = await servers.onTemporal(({ workflow }) =>
          workflow.getHandle(workflowId).fetchHistory(),
        );
        const orders = (events ?? []).filter(
          ({ activityTaskScheduledEventAttributes: order }) =>
            order?.activityType?.name === "deliverMessage",
        );
        return orders.length > 1 ? Number(orders[1]?.eventTime?.seconds) * 1_000 : null;
      });
      const dueAt = (first?.at ?? 0) + 3_000;
      // Whole seconds of the event's time.
      expect(orderedAt - dueAt).toBeGreaterThanOrEqual(-1_000);
      expect(orderedAt - dueAt).toBeLessThan(2_000);
      expect(taken(afterSeq)).toHaveLength(1);
      await servers.restartPostgres();
      await until("the next step is sent", () =>
        Promise.resolve(taken(afterSeq).length > 1 ? true : null),
      );
      const act = await ask("POST", `/v1/notifications/${id}/acknowledge`, {});
      expect(act.status, JSON.stringify(act.body)).toBe(200);
      expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
      await holdAgainstVendors(since, afterSeq);
      expect(taken(afterSeq).map(inWords)).toEqual([
        "whatsapp_personal T-3",
        "sms T-3",
        // The closing message.
        "whatsapp_personal T-3",
      ]);
    },
    TEST_MS,
  );
});

describe("PostgreSQL that goes while a vendor has a message and has not answered", () => {
  const ANSWERS_AFTER_MS = 1_500;

  it.each([
    ["at once", "the sender tries the record again", 1],
    ["when the sender has given up", "the next one finds the acceptance in the heartbeat", 2],
  ] as const)(
    "and comes back %s (%s) leaves no doubt",
    async (_back, _reason, attempt) => {
      const { stack, ask, policy, settled, taken, holdAgainstVendors, pool, ...servers } = crash();
      const policyId = await policy({ settledBy: "acknowledged", steps: [STEP, SMS] }, "high");
      const since = new Date();
      const { log, faults } = stack.vendors.sandbox;
      const afterSeq = log.lastSeq;
      faults.add({ kind: "delay", delayMs: ANSWERS_AFTER_MS, count: 1 });
      const accepted = await ask("POST", "/v1/notifications", outageFor("T-4", policyId, "high"));
      const id = String(accepted.body["id"]);
      const workflowId = await servers.workflowIdOf(id);
      await until("a vendor has the message", () =>
        Promise.resolve(taken(afterSeq).length > 0 ? true : null),
      );
      await servers.killPostgres();
      await until(`attempt ${attempt} is made`, async () => {
        const { raw } = await servers.onTemporal(({ workflow }) =>
          workflow.getHandle(workflowId).describe(),
        );
        const attempts = (raw.pendingActivities ?? []).map((pending) => pending.attempt ?? 0);
        return attempts.some((made) => made >= attempt) ? true : null;
      });
      await servers.restartPostgres();
      await until("the record has the acceptance", async () => {
        const { rows } = await pool.query<{ acceptedAt: Date | null }>(
          `select accepted_at as "acceptedAt" from deliveries
           where notification_id = $1 and channel = 'whatsapp_personal'`,
          [id],
        );
        return rows[0]?.acceptedAt ?? null;
      });
      const act = await ask("POST", `/v1/notifications/${id}/acknowledge`, {});
      expect(act.status, JSON.stringify(act.body)).toBe(200);
      expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
      const { rows: doubts } = await pool.query(
        "select id from notification_events where notification_id = $1 and kind = 'delivery_unknown'",
        [id],
      );
      expect(doubts).toEqual([]);
      await holdAgainstVendors(since, afterSeq);
      // The message and its closing message.
      expect(taken(afterSeq).map(inWords)).toEqual([
        "whatsapp_personal T-4",
        "whatsapp_personal T-4",
      ]);
    },
    TEST_MS,
  );
});
