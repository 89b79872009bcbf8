/** Does the worker's memory grow with the runs that sleep, or only with those in its cache? */
import { readFile } from "node:fs/promises";

import type { Line } from "../line.ts";
import { makePeople } from "../people.ts";
import { inTurn, plainTo } from "../plain.ts";
import { untilHeld } from "../sleepers.ts";

const SLEEP_MS = 48 * 3_600_000;
/** What may be added when twice as many sleep: V8 gives memory back when it likes, so the measure is a mean over many samples, and it is not exact. */
const GROWTH_MAX = 1.1;
const SAMPLES = 40;

export const memory: Line = {
  name: "memory",
  measure: async ({ isQuick, install, progress }) => {
    const total = isQuick ? 4_000 : 20_000;
    const cached = isQuick ? 200 : 1_000;
    const { client, pool, stack } = await install({
      environment: { SIAGA_MAX_CACHED_WORKFLOWS: String(cached) },
    });
    const people = await makePeople(pool, 500);
    const notBefore = new Date(Date.now() + SLEEP_MS).toISOString();
    let asleep = 0;
    const samples: number[] = [];
    for (let sample = 1; sample <= SAMPLES; sample += 1) {
      const wanted = Math.round((total * sample) / SAMPLES);
      const lane = async (): Promise<void> => {
        while (asleep < wanted) {
          asleep += 1;
          await client.accept(plainTo(inTurn(people, asleep), { notBefore }));
        }
      };
      await Promise.all(Array.from({ length: 50 }, lane));
      await untilHeld(pool, wanted);
      samples.push(await residentMb(stack.worker().pid));
      if (sample % (SAMPLES / 4) === 0) progress(`${wanted} sleep: ${samples.at(-1) ?? 0} MB`);
    }
    const half = SAMPLES / 2;
    const before = mean(samples.slice(half / 2, half));
    const after = mean(samples.slice(half + half / 2));
    return [
      {
        measure: `worker memory, ${total} sleeping runs, cache of ${cached}`,
        ours: `${before} MB around ${(total * 3) / 8}, ${after} MB around ${(total * 7) / 8}, most ${Math.max(...samples)} MB`,
        reference: null,
        target: `flat: ≤ ${GROWTH_MAX} × where twice as many sleep`,
        isMet: after / before <= GROWTH_MAX,
        values: { beforeMb: before, afterMb: after, mostMb: Math.max(...samples), total, cached },
      },
    ];
  },
};

function mean(values: readonly number[]): number {
  return Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);
}

/** Linux alone says so in this way; elsewhere the line can't be measured. */
async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kb === undefined) throw new Error("the worker's memory is not told");
  return Math.round(Number(kb) / 1_024);
}
