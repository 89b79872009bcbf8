/** How late does a step begin whose time has come, with a thousand sleeping runs around it? */
import { setTimeout as sleep } from "node:timers/promises";

import { ms, percentile, spread } from "../figures.ts";
import type { Line } from "../line.ts";
import type { Accepted } from "../load-client.ts";
import { makePeople } from "../people.ts";
import { inTurn, plainTo } from "../plain.ts";
import { makePolicy, twoSteps } from "../policies.ts";
import { untilHeld } from "../sleepers.ts";
import { acknowledge, URGENT_TYPE, urgentTo } from "../urgent.ts";
import { untilSettled } from "../waiting.ts";

const SLEEPERS = 1_000;
const WINDOW_SECONDS = 3;
/** Longer than it takes to ask all of them. */
const UNTIL_ACKNOWLEDGED_SECONDS = 600;
const P99_MS_MAX = 1_500;
const GAP_MS = 400;
const SLEEP_MS = 6 * 3_600_000;

export const lateSteps: Line = {
  name: "late-steps",
  measure: async ({ isQuick, install, progress }) => {
    const installation = await install();
    const { bare, client, pool } = installation;
    const sleepers = isQuick ? SLEEPERS / 4 : SLEEPERS;
    const count = isQuick ? 30 : 150;
    const asleep = await makePeople(pool, 100);
    const notBefore = new Date(Date.now() + SLEEP_MS).toISOString();
    await Promise.all(
      Array.from({ length: sleepers }, (_, index) =>
        client.accept(plainTo(inTurn(asleep, index), { notBefore })),
      ),
    );
    await untilHeld(pool, sleepers);
    progress(`${sleepers} runs sleep`);
    const policyId = await makePolicy(client, {
      name: "bench: short step",
      priority: "high",
      rules: twoSteps(WINDOW_SECONDS, {}, UNTIL_ACKNOWLEDGED_SECONDS),
    });
    const people = await makePeople(pool, count, { offset: 50_000 });
    const askedAt = new Map<string, number>();
    const stop = installation.onVendorRequest((entry) => {
      if (entry.vendor === "twilio" && entry.to !== null) askedAt.set(entry.to, Date.now());
    });
    const accepted: Accepted[] = [];
    const reference: Promise<number>[] = [];
    for (const person of people) {
      accepted.push(await client.accept(urgentTo(person, policyId, "high")));
      const until = Date.now() + WINDOW_SECONDS * 1_000;
      reference.push(bare.sleptPast(until));
      await sleep(GAP_MS);
    }
    const bareLate = await Promise.all(reference);
    await sleep(WINDOW_SECONDS * 1_000 + P99_MS_MAX);
    stop();
    for (const one of accepted) await acknowledge(client, one);
    await untilSettled(pool, URGENT_TYPE, count);
    const { rows } = await pool.query<{ user_id: string; accepted: number }>(
      `/* bench */ select d.user_id, extract(epoch from d.accepted_at)::float8 * 1000 as accepted
       from deliveries d join notifications n on n.id = d.notification_id
       where n.type = $1 and d.channel = 'whatsapp_personal' and d.purpose = 'ladder'`,
      [URGENT_TYPE],
    );
    const phones = new Map(people.map(({ id, phone }) => [id, phone]));
    const late = rows.map(({ user_id, accepted: acceptedAt }) => {
      const at = askedAt.get(phones.get(user_id) ?? "");
      if (at === undefined) throw new Error("a step did not begin");
      return at - (acceptedAt + WINDOW_SECONDS * 1_000);
    });
    const p99 = percentile(late, 0.99);
    return [
      {
        measure: `step fires late by, ${sleepers} sleeping runs around it`,
        ours: `${spread(late, [0.5, 0.99])} (to the next channel's request)`,
        reference: `timer → activity: p99 ${ms(percentile(bareLate, 0.99))}`,
        target: `p99 < ${P99_MS_MAX / 1_000} s`,
        isMet: p99 < P99_MS_MAX,
        values: { p99Ms: p99, bareP99Ms: percentile(bareLate, 0.99), sleepers, count },
      },
    ];
  },
};
