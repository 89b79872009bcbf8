import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";

import type { Supervised } from "../../runtime/embedded/child-process.ts";
import { fullMinuteIn, outageFor, phoneOf, until, useCrashStack } from "../support/crash-stack.ts";
import { inWords } from "../support/story.ts";

const WAKE_PER_SECOND = 10;
const crash = useCrashStack({ SIAGA_WAKE_PER_SECOND: String(WAKE_PER_SECOND) });

/** A tenth of what a release is held to; the whole with `SIAGA_DRILL_SLEEPERS=1000`. */
const SLEEPERS = Number(process.env["SIAGA_DRILL_SLEEPERS"] ?? 100);
/** Accepted and put to sleep at least this fast. */
const HELD_PER_SECOND_MIN = 10;
/** Four starts of a program and three slow ends, on a machine that runs other tests beside it. */
const DEPLOYS_MS = 60_000;
const NIGHT_MS = (SLEEPERS / HELD_PER_SECOND_MIN) * 1_000 + DEPLOYS_MS;
const WAKING_MS = (SLEEPERS / WAKE_PER_SECOND) * 1_000;
const TEST_MS = NIGHT_MS + WAKING_MS + 240_000;
const ACCEPTED_AT_ONCE = 10;

const PERSONAL = { channels: ["whatsapp_personal"] } as const;
const SMS = { channels: ["sms"], windowSeconds: 15 } as const;
const ASLEEP = ["T-1", "T-2", "T-3", "T-4", "T-5"] as const;
const AWAKE = ["T-6", "T-7", "T-8"] as const;
/** Whose messages a vendor answers slowly, so that they are under way when a worker is told to end. */
const SLOW = "T-9";
/** Raised at each of the deploys, to be between their steps at this one or the next. */
const CLIMBING_EACH = 10;
/** Longer than a worker is away, so that nobody's window is over with nobody there to send. */
const STEP_SECONDS = 15;
const ENDED = { code: 0, signal: null };
/** Each is replayed by a process that has never seen it, on a machine that runs other tests beside it; who is not woken by its timer is never woken. */
const WAKE_LATE_MS_MAX = 30_000;

it(
  `invariant 39: ${SLEEPERS} who sleep and those between two steps go on after deploys: an orderly end, an overlap of two workers, a kill -9 in the middle of an end`,
  async () => {
    const current = crash();
    const { stack, ask, policy, held, settled, taken, takenFor, sleepsUntil, pool } = current;
    const since = new Date();
    const { log, faults } = stack.vendors.sandbox;
    const afterSeq = log.lastSeq;
    const asleep = await policy(
      {
        settledBy: "delivered",
        quietHours: "hold",
        steps: [{ ...PERSONAL, windowSeconds: 60 }],
      },
      "high",
    );
    const climb = await policy(
      {
        settledBy: "acknowledged",
        steps: [{ ...PERSONAL, windowSeconds: STEP_SECONDS }, SMS],
      },
      "high",
    );
    const patient = await policy(
      { settledBy: "delivered", steps: [{ ...PERSONAL, windowSeconds: 40 }, SMS] },
      "high",
    );

    /** Also while the API is being replaced: then with the same key again. */
    const raise = (who: string, policyId: string): Promise<string> => {
      const key = { "idempotency-key": randomUUID() };
      return until(`a notification for ${who} is accepted`, async () => {
        const request = outageFor(who, policyId, "high");
        const { status, body } = await ask("POST", "/v1/notifications", request, key);
        return status === 202 ? String(body["id"]) : null;
      });
    };

    const end = fullMinuteIn(NIGHT_MS);
    for (const who of ASLEEP) await sleepsUntil(who, end);
    const sleeping: string[] = [];
    while (sleeping.length < SLEEPERS) {
      const more = Math.min(ACCEPTED_AT_ONCE, SLEEPERS - sleeping.length);
      const who = ASLEEP[(sleeping.length / ACCEPTED_AT_ONCE) % ASLEEP.length] ?? "T-1";
      sleeping.push(...(await Promise.all(Array.from({ length: more }, () => raise(who, asleep)))));
    }
    const nights = await held(sleeping);

    const climbing: string[] = [];
    const raiseClimbing = async (): Promise<void> => {
      for (let index = 0; index < CLIMBING_EACH; index += 1) {
        climbing.push(await raise(AWAKE[index % AWAKE.length] ?? "T-6", climb));
      }
    };
    /** Accepted by the vendor, who lets the worker wait for the answer. */
    const underWay = async (delayMs: number): Promise<string> => {
      const seq = log.lastSeq;
      const fault = faults.add({ kind: "delay", delayMs, recipient: phoneOf(SLOW), count: 1 });
      const id = await raise(SLOW, patient);
      await until("the vendor has the slow message", () =>
        Promise.resolve(taken(seq).some((entry) => inWords(entry).endsWith(SLOW)) ? true : null),
      );
      faults.remove(fault.id);
      return id;
    };
    const ends = async (program: Supervised): Promise<void> => {
      const exit = await program.stop();
      expect(exit, program.lastLines().slice(-20).join("\n")).toEqual(ENDED);
    };

    // One worker ends, with a message under way; the next one starts.
    await raiseClimbing();
    const finished = await underWay(3_000);
    await ends(stack.worker());
    await raiseClimbing();
    await stack.startWorker();

    // API and worker are replaced while the old ones still run, and then while they end.
    await raiseClimbing();
    const overlapping = stack.worker();
    const finishedToo = await underWay(3_000);
    await stack.startWorker();
    await Promise.all([ends(overlapping), raiseClimbing()]);
    await Promise.all([ends(stack.api()).then(() => stack.startApi()), raiseClimbing()]);
    const lastEndAt = Date.now();

    // Nobody waits for the end: the worker is killed while it lets a message finish.
    const doubtful = await underWay(15_000);
    const killed = stack.worker();
    expect(await killed.stop(1_000)).toEqual({ code: null, signal: "SIGKILL" });
    const killedAt = Date.now();
    expect(killed.lastLines().join("\n")).toContain('"stopping"');
    await stack.startWorker();
    await raiseClimbing();

    expect(await held(sleeping), "nobody's time has changed").toEqual(nights);
    expect(Date.now(), "all of it happened in the night").toBeLessThan(end);
    for (const id of [...climbing, finished, finishedToo, doubtful]) await settled(id);
    // Who wakes up does so in a process that has never seen the run.
    for (const id of sleeping) {
      expect(await settled(id, NIGHT_MS + WAKING_MS + 60_000)).toMatchObject({
        outcome: "delivered",
      });
    }
    await current.holdAgainstVendors(since, afterSeq);

    const told = await takenFor([...sleeping, ...climbing, finished, finishedToo], afterSeq);
    for (const { id, wakesAt } of nights) {
      expect(told.get(id), `messages of the run that wakes at ${wakesAt}`).toHaveLength(1);
      const lateMs = (told.get(id)?.[0]?.at ?? Infinity) - wakesAt;
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThan(WAKE_LATE_MS_MAX);
    }
    const { rows: doubts } = await pool.query<Doubt>(
      `select d.notification_id as id, d.channel, d.sending_at as "sendingAt" from deliveries d
       join notification_events e on e.delivery_id = d.id and e.kind = 'delivery_unknown'
       where d.created_at >= $1`,
      [since],
    );
    expect(doubts.map(({ id }) => id)).toContain(doubtful);
    for (const { sendingAt } of doubts) {
      expect(sendingAt.getTime(), "a doubt of an orderly end").toBeGreaterThan(lastEndAt);
      expect(sendingAt.getTime(), "a doubt after the kill").toBeLessThanOrEqual(killedAt);
    }
    for (const id of [finished, finishedToo]) {
      expect(told.get(id)?.map(inWords)).toEqual([`whatsapp_personal ${SLOW}`]);
    }
    for (const id of climbing) {
      // A doubtful message has no id by which it could be found here.
      const isDoubtful = (channel: string): boolean =>
        doubts.some((doubt) => doubt.id === id && doubt.channel === channel);
      expect(told.get(id)?.map((entry) => inWords(entry).split(" ")[0])).toEqual(
        ["whatsapp_personal", "sms"].filter((channel) => !isDoubtful(channel)),
      );
    }
  },
  TEST_MS,
);

interface Doubt {
  readonly id: string;
  readonly channel: string;
  readonly sendingAt: Date;
}
