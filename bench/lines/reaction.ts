/** How soon does a ladder move or stop after a receipt or an acknowledgment has come in? */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

import { ms, percentile } from "../figures.ts";
import type { Installation } from "../installation.ts";
import type { Line } from "../line.ts";
import type { Accepted } from "../load-client.ts";
import { makePeople } from "../people.ts";
import type { BenchPerson } from "../people.ts";
import { inTurn, PLAIN_TYPE, plainTo } from "../plain.ts";
import { makePolicy, twoSteps } from "../policies.ts";
import { acknowledge, URGENT_TYPE, urgentTo } from "../urgent.ts";
import { untilSettled, watchArrivals } from "../waiting.ts";

const P95_MS_MAX = 500;
const GAP_MS = 200;
const WARM_UP = 5;

export const reaction: Line = {
  name: "reaction",
  measure: async ({ isQuick, install, progress }) => {
    const installation = await install();
    const { bare, client, pool } = installation;
    const count = isQuick ? 20 : 100;
    const reference: number[] = [];
    const people = await makePeople(pool, count + WARM_UP);
    for (let index = 0; index < count + WARM_UP; index += 1) {
      await client.accept(plainTo(inTurn(people, index)));
      await sleep(GAP_MS);
      reference.push(await bare.listenerReaction());
    }
    await untilSettled(pool, PLAIN_TYPE, count + WARM_UP);
    const settledAfter = (await afterDelivered(pool)).slice(WARM_UP);
    progress(`delivered → settled: p95 ${ms(percentile(settledAfter, 0.95))}`);
    const movedAfter = await afterFailed(installation, count);
    progress(`failed → next channel's request: p95 ${ms(percentile(movedAfter, 0.95))}`);
    const stoppedAfter = await afterAcknowledged(pool);
    progress(`acknowledged → settled: p95 ${ms(percentile(stoppedAfter, 0.95))}`);
    const worst = Math.max(
      ...[settledAfter, movedAfter, stoppedAfter].map((values) => percentile(values, 0.95)),
    );
    return [
      {
        measure: "receipt or acknowledgment received → ladder moved or stopped",
        ours: [
          `p95: settled ${ms(percentile(settledAfter, 0.95))}`,
          `next channel asked ${ms(percentile(movedAfter, 0.95))}`,
          `stopped ${ms(percentile(stoppedAfter, 0.95))}`,
        ].join(", "),
        reference: `signal → activity: p95 ${ms(percentile(reference.slice(WARM_UP), 0.95))}`,
        target: `p95 < ${P95_MS_MAX} ms`,
        isMet: worst < P95_MS_MAX,
        values: {
          settledP95Ms: percentile(settledAfter, 0.95),
          movedP95Ms: percentile(movedAfter, 0.95),
          stoppedP95Ms: percentile(stoppedAfter, 0.95),
          bareP95Ms: percentile(reference.slice(WARM_UP), 0.95),
          count,
        },
      },
    ];
  },
};

/** Ms from each `delivered` coming in to the notification being settled by it, in the order of acceptance. */
async function afterDelivered(pool: pg.Pool): Promise<readonly number[]> {
  const { rows } = await pool.query<{ ms: number }>(
    `/* bench */ select extract(epoch from n.settled_at - r.received_at)::float8 * 1000 as ms
     from notifications n
     join deliveries d on d.notification_id = n.id and d.channel = 'whatsapp_personal'
     join receipts r on r.message_id = d.message_id and r.status = 'delivered'
     where n.type = $1 order by n.accepted_at`,
    [PLAIN_TYPE],
  );
  return rows.map((row) => row.ms);
}

/** The number has no WhatsApp: the receipt says so, and the SMS is asked for at once. Each is acknowledged then. */
async function afterFailed(installation: Installation, count: number): Promise<readonly number[]> {
  const { client, pool, stack } = installation;
  const policyId = await makePolicy(client, {
    name: "bench: two steps",
    priority: "high",
    rules: twoSteps(60),
  });
  const people = await makePeople(pool, count + WARM_UP, { offset: 50_000 });
  for (const { phone } of people) {
    stack.vendors.sandbox.phones.configure(phone, { hasWhatsApp: false });
  }
  const askedAt = new Map<string, number>();
  const stop = installation.onVendorRequest((entry) => {
    if (entry.vendor === "twilio" && entry.to !== null) askedAt.set(entry.to, Date.now());
  });
  const told: { readonly person: BenchPerson; readonly accepted: Accepted }[] = [];
  for (const person of people) {
    const accepted = await client.accept(urgentTo(person, policyId, "high"));
    told.push({ person, accepted });
    const arrivals = watchArrivals({ onVendorRequest: onlySms(installation) });
    await arrivals.first(person.phone);
    arrivals.stop();
    await sleep(GAP_MS);
    await acknowledge(client, accepted);
  }
  stop();
  await untilSettled(pool, URGENT_TYPE, told.length);
  const { rows } = await pool.query<{ id: string; at: number }>(
    `/* bench */ select n.id, extract(epoch from min(r.received_at))::float8 * 1000 as at
     from notifications n join deliveries d on d.notification_id = n.id
     join receipts r on r.message_id = d.message_id and r.status = 'failed'
     where n.type = $1 group by n.id`,
    [URGENT_TYPE],
  );
  const failedAt = new Map(rows.map((row) => [row.id, row.at]));
  return told
    .slice(WARM_UP)
    .map(
      ({ person, accepted }) =>
        (askedAt.get(person.phone) ?? Number.NaN) - (failedAt.get(accepted.id) ?? Number.NaN),
    );
}

function onlySms({ onVendorRequest }: Installation): Installation["onVendorRequest"] {
  return (listener) =>
    onVendorRequest((entry) => {
      if (entry.vendor === "twilio") listener(entry);
    });
}

/** Ms from each acknowledgment to the notification being settled by it. */
async function afterAcknowledged(pool: pg.Pool): Promise<readonly number[]> {
  const { rows } = await pool.query<{ ms: number }>(
    `/* bench */ select extract(epoch from n.settled_at - a.at)::float8 * 1000 as ms
     from notifications n join acts a on a.notification_id = n.id and a.kind = 'acknowledge'
     where n.type = $1 order by n.accepted_at`,
    [URGENT_TYPE],
  );
  return rows.slice(WARM_UP).map((row) => row.ms);
}
