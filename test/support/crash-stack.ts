import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import type pg from "pg";
import { afterAll, beforeAll, expect } from "vitest";

import { createPool } from "../../db/pool.ts";
import { PEOPLE } from "../../db/seed/people.ts";
import type { Priority } from "../../domain/priority.ts";
import type { PolicyRules, PolicyStep } from "../../domain/escalation-policy.ts";
import type { Logged, RequestEntry } from "../../providers/simulated/log.ts";
import type { CrashPoint } from "../../runtime/crash-points.ts";
import { startStack, type Stack } from "../../runtime/demo/stack.ts";
import { startPostgres } from "../../runtime/embedded/postgres.ts";
import { findTemporalBinary } from "../../runtime/embedded/temporal-binary.ts";
import { startTemporal } from "../../runtime/embedded/temporal-server.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";
import { SEARCH_ATTRIBUTES } from "../../workflows/contract.ts";
import { differencesFromRecord, failedTasks, OUTAGE_DATA } from "./story.ts";

/** A whole installation whose processes and servers can be killed and started again on what they left. */
export interface CrashStack {
  readonly stack: Stack;
  readonly pool: pg.Pool;
  readonly ask: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answer>;
  readonly policy: (rules: DrillRules, priority: Priority) => Promise<string>;
  /** From now on this person's night lasts until then, which is a full minute. */
  readonly sleepsUntil: (externalId: string, until: number) => Promise<void>;
  /** What makes a process die when it first comes to the point. */
  readonly armed: (point: CrashPoint) => ArmedCrash;
  readonly killTemporal: () => Promise<void>;
  readonly restartTemporal: () => Promise<void>;
  readonly killPostgres: () => Promise<void>;
  readonly restartPostgres: () => Promise<void>;
  /** The row, once it has an outcome. */
  readonly settled: (id: string, timeoutMs?: number) => Promise<SettledRow>;
  /** What the vendors took for this since the number. */
  readonly taken: (afterSeq: number) => readonly Logged<RequestEntry>[];
  /** The same for each of these notifications alone, by the record's knowledge of the vendors' ids. */
  readonly takenFor: (
    ids: readonly string[],
    afterSeq: number,
  ) => Promise<ReadonlyMap<string, readonly Logged<RequestEntry>[]>>;
  /** These runs, once all of them wait for a night to end: when each is recorded to wake, soonest first. */
  readonly held: (ids: readonly string[]) => Promise<readonly HeldRun[]>;
  readonly workflowIdOf: (id: string) => Promise<string>;
  readonly onTemporal: <Answer>(work: (client: Client) => Promise<Answer>) => Promise<Answer>;
  /** Fails unless each of these has one outcome, and record and vendors agree on every message of theirs. */
  readonly holdAgainstVendors: (since: Date, afterSeq: number) => Promise<void>;
}

/** Quiet hours are overridden unless the policy says otherwise. */
export type DrillRules = Pick<PolicyRules, "settledBy"> &
  Partial<Pick<PolicyRules, "quietHours">> & { readonly steps: readonly Partial<PolicyStep>[] };

export interface ArmedCrash {
  readonly environment: Readonly<Record<string, string>>;
  readonly hits: () => Promise<readonly string[]>;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface HeldRun {
  readonly id: string;
  /** Epoch ms. */
  readonly wakesAt: number;
}

export interface SettledRow {
  readonly outcome: string;
}

const LOOK_EVERY_MS = 50;
const MINUTE_MS = 60_000;
/** A send whose worker died is noticed after twenty seconds. */
export const RECOVERY_MS = 60_000;
/** Stack and its seed on a machine that runs other tests beside it. */
const START_MS = 120_000;

/** Looks until there is something other than null; a question that can't be answered now is asked again. */
export async function until<Fact>(
  what: string,
  look: () => Promise<Fact | null>,
  timeoutMs = RECOVERY_MS,
): Promise<Fact> {
  const endAt = Date.now() + timeoutMs;
  let problem: unknown;
  for (;;) {
    try {
      const fact = await look();
      if (fact !== null) return fact;
    } catch (error) {
      problem = error;
    }
    if (Date.now() > endAt) {
      throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: problem });
    }
    await sleep(LOOK_EVERY_MS);
  }
}

/** The first full minute that is at least this far away; nights begin and end on full minutes. */
export function fullMinuteIn(atLeastMs: number): number {
  return Math.ceil((Date.now() + atLeastMs) / MINUTE_MS) * MINUTE_MS;
}

/** One installation for the file; the variables are for its API and its worker. */
export function useCrashStack(
  environment: Readonly<Record<string, string>> = {},
): () => CrashStack {
  let current: { readonly crash: CrashStack; readonly stop: () => Promise<void> } | undefined;
  beforeAll(async () => {
    current = await build(environment);
  }, START_MS);
  afterAll(async () => {
    await current?.stop();
  }, START_MS);
  return () => {
    if (!current) throw new Error("the installation exists inside tests only");
    return current.crash;
  };
}

async function build(environment: Readonly<Record<string, string>>) {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), "siaga-crash-"));
  const stops: (() => Promise<unknown>)[] = [() => rm(dataDir, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).reverse()) await one();
  };
  try {
    const stack = await startStack({
      dataDir,
      progress: () => undefined,
      log: SILENT_LOGGER,
      ports: { api: 0, temporal: 0, temporalUi: 0 },
      timeScale: 0.05,
      environment,
      apiKeyName: "crash",
    });
    stops.push(() => stack.stop());
    const pool = createPool({
      databaseUrl: stack.databaseUrl,
      applicationName: "siaga-crash-test",
      max: 4,
      log: SILENT_LOGGER,
    });
    stops.push(() => pool.end());
    await pool.query("update provider_accounts set pacing = $1", [
      { perSecond: 500, minGapSeconds: 0, pairGapSeconds: 0 },
    ]);
    const servers = restartable(stack, dataDir, (one) => stops.splice(1, 0, one));
    return { crash: { ...servers, ...questions(stack, pool), stack, pool, armed }, stop };

    function armed(point: CrashPoint): ArmedCrash {
      const file = path.join(dataDir, `crash-${point}`);
      return {
        environment: { SIAGA_CRASH_POINT: point, SIAGA_CRASH_FILE: file },
        hits: async () => (await readFile(file, "utf8")).split("\n").filter((line) => line !== ""),
      };
    }
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What is started here in place of the stack's own server is stopped after everything that uses it. */
function restartable(stack: Stack, dataDir: string, onStop: (one: () => Promise<void>) => void) {
  let { postgres, temporal } = stack;
  return {
    killTemporal: async () => {
      await temporal?.kill9();
    },
    restartTemporal: async () => {
      const binary = await findTemporalBinary({ progress: () => undefined });
      if (binary === null || !temporal) throw new Error("the stack has no server of its own");
      const server = await startTemporal({
        binary,
        dataDir: path.join(dataDir, "temporal"),
        port: temporal.port,
        uiPort: null,
        searchAttributes: Object.values(SEARCH_ATTRIBUTES),
        log: SILENT_LOGGER,
      });
      temporal = server;
      onStop(() => server.stop());
    },
    killPostgres: async () => {
      await postgres?.kill9();
    },
    restartPostgres: async () => {
      if (!postgres) throw new Error("the stack has no server of its own");
      const server = await startPostgres({
        dataDir: path.join(dataDir, "postgres"),
        port: postgres.port,
        log: SILENT_LOGGER,
      });
      postgres = server;
      onStop(() => server.stop());
    },
  };
}

function questions(stack: Stack, pool: pg.Pool) {
  const ask = async (
    method: string,
    where: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> => {
    const response = await fetch(`${stack.apiUrl}${where}`, {
      method,
      headers: {
        authorization: `Bearer ${stack.key}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      contentType: response.headers.get("content-type") ?? "",
      body: text === "" ? {} : asJson(text),
    };
  };
  const taken = (afterSeq: number): readonly Logged<RequestEntry>[] =>
    stack.vendors.sandbox.log
      .entries(({ kind }) => kind === "message" || kind === "call", { afterSeq })
      .filter(({ accepted }) => accepted);
  return {
    ask,
    taken,
    policy: async (rules: DrillRules, priority: Priority): Promise<string> => {
      const made = await ask("POST", "/v1/policies", {
        name: `a drill's policy ${Date.now()}`,
        priority,
        quietHours: "override",
        raisesNotice: false,
        ...rules,
      });
      expect(made.status, JSON.stringify(made.body)).toBe(201);
      return String(made.body["id"]);
    },
    sleepsUntil: async (externalId: string, until: number): Promise<void> => {
      const answer = await ask("PATCH", `/v1/users/ext:${externalId}/settings`, {
        quietHours: {
          enabled: true,
          from: clockOf(until - 120 * MINUTE_MS),
          to: clockOf(until),
          timeZone: "UTC",
        },
      });
      expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    },
    takenFor: async (ids: readonly string[], afterSeq: number) => {
      const { rows } = await pool.query<{ readonly id: string; readonly messageId: string }>(
        `select distinct d.notification_id as id, m.provider_message_id as "messageId"
         from deliveries d join messages m on m.id = d.message_id
         where d.notification_id = any ($1) and m.provider_message_id is not null`,
        [ids],
      );
      const entries = taken(afterSeq);
      return new Map(
        ids.map((id) => {
          const own = new Set(rows.flatMap((row) => (row.id === id ? [row.messageId] : [])));
          return [id, entries.filter(({ providerMessageId }) => own.has(providerMessageId ?? ""))];
        }),
      );
    },
    held: (ids: readonly string[]): Promise<readonly HeldRun[]> =>
      until("all of them are held", async () => {
        const { rows } = await pool.query<{ readonly id: string; readonly wakesAt: Date }>(
          `select id, next_step_at as "wakesAt" from notifications
           where id = any ($1) and status = 'holding' order by next_step_at, id`,
          [ids],
        );
        if (rows.length < ids.length) return null;
        return rows.map(({ id, wakesAt }) => ({ id, wakesAt: wakesAt.getTime() }));
      }),
    workflowIdOf: async (id: string): Promise<string> => {
      const [workflowId] = await workflowIdsOf(pool, [id]);
      if (workflowId === undefined) throw new Error(`there is no ${id}`);
      return workflowId;
    },
    onTemporal: <Answer>(work: (client: Client) => Promise<Answer>): Promise<Answer> =>
      withTemporal(stack, work),
    settled: (id: string, timeoutMs = RECOVERY_MS): Promise<SettledRow> =>
      until(
        `${id} is settled`,
        async () => {
          const { rows } = await pool.query<SettledRow>(
            "select outcome from notifications where id = $1 and settled_at is not null",
            [id],
          );
          return rows[0] ?? null;
        },
        timeoutMs,
      ),
    holdAgainstVendors: async (since: Date, afterSeq: number): Promise<void> => {
      await runsOver(stack, pool, since);
      const messages = taken(afterSeq);
      expect(await differencesFromRecord({ pool }, since, messages)).toEqual([]);
      const { rows: open } = await pool.query(
        "select id from notifications where accepted_at >= $1 and settled_at is null",
        [since],
      );
      expect(open, "notifications without an outcome").toEqual([]);
      const { rows: undecided } = await pool.query(
        `select d.id, d.status from deliveries d join notifications n on n.id = d.notification_id
         where n.accepted_at >= $1 and d.status in ('intended', 'sending')`,
        [since],
      );
      expect(undecided, "deliveries of which nobody says what became of them").toEqual([]);
      const { rows: twice } = await pool.query(
        `select n.id, count(e.id) from notifications n left join notification_events e on e.notification_id = n.id and e.kind = 'settled'
         where n.accepted_at >= $1 group by n.id having count(e.id) <> 1`,
        [since],
      );
      expect(twice, "notifications with another number of outcomes than one").toEqual([]);
      const { rows } = await pool.query<{ readonly keys: number; readonly unknowns: number }>(
        `select count(distinct (d.notification_id, d.purpose, d.pass, d.step, d.target, d.channel, d.attempt))::int as keys,
           (select count(*)::int from notification_events e join notifications m on m.id = e.notification_id
            where m.accepted_at >= $1 and e.kind in ('delivery_unknown', 'failed_over')) as unknowns
         from deliveries d join notifications n on n.id = d.notification_id where n.accepted_at >= $1`,
        [since],
      );
      const [{ keys, unknowns } = { keys: 0, unknowns: 0 }] = rows;
      expect(messages.length, "messages that the vendors took").toBeLessThanOrEqual(
        keys + unknowns,
      );
    },
  };
}

/**
 * Closing messages leave behind the outcome; with the end of the run they are out and recorded. No task of a run may have thrown: it would go on after a
 * repetition as if nothing had been.
 */
async function runsOver(stack: Stack, pool: pg.Pool, since: Date): Promise<void> {
  const { rows } = await pool.query<{ readonly id: string }>(
    "select id from notifications where accepted_at >= $1",
    [since],
  );
  const workflowIds = await workflowIdsOf(
    pool,
    rows.map(({ id }) => id),
  );
  await withTemporal(stack, async (temporal) => {
    for (const workflowId of workflowIds) {
      const handle = temporal.workflow.getHandle(workflowId);
      await until(`the run ${workflowId} is over`, async () => {
        const { status, raw } = await handle.describe();
        if (status.name === "COMPLETED") return true;
        // Named in the failure's cause: what it waits for.
        throw new Error(JSON.stringify({ status, ...raw, workflowExecutionInfo: undefined }));
      });
    }
    expect(await failedTasks(temporal, workflowIds), "workflow tasks that failed").toEqual([]);
  });
}

async function workflowIdsOf(pool: pg.Pool, ids: readonly string[]): Promise<readonly string[]> {
  const { rows } = await pool.query<{ readonly workflowId: string }>(
    `select workflow_id as "workflowId" from notifications where id = any ($1)`,
    [ids],
  );
  return rows.map(({ workflowId }) => workflowId);
}

async function withTemporal<Answer>(
  stack: Stack,
  work: (client: Client) => Promise<Answer>,
): Promise<Answer> {
  const connection = await Connection.connect({ address: stack.temporalAddress });
  try {
    return await work(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

/** "06:30" on UTC's clock, which has no summer time. */
function clockOf(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

/** The API answers with JSON objects alone. */
function asJson(text: string): Readonly<Record<string, unknown>> {
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}

/** A request for one person. */
export function outageFor(externalId: string, policyId: string, priority: Priority) {
  return {
    type: "outage",
    zone: "karawang",
    data: OUTAGE_DATA,
    priority,
    policyId,
    recipients: { userIds: [`ext:${externalId}`] },
  };
}

export function phoneOf(externalId: string): string {
  const phone = PEOPLE.find((person) => person.externalId === externalId)?.phone;
  if (!phone) throw new Error(`nobody is ${externalId}`);
  return phone;
}
