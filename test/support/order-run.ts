import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";

import { newId } from "../../db/new-id.ts";
import { signFonnteWebhook } from "../../providers/fonnte/signature.ts";
import type { Logged, RequestEntry } from "../../providers/simulated/log.ts";
import { assertDefined } from "./assert-defined.ts";
import {
  POLICIES,
  PRIORITY_POLICIES,
  REOPEN_SECONDS,
  SNOOZE_MS,
  WINDOW_SECONDS,
  type Moment,
  type PlannedAct,
  type ReceiptStatus,
  type Schedule,
} from "./order-schedule.ts";
import { insertUser } from "./rows.ts";
import {
  WHO,
  type ModelAct,
  type ModelAnswer,
  type ModelChannel,
  type Who,
} from "./serial-model.ts";
import { explain, inWords, type SeenAct, type SeenRun } from "./serial-order.ts";
import { lineInWords, OUTAGE_DATA, type DeliveryLine, type TimelineLine } from "./story.ts";
import type { World } from "./world.ts";

/** A machine that is busy with other things gets the same schedule again this often. */
const TRIES_MAX = 3;

/** Carries out one schedule on the whole product and says what is wrong with what came of it; nothing where all is well. */
export async function carryOut(
  world: World,
  schedule: Schedule,
  policyId: string,
  /** Between what is done early and the rest. */
  workerIsThere: () => Promise<void> = () => Promise.resolve(),
): Promise<readonly string[]> {
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const wrong = await carryOutOnce(world, schedule, policyId, workerIsThere);
    if (wrong !== "too_slow") return wrong;
  }
  return [`messages were late ${TRIES_MAX} times: this machine is too busy to say anything`];
}

async function carryOutOnce(
  world: World,
  schedule: Schedule,
  policyId: string,
  workerIsThere: () => Promise<void>,
): Promise<readonly string[] | "too_slow"> {
  const people = { A: await insertUser(world.pool), B: await insertUser(world.pool) };
  const watch = new Watch(world, { A: people.A.phone, B: people.B.phone });
  const accepted = await world.call("POST", "/v1/notifications", {
    type: "outage",
    zone: "karawang",
    data: OUTAGE_DATA,
    priority: "high",
    policyId,
    recipients: { userIds: [people.A.id, people.B.id] },
  });
  expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
  const run: OpenRun = { world, people, watch, id: String(accepted.body["id"]) };
  const early = await carryOutLane(
    run,
    (schedule.early ?? []).map((what) => ({ what, when: { kind: "at_once" } })),
  ).finally(workerIsThere);
  const settled = world.settled(run.id).finally(() => watch.settle());
  const lanes = Promise.all(schedule.lanes.map((lane) => carryOutLane(run, lane)));
  const [ended, carriedOut] = await Promise.allSettled([settled, lanes]);
  watch.end();
  if (ended.status === "rejected" || carriedOut.status === "rejected") {
    const reasons = [ended, carriedOut].flatMap((one): unknown[] =>
      one.status === "rejected" ? [one.reason] : [],
    );
    return [...reasons.map(String), ...(await standing(run)), JSON.stringify(schedule)];
  }
  return judge(run, schedule, ended.value, [...early, ...carriedOut.value.flat()]);
}

/** Where a run stands that did not come to its end. */
async function standing({ world, id }: OpenRun): Promise<readonly string[]> {
  const { body } = await world.call("GET", `/v1/notifications/${id}`);
  const timeline = await list<TimelineLine>(world, `/v1/notifications/${id}/timeline`);
  const { status, outcome, waitingFor } = body;
  const handle = world.temporal.workflow.getHandle(String(body["workflowId"]));
  const { events } = await handle.fetchHistory();
  // The history of a run names nobody.
  const history = (events ?? []).map((event) => JSON.stringify(event));
  return [
    JSON.stringify({ id, status, outcome, waitingFor }),
    ...timeline.map(lineInWords),
    ...history,
  ];
}

interface OpenRun {
  readonly world: World;
  readonly id: string;
  readonly people: Readonly<Record<Who, { readonly id: string; readonly phone: string }>>;
  readonly watch: Watch;
}

/** One thing that was done, as far as its answer told. */
interface Done {
  readonly planned: PlannedAct;
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly actId: string | null;
  /** Of a receipt: the vendor's id of the message. */
  readonly messageId?: string;
  readonly answer: {
    readonly applied: boolean;
    readonly reason: string | null;
    readonly by: string | null;
  } | null;
}

async function carryOutLane(
  run: OpenRun,
  lane: Schedule["lanes"][number],
): Promise<readonly Done[]> {
  const done: Done[] = [];
  for (const { what, when } of lane) {
    await reached(run, when);
    const one = await carryOutAct(run, what);
    if (one !== null) done.push(one);
  }
  return done;
}

/** A moment that does not come before the run is over is then. */
async function reached(run: OpenRun, when: Moment): Promise<void> {
  if (when.kind === "at_once") return;
  if (when.kind === "reopening") return reopening(run, when.offsetMs);
  const { watch } = run;
  const message = await watch.message("A", when.channel);
  if (message === null) return;
  const at =
    when.kind === "asked"
      ? message.at + when.afterMs
      : message.at + WINDOW_SECONDS * 1_000 + when.offsetMs;
  const waitMs = at - Date.now();
  if (waitMs > 0) await sleep(waitMs);
}

async function reopening({ watch }: OpenRun, offsetMs: number): Promise<void> {
  const acknowledgedAt = await watch.acknowledgment();
  const waitMs = acknowledgedAt + REOPEN_SECONDS * 1_000 + offsetMs - Date.now();
  if (waitMs > 0) await sleep(waitMs);
}

function carryOutAct(run: OpenRun, what: PlannedAct): Promise<Done | null> {
  switch (what.kind) {
    case "receipt":
      return postReceipt(run, what);
    case "acknowledge":
      return what.via === "reply"
        ? reply(run, what)
        : request(run, what, "acknowledge", { by: run.people[what.by].id });
    case "refuse":
      return request(run, what, "refuse", { by: run.people[what.by].id });
    case "snooze":
      return request(run, what, "snooze", {
        until: new Date(Date.now() + SNOOZE_MS).toISOString(),
      });
    case "reprioritise":
      return request(run, what, "reprioritise", { priority: what.to });
    default:
      return request(run, what, what.kind, {});
  }
}

async function request(
  { world, id, watch }: OpenRun,
  planned: PlannedAct,
  verb: string,
  body: Readonly<Record<string, unknown>>,
): Promise<Done | null> {
  const sentAt = Date.now();
  const actId = newId("act", sentAt);
  const { status, body: said } = await world.call("POST", `/v1/notifications/${id}/${verb}`, {
    ...body,
    actId,
  });
  const answeredAt = Date.now();
  // On its way for longer than it was to last.
  if (verb === "snooze" && status === 422) return null;
  expect([200, 202], JSON.stringify(said)).toContain(status);
  if (verb === "acknowledge" && said["applied"] === true) watch.acknowledged(answeredAt);
  if (status === 202) {
    return { planned, sentAt, answeredAt: Infinity, actId, answer: null };
  }
  const by = said["by"] as { readonly userId?: string | null } | null | undefined;
  return {
    planned,
    sentAt,
    answeredAt,
    actId,
    answer: {
      applied: said["applied"] === true,
      reason: said["applied"] === true ? null : String(said["reason"]),
      by: by?.userId ?? null,
    },
  };
}

/** As the person types it: the code of the message on the phone. Null: no such message came. */
async function reply(
  { world, people, watch }: OpenRun,
  planned: Extract<PlannedAct, { kind: "acknowledge" }>,
): Promise<Done | null> {
  const { phone } = people[planned.by];
  if ((await watch.message(planned.by, "whatsapp_personal")) === null) return null;
  const { phones, people: hands } = world.vendors.sandbox;
  const message = await phones.waitForMessage(phone, ({ text }) => /1 \d{4}/.test(text));
  const code = assertDefined(/1 (\d{4})/.exec(message.text)?.[1]);
  const sentAt = Date.now();
  const { answered } = await hands.reply(phone, { text: `1 ${code}`, account: message.accountId });
  expect(answered).toBe(200);
  return { planned, sentAt, answeredAt: Date.now(), actId: null, answer: null };
}

const FONNTE_WORDS: Readonly<Record<ReceiptStatus, Readonly<Record<string, string>>>> = {
  sent: { status: "sent" },
  delivered: { status: "sent", state: "delivered" },
  read: { status: "sent", state: "read" },
  failed: { status: "invalid" },
};

/** In the vendor's name, because the vendor's own receipts come when they like. Null: no such message came. */
async function postReceipt(
  { world, watch }: OpenRun,
  planned: Extract<PlannedAct, { kind: "receipt" }>,
): Promise<Done | null> {
  const message = await watch.message(planned.of, "whatsapp_personal");
  if (message === null || message.accountId === null || message.providerMessageId === null)
    return null;
  const { config } = world.vendors.sandbox.account(message.accountId);
  if (config.vendor !== "fonnte" || config.webhookUrl === null) return null;
  const fields = {
    device: config.sender,
    id: message.providerMessageId,
    ...FONNTE_WORDS[planned.status],
  };
  const sentAt = Date.now();
  const answer = await fetch(config.webhookUrl, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(signFonnteWebhook(fields, config.credentials.webhookSecret ?? "")),
  });
  expect(answer.status).toBe(200);
  const messageId = message.providerMessageId;
  return { planned, sentAt, answeredAt: Date.now(), actId: null, messageId, answer: null };
}

/** What vendors were asked to tell these two, as it happens. */
class Watch {
  readonly seen: (Logged<RequestEntry> & { readonly who: Who })[] = [];
  readonly #stop: () => void;
  readonly #listeners = new Set<() => void>();
  #isSettled = false;
  #acknowledgedAt: number | null = null;

  constructor(world: World, phones: Readonly<Record<Who, string>>) {
    this.#stop = world.vendors.sandbox.log.subscribe((entry) => {
      const person = WHO.find((who) => phones[who] === entry.to);
      if (person === undefined || (entry.kind !== "message" && entry.kind !== "call")) return;
      this.seen.push({ ...entry, who: person });
      this.#tell();
    });
  }

  /** The first such message that a vendor took; null when the run is over without it. */
  message(who: Who, channel: ModelChannel): Promise<Logged<RequestEntry> | null> {
    const find = () =>
      this.seen.find(
        (entry) => entry.who === who && entry.accepted && channelOf(entry) === channel,
      ) ?? null;
    return new Promise((resolve) => {
      const look = (): void => {
        const found = find();
        if (found === null && !this.#isSettled) return;
        this.#listeners.delete(look);
        resolve(found);
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** When somebody was first told that they have taken it, in epoch ms; now, when the run is over without it. */
  acknowledgment(): Promise<number> {
    return new Promise((resolve) => {
      const look = (): void => {
        const at = this.#acknowledgedAt ?? (this.#isSettled ? Date.now() : null);
        if (at === null) return;
        this.#listeners.delete(look);
        resolve(at);
      };
      this.#listeners.add(look);
      look();
    });
  }

  acknowledged(at: number): void {
    this.#acknowledgedAt ??= at;
    this.#tell();
  }

  settle(): void {
    this.#isSettled = true;
    this.#tell();
  }

  end(): void {
    this.#stop();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function channelOf(entry: RequestEntry): ModelChannel {
  if (entry.kind === "call") return "call";
  return entry.vendor === "twilio" ? "sms" : "whatsapp_personal";
}

interface ActRow {
  readonly id: string;
  readonly kind: string;
  readonly by: { readonly userId: string | null };
  readonly via: string;
  readonly applied: boolean | null;
  readonly reason: string | null;
  /** It stopped the run. */
  readonly stops: boolean;
}

async function judge(
  run: OpenRun,
  schedule: Schedule,
  notification: Readonly<Record<string, unknown>>,
  carriedOut: readonly Done[],
): Promise<readonly string[] | "too_slow"> {
  const { world, id, watch } = run;
  const timeline = await list<TimelineLine>(world, `/v1/notifications/${id}/timeline`);
  const deliveries = await list<DeliveryLine>(world, `/v1/notifications/${id}/deliveries`);
  const { rows: rawActs } = await world.pool.query<ActRow>(
    `select id, kind, by, via, applied, reason, coalesce(applied and params ->> 'stops' = 'true', false) as stops
     from acts where notification_id = $1 order by at, id`,
    [id],
  );
  const { rows: sendings } = await world.pool.query<{ id: string; sending_at: Date | null }>(
    "select id, sending_at from deliveries where notification_id = $1",
    [id],
  );
  const whoIs = (userId: string | null | undefined): Who | null =>
    WHO.find((who) => run.people[who].id === userId) ?? null;
  const done = withReplies(carriedOut, rawActs, whoIs);
  const failed = done.flatMap(({ planned, messageId }) =>
    planned.kind === "receipt" && planned.status === "failed" ? [messageId] : [],
  );
  const acts = done.flatMap((one) => seenAct(one, rawActs, whoIs, deliveries, failed));
  const ladder = deliveries.filter(({ purpose }) => purpose === "ladder");
  const ladderIds = new Map(
    ladder.flatMap((line) =>
      line.providerMessageId ? [[line.providerMessageId, line] as const] : [],
    ),
  );
  const told = watch.seen.flatMap((entry) => {
    const line = ladderIds.get(entry.providerMessageId ?? "");
    return line === undefined
      ? []
      : [{ who: entry.who, channel: channelOf(entry), at: entry.at, line }];
  });
  const closings = deliveries.filter(
    ({ purpose, status }) => purpose === "closing" && status !== "failed",
  );
  const closingsOf = (who: Who) => {
    const own = closings.filter(({ userId }) => whoIs(userId) === who);
    const inbox = own.filter(({ channel }) => channel === "in_app").length;
    return { chat: own.length - inbox, inbox };
  };
  const acknowledgedBy = notification["acknowledgedBy"] as {
    readonly userId: string | null;
  } | null;
  const detail = notification["outcomeDetail"] as {
    readonly unanswered?: readonly string[];
  } | null;
  const settledAt = Date.parse(String(notification["settledAt"]));
  const seen: SeenRun = {
    policy: POLICIES[schedule.policy],
    windowMs: WINDOW_SECONDS * 1_000,
    acts,
    // A task that is done again after it has settled the run notes what has no effect any more.
    noted: timeline
      .filter(({ at }) => Date.parse(at) <= settledAt)
      .flatMap((line) => notedBy(line, whoIs)),
    told,
    closings: { A: closingsOf("A"), B: closingsOf("B") },
    inInbox: WHO.filter((who) =>
      ladder.some(({ channel, userId }) => channel === "in_app" && whoIs(userId) === who),
    ),
    outcome: String(notification["outcome"]),
    reason: notification["reason"] as string | null,
    priority: String(notification["priority"]),
    acknowledgedBy: whoIs(acknowledgedBy?.userId),
    unanswered: WHO.filter((who) => detail?.unanswered?.includes(run.people[who].id) ?? false),
  };
  if (isTooSlow(seen, told, timeline)) return "too_slow";
  // A second call finds the telephone ringing: how calls fail is not what these schedules are about.
  if (timeline.some((line) => line.channel === "call" && line.reason === "failed")) return [];
  const explanation = explain(seen);
  const wrong = [
    ...(explanation.kind === "explained"
      ? []
      : ["no serial order explains it; the nearest:", ...explanation.nearest]),
    ...lostActs(rawActs),
    ...afterStop(stoppedAt(schedule, done, rawActs, timeline), told, sendings),
    ...wrongStatuses(done, ladder),
    ...strangers(run, deliveries, done),
    ...extensions(seen, timeline, whoIs),
  ];
  return wrong.length === 0 ? [] : [...wrong, ...inFull(seen, schedule, id, deliveries, whoIs)];
}

/** A message that leaves when half its window is over, or finds no worker: then accounts fail over, which these schedules are not about. */
function isTooSlow(
  { noted, windowMs }: SeenRun,
  told: readonly Told[],
  timeline: readonly TimelineLine[],
): boolean {
  const isLate = told.some(({ at, line }) => {
    const begun = noted.findLast(
      (entry) => entry.at <= at && entry.what === `started ${line.step}`,
    );
    return begun !== undefined && at - begun.at > windowMs / 2;
  });
  return (
    isLate || timeline.some(({ kind }) => kind === "delivery_failed" || kind === "failed_over")
  );
}

async function list<Item>(world: World, path: string): Promise<readonly Item[]> {
  const { status, body } = await world.call("GET", `${path}?limit=1000`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body["items"] as Item[];
}

/** A person's replies were recorded in the order in which they were sent, unless they overlapped: then they are alike. */
function withReplies(
  done: readonly Done[],
  rows: readonly ActRow[],
  whoIs: (userId: string | null) => Who | null,
): readonly Done[] {
  const replies = rows.filter(({ via }) => via === "reply");
  return done
    .toSorted((a, b) => a.answeredAt - b.answeredAt)
    .map((one) => {
      const { planned } = one;
      if (planned.kind !== "acknowledge" || planned.via !== "reply") return one;
      const place = replies.findIndex(({ by }) => whoIs(by.userId) === planned.by);
      const [row] = place < 0 ? [] : replies.splice(place, 1);
      return { ...one, actId: row?.id ?? null };
    });
}

function seenAct(
  { planned, sentAt, answeredAt, actId, answer, messageId }: Done,
  rows: readonly ActRow[],
  whoIs: (userId: string | null | undefined) => Who | null,
  deliveries: readonly DeliveryLine[],
  failedIds: readonly (string | undefined)[],
): readonly SeenAct[] {
  if (planned.kind === "receipt") {
    if (planned.status === "sent" || !failedIds.includes(messageId)) return [];
    // It reaches the ladder some time after the vendor's post was answered.
    const line = deliveries.find(({ providerMessageId }) => providerMessageId === messageId);
    if (line === undefined) return [];
    const { pass, attempt } = line;
    const kind = planned.status === "failed" ? "failed" : "arrived";
    const report: ModelAct = { kind, of: planned.of, pass, attempt };
    return [{ act: report, sentAt, answeredAt: Infinity, answer: null }];
  }
  const done = modelAct(planned);
  if (answer !== null) {
    const said: ModelAnswer = { ...answer, by: whoIs(answer.by) };
    return [{ act: done, sentAt, answeredAt, answer: said }];
  }
  const row = rows.find(({ id }) => id === actId);
  // A reply that comes after the end is tied to nothing any more.
  if (row === undefined) return [];
  const stored = { applied: row.applied === true, reason: row.reason, by: "untold" } as const;
  return [{ act: done, sentAt, answeredAt, answer: stored }];
}

function modelAct(planned: Exclude<PlannedAct, { kind: "receipt" }>): ModelAct {
  switch (planned.kind) {
    case "acknowledge":
      return { kind: "acknowledge", by: planned.by };
    case "reprioritise":
      return { kind: "reprioritise", to: PRIORITY_POLICIES[planned.to] };
    default:
      return planned;
  }
}

function notedBy(
  { kind, step, target, reason, at }: TimelineLine,
  whoIs: (userId: string | null | undefined) => Who | null,
): SeenRun["noted"] {
  const noted = (what: string) => [{ what, at: Date.parse(at) }];
  switch (kind) {
    case "step_started":
      return noted(`started ${step}`);
    case "step_ended":
      return noted(`ended ${step} ${reason?.startsWith("nobody") ? "nobody" : reason}`);
    case "refused":
      return noted(`refused ${whoIs(target)}`);
    case "pulled_forward":
      return noted(`pulled ${whoIs(target)}`);
    case "resumed":
      return reason === "snooze_over" ? noted("resumed") : [];
    case "escalated":
    case "snoozed":
    case "reprioritised":
    case "reopened":
      return noted(kind);
    default:
      return [];
  }
}

function lostActs(rows: readonly ActRow[]): readonly string[] {
  return rows.flatMap(({ kind, applied }) =>
    applied === null ? [`${kind} was neither applied nor refused`] : [],
  );
}

type Told = SeenRun["told"][number] & { readonly line: DeliveryLine };

/** Once somebody was told that the run is stopped, no request begins; of each person one that had begun may finish. */
function afterStop(
  stoppedAt: number,
  told: readonly Told[],
  sendings: readonly { readonly id: string; readonly sending_at: Date | null }[],
): readonly string[] {
  const late = told.filter(({ at }) => at > stoppedAt);
  const begun = late.filter(({ line }) => {
    const sendingAt = sendings.find(({ id }) => id === line.id)?.sending_at?.getTime();
    return sendingAt !== undefined && sendingAt > stoppedAt;
  });
  const twice = WHO.filter((who) => late.filter((message) => message.who === who).length > 1);
  return [
    ...begun.map(({ who, channel }) => `a request began after the stop: ${channel} to ${who}`),
    ...twice.map((who) => `more than one message in flight for ${who} finished after the stop`),
  ];
}

/** When whoever stopped the run at last was told so; Infinity: nobody did, or one of several answers turned out to be the last. */
function stoppedAt(
  { policy }: Schedule,
  done: readonly Done[],
  rows: readonly ActRow[],
  timeline: readonly TimelineLine[],
): number {
  const stop = rows.findLast(({ stops }) => stops);
  if (stop === undefined || (policy === "all" && stop.kind === "acknowledge")) return Infinity;
  const answeredAt = done.find(({ actId }) => actId === stop.id)?.answeredAt ?? Infinity;
  const isOpenAgain = timeline.some(
    ({ kind, at }) => kind === "reopened" && Date.parse(at) > answeredAt,
  );
  return isOpenAgain ? Infinity : answeredAt;
}

/** Receipts in any order, as often as they come: the furthest counts, and a failure only where nothing arrived. */
function wrongStatuses(done: readonly Done[], ladder: readonly DeliveryLine[]): readonly string[] {
  const receipts = done.flatMap(({ planned, messageId }) =>
    planned.kind === "receipt" ? [{ messageId, status: planned.status }] : [],
  );
  return [...new Set(receipts.map(({ messageId }) => messageId))].flatMap((id) => {
    const reported = receipts.flatMap(({ messageId, status }) =>
      messageId === id ? [status] : [],
    );
    const expected = (["read", "delivered", "failed", "sent"] as const).find((status) =>
      reported.includes(status),
    );
    const seen = ladder.find(({ providerMessageId }) => providerMessageId === id)?.status;
    return seen === expected ? [] : [`a message is ${String(seen)}, not ${String(expected)}`];
  });
}

/** Every message that a vendor took is a delivery, or the answer to a reply; every delivery that left was taken. */
function strangers(
  { watch }: OpenRun,
  deliveries: readonly DeliveryLine[],
  done: readonly Done[],
): readonly string[] {
  const taken = watch.seen.filter(({ accepted }) => accepted);
  const ids = new Set(taken.map(({ providerMessageId }) => providerMessageId));
  const known = new Set(deliveries.map(({ providerMessageId }) => providerMessageId));
  const unknown = taken.filter(({ providerMessageId }) => !known.has(providerMessageId)).length;
  const replies = done.filter(
    ({ planned }) => planned.kind === "acknowledge" && planned.via === "reply",
  ).length;
  const unseen = deliveries.filter(
    ({ providerMessageId }) => providerMessageId !== null && !ids.has(providerMessageId),
  );
  return [
    ...(unknown > replies
      ? [`${unknown} messages that are no deliveries, ${replies} replies`]
      : []),
    ...unseen.map(({ channel }) => `a delivery by ${channel} that no vendor took`),
  ];
}

/** Who has read gets a second window, where nobody steers the step otherwise. */
function extensions(
  { told, windowMs, noted }: SeenRun,
  timeline: readonly TimelineLine[],
  whoIs: (userId: string | null | undefined) => Who | null,
): readonly string[] {
  const isSteered = noted.some(({ what }) => !/^(started|ended)/.test(what));
  return timeline.flatMap(({ kind, step, target, at }) => {
    if (kind !== "window_extended" || isSteered) return [];
    const ended = noted.find(
      (entry) => entry.at >= Date.parse(at) && entry.what === `ended ${step} window_elapsed`,
    );
    const message = told.find(({ who }) => who === whoIs(target));
    const isEarly = ended && message && ended.at < message.at + 2 * windowMs;
    return isEarly ? [`the step ended ${message.at + 2 * windowMs - ended.at} ms early`] : [];
  });
}

function inFull(
  seen: SeenRun,
  schedule: Schedule,
  id: string,
  deliveries: readonly DeliveryLine[],
  whoIs: (userId: string | null | undefined) => Who | null,
): readonly string[] {
  const began = Math.min(
    ...seen.acts.map(({ sentAt }) => sentAt),
    ...seen.noted.map(({ at }) => at),
  );
  const ms = (at: number): string => (Number.isFinite(at) ? String(at - began) : "?");
  return [
    `  run ${id}, policy ${schedule.policy}: ${seen.outcome} ${seen.reason ?? ""}, ${seen.priority}, by ${seen.acknowledgedBy ?? "nobody"}`,
    ...seen.acts.map(({ act, sentAt, answeredAt, answer }) => {
      const said =
        answer === null ? "" : answer.applied ? "applied" : `${answer.reason} ${answer.by ?? ""}`;
      return `  ${ms(sentAt)}-${ms(answeredAt)} ${inWords(act)}: ${said}`;
    }),
    ...seen.noted.map(({ what, at }) => `  ${ms(at)} ${what}`),
    ...seen.told.map(({ who, channel, at }) => `  ${ms(at)} told ${who} by ${channel}`),
    ...deliveries.map(
      ({ purpose, pass, step, attempt, handOver, userId, channel, status, reason }) =>
        `  ${purpose} ${pass}/${step}/${attempt}/${handOver} ${whoIs(userId)} by ${channel}: ${status} ${reason ?? ""}`,
    ),
    `  closings ${JSON.stringify(seen.closings)}`,
    `  ${JSON.stringify(schedule)}`,
  ];
}
