/** With a million attempts in the record: does every list answer quickly, whatever it is filtered by, and without reading a table from end to end? */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

import { ms, percentile } from "../figures.ts";
import type { Installation } from "../installation.ts";
import type { Line } from "../line.ts";
import { collectPlans, wholeReadsIn } from "../query-plans.ts";
import type { PlanLog } from "../query-plans.ts";
import { fillRecord, LARGE_TABLES } from "../record.ts";
import type { FilledRecord } from "../record.ts";

const P95_MS_MAX = 100;
const DELIVERIES_PER_NOTIFICATION = 4;
const USER_FILTERS = [
  "",
  "role=technician",
  "zone=karawang",
  "isActive=true",
  "isActive=false",
  "q=orang",
  "q=%2B6281234500071",
  "role=customer&zone=bekasi&q=orang",
];

export const logList: Line = {
  name: "log-list",
  measure: async ({ isQuick, install, progress }) => {
    const plans = collectPlans();
    const installation = await install({ log: plans.log });
    const { pool } = installation;
    const attempts = isQuick ? 100_000 : 1_000_000;
    const record = await fillRecord(pool, attempts / DELIVERIES_PER_NOTIFICATION);
    progress(`${attempts} attempts of ${attempts / DELIVERIES_PER_NOTIFICATION} notifications`);
    const rounds = isQuick ? 5 : 20;
    const requests = await requestsFor(installation, record);
    const took: number[] = [];
    const worst = { path: "", p95: 0 };
    for (const path of requests) {
      const ofPath: number[] = [];
      for (let round = 0; round < rounds; round += 1) ofPath.push(await ask(installation, path));
      took.push(...ofPath);
      const p95 = percentile(ofPath, 0.95);
      progress(`${ms(p95)}  ${path}`);
      if (p95 > worst.p95) Object.assign(worst, { path, p95 });
    }
    const wholeReads = await explainAll(installation, plans, requests);
    for (const line of wholeReads) progress(`reads a whole table: ${line}`);
    const p95 = percentile(took, 0.95);
    return [
      {
        measure: `lists, any filter, ${attempts} attempts`,
        ours: `p95 ${ms(p95)} of ${requests.length} queries, worst of one ${ms(worst.p95)}; ${wholeReads.length} sequential scans`,
        reference: null,
        target: `p95 < ${P95_MS_MAX} ms`,
        isMet: p95 < P95_MS_MAX && wholeReads.length === 0,
        values: {
          p95Ms: p95,
          worstP95Ms: worst.p95,
          queries: requests.length,
          sequentialScans: wholeReads.length,
          attempts,
        },
      },
    ];
  },
};

/** Every filter alone, the combinations that a page offers, second pages, and the lists of one notification, group and person. */
async function requestsFor(
  installation: Installation,
  record: FilledRecord,
): Promise<readonly string[]> {
  const { from, to, day } = record.times;
  const filters = [
    "",
    "open=true",
    "open=false",
    "status=settled",
    "status=waiting",
    "outcome=delivered",
    "outcome=undeliverable",
    "type=outage",
    "type=ticket_status_changed",
    "priority=critical",
    "zone=karawang",
    `ticketId=${record.ticketId}`,
    `userId=${record.userId}`,
    `from=${from}&to=${to}`,
    `from=${day}`,
    "q=rectifier",
    "q=karawang",
    `q=${record.ticketId}`,
    "zone=karawang&priority=critical&status=settled",
    `type=outage&from=${from}&to=${to}`,
    `userId=${record.userId}&open=true`,
    "zone=bekasi&q=rectifier",
    "outcome=undeliverable&priority=low&zone=subang",
  ];
  const lists = [
    ...filters.map((filter) => `/v1/notifications?limit=50&${filter}`),
    ...USER_FILTERS.map((filter) => `/v1/users?limit=50&${filter}`),
    ...[
      "",
      "state=applied",
      `state=applied&userId=${record.userId}`,
      `state=applied&accountId=${record.accountId}`,
      `from=${from}&to=${to}`,
    ].map((filter) => `/v1/inbound?limit=50&${filter}`),
    `/v1/users/${record.userId}/inbox?limit=10`,
  ];
  const pages: string[] = [];
  for (const path of lists) {
    const { body } = await installation.client.call("GET", path);
    const cursor = body["nextCursor"];
    if (typeof cursor === "string") pages.push(`${path}&cursor=${encodeURIComponent(cursor)}`);
  }
  return [
    ...lists,
    ...pages,
    `/v1/notifications/${record.notificationId}`,
    `/v1/notifications/${record.notificationId}/timeline`,
    `/v1/notifications/${record.notificationId}/deliveries`,
    `/v1/groups/${record.groupId}/deliveries?limit=50`,
    ...(await deliveryLog(installation, record)),
  ];
}

/** The log of all attempts, by each filter that its route declares. */
async function deliveryLog(
  { client }: Installation,
  record: FilledRecord,
): Promise<readonly string[]> {
  const { body } = await client.call("GET", "/v1/openapi.json");
  const names = queryNames(body, "/v1/deliveries");
  if (names === null) return [];
  const values: Readonly<Record<string, string>> = {
    status: "failed",
    channel: "sms",
    provider: "twilio-sms",
    accountId: record.accountId,
    userId: record.userId,
    groupId: record.groupId,
    notificationId: record.notificationId,
    type: "outage",
    zone: "karawang",
    priority: "critical",
    from: record.times.from,
    to: record.times.to,
    q: "rectifier",
  };
  const path = "/v1/deliveries?limit=50";
  const known = Object.entries(values).filter(([name]) => names.includes(name));
  return [path, ...known.map(([name, value]) => `${path}&${name}=${value}`)];
}

/** Null: the document has no such route. */
function queryNames(document: unknown, path: string): readonly string[] | null {
  const { paths } = document as {
    readonly paths: Readonly<
      Record<
        string,
        { readonly get?: { readonly parameters?: readonly { readonly name: string }[] } }
      >
    >;
  };
  const route = paths[path]?.get;
  return route ? (route.parameters ?? []).map(({ name }) => name) : null;
}

async function ask({ client }: Installation, path: string): Promise<number> {
  const answer = await client.call("GET", path);
  if (answer.status !== 200) {
    throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
  return answer.tookMs;
}

/** Asks everything once more, with the plan of every statement in the server's log. */
async function explainAll(
  installation: Installation,
  plans: PlanLog,
  requests: readonly string[],
): Promise<readonly string[]> {
  const { pool } = installation;
  await setPlanLogging(pool, "0");
  plans.forget();
  for (const path of requests) await ask(installation, path);
  await sleep(1_000);
  await setPlanLogging(pool, "-1");
  const lines = plans.lines();
  if (!lines.some((line) => line.includes("Index Scan"))) {
    throw new Error("no plan was written into the log");
  }
  return wholeReadsIn(lines, LARGE_TABLES);
}

async function setPlanLogging(pool: pg.Pool, minDurationMs: string): Promise<void> {
  await pool.query(`/* bench */ alter system set auto_explain.log_min_duration = ${minDurationMs}`);
  await pool.query("/* bench */ select pg_reload_conf()");
  // Every session reads it before its next statement; the signal takes a moment to reach them.
  await sleep(500);
}
