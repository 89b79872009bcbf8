/** Does anything get lost or told twice when processes and servers are killed at random while a thousand notifications go out? */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import type { Installation } from "../installation.ts";
import type { Line, LineContext } from "../line.ts";
import { makePeople } from "../people.ts";
import type { BenchPerson } from "../people.ts";
import { makePolicy, twoSteps } from "../policies.ts";
import { URGENT_TYPE, urgentTo } from "../urgent.ts";
import { untilFact } from "../waiting.ts";

const FIRST_WINDOW_SECONDS = 40;
/** An accepted request is repeated with its key for as long as the API or PostgreSQL may be away. */
const ACCEPTED_WITHIN_MS = 120_000;
/** A send whose worker died is noticed after twenty seconds, and only then the next step begins. */
const SETTLED_WITHIN_MS = 240_000;
/** A vendor is given this long; what dies later than that after a send began does not make it doubtful. */
const SEND_TIMEOUT_MS = 20_000;
const REST_MS_MIN = 500;
const REST_MS_SPREAD = 2_000;
/** Between two requests, so that some thirty kills fall among a thousand and ten among a hundred: each takes several seconds with its restart. */
const GAP_MS = { full: 150, quick: 300 };
const SEED = 20_261_122;

type Victim = "worker" | "api" | "temporal" | "postgres";
/** Of a hundred kills. */
const SHARES: readonly (readonly [Victim, number])[] = [
  ["worker", 45],
  ["api", 20],
  ["temporal", 20],
  ["postgres", 15],
];

interface Kill {
  readonly victim: Victim;
  /** Epoch ms. */
  readonly at: number;
}

export const kills: Line = {
  name: "kills",
  measure: async ({ isQuick, install, progress }) => {
    const count = isQuick ? 100 : 1_000;
    const installation = await install();
    const { client, pool } = installation;
    const random = seeded(SEED);
    const policyId = await makePolicy(client, {
      name: "bench: kills",
      priority: "high",
      rules: twoSteps(FIRST_WINDOW_SECONDS, { settledBy: "delivered" }),
    });
    const people = await makePeople(pool, count);
    const raised = raise(installation, people, policyId, {
      random,
      gapMs: isQuick ? GAP_MS.quick : GAP_MS.full,
    });
    const killed = await killWhile(installation, raised, random, progress);
    const ids = await raised;
    progress(`${ids.length} accepted, ${killed.length} kills; waiting for the outcomes`);
    const settled = await settledOf(installation, count);
    const told = await toldTwice(installation, people);
    const lost = count - Math.min(settled, new Set(ids).size);
    const withoutCause = told.doubts.filter(
      ({ sendingAt }) =>
        !killed.some(({ at }) => at >= sendingAt && at - sendingAt <= SEND_TIMEOUT_MS),
    ).length;
    return [
      {
        measure: `kill -9 of worker, API, Temporal, PostgreSQL during ${count} notifications`,
        ours: [
          `${lost} lost`,
          `${told.unexplained} duplicates outside ${told.doubts.length} unknown outcomes and ${told.failovers} failovers`,
          `${withoutCause} unknown without a kill`,
          `${killed.length} kills`,
        ].join(", "),
        reference: null,
        target: "0 lost; 0 duplicates outside the unknown outcomes, each of a kill",
        isMet: lost === 0 && told.unexplained === 0 && withoutCause === 0,
        values: {
          count,
          lost,
          duplicates: told.duplicates,
          unexplainedDuplicates: told.unexplained,
          unknownOutcomes: told.doubts.length,
          failovers: told.failovers,
          unknownWithoutKill: withoutCause,
          kills: killed.length,
        },
      },
    ];
  },
};

/** Every request is repeated with its key until it is answered with 202, as a caller does. */
async function raise(
  { client }: Installation,
  people: readonly BenchPerson[],
  policyId: string,
  { random, gapMs }: { readonly random: () => number; readonly gapMs: number },
): Promise<readonly string[]> {
  const raised: Promise<string>[] = [];
  for (const person of people) {
    const key = randomUUID();
    raised.push(
      untilFact(
        "a notification is accepted",
        ACCEPTED_WITHIN_MS,
        async () => (await client.accept(urgentTo(person, policyId, "high"), key)).id,
      ),
    );
    await sleep(random() * 2 * gapMs);
  }
  return Promise.all(raised);
}

/** One after the other, each started again before the next one dies. */
async function killWhile(
  installation: Installation,
  raised: Promise<unknown>,
  random: () => number,
  progress: LineContext["progress"],
): Promise<readonly Kill[]> {
  const over = new AbortController();
  const end = (): void => {
    over.abort();
  };
  void raised.then(end, end);
  const killed: Kill[] = [];
  for (;;) {
    await sleep(REST_MS_MIN + random() * REST_MS_SPREAD);
    if (over.signal.aborted) return killed;
    const victim = victimOf(random() * 100);
    await kill(installation, victim, (at) => killed.push({ victim, at }));
    if (killed.length % 10 === 0) progress(`${killed.length} kills`);
  }
}

function victimOf(point: number): Victim {
  let upTo = 0;
  for (const [victim, share] of SHARES) {
    upTo += share;
    if (point < upTo) return victim;
  }
  return "worker";
}

async function kill(
  { stack, servers }: Installation,
  victim: Victim,
  onDead: (at: number) => void,
): Promise<void> {
  switch (victim) {
    case "worker":
      await stack.worker().kill9();
      onDead(Date.now());
      return stack.startWorker();
    case "api":
      await stack.api().kill9();
      onDead(Date.now());
      return stack.startApi();
    case "temporal":
      await servers.killTemporal();
      onDead(Date.now());
      return servers.restartTemporal();
    case "postgres":
      await servers.killPostgres();
      onDead(Date.now());
      return servers.restartPostgres();
  }
}

/** How many have an outcome when no further one gets one. */
async function settledOf({ pool }: Installation, wanted: number): Promise<number> {
  const settled = async (): Promise<number> => {
    const { rows } = await pool.query<{ count: number }>(
      "/* bench */ select count(*) as count from notifications where type = $1 and settled_at is not null and outcome is not null",
      [URGENT_TYPE],
    );
    return rows[0]?.count ?? 0;
  };
  try {
    return await untilFact("all are settled", SETTLED_WITHIN_MS, async () => {
      const count = await settled();
      return count >= wanted ? count : null;
    });
  } catch {
    return settled();
  }
}

interface Told {
  /** Messages beyond the first for one person and channel. */
  readonly duplicates: number;
  /** Those of them that no record of an unknown outcome or of a failover stands for. */
  readonly unexplained: number;
  readonly failovers: number;
  readonly doubts: readonly { readonly sendingAt: number }[];
}

/** Each person has one notification, and each step of it one channel: the vendors' own log says what was told twice. */
async function toldTwice(
  { pool, stack }: Installation,
  people: readonly BenchPerson[],
): Promise<Told> {
  const { rows } = await pool.query<{
    phone: string;
    channel: string;
    kind: string;
    sending_at: Date | null;
  }>(
    `/* bench */ select c.value as phone, e.channel, e.kind, d.sending_at
     from notification_events e join notifications n on n.id = e.notification_id
     join contacts c on c.user_id = e.target and c.kind = 'phone' left join deliveries d on d.id = e.delivery_id
     where n.type = $1 and e.kind in ('delivery_unknown', 'failed_over')`,
    [URGENT_TYPE],
  );
  const spare = new Map<string, number>();
  for (const { phone, channel } of rows) add(spare, `${phone} ${channel}`);
  const phones = new Set(people.map(({ phone }) => phone));
  const taken = new Map<string, number>();
  const seen = stack.vendors.sandbox.log.entries(({ kind }) => kind === "message");
  for (const { to, accepted, vendor } of seen) {
    if (!accepted || to === null || !phones.has(to)) continue;
    add(taken, `${to} ${vendor === "twilio" ? "sms" : "whatsapp_personal"}`);
  }
  let duplicates = 0;
  let unexplained = 0;
  for (const [key, count] of taken) {
    duplicates += count - 1;
    unexplained += Math.max(0, count - 1 - (spare.get(key) ?? 0));
  }
  return {
    duplicates,
    unexplained,
    failovers: rows.filter(({ kind }) => kind === "failed_over").length,
    doubts: rows
      .filter(({ kind }) => kind === "delivery_unknown")
      .map(({ sending_at }) => ({ sendingAt: sending_at?.getTime() ?? 0 })),
  };
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Mulberry32: the same kills on every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
