import { describe, expect, it } from "vitest";

import { outageFor, RECOVERY_MS, until, useCrashStack } from "../support/crash-stack.ts";

const crash = useCrashStack();
const TEST_MS = 2 * RECOVERY_MS;
const STEP = { channels: ["whatsapp_personal"], windowSeconds: 60 } as const;

describe("while Temporal is down", () => {
  it(
    "a notification is accepted; its run starts and is delivered when Temporal is back",
    async () => {
      const { stack, ask, policy, settled, taken, holdAgainstVendors, ...servers } = crash();
      const policyId = await policy({ settledBy: "delivered", steps: [STEP] }, "medium");
      const since = new Date();
      const afterSeq = stack.vendors.sandbox.log.lastSeq;
      await servers.killTemporal();
      const accepted = await ask("POST", "/v1/notifications", outageFor("T-1", policyId, "medium"));
      expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
      expect(taken(afterSeq)).toEqual([]);
      await servers.restartTemporal();
      expect(await settled(String(accepted.body["id"]))).toMatchObject({ outcome: "delivered" });
      expect(taken(afterSeq)).toHaveLength(1);
      await holdAgainstVendors(since, afterSeq);
    },
    TEST_MS,
  );

  it(
    "an acknowledgment is final at once, and is carried out when Temporal is back",
    async () => {
      const { stack, ask, policy, settled, taken, holdAgainstVendors, ...servers } = crash();
      const policyId = await policy({ settledBy: "acknowledged", steps: [STEP] }, "high");
      const since = new Date();
      const afterSeq = stack.vendors.sandbox.log.lastSeq;
      const accepted = await ask("POST", "/v1/notifications", outageFor("T-2", policyId, "high"));
      const id = String(accepted.body["id"]);
      await until("the person is told", () =>
        Promise.resolve(taken(afterSeq).length > 0 ? true : null),
      );
      await servers.killTemporal();
      const first = await ask("POST", `/v1/notifications/${id}/acknowledge`, { by: "ext:T-2" });
      expect(first.status, JSON.stringify(first.body)).toBe(200);
      expect(first.body).toMatchObject({ applied: true });
      const second = await ask("POST", `/v1/notifications/${id}/acknowledge`, { by: "ext:T-1" });
      expect(second.body).toMatchObject({ applied: false });
      await servers.restartTemporal();
      expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
      await holdAgainstVendors(since, afterSeq);
    },
    TEST_MS,
  );

  it(
    "what a vendor accepts is recorded, and the run learns it from the record when Temporal is back",
    async () => {
      const { stack, ask, policy, settled, taken, holdAgainstVendors, pool, ...servers } = crash();
      const policyId = await policy({ settledBy: "delivered", steps: [STEP] }, "medium");
      const since = new Date();
      const { log, faults } = stack.vendors.sandbox;
      const afterSeq = log.lastSeq;
      faults.add({ kind: "delay", delayMs: 1_500, count: 1 });
      const accepted = await ask("POST", "/v1/notifications", outageFor("T-3", policyId, "medium"));
      const id = String(accepted.body["id"]);
      await until("a vendor has the message", () =>
        Promise.resolve(taken(afterSeq).length > 0 ? true : null),
      );
      await servers.killTemporal();
      await until("the record has the acceptance", async () => {
        const { rows } = await pool.query<{ acceptedAt: Date | null }>(
          `select accepted_at as "acceptedAt" from deliveries
           where notification_id = $1 and channel = 'whatsapp_personal'`,
          [id],
        );
        return rows[0]?.acceptedAt ?? null;
      });
      await servers.restartTemporal();
      expect(await settled(id)).toMatchObject({ outcome: "delivered" });
      expect(taken(afterSeq)).toHaveLength(1);
      await holdAgainstVendors(since, afterSeq);
    },
    TEST_MS,
  );
});
