import { expect, it } from "vitest";

import { fullMinuteIn, outageFor, until, useCrashStack } from "../support/crash-stack.ts";
import type { HeldRun } from "../support/crash-stack.ts";

/** One run wakes each second, so that a server can be away for a few of them and not for the others. */
const crash = useCrashStack({ SIAGA_WAKE_PER_SECOND: "1" });

/** Accepting, and killing and starting four programs, on a machine that runs other tests beside it. */
const PREPARATION_MS = 40_000;
const TEST_MS = 300_000;
const STEP = { channels: ["whatsapp_personal"], windowSeconds: 60 } as const;
const SLEEPERS = ["T-1", "T-2", "T-3", "T-4", "T-5"] as const;

/** The places of the night, each a second: who wakes undisturbed, and who while a server is away. The others are cancelled in their sleep. */
const UNDISTURBED = [0, 1, 2, 38, 39, 40];
const WITHOUT_TEMPORAL = [6, 7];
const WITHOUT_POSTGRES = [18, 19];
const WITHOUT_WORKER = [28, 29];
const PLACES = 41;

/** Beside other tests, from the timer's end to the vendor. */
const PROMPT_MS = 3_000;
/** A worker whose server was away asks again within ten seconds, an activity within another ten. */
const RETURN_MS = 25_000;

it(
  "whoever dies while runs are held for quiet hours, each wakes at its recorded time, once; a run that falls due meanwhile wakes when all are back",
  async () => {
    const current = crash();
    const { stack, ask, policy, held, taken, takenFor, settled, sleepsUntil } = current;
    const policyId = await policy(
      { settledBy: "delivered", quietHours: "hold", steps: [STEP] },
      "high",
    );
    const since = new Date();
    const afterSeq = stack.vendors.sandbox.log.lastSeq;
    const end = fullMinuteIn(PREPARATION_MS);
    for (const who of SLEEPERS) await sleepsUntil(who, end);
    const ids: string[] = [];
    for (let place = 0; place < PLACES; place += 1) {
      const who = SLEEPERS[place % SLEEPERS.length] ?? "T-1";
      const accepted = await ask("POST", "/v1/notifications", outageFor(who, policyId, "high"));
      expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
      ids.push(String(accepted.body["id"]));
    }
    const runs = await held(ids);
    expect(runs.map(({ wakesAt }) => (wakesAt - end) / 1_000)).toEqual(
      Array.from({ length: PLACES }, (_, place) => place),
    );

    expect(await stack.worker().kill9()).toMatchObject({ signal: "SIGKILL" });
    await stack.startWorker();
    expect(await stack.api().kill9()).toMatchObject({ signal: "SIGKILL" });
    await stack.startApi();
    await current.killTemporal();
    await current.restartTemporal();
    await current.killPostgres();
    await current.restartPostgres();

    expect(await held(ids), "nobody's time has changed").toEqual(runs);
    const at = (places: readonly number[]): readonly HeldRun[] =>
      places.flatMap((place) => runs[place] ?? []);
    const waking = at([
      ...UNDISTURBED,
      ...WITHOUT_TEMPORAL,
      ...WITHOUT_POSTGRES,
      ...WITHOUT_WORKER,
    ]);
    const cancelled = runs.filter((run) => !waking.includes(run));
    await Promise.all(
      cancelled.map(async ({ id }) => {
        const act = await until("the API answers", () =>
          ask("POST", `/v1/notifications/${id}/cancel`, {}),
        );
        expect(act.status, JSON.stringify(act.body)).toBe(200);
      }),
    );
    for (const { id } of cancelled)
      expect(await settled(id)).toMatchObject({ outcome: "cancelled" });
    expect(Date.now(), "all of it happened in the night").toBeLessThan(end);
    expect(taken(afterSeq)).toEqual([]);

    /** Takes a server away before the first of these is due and brings it back after the last. */
    const away = async (
      due: readonly HeldRun[],
      leave: () => Promise<unknown>,
      comeBack: () => Promise<void>,
    ): Promise<{ readonly due: readonly HeldRun[]; readonly backAt: number }> => {
      const [first, last] = [due[0]?.wakesAt ?? 0, due.at(-1)?.wakesAt ?? 0];
      await clockPasses(first - AHEAD_MS);
      await leave();
      expect(Date.now(), "the server is away before the first is due").toBeLessThan(first);
      await clockPasses(last + AHEAD_MS);
      await comeBack();
      return { due, backAt: Date.now() };
    };
    const outages = [
      await away(at(WITHOUT_TEMPORAL), current.killTemporal, current.restartTemporal),
      await away(at(WITHOUT_POSTGRES), current.killPostgres, current.restartPostgres),
      await away(
        at(WITHOUT_WORKER),
        () => stack.worker().kill9(),
        () => stack.startWorker(),
      ),
    ];

    for (const { id } of waking) expect(await settled(id)).toMatchObject({ outcome: "delivered" });
    const told = await takenFor(
      runs.map(({ id }) => id),
      afterSeq,
    );
    const lateMs = ({ id, wakesAt }: HeldRun, from = wakesAt): number =>
      (told.get(id)?.[0]?.at ?? Infinity) - from;
    for (const run of runs) {
      expect(told.get(run.id), `messages of the run of ${run.wakesAt - end} ms`).toHaveLength(
        waking.includes(run) ? 1 : 0,
      );
    }
    for (const run of waking) expect(lateMs(run)).toBeGreaterThanOrEqual(0);
    for (const run of at(UNDISTURBED)) expect(lateMs(run)).toBeLessThan(PROMPT_MS);
    for (const { due, backAt } of outages) {
      for (const run of due) expect(lateMs(run, backAt)).toBeLessThan(RETURN_MS);
    }
    await current.holdAgainstVendors(since, afterSeq);
  },
  TEST_MS,
);

/** Long enough to kill a server, short enough that what woke a second ago is told. */
const AHEAD_MS = 1_500;

function clockPasses(instant: number): Promise<true> {
  return until(
    "the clock goes on",
    () => Promise.resolve(Date.now() >= instant ? true : null),
    TEST_MS,
  );
}
