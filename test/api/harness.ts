import { randomBytes } from "node:crypto";
import type { Client } from "@temporalio/client";
import type pg from "pg";
import { afterAll, beforeAll, expect } from "vitest";
import { createApp } from "../../api/app.ts";
import type { AppDeps } from "../../api/deps.ts";
import { createApiKeyReader } from "../../api/authenticate.ts";
import { createPlanningContext } from "../../api/planning.ts";
import { createStarter } from "../../api/starter.ts";
import type { Starter } from "../../api/starter.ts";
import { createBackground } from "../../api/verbs/background.ts";
import type { Background } from "../../api/verbs/background.ts";
import { gathered } from "../../api/verbs/gathered.ts";
import { createReplanner } from "../../api/verbs/replanner.ts";
import { createWebhookAccounts } from "../../api/verbs/webhook-accounts.ts";
import { startAnswer } from "../../client/start-answer.ts";
import { startInventory } from "../../client/start-errand.ts";
import { startRun } from "../../client/start-run.ts";
import { insertApiKey } from "../../db/api-keys.ts";
import { newId } from "../../db/new-id.ts";
import { createOpenAccount } from "../../db/opened-account.ts";
import { markReceiptsSignalled } from "../../db/receipts.ts";
import { readReplyWords } from "../../db/replies.ts";
import { markStarted } from "../../db/starting.ts";
import type { ApiScope } from "../../domain/actor.ts";
import type { Role } from "../../domain/role.ts";
import { createProviders } from "../../providers/registry.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";
import type { Logger } from "../../runtime/logger.ts";
import { freshDatabase } from "../support/database.ts";
import type { FreshDatabase } from "../support/database.ts";
import { MEDIUM_RULES, SECRET_KEY } from "../support/rows.ts";
import { clientStandIn } from "../support/stand-in.ts";

/** The whole API on a database of its own, with a Temporal that keeps what it was told and can be away. */
export type Api = {
  /** Every method and path that the app answers, as Hono writes them; one may stand there more than once. */
  readonly routes: readonly { readonly method: string; readonly path: string }[];
  readonly pool: pg.Pool;
  readonly temporal: FakeTemporal;
  readonly starter: Starter;
  readonly background: Background;
  readonly clock: { nowMs: number | null };
  readonly logged: readonly string[];
  request(method: string, path: string, init?: RequestOptions): Promise<Answer>;
  /** A key that is not limited by anything. */
  readonly admin: string;
  /** A system's key with these scopes. */
  systemKey(...scopes: ApiScope[]): Promise<string>;
  /** A user with this role and zones, and a key that acts as that user. */
  person(
    role: Role,
    zones?: readonly string[],
  ): Promise<{ readonly id: string; readonly key: string }>;
  /** Accepts a notification and answers its id. */
  accept(body?: Readonly<Record<string, unknown>>): Promise<string>;
};

export type RequestOptions = {
  /** Bearer token; the admin key if not given, none if null. */
  readonly key?: string | null;
  readonly body?: unknown;
  /** Sent as it is, instead of `body` as JSON. */
  readonly rawBody?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
};

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  // What a test reads of an answer, it also expects to be there.
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
};

/** What `client.start` and `getHandle` are asked for, kept; `mode` says how Temporal is. */
export class FakeTemporal {
  mode: "up" | "away" = "up";
  /** What a run answers to a steering act; null: nothing within the time. */
  steerAnswer: { applied: boolean; reason: string | null } | null = { applied: true, reason: null };
  readonly started: { readonly workflowId: string; readonly options: unknown }[] = [];
  readonly signals: {
    readonly workflowId: string;
    readonly name: string;
    readonly fact: unknown;
  }[] = [];
  readonly updates: { readonly workflowId: string; readonly updateId: string }[] = [];

  /** The part of Temporal's client that the API uses; a call of anything else is a bug and throws. */
  asClient(): Client {
    const ask = (): void => {
      if (this.mode === "away") throw new TemporalIsAway();
    };
    const client = {
      options: { loadedDataConverter: { payloadCodecs: [] } },
      withDeadline: async (_deadline: number, call: () => Promise<unknown>) => call(),
      connection: {
        workflowService: {
          getSystemInfo: async () => {
            ask();
            return {};
          },
        },
      },
      workflow: {
        start: async (_name: string, options: { readonly workflowId: string }) => {
          ask();
          this.started.push({ workflowId: options.workflowId, options });
          return { firstExecutionRunId: `run-${this.started.length}` };
        },
        getHandle: (workflowId: string) => ({
          signal: async (name: string, fact: unknown) => {
            ask();
            this.signals.push({ workflowId, name, fact });
          },
          executeUpdate: async (_name: string, options: { readonly updateId: string }) => {
            ask();
            this.updates.push({ workflowId, updateId: options.updateId });
            if (this.steerAnswer === null) return new Promise(() => undefined);
            return this.steerAnswer;
          },
        }),
      },
    };
    return clientStandIn(client);
  }
}

/** Where vendors and people are told to reach this API. */
export const PUBLIC_URL = "https://siaga.test";

export class TemporalIsAway extends Error {
  override readonly name = "TemporalIsAway";
}

export const ZONES = ["karawang", "bekasi"] as const;

/** Types of every kind that the permission table tells apart. */
const TYPES = [
  {
    code: "outage",
    priority: "critical",
    answers: "acknowledge",
    isCustomer: false,
    isOperational: true,
  },
  {
    code: "ticket_urgent",
    priority: "high",
    answers: "acknowledge",
    isCustomer: false,
    isOperational: true,
  },
  {
    code: "service_update",
    priority: "medium",
    answers: "none",
    isCustomer: true,
    isOperational: false,
  },
  { code: "promotion", priority: "low", answers: "none", isCustomer: true, isOperational: false },
  {
    code: "daily_summary",
    priority: "low",
    answers: "none",
    isCustomer: false,
    isOperational: false,
  },
] as const;

export type ApiOptions = {
  /** Where the simulated vendors listen; none if not given. */
  readonly sandboxUrl?: string;
  readonly rateLimit?: AppDeps["rateLimit"];
  readonly log?: Logger;
  /** SIAGA_SIMULATED. */
  readonly isSimulated?: boolean;
  /** What stands between the API and its pool; for tests that break or count. */
  readonly wrapPool?: (pool: pg.Pool) => pg.Pool;
};

/** One API for the file or `describe` that calls this. */
export function useApi(options: ApiOptions = {}): () => Api {
  let database: FreshDatabase | undefined;
  let api: Api | undefined;
  beforeAll(async () => {
    database = await freshDatabase();
    await seedWords(database.pool);
    api = await buildApi(database.pool, options);
  });
  afterAll(async () => {
    await api?.starter.stop();
    await api?.background.idle();
    await database?.drop();
  });
  return () => {
    if (api === undefined) throw new Error("the API exists inside tests and hooks only");
    return api;
  };
}

export async function buildApi(pool: pg.Pool, options: ApiOptions = {}): Promise<Api> {
  const temporal = new FakeTemporal();
  const client = temporal.asClient();
  const clock: Api["clock"] = { nowMs: null };
  const logged: string[] = [];
  const log = options.log ?? recordingLogger(logged);
  const now = (): number => clock.nowMs ?? Date.now();
  const apiPool = options.wrapPool?.(pool) ?? pool;
  const starter = createStarter({
    start: async (row) => {
      const answer = await startRun(client, { ...row, direct: null });
      return answer.kind === "started" ? answer.runId : null;
    },
    markStarted: (started) => markStarted(apiPool, started),
    isAway: (error) => error instanceof TemporalIsAway,
    concurrency: 5,
    log: SILENT_LOGGER,
  });
  const background = createBackground(() => undefined);
  const providers = createProviders(() => Promise.reject(new Error("the API calls no vendor")));
  const keys = createApiKeyReader(apiPool, now);
  const replanner = createReplanner({ pool: apiPool, temporal: client, background, log });
  const app = createApp({
    pool: apiPool,
    keyedPool: apiPool,
    markReceipts: gathered((ids) => markReceiptsSignalled(apiPool, ids), { forMs: 1 }),
    temporal: client,
    starter,
    background,
    log,
    now,
    randomBytes,
    authenticate: keys.authenticate,
    forgetKeys: () => keys.forget(),
    replanner,
    startInventory: (input) => startInventory(client, input),
    providers,
    secretKey: SECRET_KEY,
    isSimulated: options.isSimulated ?? false,
    planning: createPlanningContext({
      providers,
      timeZone: "Asia/Jakarta",
      portalUrl: null,
      now,
    }),
    links: { temporalUiUrl: "http://temporal.test", temporalNamespace: "default" },
    version: "0.0.0-test",
    rateLimit: options.rateLimit ?? { burst: 1_000_000, perSecond: 1_000_000 },
    publicUrl: PUBLIC_URL,
    sandboxUrl: options.sandboxUrl ?? null,
    webhookAccounts: createWebhookAccounts({
      pool: apiPool,
      providers,
      openAccount: createOpenAccount({ secretKey: SECRET_KEY, publicUrl: PUBLIC_URL }),
      now,
    }),
    inbound: {
      timeZone: "Asia/Jakarta",
      locale: "id",
      readWords: () => readReplyWords(pool),
      startAnswer: (answer) => startAnswer(client, answer),
    },
  });
  const newKey = (scopes: readonly ApiScope[], userId: string | null, sender: string) =>
    insertApiKey(pool, { name: "A key", sender, scopes, userId }, Date.now(), randomBytes);
  const admin = (await newKey(["admin"], null, "ticket-system")).key;

  const api: Api = {
    pool,
    temporal,
    starter,
    background,
    clock,
    logged,
    admin,
    // What is registered for all methods is in front of the routes.
    routes: app.routes.filter(({ method }) => method !== "ALL"),
    async request(method, path, init = {}) {
      const key = init.key === undefined ? admin : init.key;
      const body =
        init.rawBody ?? (init.body === undefined ? undefined : JSON.stringify(init.body));
      const response = await app.request(path, {
        method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...init.headers,
        },
        ...(body === undefined ? {} : { body }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: asObject(text), text };
    },
    async systemKey(...scopes) {
      return (await newKey(scopes, null, "ticket-system")).key;
    },
    async person(role, zones = []) {
      const id = newId("usr", Date.now());
      await pool.query("insert into users (id, name, role, zones) values ($1, $2, $3, $4)", [
        id,
        `A ${role}`,
        role,
        zones,
      ]);
      return { id, key: (await newKey([], id, `person-${id}`)).key };
    },
    async accept(body = {}) {
      const answer = await api.request("POST", "/v1/notifications", {
        body: { type: "outage", zone: "karawang", ...body },
      });
      expect(answer.status, answer.text).toBe(202);
      return String(answer.body["id"]);
    },
  };
  return api;
}

/** Zones, types with a text each, and a default policy for each priority. */
export async function seedWords(pool: pg.Pool): Promise<void> {
  for (const code of ZONES) {
    await pool.query("insert into zones (code, name, time_zone) values ($1, $1, 'Asia/Jakarta')", [
      code,
    ]);
  }
  for (const priority of ["critical", "high", "medium", "low"]) {
    const id = newId("pol", Date.now());
    await pool.query(
      "insert into escalation_policies (id, code, name, priority, is_default) values ($1, $2, $2, $2, true)",
      [id, priority],
    );
    const isUrgent = priority === "critical" || priority === "high";
    await pool.query(
      "insert into escalation_policy_versions (policy_id, version, rules) values ($1, 1, $2)",
      [
        id,
        {
          ...MEDIUM_RULES,
          settledBy: isUrgent ? "acknowledged" : "delivered",
          tracksResolution: priority === "critical",
          resolutionSeconds: priority === "critical" ? 86_400 : null,
        },
      ],
    );
  }
  for (const type of TYPES) {
    await pool.query(
      `insert into notification_types (code, name_id, name_en, priority, answers, is_customer, is_operational)
       values ($1, 'Jenis', 'A type', $2, $3, $4, $5)`,
      [type.code, type.priority, type.answers, type.isCustomer, type.isOperational],
    );
    await pool.query(
      `insert into templates (id, version, type, channel, locale, body) values ($1, 1, $2, 'whatsapp_personal', 'id', 'Halo')`,
      [newId("tpl", Date.now()), type.code],
    );
  }
}

/** Lists and HTML are read from `text`. */
function asObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function recordingLogger(lines: string[]): Logger {
  const write = (fields: object, message: string): void => {
    lines.push(
      JSON.stringify({ ...fields, message }, (_name, value: unknown) =>
        value instanceof Error ? `${value.name}: ${value.message}` : value,
      ),
    );
  };
  return { debug: write, info: write, warn: write, error: write };
}

/** Codes and paths of a 422, for comparing all of them at once. */
export function problemsOf(answer: Answer): readonly string[] {
  const { errors } = answer.body;
  return Array.isArray(errors)
    ? errors.map(
        (problem: { path?: unknown; code?: unknown }) =>
          `${String(problem.path)}: ${String(problem.code)}`,
      )
    : [];
}

/** The members of an answer's object or list, for reading them in a test. */
export function objectAt(value: unknown, ...path: readonly (string | number)[]): unknown {
  let found: unknown = value;
  for (const name of path) {
    found = typeof found === "object" && found !== null ? Reflect.get(found, name) : undefined;
  }
  return found;
}
