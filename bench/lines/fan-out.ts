/** One notification with a hundred recipients and no pace: when does the last vendor request leave? */
import { setTimeout as sleep } from "node:timers/promises";

import { median, ms, percentile } from "../figures.ts";
import type { Line } from "../line.ts";
import { makePeople } from "../people.ts";
import { PLAIN_TYPE } from "../plain.ts";
import { untilSettled, watchArrivals } from "../waiting.ts";

const RECIPIENTS = 100;
const LAST_MS_MAX = 1_500;
const TIMES_BARE_MAX = 3;
const REST_MS = 1_000;

export const fanOut: Line = {
  name: "fan-out",
  measure: async ({ isQuick, install, progress }) => {
    const installation = await install();
    const { bare, client, pool } = installation;
    const rounds = isQuick ? 4 : 11;
    const ours: number[] = [];
    const reference: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const people = await makePeople(pool, RECIPIENTS, { offset: round * RECIPIENTS });
      const arrivals = watchArrivals(installation);
      const { answeredAt } = await client.accept({
        type: PLAIN_TYPE,
        ticketId: "TKT-1042",
        recipients: { userIds: people.map(({ id }) => id) },
        data: { status: "in_progress", previous_status: "assigned" },
      });
      const all = await Promise.all(people.map(({ phone }) => arrivals.first(phone)));
      arrivals.stop();
      await untilSettled(pool, PLAIN_TYPE, round + 1);
      await sleep(REST_MS);
      const bareMs = await bare.fanOut(RECIPIENTS);
      await sleep(REST_MS);
      const lastMs = Math.max(...all) - answeredAt;
      progress(`last ${ms(lastMs)}, bare ${ms(bareMs)}`);
      if (round === 0) continue; // warms up
      ours.push(lastMs);
      reference.push(bareMs);
    }
    const last = median(ours);
    const bareLast = median(reference);
    return [
      {
        measure: `${RECIPIENTS} recipients, no pace: last vendor request`,
        ours: `p50 ${ms(last)}, worst ${ms(Math.max(...ours))} = ${(last / bareLast).toFixed(1)} × bare`,
        reference: `fan-out: p50 ${ms(bareLast)}, worst ${ms(Math.max(...reference))}`,
        target: `< ${LAST_MS_MAX / 1_000} s and < ${TIMES_BARE_MAX} × bare fan-out`,
        isMet: last < LAST_MS_MAX && last < TIMES_BARE_MAX * bareLast,
        values: {
          p50Ms: last,
          p90Ms: percentile(ours, 0.9),
          bareP50Ms: bareLast,
          timesBare: last / bareLast,
          rounds: ours.length,
        },
      },
    ];
  },
};
