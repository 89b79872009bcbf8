/** How long after its acceptance does an idle installation ask the vendor? */
import { setTimeout as sleep } from "node:timers/promises";

import { median, percentile, spread } from "../figures.ts";
import type { Line } from "../line.ts";
import { makePeople } from "../people.ts";
import { inTurn, plainTo } from "../plain.ts";
import { watchArrivals } from "../waiting.ts";

const P50_MS_MAX = 150;
const P50_TIMES_BARE_MAX = 2.5;
const P99_MS_MAX = 500;
/** Until the last one's receipts are through. */
const REST_MS = 400;
const WARM_UP = 5;

export const firstRequest: Line = {
  name: "first-request",
  measure: async ({ isQuick, install }) => {
    const installation = await install();
    const { bare, client, pool } = installation;
    const count = isQuick ? 30 : 150;
    const people = await makePeople(pool, count + WARM_UP);
    const arrivals = watchArrivals(installation);
    const ours: number[] = [];
    const reference: number[] = [];
    for (let index = 0; index < count + WARM_UP; index += 1) {
      const person = inTurn(people, index);
      const { answeredAt } = await client.accept(plainTo(person));
      const tookMs = (await arrivals.first(person.phone)) - answeredAt;
      await sleep(REST_MS);
      const bareMs = await bare.once();
      await sleep(REST_MS);
      if (index < WARM_UP) continue;
      ours.push(tookMs);
      reference.push(bareMs);
    }
    arrivals.stop();
    const p50 = median(ours);
    const p99 = percentile(ours, 0.99);
    const bareP50 = median(reference);
    return [
      {
        measure: "accept → first vendor request, idle",
        ours: spread(ours, [0.5, 0.99]),
        reference: `start → activity: ${spread(reference, [0.5, 0.99])}`,
        target: `p50 < ${P50_MS_MAX} ms and < ${P50_TIMES_BARE_MAX} × bare; p99 < ${P99_MS_MAX} ms`,
        isMet: p50 < P50_MS_MAX && p50 < P50_TIMES_BARE_MAX * bareP50 && p99 < P99_MS_MAX,
        values: { p50Ms: p50, p99Ms: p99, bareP50Ms: bareP50, timesBare: p50 / bareP50, count },
      },
    ];
  },
};
