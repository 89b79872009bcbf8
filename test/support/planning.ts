import { randomBytes } from "node:crypto";
import type pg from "pg";
import { beforeAll } from "vitest";

import type { PlanDeps } from "../../activities/plan-deps.ts";
import { createPlanActivities } from "../../activities/plan-activities.ts";
import { insertNotification } from "../../db/notifications-insert.ts";
import type { NewNotification } from "../../db/notifications-insert.ts";
import { bodyHashOf } from "../../db/notification-ref.ts";
import { newId } from "../../db/new-id.ts";
import type { CheckContext } from "../../db/requests.ts";
import { checkRequest } from "../../db/requests.ts";
import { makeSimulatedCredentials } from "../../db/seed/accounts.ts";
import { seed } from "../../db/seed/seed.ts";
import type { PlanAnswer } from "../../activities/contract.ts";
import type { NotificationRequest } from "../../domain/request.ts";
import type { RunPlan } from "../../domain/run.ts";
import { createHttpClient } from "../../providers/http.ts";
import { createProviders } from "../../providers/registry.ts";
import { planningContext } from "../../worker/planning-context.ts";
import { useFreshDatabase } from "./database.ts";
import { SECRET_KEY } from "./rows.ts";

/** The planner on a seeded database, with a clock that a test sets. */
export interface Planning {
  readonly pool: pg.Pool;
  readonly context: Omit<CheckContext, "now">;
  /** Epoch ms; the clock of the activities and of acceptance. */
  now: number;
  readonly activities: ReturnType<typeof createPlanActivities>;
  readonly deps: PlanDeps;
  /** Checks and stores a request as the API does; answers the workflow id. */
  readonly accept: (
    request: NotificationRequest,
    over?: Partial<NewNotification>,
  ) => Promise<{ readonly id: string; readonly workflowId: string }>;
  /** The seeded row's id by its external id. */
  readonly idOf: (externalId: string) => string;
  /** Changes a person as the product does: version, then settings. */
  readonly changeSettings: (externalId: string, settings: object) => Promise<void>;
}

export const RUN = "run-1";
const TIME_ZONE = "Asia/Jakarta";
const NOBODY = "http://127.0.0.1:9";

export function usePlanning(startsAt: number): () => Planning {
  const database = useFreshDatabase();
  let planning: Planning | undefined;
  beforeAll(async () => {
    const { pool } = database();
    await seed(pool, {
      simulated: {
        baseUrls: {
          fonnte: NOBODY,
          meta: NOBODY,
          twilio: NOBODY,
          smtp: NOBODY,
          "web-push": NOBODY,
          fcm: NOBODY,
        },
        credentials: makeSimulatedCredentials((count) => randomBytes(count)),
      },
      secretKey: SECRET_KEY,
      now: startsAt,
    });
    planning = await buildPlanning(pool, startsAt);
  });
  return () => {
    if (planning === undefined) throw new Error("planning exists inside tests and hooks only");
    return planning;
  };
}

async function buildPlanning(pool: pg.Pool, startsAt: number): Promise<Planning> {
  const providers = createProviders(createHttpClient().call);
  const clock = { now: startsAt };
  const settings = { installationTimeZone: TIME_ZONE, portalUrl: null };
  const context = planningContext({ ...settings, providers, now: () => clock.now });
  const deps: PlanDeps = { ...context, pool, settings, now: () => clock.now, wakePerSecond: 10 };
  const ids = await seededIds(pool);
  const idOf = (externalId: string): string => {
    const id = ids.get(externalId);
    if (id === undefined) throw new Error(`nothing seeded is called ${externalId}`);
    return id;
  };
  return {
    pool,
    context,
    deps,
    idOf,
    activities: createPlanActivities(deps),
    get now() {
      return clock.now;
    },
    set now(instant) {
      clock.now = instant;
    },
    accept: async (request, over = {}) => {
      const check = await checkRequest(pool, request, { ...context, now: clock.now });
      if (!check.ok)
        throw new Error(check.problems.map(({ path, code }) => `${path} ${code}`).join(", "));
      const id = newId("ntf", clock.now);
      const row: NewNotification = {
        id,
        ref: id,
        workflowId: `notification/${request.type}/${id}`,
        sender: "test",
        apiKeyId: null,
        idempotencyKey: null,
        bodyHash: bodyHashOf(request),
        request: check.request,
        acceptedAt: clock.now,
        vouchesForPhones: true,
        ...over,
      };
      await insertNotification(pool, row);
      return { id, workflowId: row.workflowId };
    },
    changeSettings: async (externalId, settings) => {
      const id = idOf(externalId);
      await pool.query("update users set version = version + 1 where id = $1", [id]);
      await pool.query(
        `insert into notification_settings (user_id, settings) values ($1, $2)
         on conflict (user_id) do update set settings = excluded.settings`,
        [id, settings],
      );
    },
  };
}

async function seededIds(pool: pg.Pool): Promise<ReadonlyMap<string, string>> {
  const { rows } = await pool.query<{ external_id: string; id: string }>(
    "select external_id, id from users union all select external_id, id from whatsapp_groups",
  );
  return new Map(rows.map((row) => [row.external_id, row.id]));
}

/** The plan of an answer that must be one. */
export function plannedRun(answer: PlanAnswer): RunPlan {
  if (answer.kind !== "planned") throw new Error(`not planned: ${answer.reason}`);
  return answer.plan;
}

/** The same database through a pool that counts the statements asked of it. */
export function counting(pool: pg.Pool): { readonly pool: pg.Pool; readonly count: () => number } {
  let count = 0;
  const counted = new Proxy(pool, {
    get(target, name): unknown {
      if (name !== "query") return Reflect.get(target, name) as unknown;
      return (...args: unknown[]): unknown => {
        count += 1;
        return Reflect.apply<pg.Pool, unknown[], unknown>(target.query, target, args);
      };
    },
  });
  return { pool: counted, count: () => count };
}
