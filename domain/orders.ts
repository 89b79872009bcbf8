/** Handing messages to accounts: the orders of a todo, and the queue of calls that go one by one. */
import { receiptsWanted } from "./evidence.ts";
import { acceptedAtOf, lastAttemptOf, newestOf, standingOf } from "./line.ts";
import type { AccountRoute, DeliveryKey, OrderReason } from "./run.ts";
import { own, passOf, routeOf, turnOf } from "./run-draft.ts";
import type { Work } from "./run-draft.ts";
import { EVIDENCE } from "./run-state.ts";
import type { Draft, Line, LineDelivery, Target } from "./run-state.ts";
import { asleepUntil } from "./sleep.ts";
import { lineEnd, windowEnd } from "./target-window.ts";

/** An unanswered call stops ringing by itself; a vendor without receipts never says so. */
export const RINGING_MS_MAX = 60_000;

/**
 * Why the next account takes over when the one before showed no `sent` in time. The run is not told of `sent` for this alone: whether it came is read from the
 * record when that account is asked.
 */
export const NO_SENT_RECEIPT = "no_sent_receipt";

/** Hands the line's next message to an account: the next attempt, or with `failed_over` the same one again. */
export function order(
  work: Work,
  target: Target,
  line: Line,
  account: AccountRoute,
  reason: OrderReason,
  because: string | null,
  deadlineAt: number,
): void {
  const newest = newestOf(line);
  const isHandOver = reason === "failed_over" && newest !== null;
  const delivery: LineDelivery = {
    ...deliveryOf(account, work.now),
    attempt: isHandOver ? newest.attempt : lastAttemptOf(line) + 1,
    handOver: isHandOver ? newest.handOver + 1 : 0,
    standsInFor: isHandOver && because === NO_SENT_RECEIPT ? newest.accountId : null,
  };
  line.deliveries.push(delivery);
  line.queued = null;
  work.changes += 1;
  const key = keyOf(target, line, delivery);
  work.deliveries.push({
    ...key,
    accountId: account.accountId,
    reason,
    because,
    deadlineAt: Math.max(deadlineAt, work.now),
    validForSeconds: Math.max(1, Math.ceil((deadlineAt - work.now) / 1_000)),
    evidence: receiptsWanted(work.run, target, line, account),
  });
}

/** An in-app message is a row of our own: stored is delivered. */
export function writeInApp(work: Work, target: Target, line: Line, isWritten: boolean): void {
  line.deliveries.push({
    ...deliveryOf(
      { accountId: "in_app", givesSent: false, givesDelivered: true, receiptDeadlineMs: 0 },
      work.now,
    ),
    attempt: lastAttemptOf(line) + 1,
    handOver: 0,
    acceptedAt: work.now,
    evidence: EVIDENCE.delivered,
    result: "accepted",
  });
  work.changes += 1;
  if (!isWritten) work.inApp.push({ target: target.key, pass: line.pass, step: line.step });
}

function deliveryOf(
  account: AccountRoute,
  orderedAt: number,
): Omit<LineDelivery, "attempt" | "handOver"> {
  return {
    accountId: account.accountId,
    givesSent: account.givesSent,
    givesDelivered: account.givesDelivered,
    receiptDeadlineMs: account.receiptDeadlineMs,
    orderedAt,
    acceptedAt: null,
    evidence: EVIDENCE.none,
    readAt: null,
    result: null,
    refusal: null,
    failure: null,
    endedAt: null,
    withdrawn: false,
    hungUp: false,
    standsInFor: null,
  };
}

export function keyOf(target: Target, line: Line, delivery: LineDelivery): DeliveryKey {
  return {
    pass: line.pass,
    step: line.step,
    target: target.key,
    channel: line.channel,
    attempt: delivery.attempt,
    handOver: delivery.handOver,
  };
}

/** The next attempt of a line: at once, or, for calls that go one by one, when no other rings. */
export function dial(
  work: Work,
  target: Target,
  line: Line,
  reason: OrderReason,
  because: string | null,
): void {
  if (line.channel === "call" && work.run.plan.rules.calls === "one_by_one") {
    line.queued = { reason, because, since: work.now };
    return;
  }
  const account = accountFor(target, line);
  if (account === null) return;
  order(work, target, line, account, reason, because, deadlineOf(work, target, line));
}

/** The same attempt by the next account: at once, or for a call that may not ring beside another, when that one has ended. */
export function handOver(
  work: Work,
  target: Target,
  line: Line,
  account: AccountRoute,
  because: string,
): void {
  const { run, now } = work;
  const waits = line.channel === "call" && run.plan.rules.calls === "one_by_one";
  if (waits && ringingUntil(run, now) !== null) {
    line.queued = { reason: "failed_over", because, since: now };
    return;
  }
  order(work, target, line, account, "failed_over", because, deadlineOf(work, target, line));
}

/** The next account of the route that this attempt has not asked yet, going round from the one that it asked last. */
export function nextAccount(target: Target, line: Line, newest: LineDelivery): AccountRoute | null {
  const route = routeOf(target, line.channel);
  const asked = line.deliveries
    .filter((delivery) => delivery.attempt === newest.attempt)
    .map((delivery) => delivery.accountId);
  const last = route.findIndex((account) => account.accountId === newest.accountId);
  const inTurn = [...route.slice(last + 1), ...route.slice(0, last + 1)];
  return inTurn.find((account) => !asked.includes(account.accountId)) ?? null;
}

/** The account that last carried this line, if it is still there: one that failed a minute ago is not asked first. */
function accountFor(target: Target, line: Line): AccountRoute | null {
  const route = routeOf(target, line.channel);
  const last = newestOf(line);
  return route.find((account) => account.accountId === last?.accountId) ?? route[0] ?? null;
}

/** The rest of the target's window; before the first acceptance, one window from now. */
export function deadlineOf(work: Work, target: Target, line: Line): number {
  const turn = turnOf(target, line.step);
  if (turn === null || line.carried) return work.now + line.windowMs;
  const end = windowEnd(work.run, target, turn);
  return Math.max(work.now, Math.min(end, work.now + line.windowMs));
}

/** Calls that go one by one: the longest waiting one is dialled as soon as none rings. */
export function dialNextCall(work: Work): void {
  const { run, now } = work;
  if (run.plan.rules.calls !== "one_by_one") return;
  for (;;) {
    const waiting = waitingCalls(work);
    const first = waiting[0];
    if (first === undefined || ringingUntil(run, now) !== null) return;
    const target = own(work, first.key);
    const line = target.lines[first.index];
    if (line === undefined || line.queued === null) return;
    const { reason, because } = line.queued;
    const newest = newestOf(line);
    const account =
      reason === "failed_over" && newest !== null
        ? nextAccount(target, line, newest)
        : accountFor(target, line);
    line.queued = null;
    // While it waited, the call before turned out busy: it is due again at the spacing after that.
    if (reason === "attempt" && now < busyUntil(line, newest)) continue;
    const isOver = target.out !== null || target.answered || target.banned.includes("call");
    if (account === null || isOver || now >= lineEnd(run, target, line)) continue;
    order(work, target, line, account, reason, because, deadlineOf(work, target, line));
  }
}

function busyUntil(line: Line, newest: LineDelivery | null): number {
  if (newest === null || standingOf(newest) !== "busy") return -Infinity;
  return (newest.failure?.at ?? -Infinity) + line.spacingMs;
}

function waitingCalls(work: Work): readonly { key: string; index: number; since: number }[] {
  return Object.values(work.run.targets)
    .flatMap((target) =>
      target.lines.flatMap((line, index) =>
        line.queued !== null &&
        !line.retired &&
        line.pass === passOf(work.run, target) &&
        asleepUntil(target, work.now) === null
          ? [{ key: target.key, index, since: line.queued.since }]
          : [],
      ),
    )
    .sort((a, b) => a.since - b.since);
}

/** Instant until which a call may be ringing, `Infinity` while its order is in flight; null when none is. */
export function ringingUntil(run: Draft, now: number): number | null {
  let until: number | null = null;
  for (const target of Object.values(run.targets)) {
    for (const line of target.lines) {
      if (line.channel !== "call") continue;
      for (const delivery of line.deliveries) {
        const end = ringEndOf(line, delivery);
        if (end > now) until = Math.max(until ?? end, end);
      }
    }
  }
  return until;
}

function ringEndOf(line: Line, delivery: LineDelivery): number {
  if (delivery.endedAt !== null) return -Infinity;
  const standing = standingOf(delivery);
  if (standing === "in_flight") return delivery.withdrawn ? -Infinity : Infinity;
  if (standing !== "alive") return -Infinity;
  return acceptedAtOf(delivery) + Math.min(line.spacingMs, RINGING_MS_MAX);
}
