import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";

import { PEOPLE } from "../../db/seed/people.ts";
import { outageFor, until, useCrashStack } from "../support/crash-stack.ts";

const crash = useCrashStack();
const COUNT = 100;
/** Who dies, in this order; when is chance. */
const KILLED = [
  "worker",
  "API",
  "PostgreSQL",
  "worker",
  "Temporal",
  "worker",
  "PostgreSQL",
  "API",
  "Temporal",
  "worker",
] as const;
const SEED = 20_250_611;
const TEST_MS = 200_000;
/** A vendor is given this long; who dies later than that after a send began does not make it doubtful. */
const SEND_TIMEOUT_MS = 20_000;
const STEP = { channels: ["whatsapp_personal"], windowSeconds: 25 } as const;
const SMS = { channels: ["sms"], windowSeconds: 5 } as const;

/** Mulberry32: the same kills on every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

it(
  `invariants 1, 3, 4 and 37: ${KILLED.length} kills among ${COUNT} notifications lose none, and every message too many is a recorded doubt`,
  async () => {
    const { stack, ask, policy, settled, holdAgainstVendors, pool, ...servers } = crash();
    const random = seeded(SEED);
    const policyId = await policy({ settledBy: "delivered", steps: [STEP, SMS] }, "medium");
    const technicians = PEOPLE.filter(({ role }) => role === "technician");
    const since = new Date();
    const afterSeq = stack.vendors.sandbox.log.lastSeq;
    /** Whose end can leave a send in doubt: who makes it, and who is asked whether it may be made. */
    const doubtsFrom: number[] = [];

    const accept = async (index: number): Promise<string> => {
      const person = technicians[index % technicians.length]?.externalId ?? "T-1";
      const key = { "idempotency-key": randomUUID() };
      const request = outageFor(person, policyId, "medium");
      return until(`notification ${index} is accepted`, async () => {
        const { status, body } = await ask("POST", "/v1/notifications", request, key);
        return status === 202 ? String(body["id"]) : null;
      });
    };
    const raise = async (): Promise<readonly string[]> => {
      const ids: string[] = [];
      for (let index = 0; index < COUNT; index += 1) {
        ids.push(await accept(index));
        // The load is spread over the kills.
        await sleep(random() * 500);
      }
      return ids;
    };
    const killAndRestart = {
      worker: async () => {
        await stack.worker().kill9();
        doubtsFrom.push(Date.now());
        await stack.startWorker();
      },
      API: async () => {
        await stack.api().kill9();
        await stack.startApi();
      },
      Temporal: async () => {
        await servers.killTemporal();
        await servers.restartTemporal();
      },
      PostgreSQL: async () => {
        await servers.killPostgres();
        doubtsFrom.push(Date.now());
        await servers.restartPostgres();
      },
    };
    const kill = async (): Promise<void> => {
      for (const who of KILLED) {
        await sleep(200 + random() * 1_000);
        await killAndRestart[who]();
      }
    };
    const [ids] = await Promise.all([raise(), kill()]);
    expect(new Set(ids).size).toBe(COUNT);
    for (const id of ids) await settled(id, 90_000);
    const { rows: accepted } = await pool.query<{ id: string }>(
      "select id from notifications where accepted_at >= $1",
      [since],
    );
    expect(accepted.map(({ id }) => id).toSorted()).toEqual([...ids].toSorted());
    const { rows: doubts } = await pool.query<{ reason: string | null; sendingAt: Date }>(
      `select d.reason, d.sending_at as "sendingAt" from deliveries d
       join notification_events e on e.delivery_id = d.id and e.kind = 'delivery_unknown'
       where d.created_at >= $1`,
      [since],
    );
    for (const { sendingAt } of doubts) {
      const isOfAKill = doubtsFrom.some(
        (at) => at >= sendingAt.getTime() && at - sendingAt.getTime() <= SEND_TIMEOUT_MS,
      );
      expect(isOfAKill, "a doubt without a kill").toBe(true);
    }
    await holdAgainstVendors(since, afterSeq);
  },
  TEST_MS,
);
