import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@temporalio/client";
import { afterEach, beforeEach, expect } from "vitest";

import { newId } from "../../db/new-id.ts";
import { SIMULATED_SENDERS } from "../../db/seed/accounts.ts";
import { GROUPS } from "../../db/seed/groups.ts";
import { PEOPLE } from "../../db/seed/people.ts";
import type { PolicyRules, PolicyStep } from "../../domain/escalation-policy.ts";
import type { Priority } from "../../domain/priority.ts";
import type { Logged, RequestEntry } from "../../providers/simulated/log.ts";
import { mediumOf } from "../../providers/simulated/seen.ts";
import { useWorld, type World, type WorldOptions } from "./world.ts";

/**
 * Stories told with the whole product: who is told what by which channel, in the vendors' own log. Every story ends by waiting out the longest window that it
 * used, and fails on a vendor request after its last word, on a run that is left open, and on a record that differs from what the vendors saw.
 */
export interface Story {
  readonly world: World;
  /** A policy as data; what is not given is short and plain. */
  readonly policy: (
    rules: Partial<Omit<PolicyRules, "steps">> & { readonly steps: readonly Partial<PolicyStep>[] },
    priority?: Priority,
  ) => Promise<string>;
  /** Accepts a notification, an outage unless the request says otherwise, and answers its id. */
  readonly raise: (request: Readonly<Record<string, unknown>>) => Promise<string>;
  readonly act: (
    id: string,
    act: string,
    body?: Readonly<Record<string, unknown>>,
  ) => Promise<Readonly<Record<string, unknown>>>;
  readonly get: (id: string) => Promise<Readonly<Record<string, unknown>>>;
  readonly settled: (id: string) => Promise<Readonly<Record<string, unknown>>>;
  readonly timeline: (id: string) => Promise<readonly TimelineLine[]>;
  readonly deliveries: (id: string) => Promise<readonly DeliveryLine[]>;
  /** What the vendors took since the story began, oldest first, as "channel who". */
  readonly told: () => readonly string[];
  readonly requests: () => readonly Logged<RequestEntry>[];
  /** Waits until a vendor has taken this many such messages, "channel who". */
  readonly toldOf: (what: string, times?: number) => Promise<Logged<RequestEntry>>;
  /** Waits until the timeline has such a line. */
  readonly happened: (id: string, fits: (line: TimelineLine) => boolean) => Promise<TimelineLine>;
  /** A person of the seeded operation by the company's own id, such as `N-1`. */
  readonly person: (externalId: string) => Promise<{ readonly id: string; readonly phone: string }>;
  readonly groupId: (externalId: string) => Promise<string>;
  /** These runs go on after the story on purpose. */
  readonly leaveOpen: (id: string) => void;
}

export interface TimelineLine {
  readonly at: string;
  readonly kind: string;
  readonly pass: number | null;
  readonly step: number | null;
  readonly target: string | null;
  readonly channel: string | null;
  readonly accountId: string | null;
  readonly deliveryId: string | null;
  readonly reason: string | null;
  readonly detail: Readonly<Record<string, unknown>> | null;
}

export interface DeliveryLine {
  readonly id: string;
  readonly purpose: "ladder" | "closing";
  readonly pass: number;
  readonly step: number;
  readonly attempt: number;
  readonly handOver: number;
  readonly channel: string;
  readonly accountId: string | null;
  readonly userId: string | null;
  readonly groupId: string | null;
  readonly status: string;
  readonly providerMessageId: string | null;
  readonly message: string | null;
  readonly reason: string | null;
  readonly error: { readonly kind: string; readonly scope: string } | null;
  readonly retries: number;
  readonly cost: number | null;
}

export const STEP: PolicyStep = {
  channels: ["whatsapp_personal"],
  groups: "none",
  attempts: 1,
  spacingSeconds: null,
  windowSeconds: 1,
  undeliveredAfterSeconds: null,
  roleUp: false,
  enabled: true,
};

const RULES: Omit<PolicyRules, "steps"> = {
  settledBy: "acknowledged",
  quietHours: "override",
  whenAlwaysQuiet: "hold",
  acknowledgment: "any",
  passes: 1,
  roleUp: false,
  tracksResolution: false,
  resolutionSeconds: null,
  reopenAfterSeconds: null,
  lifetimeSeconds: 600,
  calls: "all",
  emailOnlyIfOptedIn: true,
  ignoresChannelSwitches: false,
  countsStrangers: false,
  raisesNotice: false,
};

export const OUTAGE_DATA = {
  location: "POP Klari",
  description: "OLT-2 tidak merespons",
  affected_customers: 312,
} as const;

/** Nothing that belongs to a window comes later than this after its end, also on a loaded machine. */
const WAIT_OUT_SLACK_MS = 400;
const HAPPENED_TIMEOUT_MS = 20_000;
const LOOK_EVERY_MS = 25;

/** One world for the file, one story for each test. */
export function useStory(options: WorldOptions = {}): () => Story {
  const world = useWorld(options);
  let current: Current | undefined;
  beforeEach(() => {
    current = beginStory(world());
  });
  afterEach(async (context) => {
    const story = current;
    current = undefined;
    if (!story) return;
    try {
      // A story that has failed already has nothing to prove by waiting.
      if (context.task.result?.state !== "fail") await endStory(story);
    } finally {
      await tidyUp(world(), story);
    }
  });
  return () => {
    if (!current) throw new Error("the story exists inside tests only");
    return current.story;
  };
}

interface Current {
  readonly story: Story;
  readonly beganAt: Date;
  readonly afterSeq: number;
  readonly leftOpen: ReadonlySet<string>;
  readonly longestWindowMs: () => number;
}

function beginStory(world: World): Current {
  const { sandbox } = world.vendors;
  const afterSeq = sandbox.log.lastSeq;
  const leftOpen = new Set<string>();
  let longestWindowMs = 0;
  const requests = () => vendorRequests(world, afterSeq);
  const timeline = (id: string) => items<TimelineLine>(world, `/v1/notifications/${id}/timeline`);
  const story: Story = {
    world,
    policy: async (given, priority = "high") => {
      const steps = given.steps.map((step) => ({ ...STEP, ...step }));
      longestWindowMs = Math.max(
        longestWindowMs,
        ...steps.map((step) => step.windowSeconds * 1000),
      );
      return insertPolicyRow(world, { ...RULES, ...given, steps }, priority);
    },
    raise: async (request) => {
      const body = { type: "outage", zone: "karawang", data: OUTAGE_DATA, ...request };
      const accepted = await world.call("POST", "/v1/notifications", body);
      expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
      return String(accepted.body["id"]);
    },
    act: async (id, act, body = {}) => {
      const answer = await world.call("POST", `/v1/notifications/${id}/${act}`, body);
      expect([200, 202], JSON.stringify(answer.body)).toContain(answer.status);
      return answer.body;
    },
    get: async (id) => (await world.call("GET", `/v1/notifications/${id}`)).body,
    settled: (id) => world.settled(id),
    timeline,
    deliveries: async (id) =>
      (await items<DeliveryLine>(world, `/v1/notifications/${id}/deliveries`)).toReversed(),
    requests,
    told: () =>
      requests()
        .filter(({ accepted }) => accepted)
        .map(inWords),
    toldOf: async (what, times = 1) => {
      const seen = await sandbox.log.waitForCount(
        times,
        (entry) => isMessage(entry) && entry.accepted && inWords(entry) === what,
        { afterSeq, timeoutMs: HAPPENED_TIMEOUT_MS },
      );
      const last = seen.at(-1);
      if (!last) throw new Error("a satisfied wait has an entry");
      return last;
    },
    happened: async (id, fits) => {
      const endAt = Date.now() + HAPPENED_TIMEOUT_MS;
      for (;;) {
        const lines = await timeline(id);
        const line = lines.find(fits);
        if (line) return line;
        if (Date.now() > endAt) {
          throw new Error(`not in the timeline:\n${lines.map(lineInWords).join("\n")}`);
        }
        await sleep(LOOK_EVERY_MS);
      }
    },
    person: (externalId) => personOf(world, externalId),
    groupId: async (externalId) => {
      const { rows } = await world.pool.query<{ id: string }>(
        "select id from whatsapp_groups where external_id = $1",
        [externalId],
      );
      return idOf(rows, externalId);
    },
    leaveOpen: (id) => leftOpen.add(id),
  };
  return {
    story,
    beganAt: new Date(),
    afterSeq,
    leftOpen,
    longestWindowMs: () => longestWindowMs,
  };
}

async function endStory(current: Current): Promise<void> {
  const { story, leftOpen, beganAt } = current;
  const { world } = story;
  const lastWord = story.requests().length;
  await sleep(current.longestWindowMs() + WAIT_OUT_SLACK_MS);
  await world.vendors.sandbox.idle();
  expect(
    story.requests().slice(lastWord).map(inWords),
    "vendors were asked after the story's last word",
  ).toEqual([]);
  const { rows } = await world.pool.query<{ id: string; status: string }>(
    "select id, status from notifications where settled_at is null and accepted_at >= $1",
    [beganAt],
  );
  expect(
    rows.filter(({ id }) => !leftOpen.has(id)),
    "notifications without an outcome",
  ).toEqual([]);
  expect(await differencesFromRecord(world, beganAt, story.requests())).toEqual([]);
  const { rows: runs } = await world.pool.query<{ workflow_id: string }>(
    "select workflow_id from notifications where accepted_at >= $1",
    [beganAt],
  );
  expect(
    await failedTasks(
      world.temporal,
      runs.map(({ workflow_id }) => workflow_id),
    ),
    "workflow tasks that failed: a bug, retried",
  ).toEqual([]);
}

/** What the server was told about tasks that threw; a run goes on after them as if nothing had been, only later. */
export async function failedTasks(
  { workflow }: Client,
  workflowIds: readonly string[],
): Promise<readonly string[]> {
  const histories = await Promise.all(
    workflowIds.map((workflowId) => workflow.getHandle(workflowId).fetchHistory()),
  );
  return (
    histories
      .flatMap(({ events }) => events ?? [])
      .flatMap(({ workflowTaskFailedEventAttributes: failed }) => failed?.failure?.message ?? [])
      // Something arrived while the task was about to end the run: the server asks once more.
      .filter((message) => message !== "UnhandledCommand")
  );
}

async function tidyUp(world: World, { beganAt }: Current): Promise<void> {
  const { rows } = await world.pool.query<{ id: string }>(
    "select id from notifications where settled_at is null and accepted_at >= $1",
    [beganAt],
  );
  for (const { id } of rows) {
    await world.call("POST", `/v1/notifications/${id}/cancel`, {});
    await world.settled(id);
  }
  world.vendors.sandbox.reset();
  await world.pool.query(
    `update provider_accounts set health_state = 'healthy', health_reason = null, health_since = now(), consecutive_failures = 0, failed_tries = 0,
       next_try_at = null, trial_delivery_id = null, noticed_at = 'infinity'`,
  );
  await world.pool.query("delete from notification_settings");
}

function isMessage(entry: RequestEntry): boolean {
  return entry.kind === "message" || entry.kind === "call";
}

function vendorRequests(world: World, afterSeq: number): readonly Logged<RequestEntry>[] {
  return world.vendors.sandbox.log.entries(isMessage, { afterSeq });
}

/**
 * Holds the record against the vendors' log, both ways. What a vendor took and the record does not know by its id must be one of the doubts that the record
 * holds: a message to the same address on the same channel whose outcome is unknown.
 */
export async function differencesFromRecord(
  world: Pick<World, "pool">,
  since: Date,
  requests: readonly RequestEntry[],
): Promise<readonly string[]> {
  const { rows } = await world.pool.query<{
    readonly channel: string;
    readonly address: string;
    readonly id: string | null;
  }>(
    `select d.channel, m.address, m.provider_message_id as id
     from deliveries d join notifications n on n.id = d.notification_id left join push_copies c on c.delivery_id = d.id
     join messages m on m.id = coalesce(c.message_id, d.message_id)
     where n.accepted_at >= $1 and (m.provider_message_id is not null or m.accepted_at is not null or d.status = 'unknown')
     union all
     select m.channel, m.address, m.provider_message_id from answers a join messages m on m.id = a.message_id
     where a.created_at >= $1 and (m.provider_message_id is not null or a.status = 'unknown')`,
    [since],
  );
  const known = rows.flatMap(({ channel, id }) => (id === null ? [] : [`${channel} ${id}`]));
  const doubts = rows.flatMap(({ channel, address, id }) =>
    id === null ? [`${channel} ${address}`] : [],
  );
  const taken = requests.filter(({ accepted }) => accepted);
  const seen = taken.map((entry) => `${channelOf(entry)} ${entry.providerMessageId ?? "no id"}`);
  const unexplained = taken.filter((entry) => {
    const name = `${channelOf(entry)} ${entry.providerMessageId ?? "no id"}`;
    return !takeOut(known, name) && !takeOut(doubts, `${channelOf(entry)} ${addressOf(entry)}`);
  });
  return [
    ...unexplained.map((entry) => `${inWords(entry)} was taken and the record does not know it`),
    ...known.map(
      (name) =>
        `the record knows ${name}, ${seen.includes(name) ? "twice" : "and no vendor took it"}`,
    ),
  ];
}

/** Removes one such item; false when there is none. */
function takeOut(list: string[], item: string): boolean {
  const place = list.indexOf(item);
  if (place >= 0) list.splice(place, 1);
  return place >= 0;
}

function addressOf({ to, group }: RequestEntry): string {
  return group ?? to ?? "";
}

export function inWords(entry: RequestEntry): string {
  return `${channelOf(entry)} ${whoIs(entry)}`;
}

function channelOf(entry: RequestEntry): string {
  if (entry.kind === "call") return "call";
  const medium = mediumOf(entry.vendor);
  if (medium !== "whatsapp") return medium;
  return entry.group === null ? "whatsapp_personal" : "whatsapp_group";
}

function whoIs({ to, group }: RequestEntry): string {
  const found =
    group === null
      ? PEOPLE.find(({ phone, email }) => phone === to || email === to)?.externalId
      : GROUPS.find(({ groupChatId }) => groupChatId === group)?.externalId;
  return found ?? "somebody";
}

export function lineInWords(line: TimelineLine): string {
  return [line.at.slice(11, 23), line.kind, line.step, line.channel, line.target, line.reason]
    .filter((part) => part !== null)
    .join(" ");
}

async function personOf(
  world: World,
  externalId: string,
): Promise<{ readonly id: string; readonly phone: string }> {
  const { rows } = await world.pool.query<{ id: string }>(
    "select id from users where external_id = $1",
    [externalId],
  );
  const phone = PEOPLE.find((person) => person.externalId === externalId)?.phone;
  if (!phone) throw new Error(`nobody is ${externalId}`);
  return { id: idOf(rows, externalId), phone };
}

function idOf(rows: readonly { readonly id: string }[], name: string): string {
  const [row] = rows;
  if (!row) throw new Error(`there is no ${name}`);
  return row.id;
}

async function insertPolicyRow(
  world: World,
  rules: PolicyRules,
  priority: Priority,
): Promise<string> {
  const id = newId("pol", Date.now());
  await world.pool.query(
    "insert into escalation_policies (id, name, priority) values ($1, 'A story''s policy', $2)",
    [id, priority],
  );
  await world.pool.query(
    "insert into escalation_policy_versions (policy_id, version, rules) values ($1, 1, $2)",
    [id, JSON.stringify(rules)],
  );
  return id;
}

async function items<Item>(world: World, path: string): Promise<Item[]> {
  const { status, body } = await world.call("GET", `${path}?limit=1000`);
  expect(status, JSON.stringify(body)).toBe(200);
  expect(body["nextCursor"], "the list has one page").toBeNull();
  return body["items"] as Item[];
}

/** The devices of the seeded operation, as the vendors name them. */
export const DEVICES = {
  primary: `fonnte:${SIMULATED_SENDERS.fonntePrimary.slice(1)}`,
  second: `fonnte:${SIMULATED_SENDERS.fonnteSecond.slice(1)}`,
  meta: `meta:${SIMULATED_SENDERS.meta.slice(1)}`,
  twilio: `twilio:${SIMULATED_SENDERS.twilio}`,
} as const;
