import type pg from "pg";
import type { NativeConnection } from "@temporalio/worker";
import { Worker } from "@temporalio/worker";

import type { Activities } from "../activities/contract.ts";
import { accountTaskQueue } from "../workflows/contract.ts";

/**
 * One activity worker per provider account, following the table live: NOTIFY at once, a look each minute in case a notification was lost.
 *
 * A worker is stopped and made anew when what shapes it changes, because a process can't register two workers on one queue. A disabled or draining account
 * keeps its queue, because `deliver` refuses there at once and the ladder fails over; without a poller its orders would wait out their whole window.
 */
export interface AccountWorkers {
  readonly queues: () => readonly string[];
  readonly stop: () => Promise<void>;
}

export interface AccountWorkersOptions {
  readonly pool: pg.Pool;
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly activities: Pick<
    Activities,
    "deliverMessage" | "hangUpCall" | "sendAnswer" | "probeAccount" | "askVendor"
  >;
  readonly listen: (onChange: () => void) => Promise<{ readonly close: () => Promise<void> }>;
  readonly sendTimeoutSeconds: number;
  readonly shutdownGraceMs: number;
  readonly log: {
    readonly info: (fields: Record<string, unknown>, message: string) => void;
    readonly error: (fields: Record<string, unknown>, message: string) => void;
  };
  readonly checkEveryMs?: number;
}

interface Running {
  readonly shape: string;
  readonly worker: Worker;
  readonly ended: Promise<void>;
}

interface AccountShape {
  readonly id: string;
  readonly rate: number;
}

const CHECK_EVERY_MS = 60_000;
/** Beyond what one vendor's pace can use: a burst of accepted sends must not wait for a slot. */
const SPARE_SLOTS = 2;
const SLOTS_MAX = 200;
/** One poll brings one order in some ten milliseconds; waiting for one costs nothing. Gently paced accounts, which most are, need the least. */
const POLLS_MIN = 2;
const POLLS_MAX = 10;
const ORDERS_PER_POLL_AND_SECOND = 20;

export async function followAccounts(options: AccountWorkersOptions): Promise<AccountWorkers> {
  const running = new Map<string, Running>();
  let isStopping = false;
  // One pass at a time; changes that arrive during one ask for one more.
  let pass: Promise<void> | null = null;
  let isStale = false;

  const follow = (): Promise<void> => {
    isStale = true;
    pass ??= (async () => {
      while (isStale && !isStopping) {
        isStale = false;
        await reconcile(options, running);
      }
    })()
      .catch((error: unknown) => {
        options.log.error({ error }, "could not follow the provider accounts");
      })
      .finally(() => {
        pass = null;
      });
    return pass;
  };

  const listener = await options.listen(() => void follow());
  const timer = setInterval(() => void follow(), options.checkEveryMs ?? CHECK_EVERY_MS);
  await follow();
  return {
    queues: () => [...running.keys()].map(accountTaskQueue),
    stop: async () => {
      isStopping = true;
      clearInterval(timer);
      await listener.close();
      await pass;
      await Promise.all([...running.values()].map(stopWorker));
    },
  };
}

async function reconcile(
  options: AccountWorkersOptions,
  running: Map<string, Running>,
): Promise<void> {
  const wanted = await wantedAccounts(options.pool);
  for (const [id, current] of running) {
    const account = wanted.get(id);
    if (account && shapeOf(account) === current.shape) continue;
    running.delete(id);
    await stopWorker(current);
    options.log.info({ accountId: id }, "account queue closed");
  }
  for (const account of wanted.values()) {
    if (running.has(account.id)) continue;
    running.set(account.id, await startWorker(options, account));
    options.log.info({ accountId: account.id }, "account queue open");
  }
}

async function wantedAccounts(pool: pg.Pool): Promise<ReadonlyMap<string, AccountShape>> {
  const { rows } = await pool.query<AccountShape>(
    "select id, (pacing ->> 'perSecond')::float8 as rate from provider_accounts",
  );
  return new Map(rows.map((row) => [row.id, row]));
}

function shapeOf(account: AccountShape): string {
  return String(account.rate);
}

async function startWorker(
  options: AccountWorkersOptions,
  account: AccountShape,
): Promise<Running> {
  const slots = Math.min(
    SLOTS_MAX,
    Math.ceil(account.rate * options.sendTimeoutSeconds) + SPARE_SLOTS,
  );
  const worker = await Worker.create({
    connection: options.connection,
    namespace: options.namespace,
    taskQueue: accountTaskQueue(account.id),
    activities: options.activities,
    maxConcurrentActivityTaskExecutions: slots,
    // Only a coarse gate that keeps the backlog in the queue, where priority orders it; the slot statement paces.
    maxTaskQueueActivitiesPerSecond: Math.max(1, account.rate),
    maxConcurrentActivityTaskPolls: Math.min(
      POLLS_MAX,
      Math.max(POLLS_MIN, Math.ceil(account.rate / ORDERS_PER_POLL_AND_SECOND)),
    ),
    shutdownGraceTime: options.shutdownGraceMs,
  });
  const ended = worker.run().catch((error: unknown) => {
    options.log.error({ error, accountId: account.id }, "account queue failed");
  });
  return { shape: shapeOf(account), worker, ended };
}

async function stopWorker({ worker, ended }: Running): Promise<void> {
  if (worker.getState() === "RUNNING") worker.shutdown();
  await ended;
}
