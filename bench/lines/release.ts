/** Ten thousand runs wait for the same quiet hours to end: how fast do they go out, and does a critical one get through meanwhile? */
import { setTimeout as sleep } from "node:timers/promises";

import { ms, percentile, perSecond, spread } from "../figures.ts";
import type { Installation } from "../installation.ts";
import type { Line, LineContext } from "../line.ts";
import { makePeople } from "../people.ts";
import type { Quiet } from "../people.ts";
import { PLAIN_TYPE, plainTo } from "../plain.ts";
import { makePolicy, twoSteps } from "../policies.ts";
import { untilHeld } from "../sleepers.ts";
import { acknowledge, urgentTo } from "../urgent.ts";
import { untilSettled, watchArrivals } from "../waiting.ts";

const SHARE_OF_BARE_MIN = 0.4;
/** What whoever runs the installation sets after seeing what the server can do: a little above the target, and the rest is left for what is urgent. */
const WAKE_SHARE_OF_BARE = 0.45;
const CRITICAL_EVERY_MS = 2_000;
const CRITICAL_P99_MS_MAX = 1_000;
/** Accepted and planned at least this fast; the night must not end before. */
const HELD_PER_SECOND_MIN = 30;
const MARGIN_MS = 60_000;
/** Jakarta, the installation's zone, has no summer time. */
const ZONE_OFFSET_MS = 7 * 3_600_000;
const MINUTE_MS = 60_000;
/** Others leave a minute after the window's end (requirement: high first). */
const BAND_OFFSET_MS = 60_000;
const CRITICAL_OFFSET = 500_000;

export const release: Line = {
  name: "release",
  measure: async ({ isQuick, install, progress }) => {
    const count = isQuick ? 1_000 : 10_000;
    const installation = await install();
    const barePerSecond = await installation.bare.release(count, progress);
    const wakePerSecond = Math.ceil(barePerSecond * WAKE_SHARE_OF_BARE);
    progress(`bare ${perSecond(barePerSecond)}, ours are spread at ${wakePerSecond}/s`);
    await installation.stack.worker().stop();
    await installation.stack.startWorker({ SIAGA_WAKE_PER_SECOND: String(wakePerSecond) });
    const { oursPerSecond, critical } = await releaseOurs(installation, count, progress);
    const share = oursPerSecond / barePerSecond;
    const p99 = percentile(critical, 0.99);
    return [
      {
        measure: `${count} held for quiet hours and released`,
        ours: `${perSecond(oursPerSecond)} = ${share.toFixed(2)} × bare`,
        reference: `sleepers at one instant: ${perSecond(barePerSecond)}`,
        target: `≥ ${SHARE_OF_BARE_MIN} × bare`,
        isMet: share >= SHARE_OF_BARE_MIN,
        values: {
          oursPerSecond,
          barePerSecond,
          share,
          count,
          wakePerSecond,
        },
      },
      {
        measure: "… a critical one every 2 s meanwhile: accept → first vendor request",
        ours: spread(critical, [0.5, 0.99]),
        reference: null,
        target: `p99 < ${CRITICAL_P99_MS_MAX / 1_000} s`,
        isMet: p99 < CRITICAL_P99_MS_MAX,
        values: { p50Ms: percentile(critical, 0.5), p99Ms: p99, count: critical.length },
      },
    ];
  },
};

async function releaseOurs(
  installation: Installation,
  count: number,
  progress: LineContext["progress"],
): Promise<{ readonly oursPerSecond: number; readonly critical: readonly number[] }> {
  const { client, pool } = installation;
  const fillMs = (count / HELD_PER_SECOND_MIN) * 1_000 + MARGIN_MS;
  const endsAt = Math.ceil((Date.now() + fillMs) / MINUTE_MS) * MINUTE_MS;
  const people = await makePeople(pool, count, { quiet: nightUntil(endsAt) });
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const person = people[left];
      if (person) await client.accept(plainTo(person));
    }
  };
  await Promise.all(Array.from({ length: 50 }, lane));
  await untilHeld(pool, count);
  progress(`${count} held, ${ms(endsAt - Date.now())} before the night ends`);

  const phones = new Set(people.map(({ phone }) => phone));
  const leftAt: number[] = [];
  const stop = installation.onVendorRequest((entry) => {
    if (entry.to !== null && phones.has(entry.to)) leftAt.push(performance.now());
  });
  const startsAt = endsAt + BAND_OFFSET_MS;
  await sleep(Math.max(0, startsAt - Date.now()));
  const critical = await sendCriticalWhile(installation, () => leftAt.length < count);
  stop();
  await untilSettled(pool, PLAIN_TYPE, count);
  const [first = 0, last = 0] = [leftAt[0], leftAt.at(-1)];
  return { oursPerSecond: ((count - 1) * 1_000) / (last - first), critical };
}

/** From two hours before until then, by the clocks of the zone. */
function nightUntil(endsAt: number): Quiet {
  const clock = (at: number): string => new Date(at + ZONE_OFFSET_MS).toISOString().slice(11, 16);
  return { from: clock(endsAt - 120 * MINUTE_MS), to: clock(endsAt) };
}

async function sendCriticalWhile(
  installation: Installation,
  isGoingOn: () => boolean,
): Promise<readonly number[]> {
  const { client, pool } = installation;
  const policyId = await makePolicy(client, {
    name: "bench: critical",
    priority: "critical",
    rules: twoSteps(60),
  });
  const arrivals = watchArrivals(installation);
  const took: number[] = [];
  const running: Promise<void>[] = [];
  for (let index = 0; isGoingOn(); index += 1) {
    const [person] = await makePeople(pool, 1, { offset: CRITICAL_OFFSET + index });
    if (!person) throw new Error("a person was made");
    running.push(
      (async () => {
        const accepted = await client.accept(urgentTo(person, policyId, "critical"));
        took.push((await arrivals.first(person.phone)) - accepted.answeredAt);
        await acknowledge(client, accepted);
      })(),
    );
    await sleep(CRITICAL_EVERY_MS);
  }
  await Promise.all(running);
  arrivals.stop();
  return took;
}
