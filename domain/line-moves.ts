/**
 * What is due on a line between the beginning and the end of its step: failover, pull forward, the next attempt.
 *
 * Precedence at one instant: what failed or is in doubt first, then pull forward, then failover for want of `sent`, then an
 * attempt; after pull forward the channel left gets no further attempt in this pass.
 */
import { assertNever } from "./assert.ts";
import { isPhoneChannel } from "./channel.ts";
import type { Channel } from "./channel.ts";
import { hasMet } from "./evidence.ts";
import { acceptedAtOf, attemptsLeft, hasArrived, isBroken, newestOf, standingOf } from "./line.ts";
import { isAtLeast } from "./priority.ts";
import { beginLine, beginTurn, timingOf } from "./begin-lines.ts";
import { dial, handOver, NO_SENT_RECEIPT, nextAccount, RINGING_MS_MAX } from "./orders.ts";
import type { AccountRoute } from "./run.ts";
import { keysOf, note, own, routeOf, stepOf, targetOf, turnOf } from "./run-draft.ts";
import type { Work } from "./run-draft.ts";
import { EVIDENCE } from "./run-state.ts";
import type { Draft, Line, LineDelivery, Target } from "./run-state.ts";
import { asleepUntil } from "./sleep.ts";
import { nextChannel, positionOf } from "./step-targets.ts";
import { lineEnd, windowEnd } from "./target-window.ts";

/**
 * A deadline that is noticed later than this was missed by an absent worker: what was due then is not made up for once the
 * window is over. Shorter lags (a slow task, a server's restart) count as on time.
 */
const ABSENCE_MS_MIN = 60_000;

type Move =
  | {
      readonly kind: "pull_forward";
      readonly step: number;
      readonly channel: Channel;
      readonly because: string;
    }
  | { readonly kind: "fail_over"; readonly account: AccountRoute; readonly because: string }
  | { readonly kind: "attempt" };

interface DueMove {
  readonly at: number;
  readonly move: Move;
}

/** Everything that this line could do next if no fact comes, in order of precedence. */
export function movesOf(run: Draft, target: Target, line: Line, now: number): readonly DueMove[] {
  if (target.out !== null || target.answered || line.retired) return [];
  if (line.left !== null || line.queued !== null) return [];
  const newest = newestOf(line);
  if (newest === null || line.channel === "in_app") return [];
  if (hasMet(run.plan.rules.settledBy, target)) return [];
  const moves = dueMoves(run, target, line, newest, now);
  if (moves.length === 0) return moves;
  // A permanent refusal on this channel leaves nothing but another one.
  const end = target.banned.includes(line.channel) ? -Infinity : lineEnd(run, target, line);
  return moves.flatMap((due) => {
    // Nothing reaches a person in quiet hours: what comes due then waits for their end.
    const wakesAt = asleepUntil(target, Math.max(due.at, now));
    const at = wakesAt ?? due.at;
    const isInWindow = Math.max(at, now) < end;
    return due.move.kind === "pull_forward" || isInWindow ? [{ ...due, at }] : [];
  });
}

function dueMoves(
  run: Draft,
  target: Target,
  line: Line,
  newest: LineDelivery,
  now: number,
): readonly DueMove[] {
  const standing = standingOf(newest);
  switch (standing) {
    case "refused":
    case "failed":
      return failedMoves(run, target, line, newest, now);
    case "busy":
      return isBroken(line)
        ? failedMoves(run, target, line, newest, now)
        : attemptMoves(target, line, newest.failure?.at ?? now);
    case "unknown":
      return isAtLeast(run.plan.priority, "high")
        ? pullMoves(run, target, line, now, "unknown_outcome")
        : [];
    case "in_flight":
      return undeliveredMoves(run, target, line, newest, now);
    case "alive":
      return [
        ...undeliveredMoves(run, target, line, newest, now),
        ...unsentMoves(target, line, newest),
        ...attemptMoves(target, line, acceptedAtOf(newest), lineFreeAt(line, newest)),
      ];
    case "stopped":
    case "cancelled":
      return [];
    default:
      return assertNever(standing, "standing of a delivery");
  }
}

function failedMoves(
  run: Draft,
  target: Target,
  line: Line,
  newest: LineDelivery,
  now: number,
): readonly DueMove[] {
  const { refusal } = newest;
  const mayFailOver = refusal?.mayFailOver === true && !target.banned.includes(line.channel);
  if (mayFailOver && standingOf(newest) === "refused") {
    const account = nextAccount(target, line, newest);
    if (account !== null && now < lineEnd(run, target, line)) {
      return [{ at: now, move: { kind: "fail_over", account, because: refusal.kind } }];
    }
  }
  if (!isBroken(line)) return [];
  return pullMoves(run, target, line, now, refusal?.kind ?? newest.failure?.reason ?? "failed");
}

function pullMoves(
  run: Draft,
  target: Target,
  line: Line,
  at: number,
  because: string,
): readonly DueMove[] {
  if (!isPhoneChannel(line.channel)) return [];
  const next = nextChannel(run, target, line, positionOf(run, target));
  return next === null ? [] : [{ at, move: { kind: "pull_forward", ...next, because } }];
}

/** Pull forward for want of `delivered`, counted from the line's first acceptance, at latest one window after it began. */
function undeliveredMoves(
  run: Draft,
  target: Target,
  line: Line,
  newest: LineDelivery,
  now: number,
): readonly DueMove[] {
  if (line.undeliveredAfterMs === null || !isPhoneChannel(line.channel) || hasArrived(line)) {
    return [];
  }
  const since = undeliveredSince(line);
  const latest = line.deliveries.findLast((delivery) => delivery.acceptedAt !== null) ?? newest;
  let at = since + line.undeliveredAfterMs;
  if (!latest.givesDelivered) {
    // No `sent` from the last account says as much as no `delivered`; an account that reports neither says nothing.
    const isLast = nextAccount(target, line, latest) === null;
    if (!latest.givesSent || latest.evidence >= EVIDENCE.sent || !isLast) return [];
    at = Math.max(at, acceptedAtOf(latest) + latest.receiptDeadlineMs);
  }
  const turn = turnOf(target, line.step);
  const isMissed =
    !line.carried &&
    turn !== null &&
    at <= now &&
    windowEnd(run, target, turn) + ABSENCE_MS_MIN < now;
  return isMissed ? [] : pullMoves(run, target, line, at, "undelivered");
}

function undeliveredSince(line: Line): number {
  let since = line.startedAt + line.windowMs;
  for (const delivery of line.deliveries) {
    if (delivery.acceptedAt === null || delivery.orderedAt < line.startedAt) continue;
    since = Math.min(since, delivery.acceptedAt);
  }
  return since;
}

/** Without `sent` by the account's deadline the next account takes over. */
function unsentMoves(target: Target, line: Line, newest: LineDelivery): readonly DueMove[] {
  if (!newest.givesSent || newest.evidence !== EVIDENCE.accepted) return [];
  if (hasArrived(line)) return [];
  const account = nextAccount(target, line, newest);
  const at = acceptedAtOf(newest) + newest.receiptDeadlineMs;
  if (account === null) return [];
  return [{ at, move: { kind: "fail_over", account, because: NO_SENT_RECEIPT } }];
}

/** A phone that rings is busy for the next call; one whose end nobody reports has stopped ringing by then. */
function lineFreeAt(line: Line, newest: LineDelivery): number {
  if (line.channel !== "call") return -Infinity;
  return newest.endedAt ?? acceptedAtOf(newest) + RINGING_MS_MAX;
}

function attemptMoves(
  target: Target,
  line: Line,
  from: number,
  notBefore = -Infinity,
): readonly DueMove[] {
  if (!isPhoneChannel(line.channel) || line.carried || attemptsLeft(line) <= 0) return [];
  if (routeOf(target, line.channel).length === 0) return [];
  return [{ at: Math.max(from + line.spacingMs, notBefore), move: { kind: "attempt" } }];
}

/** Does everything that is due on the targets' lines at this instant, and notes when the next thing will be. */
export function makeDueMoves(work: Work): void {
  work.nextMoveAt = Infinity;
  for (const key of keysOf(work)) {
    let target = targetOf(work, key);
    for (let index = 0; index < target.lines.length; index += 1) {
      const line = target.lines[index];
      if (line === undefined || line.retired) continue;
      const before = work.changes;
      makeDueMove(work, target, index, line);
      // Changed means copied: the rest is judged on the copy.
      if (work.changes !== before) target = targetOf(work, key);
    }
  }
}

function makeDueMove(work: Work, seen: Target, index: number, seenLine: Line): void {
  const moves = movesOf(work.run, seen, seenLine, work.now);
  const due = moves.find(({ at }) => at <= work.now);
  if (due === undefined) {
    for (const { at } of moves) work.nextMoveAt = Math.min(work.nextMoveAt, at);
    return;
  }
  const target = own(work, seen.key);
  const line = target.lines[index];
  if (line === undefined) return;
  const { move } = due;
  switch (move.kind) {
    case "fail_over":
      if (move.because !== NO_SENT_RECEIPT) noteFailover(work, target, line, move);
      handOver(work, target, line, move.account, move.because);
      return;
    case "attempt":
      dial(work, target, line, "attempt", null);
      return;
    case "pull_forward":
      pullForward(work, target, line, move);
      return;
    default:
      assertNever(move, "move on a line");
  }
}

function placeOf(target: Target, line: Line) {
  return { pass: line.pass, step: line.step, target: target.key, channel: line.channel };
}

function noteFailover(
  work: Work,
  target: Target,
  line: Line,
  { account, because }: Extract<Move, { kind: "fail_over" }>,
): void {
  note(work, "failed_over", {
    ...placeOf(target, line),
    accountId: account.accountId,
    reason: because,
    detail: { from: newestOf(line)?.accountId ?? null },
  });
}

function pullForward(
  work: Work,
  target: Target,
  from: Line,
  move: { readonly step: number; readonly channel: Channel; readonly because: string },
): void {
  from.left = move.because;
  note(work, "pulled_forward", {
    ...placeOf(target, from),
    reason: move.because,
    detail: { toStep: move.step, toChannel: move.channel },
  });
  const step = stepOf(work.run, move.step);
  const position = positionOf(work.run, target);
  const line = beginLine(work, target, {
    step: move.step,
    channel: move.channel,
    ...timingOf(step),
    budget: step.attempts,
    pulledIn: Number.isFinite(position) ? position : from.step,
  });
  beginTurn(work, target, move.step, true);
  dial(work, target, line, "pulled_forward", move.because);
}
