import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createAdaptorServer } from "@hono/node-server";
import type { ServerType } from "@hono/node-server";
import type { Client } from "@temporalio/client";
import type pg from "pg";
import { createAnnouncer } from "../db/announcer.ts";
import { startAnswer } from "../client/start-answer.ts";
import { startInventory } from "../client/start-errand.ts";
import { startRun } from "../client/start-run.ts";
import { forgetOldKeys } from "../db/idempotency.ts";
import { createOpenAccount } from "../db/opened-account.ts";
import { markReceiptsSignalled } from "../db/receipts.ts";
import { readReplyWords } from "../db/replies.ts";
import { markStarted, sweepUnstarted } from "../db/starting.ts";
import type { UnstartedRow } from "../db/starting.ts";
import type { Locale } from "../domain/locale.ts";
import type { ProviderRegistry } from "../providers/registry.ts";
import type { Logger } from "../runtime/logger.ts";
import { createApp } from "./app.ts";
import { createApiKeyReader } from "./authenticate.ts";
import type { RateLimit } from "./middleware/rate-limit.ts";
import { startRealtime } from "./realtime.ts";
import { createPlanningContext } from "./planning.ts";
import { createStarter } from "./starter.ts";
import { createBackground } from "./verbs/background.ts";
import { remembered } from "./verbs/remembered.ts";
import { gathered } from "./verbs/gathered.ts";
import { createReplanner } from "./verbs/replanner.ts";
import { createWebhookAccounts } from "./verbs/webhook-accounts.ts";

export type ApiSettings = {
  /** 0 takes a free one. */
  readonly port: number;
  readonly version: string;
  readonly temporalNamespace: string;
  readonly temporalUiUrl: string | null;
  readonly portalUrl: string | null;
  readonly timeZone: string;
  readonly startConcurrency: number;
  readonly rateLimit?: RateLimit;
  readonly locale: Locale;
  /** Without a slash at its end. */
  readonly publicUrl: string;
  /** 32 bytes. */
  readonly secretKey: Uint8Array;
  /** Every vendor is simulated: accounts elsewhere are refused. False if not given. */
  readonly isSimulated?: boolean;
  /** Without a slash at its end. */
  readonly simulatedVendorsUrl?: string | null;
  /** What is attached may come from this machine: with simulated vendors. False if not given. */
  readonly allowsLocalFiles?: boolean;
  /** See api/realtime.ts; its default if not given. */
  readonly realtimeRecheckMs?: number;
};

export type ApiDeps = {
  readonly pool: pg.Pool;
  /** See api/deps.ts; the same if not given. */
  readonly keyedPool?: pg.Pool;
  readonly temporal: Client;
  readonly isTemporalAway: (error: unknown) => boolean;
  readonly providers: ProviderRegistry;
  /** Drills kill the process here; nothing happens if not given. */
  readonly crashPoint?: (name: "after_accept_before_start" | "after_act_before_signal") => void;
  readonly log: Logger;
};

export type RunningApi = {
  readonly port: number;
  /** Answers what is being answered, then starts what is being started; the rest is in the database. */
  stop(): Promise<void>;
};

/** A start goes through in milliseconds, or Temporal is away and the starter backs off. */
const START_DEADLINE_MS = 5_000;
/** A word that is added counts after this time at the latest. */
const WORDS_REMEMBERED_MS = 5_000;
/** Long before the sweep looks; receipts come in droves, and each mark of its own would be a commit of its own. */
const RECEIPT_MARKS_GATHERED_MS = 200;
/** How long a request may take to arrive; every one of the contract is small. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than the balancers in front keep theirs (60 s is usual), so that they never use a connection that just closed. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const CLOSE_IDLE_EVERY_MS = 20;
/** At a process's start: how long one round of taking over lasts, and the rest after one that did not get through. */
const TAKE_OVER_MS = 60_000;
const TAKE_OVER_AGAIN_MS = 2_000;

/** Everything that an API process runs, on connections that the caller opened. */
export async function startApi(settings: ApiSettings, deps: ApiDeps): Promise<RunningApi> {
  const { pool, keyedPool = pool, temporal, log } = deps;
  const now = (): number => Date.now();
  const start = async (row: UnstartedRow): Promise<string | null> => {
    const answer = await temporal.withDeadline(now() + START_DEADLINE_MS, () =>
      startRun(temporal, { ...row, direct: null }),
    );
    return answer.kind === "started" ? answer.runId : null;
  };
  const starter = createStarter({
    start,
    markStarted: (started) => markStarted(keyedPool, started),
    isAway: deps.isTemporalAway,
    concurrency: settings.startConcurrency,
    log,
  });
  const background = createBackground((error) =>
    log.warn({ error }, "work behind an answer failed; the sweep repeats it"),
  );
  const keys = createApiKeyReader(keyedPool, now);
  const replanner = createReplanner({ pool, temporal, background, log });
  const announcer = createAnnouncer({ pool: keyedPool, log });
  const app = createApp({
    pool,
    keyedPool,
    markReceipts: gathered((receiptIds) => markReceiptsSignalled(keyedPool, receiptIds), {
      forMs: RECEIPT_MARKS_GATHERED_MS,
    }),
    announce: announcer.announce,
    temporal,
    starter,
    background,
    log,
    now,
    randomBytes,
    authenticate: keys.authenticate,
    forgetKeys: () => keys.forget(),
    replanner,
    startInventory: (input) =>
      temporal.withDeadline(now() + START_DEADLINE_MS, () => startInventory(temporal, input)),
    providers: deps.providers,
    ...(deps.crashPoint === undefined ? {} : { crashPoint: deps.crashPoint }),
    secretKey: settings.secretKey,
    isSimulated: settings.isSimulated ?? false,
    sandboxUrl: settings.simulatedVendorsUrl ?? null,
    planning: createPlanningContext({ ...settings, ...deps, now }),
    links: settings,
    version: settings.version,
    publicUrl: settings.publicUrl,
    webhookAccounts: createWebhookAccounts({
      ...deps,
      pool: keyedPool,
      openAccount: createOpenAccount(settings),
      now,
    }),
    inbound: {
      ...settings,
      readWords: remembered(() => readReplyWords(pool), { forMs: WORDS_REMEMBERED_MS, now }),
      startAnswer: (answer) =>
        temporal.withDeadline(now() + START_DEADLINE_MS, () => startAnswer(temporal, answer)),
    },
    ...(settings.rateLimit === undefined ? {} : { rateLimit: settings.rateLimit }),
  });
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS },
  });
  const realtime = startRealtime(server, {
    pool,
    authenticate: keys.authenticate,
    log,
    ...(settings.realtimeRecheckMs === undefined ? {} : { recheckMs: settings.realtimeRecheckMs }),
  });
  const stopping = new AbortController();
  background.run(() => takeOver(deps, start, stopping.signal));
  background.run(async () => {
    await forgetOldKeys(pool);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.port, () => resolve());
  });
  return {
    port: portOf(server.address()),
    stop: async () => {
      stopping.abort();
      // Listeners keep their connections; the server closes when they are gone.
      const realtimeStopped = realtime.stop();
      await close(server);
      await realtimeStopped;
      replanner.stop();
      await starter.stop();
      await background.idle();
      await announcer.stop();
    },
  };
}

/** What an earlier process accepted and could not start is started at once, not when the sweep comes by. */
async function takeOver(
  { pool, log, isTemporalAway }: ApiDeps,
  start: (row: UnstartedRow) => Promise<string | null>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const away: unknown[] = [];
    const count = await sweepUnstarted(pool, {
      start,
      olderThanSeconds: 0,
      lastsMsMax: TAKE_OVER_MS,
      onFailure: (row, error) => {
        if (isTemporalAway(error)) away.push(error);
        log.warn({ error, notificationId: row.id }, "a run could not be started");
      },
    });
    if (count > 0) log.info({ count }, "took over accepted notifications that were not started");
    if (away.length === 0) return;
    await sleep(TAKE_OVER_AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Resolves when every answer is out. A connection that a client keeps open is closed as soon as nothing is asked on it. */
async function close(server: ServerType): Promise<void> {
  const closeIdle = (): void => {
    if ("closeIdleConnections" in server) server.closeIdleConnections();
  };
  const timer = setInterval(closeIdle, CLOSE_IDLE_EVERY_MS);
  try {
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      closeIdle();
    });
  } finally {
    clearInterval(timer);
  }
}

/** A server that listens on a port has an address of this kind. */
function portOf(address: AddressInfo | string | null): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}
