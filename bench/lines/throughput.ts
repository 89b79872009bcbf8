/** How many notifications a second are told, their receipts taken in and settled? */
import { perSecond } from "../figures.ts";
import type { Installation } from "../installation.ts";
import type { Line } from "../line.ts";
import { makePeople } from "../people.ts";
import type { BenchPerson } from "../people.ts";
import { inTurn, PLAIN_TYPE, plainTo } from "../plain.ts";
import { countSettled, untilSettled } from "../waiting.ts";

const SHARE_OF_BARE_MIN = 0.6;
const PEOPLE = 200;
/** Until both have been compiled by V8 where it matters, which takes some hundred runs of each, and PostgreSQL knows how large its tables are. */
const WARM_UP = { full: 400, quick: 200 };
/** Under way at once when bare runs; ours are all accepted at once and started by the API's own rule. */
const CONCURRENCY = 50;

export const throughput: Line = {
  name: "throughput",
  measure: async ({ isQuick, install, progress }) => {
    const installation = await install();
    const people = await makePeople(installation.pool, PEOPLE);
    const batch = isQuick ? 100 : 400;
    const rounds = isQuick ? 2 : 4;
    const warmUp = isQuick ? WARM_UP.quick : WARM_UP.full;
    for (const analyse of [true, false]) {
      await oursRate(installation, people, warmUp / 2);
      await bareRate(installation, warmUp / 2);
      if (analyse) await installation.pool.query("/* bench */ analyze");
    }
    const ours: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      bare.push(await bareRate(installation, batch));
      ours.push(await oursRate(installation, people, batch));
      progress(`bare ${perSecond(bare.at(-1) ?? 0)}, ours ${perSecond(ours.at(-1) ?? 0)}`);
    }
    const oursPerSecond = mean(ours);
    const barePerSecond = mean(bare);
    const share = oursPerSecond / barePerSecond;
    return [
      {
        measure: "delivered notifications, receipts included",
        ours: `${perSecond(oursPerSecond)} = ${share.toFixed(2)} × bare`,
        reference: perSecond(barePerSecond),
        target: `≥ ${SHARE_OF_BARE_MIN} × bare`,
        isMet: share >= SHARE_OF_BARE_MIN,
        values: { oursPerSecond, barePerSecond, share, batch, rounds },
      },
    ];
  },
};

async function oursRate(
  { client, pool }: Installation,
  people: readonly BenchPerson[],
  count: number,
): Promise<number> {
  const before = await countSettled(pool, PLAIN_TYPE);
  const beganAt = performance.now();
  await Promise.all(
    Array.from({ length: count }, (_, index) => client.accept(plainTo(inTurn(people, index)))),
  );
  await untilSettled(pool, PLAIN_TYPE, before + count);
  return (count * 1_000) / (performance.now() - beganAt);
}

async function bareRate({ bare }: Installation, count: number): Promise<number> {
  const beganAt = performance.now();
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await bare.once();
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  return (count * 1_000) / (performance.now() - beganAt);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
