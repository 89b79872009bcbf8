/** How long does a caller wait for the 202, at a steady pace and in a rush, and does everything accepted come to its end? */
import { setTimeout as sleep } from "node:timers/promises";

import { ms, percentile } from "../figures.ts";
import type { Line } from "../line.ts";
import { makePeople } from "../people.ts";
import { inTurn, PLAIN_TYPE, plainTo } from "../plain.ts";
import { untilSettled } from "../waiting.ts";

const PER_SECOND = 20;
const STEADY_MS_MAX = 60;
const RUSH_MS_MAX = 500;
const RUSH_CONNECTIONS = 50;
const PEOPLE = 200;
const WARM_UP = 40;

export const post: Line = {
  name: "post",
  measure: async ({ isQuick, install, progress }) => {
    const { bare, client, pool } = await install({ connections: RUSH_CONNECTIONS });
    const people = await makePeople(pool, PEOPLE);
    let sent = 0;
    const accept = async (): Promise<number> => {
      sent += 1;
      return (await client.accept(plainTo(inTurn(people, sent)))).tookMs;
    };
    const running: Promise<void>[] = [];
    const startBare = async (): Promise<number> => {
      const { startedMs, done } = await bare.startOnly();
      running.push(done);
      return startedMs;
    };
    await atPace(WARM_UP, accept);
    await atPace(WARM_UP, startBare);

    const steadyCount = PER_SECOND * (isQuick ? 10 : 60);
    const bareSteady = await atPace(steadyCount, startBare);
    const steady = await atPace(steadyCount, accept);
    progress(`steady: p95 ${ms(percentile(steady, 0.95))}`);
    await Promise.all(running.splice(0));
    await untilSettled(pool, PLAIN_TYPE, sent);

    const rushCount = isQuick ? 300 : 1_000;
    const bareRush = await atOnce(rushCount, startBare);
    await Promise.all(running.splice(0));
    const rush = await atOnce(rushCount, accept);
    progress(`rush: p95 ${ms(percentile(rush, 0.95))}`);
    await untilSettled(pool, PLAIN_TYPE, sent);

    const steadyP95 = percentile(steady, 0.95);
    const rushP95 = percentile(rush, 0.95);
    return [
      {
        measure: `POST, ${PER_SECOND} a second for ${steadyCount / PER_SECOND} s`,
        ours: `p50 ${ms(percentile(steady, 0.5))}, p95 ${ms(steadyP95)}`,
        reference: `start: p95 ${ms(percentile(bareSteady, 0.95))}`,
        target: `p95 < ${STEADY_MS_MAX} ms`,
        isMet: steadyP95 < STEADY_MS_MAX,
        values: { p95Ms: steadyP95, bareP95Ms: percentile(bareSteady, 0.95), count: steadyCount },
      },
      {
        measure: `POST, ${rushCount} over ${RUSH_CONNECTIONS} connections`,
        ours: `p95 ${ms(rushP95)}, all accepted, all settled`,
        reference: `start: p95 ${ms(percentile(bareRush, 0.95))}`,
        target: `p95 < ${RUSH_MS_MAX} ms, all accepted, all settled`,
        isMet: rushP95 < RUSH_MS_MAX,
        values: { p95Ms: rushP95, bareP95Ms: percentile(bareRush, 0.95), count: rushCount },
      },
    ];
  },
};

/** Begins one at each beat, however long those before take. */
async function atPace(count: number, begin: () => Promise<number>): Promise<readonly number[]> {
  const beganAt = performance.now();
  const begun: Promise<number>[] = [];
  for (let index = 0; index < count; index += 1) {
    const dueInMs = beganAt + (index * 1_000) / PER_SECOND - performance.now();
    if (dueInMs > 0) await sleep(dueInMs);
    begun.push(begin());
  }
  return Promise.all(begun);
}

/** Time in a caller's own queue does not count: each lane asks again when it has its answer. */
async function atOnce(count: number, begin: () => Promise<number>): Promise<readonly number[]> {
  const took: number[] = [];
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      took.push(await begin());
    }
  };
  await Promise.all(Array.from({ length: RUSH_CONNECTIONS }, lane));
  return took;
}
