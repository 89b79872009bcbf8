import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";

import { CRASH_POINTS } from "../../runtime/crash-points.ts";
import { outageFor, phoneOf, RECOVERY_MS, until, useCrashStack } from "../support/crash-stack.ts";
import { inWords } from "../support/story.ts";

const crash = useCrashStack();
const TEST_MS = 2 * RECOVERY_MS;

/** Longer than a dead sender goes unnoticed. */
const STEP = { channels: ["whatsapp_personal"], windowSeconds: 35 } as const;
const SMS = { channels: ["sms"], windowSeconds: 1 } as const;

/** What was hit by whom, over the whole file. */
const hits: string[] = [];

describe("a worker that dies", () => {
  const DRILLS = [
    {
      point: "after_intent_before_send",
      reason: "nothing was sent yet",
      expected: ["whatsapp_personal"],
      unknowns: 0,
    },
    {
      point: "after_sending_before_vendor",
      reason: "nobody knows, so it is not sent again",
      expected: ["sms"],
      unknowns: 1,
    },
    {
      point: "after_vendor_accepted",
      reason: "nobody knows, so it is not sent again",
      expected: ["whatsapp_personal", "sms"],
      unknowns: 1,
    },
    {
      point: "after_record",
      reason: "the record knows",
      expected: ["whatsapp_personal"],
      unknowns: 0,
    },
  ] as const;
  const drills = new Map<string, { readonly who: string; readonly id: string }>();
  let abandoned: string;
  let since: Date;
  let afterSeq: number;

  /**
   * Workers for all the points run beside each other and each notification kills one of them: a dead sender is noticed only after twenty seconds, which are
   * waited for once.
   */
  beforeAll(async () => {
    const { stack, ask, policy, armed, settled } = crash();
    since = new Date();
    afterSeq = stack.vendors.sandbox.log.lastSeq;
    const policyId = await policy({ settledBy: "delivered", steps: [STEP, SMS] }, "critical");
    abandoned = await sendToNobodysKnowledge();
    const waiting = [];
    for (const { point } of DRILLS) {
      const trap = armed(point);
      await stack.startWorker(trap.environment);
      waiting.push({ point, trap, worker: stack.worker() });
      if (waiting.length === 1) await acknowledge(abandoned);
    }
    for (const who of ["T-1", "T-2", "T-3", "T-4"]) {
      const accepted = await ask("POST", "/v1/notifications", outageFor(who, policyId, "critical"));
      expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
      const dead = await Promise.race(
        waiting.map(async (one) => ({ one, exit: await one.worker.exited })),
      );
      expect(dead.exit).toMatchObject({ signal: "SIGKILL" });
      waiting.splice(waiting.indexOf(dead.one), 1);
      hits.push(...(await dead.one.trap.hits()));
      drills.set(dead.one.point, { who, id: String(accepted.body["id"]) });
    }
    await stack.startWorker();
    for (const id of [abandoned, ...[...drills.values()].map((drill) => drill.id)]) {
      await settled(id);
    }
  }, TEST_MS);

  /** The worker is killed while the vendor has its message. */
  async function sendToNobodysKnowledge(): Promise<string> {
    const { stack, ask, policy, taken } = crash();
    const { log, faults } = stack.vendors.sandbox;
    const seq = log.lastSeq;
    const policyId = await policy({ settledBy: "acknowledged", steps: [STEP, SMS] }, "high");
    const fault = faults.add({ kind: "delay", delayMs: 30_000, recipient: phoneOf("T-5") });
    const accepted = await ask("POST", "/v1/notifications", outageFor("T-5", policyId, "high"));
    await until("the vendor has the message", () =>
      Promise.resolve(taken(seq).length > 0 ? true : null),
    );
    await stack.worker().kill9();
    faults.remove(fault.id);
    return String(accepted.body["id"]);
  }

  async function acknowledge(id: string): Promise<void> {
    const act = await crash().ask("POST", `/v1/notifications/${id}/acknowledge`, {});
    expect(act.status, JSON.stringify(act.body)).toBe(200);
  }

  it.each(DRILLS)(
    "at $point ($reason) loses and doubles nothing",
    async ({ point, expected, unknowns }) => {
      const { settled, taken, pool } = crash();
      const { who, id } = drills.get(point) ?? { who: "", id: "" };
      expect(hits.filter((hit) => hit === point)).toHaveLength(1);
      expect(await settled(id)).toMatchObject({ outcome: "delivered" });
      const told = taken(afterSeq).map(inWords);
      expect(told.filter((words) => words.endsWith(` ${who}`))).toEqual(
        expected.map((channel) => `${channel} ${who}`),
      );
      const { rows } = await pool.query(
        "select reason from notification_events where notification_id = $1 and kind = 'delivery_unknown'",
        [id],
      );
      expect(rows).toHaveLength(unknowns);
    },
  );

  it("with a message whose run is answered before that is noticed leaves the doubt in the record", async () => {
    const { settled, taken, pool } = crash();
    expect(await settled(abandoned)).toMatchObject({ outcome: "acknowledged" });
    const told = taken(afterSeq).map(inWords);
    expect(told.filter((words) => words.endsWith(" T-5"))).toEqual(["whatsapp_personal T-5"]);
    const { rows } = await pool.query(
      `select d.status, d.reason, m.status as "messageStatus", e.kind
       from deliveries d join messages m on m.id = d.message_id
       left join notification_events e on e.delivery_id = d.id and e.kind = 'delivery_unknown'
       where d.notification_id = $1`,
      [abandoned],
    );
    expect(rows).toEqual([
      {
        status: "unknown",
        reason: "sender_died",
        messageStatus: "unknown",
        kind: "delivery_unknown",
      },
    ]);
  });

  it("leaves a record that agrees with what the vendors saw", async () => {
    await crash().holdAgainstVendors(since, afterSeq);
  });
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
      hits.push(...(await trap.hits()));
      expect(hits.at(-1)).toBe("after_accept_before_start");
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
      hits.push(...(await trap.hits()));
      expect(hits.at(-1)).toBe("after_act_before_signal");
      expect(taken(afterSeq).every(({ vendor }) => vendor !== "twilio")).toBe(true);
      await holdAgainstVendors(since, afterSeq);
    },
    TEST_MS,
  );
});

it("every point at which a process can be made to die was come to, once", () => {
  expect(hits.toSorted()).toEqual(CRASH_POINTS.toSorted());
});
