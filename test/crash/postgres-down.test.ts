import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";

import { outageFor, RECOVERY_MS, until, useCrashStack } from "../support/crash-stack.ts";

const crash = useCrashStack();
const TEST_MS = 2 * RECOVERY_MS;
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
    "a run goes on by itself: what falls due is sent once when the record is back",
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
      const [first] = await until("the person is told", () => {
        const all = taken(afterSeq);
        return Promise.resolve(all.length > 0 ? all : null);
      });
      await servers.killPostgres();
      const dueAt = (first?.at ?? 0) + 4_000;
      await until("the next step is due", () => Promise.resolve(Date.now() > dueAt ? true : null));
      await servers.restartPostgres();
      await until("the next step is sent", () =>
        Promise.resolve(taken(afterSeq).length > 1 ? true : null),
      );
      const act = await ask("POST", `/v1/notifications/${id}/acknowledge`, {});
      expect(act.status, JSON.stringify(act.body)).toBe(200);
      expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
      await holdAgainstVendors(since, afterSeq);
    },
    TEST_MS,
  );
});
