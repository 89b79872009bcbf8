import { createHash } from "node:crypto";
import type { Client } from "@temporalio/client";
import type { NativeConnection } from "@temporalio/worker";
import { WorkflowNotFoundError } from "@temporalio/common";
import type pg from "pg";

import { createAckLinks } from "../db/ack-link.ts";
import { createAnnouncer, type Announcer } from "../db/announcer.ts";
import { createOpenAccount } from "../db/opened-account.ts";
import { createOpenDestination } from "../db/push-subscriptions.ts";
import { createActivities, type ActivityDeps } from "../activities/index.ts";
import { createKeptAcceptance } from "../activities/kept-acceptance.ts";
import { createPlanActivities } from "../activities/plan-activities.ts";
import { startAnswer } from "../client/start-answer.ts";
import { startAsk, startInventory, startProbe } from "../client/start-errand.ts";
import { startRun } from "../client/start-run.ts";
import { listen } from "../db/listen.ts";
import { readCodeToSend } from "../db/otp-challenges.ts";
import { checkRequest } from "../db/requests.ts";
import { openSecret, sealSecret } from "../db/sealed-secret.ts";
import { createAddressGuard } from "../providers/address-guard.ts";
import { createFileClient } from "../providers/file-client.ts";
import { rememberFiles } from "../providers/file-memory.ts";
import type { ProviderRegistry } from "../providers/registry.ts";
import { FACT_SIGNAL } from "../workflows/contract.ts";
import { followAccounts } from "./account-workers.ts";
import { createWorkers } from "./create-worker.ts";
import { planningContext } from "./planning-context.ts";

export interface WorkerSettings {
  readonly databaseUrl: string;
  readonly namespace: string;
  readonly bundlePath: string;
  /** 32 bytes. */
  readonly secretKey: Uint8Array;
  /** Without a slash at its end; null: vendors can't reach us. */
  readonly publicUrl: string | null;
  readonly portalUrl: string | null;
  readonly installationTimeZone: string;
  readonly wakePerSecond: number;
  readonly sendOnlyTo: ReadonlySet<string> | null;
  /** What is attached may come from this machine: with simulated vendors. False if not given. */
  readonly allowsLocalFiles?: boolean;
  readonly maxCachedWorkflows: number;
  readonly shutdownGraceMs: number;
  readonly stickyQueueTimeoutMs?: number;
}

export interface WorkerDeps {
  readonly pool: pg.Pool;
  readonly client: Client;
  readonly connection: NativeConnection;
  readonly providers: ProviderRegistry;
  readonly crashPoint?: ActivityDeps["crashPoint"];
  readonly log: {
    readonly debug: (fields: Record<string, unknown>, message: string) => void;
    readonly info: (fields: Record<string, unknown>, message: string) => void;
    readonly warn: (fields: Record<string, unknown>, message: string) => void;
    readonly error: (fields: Record<string, unknown>, message: string) => void;
  };
}

export interface RunningWorker {
  /** Stops taking work and lets what has begun finish. */
  readonly stop: () => Promise<void>;
  /** Rejects when a worker ends by itself. */
  readonly ended: Promise<void>;
  readonly queues: () => readonly string[];
}

/** Longer than any vendor takes: what an account's slots are sized by. */
const SEND_TIMEOUT_SECONDS = 20;
const SIGNAL_DEADLINE_MS = 5_000;
/** A notice is started from inside a local activity of two seconds; what does not come through in half of that is left to the sweep. */
const START_DEADLINE_MS = 1_000;

/** Everything that a worker process runs, on connections that the caller opened. */
export async function startWorker(
  settings: WorkerSettings,
  deps: WorkerDeps,
): Promise<RunningWorker> {
  const announcer = createAnnouncer(deps);
  const activities = buildActivities(settings, deps, announcer);
  const workers = await createWorkers({ ...settings, connection: deps.connection, activities });
  const running = workers.map((worker) => worker.run());
  const accounts = await followAccounts({
    ...deps,
    namespace: settings.namespace,
    activities,
    sendTimeoutSeconds: SEND_TIMEOUT_SECONDS,
    shutdownGraceMs: settings.shutdownGraceMs,
    listen: (onChange) =>
      listen({
        databaseUrl: settings.databaseUrl,
        channel: "provider_accounts",
        onNotify: onChange,
        log: deps.log,
      }),
  });
  return {
    queues: accounts.queues,
    ended: Promise.all(running).then(() => undefined),
    stop: async () => {
      await accounts.stop();
      for (const worker of workers) {
        if (worker.getState() === "RUNNING") worker.shutdown();
      }
      await Promise.all(running);
      await announcer.stop();
    },
  };
}

function buildActivities(
  settings: WorkerSettings,
  { pool, client, providers, crashPoint, log }: WorkerDeps,
  announcer: Announcer,
) {
  const planning = planningContext({ ...settings, providers, now: () => Date.now() });
  const now = (): number => Date.now();
  const place = { purpose: "kept_acceptance", accountId: "-" } as const;
  return createActivities({
    pool,
    providers,
    openAccount: createOpenAccount(settings),
    openDestination: createOpenDestination(settings),
    readCode: (asked) => readCodeToSend(pool, asked, settings.secretKey),
    ackLink: createAckLinks(settings),
    settings,
    files: rememberFiles(
      createFileClient(
        createAddressGuard({ allowsThisMachine: settings.allowsLocalFiles ?? false }),
      ),
      now,
    ),
    sendOnlyTo: settings.sendOnlyTo,
    keepAcceptance: createKeptAcceptance({
      close: (text) => sealSecret(text, settings.secretKey, place).toString("base64"),
      open: (sealed) => openSecret(Buffer.from(sealed, "base64"), settings.secretKey, place),
    }),
    plan: createPlanActivities({
      pool,
      now,
      ...planning,
      wakePerSecond: settings.wakePerSecond,
      settings,
    }),
    checkRequest: (request, at) => checkRequest(pool, request, { ...planning, now: at }),
    startRun: async (row) => {
      const answer = await client.withDeadline(Date.now() + START_DEADLINE_MS, () =>
        startRun(client, { ...row, direct: null }),
      );
      return answer.kind === "started" ? answer.runId : null;
    },
    startAnswer: (answer) =>
      client.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () => startAnswer(client, answer)),
    startAsk: (question) =>
      client.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () => startAsk(client, question)),
    startInventory: (input) =>
      client.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () => startInventory(client, input)),
    startProbe: (accountId) =>
      client.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () => startProbe(client, { accountId })),
    signal: async (workflowId, fact) => {
      try {
        await client.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () =>
          client.workflow.getHandle(workflowId).signal(FACT_SIGNAL, fact),
        );
        return true;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },
    announce: announcer.announce,
    hash: (text) => createHash("sha256").update(text).digest(),
    now,
    random: Math.random,
    crashPoint,
    log,
  });
}
