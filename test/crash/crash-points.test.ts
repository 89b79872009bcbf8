import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";

import { outageFor, RECOVERY_MS, until, useCrashStack } from "../support/crash-stack.ts";

const crash = useCrashStack();
const TEST_MS = 2 * RECOVERY_MS;

/** Longer than a dead sender goes unnoticed. */
const STEP = { channels: ["whatsapp_personal"], windowSeconds: 35 } as const;
const SMS = { channels: ["sms"], windowSeconds: 1 } as const;

describe("a worker that dies", () => {
  it.each([
    ["after_intent_before_send", "nothing was sent yet", "medium", ["whatsapp"], 0],
    [
      "after_sending_before_vendor",
      "nobody knows, so it is not sent again",
      "critical",
      ["sms"],
      1,
    ],
    [
      "after_vendor_accepted",
      "nobody knows, so it is not sent again",
      "critical",
      ["whatsapp", "sms"],
      1,
    ],
    ["after_record", "the record knows", "medium", ["whatsapp"], 0],
  ] as const)(
    "at %s (%s) loses and doubles nothing",
    async (point, _reason, priority, expected, unknowns) => {
      const { stack, ask, policy, armed, settled, taken, holdAgainstVendors, pool } = crash();
      const policyId = await policy({ settledBy: "delivered", steps: [STEP, SMS] }, priority);
      const since = new Date();
      const afterSeq = stack.vendors.sandbox.log.lastSeq;
      const trap = armed(point);
      await stack.worker().stop();
      await stack.startWorker(trap.environment);
      const accepted = await ask("POST", "/v1/notifications", outageFor("T-1", policyId, priority));
      expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
      expect(await stack.worker().exited).toMatchObject({ signal: "SIGKILL" });
      await stack.startWorker();
      expect(await settled(String(accepted.body["id"]))).toMatchObject({ outcome: "delivered" });
      expect(await trap.hits()).toEqual([point]);
      expect(
        taken(afterSeq).map(({ vendor }) => (vendor === "twilio" ? "sms" : "whatsapp")),
      ).toEqual(expected);
      const { rows } = await pool.query(
        "select reason from notification_events where notification_id = $1 and kind = 'delivery_unknown'",
        [accepted.body["id"]],
      );
      expect(rows).toHaveLength(unknowns);
      await holdAgainstVendors(since, afterSeq);
    },
    TEST_MS,
  );
});

describe("an API that dies", () => {
  it(
    "between acceptance and start has accepted: the run starts with the next process, and the repeat is the same notification",
    async () => {
      const { stack, ask, policy, armed, settled, taken, holdAgainstVendors, pool } = crash();
      const policyId = await policy({ settledBy: "delivered", steps: [STEP] }, "medium");
      const since = new Date();
      const afterSeq = stack.vendors.sandbox.log.lastSeq;
      const trap = armed("after_accept_before_start");
      await stack.api().stop();
      await stack.startApi(trap.environment);
      const key = { "idempotency-key": randomUUID() };
      const request = outageFor("T-1", policyId, "medium");
      await expect(ask("POST", "/v1/notifications", request, key)).rejects.toThrow();
      expect(await stack.api().exited).toMatchObject({ signal: "SIGKILL" });
      const { rows } = await pool.query<{ id: string }>(
        "select id from notifications where accepted_at >= $1",
        [since],
      );
      expect(rows).toHaveLength(1);
      await stack.startApi();
      expect(await settled(String(rows[0]?.id))).toMatchObject({ outcome: "delivered" });
      const again = await ask("POST", "/v1/notifications", request, key);
      expect(again).toMatchObject({ status: 202, body: { id: rows[0]?.id } });
      expect(await trap.hits()).toEqual(["after_accept_before_start"]);
      expect(taken(afterSeq)).toHaveLength(1);
      await holdAgainstVendors(since, afterSeq);
    },
    TEST_MS,
  );

  it(
    "between an act and its signal has acted: the sweep tells the run, and the repeat is the same act",
    async () => {
      const { stack, ask, policy, armed, settled, taken, holdAgainstVendors } = crash();
      const policyId = await policy(
        { settledBy: "acknowledged", steps: [{ ...STEP, windowSeconds: 120 }, SMS] },
        "high",
      );
      const since = new Date();
      const afterSeq = stack.vendors.sandbox.log.lastSeq;
      const trap = armed("after_act_before_signal");
      await stack.api().stop();
      await stack.startApi(trap.environment);
      const accepted = await ask("POST", "/v1/notifications", outageFor("T-1", policyId, "high"));
      const id = String(accepted.body["id"]);
      await until("the person is told", async () => {
        const { body } = await ask("GET", `/v1/notifications/${id}/deliveries`);
        return JSON.stringify(body).includes('"status":"delivered"') ? true : null;
      });
      const key = { "idempotency-key": randomUUID() };
      await expect(ask("POST", `/v1/notifications/${id}/acknowledge`, {}, key)).rejects.toThrow();
      expect(await stack.api().exited).toMatchObject({ signal: "SIGKILL" });
      await stack.startApi();
      // The key is held for whoever died with it; once that is given up, the repeat is answered as the first would have been.
      const again = await until("the repeat is answered", async () => {
        const answer = await ask("POST", `/v1/notifications/${id}/acknowledge`, {}, key);
        return answer.status === 409 ? null : answer;
      });
      expect(again, JSON.stringify(again.body)).toMatchObject({
        status: 200,
        body: { applied: true },
      });
      expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
      expect(await trap.hits()).toEqual(["after_act_before_signal"]);
      expect(taken(afterSeq).every(({ vendor }) => vendor !== "twilio")).toBe(true);
      await holdAgainstVendors(since, afterSeq);
    },
    TEST_MS,
  );
});
