/**
 * How long a target's part in a step lasts, and whether the step still waits for it.
 *
 * A window is counted from the first acceptance of a message to this target since its part began, at latest one window after
 * that; a failover restarts nothing, because acceptances are never forgotten.
 */
import { isAtLeast } from "./priority.ts";
import { attemptsLeft, isBroken, newestOf, standingOf } from "./line.ts";
import { hasMet, isEvidenceOf } from "./evidence.ts";
import { passOf, turnOf } from "./run-draft.ts";
import type { Draft, Line, LineDelivery, Target, Turn } from "./run-state.ts";

/** The lines that stand for the target in this step: its own, and those pulled forward from steps to come. */
export function linesIn(run: Draft, target: Target, step: number): readonly Line[] {
  const pass = passOf(run, target);
  return target.lines.filter(
    (line) =>
      line.pass === pass &&
      !line.retired &&
      !line.carried &&
      (line.step === step || (line.step > step && line.pulledIn !== null)) &&
      isEvidenceOf(target, line),
  );
}

export function windowStart(run: Draft, target: Target, turn: Turn): number {
  const lines = linesIn(run, target, turn.step);
  // What was ordered before (pulled forward, or before a snooze) stands in only while nothing new has been ordered.
  const hasNew = lines.some((line) => line.deliveries.some((delivery) => isNew(delivery, turn)));
  let start = turn.startedAt + turn.windowMs;
  for (const line of lines) {
    for (const delivery of line.deliveries) {
      if (hasNew && !isNew(delivery, turn)) continue;
      const at = acceptanceOf(line, delivery);
      if (at !== null) start = Math.min(start, Math.max(at, turn.startedAt));
    }
  }
  return start;
}

function isNew(delivery: LineDelivery, turn: Turn): boolean {
  return delivery.orderedAt >= turn.startedAt;
}

/** E-mail and push tell nothing about their way: for a person whom they suffice they count from the order. */
function acceptanceOf(line: Line, delivery: LineDelivery): number | null {
  return line.channel === "email" || line.channel === "push"
    ? delivery.orderedAt
    : delivery.acceptedAt;
}

export function windowEnd(run: Draft, target: Target, turn: Turn): number {
  return windowStart(run, target, turn) + turn.windowMs + turn.extendedMs;
}

/** The step waits for this target, as far as its window allows. */
export function isOpen(run: Draft, target: Target, step: number): boolean {
  if (target.out !== null || target.answered) return false;
  if (target.kind === "person" && target.person.only !== null) return false;
  if (hasMet(run.plan.rules.settledBy, target)) return false;
  return linesIn(run, target, step).some((line) => isLineOpen(run, line));
}

function isLineOpen(run: Draft, line: Line): boolean {
  if (line.queued !== null) return true;
  // An unknown outcome may still turn out well; high and critical don't wait for that.
  const waitsForDoubt = !isAtLeast(run.plan.priority, "high");
  const hasHope = line.deliveries.some((delivery) => {
    switch (standingOf(delivery)) {
      case "in_flight":
        return !delivery.withdrawn;
      case "alive":
      case "stopped":
        return true;
      case "unknown":
        return waitsForDoubt;
      case "busy":
      case "refused":
      case "failed":
      case "cancelled":
        return false;
    }
  });
  if (hasHope) return true;
  const newest = newestOf(line);
  return (
    newest !== null &&
    standingOf(newest) === "busy" &&
    line.left === null &&
    attemptsLeft(line) > 0 &&
    !isBroken(line)
  );
}

/** Instant until which this line may begin something; a carried line outlives the policy that gave it a step. */
export function lineEnd(run: Draft, target: Target, line: Line): number {
  if (line.carried) return Infinity;
  const turn = turnOf(target, line.step);
  if (turn === null || turn.closed) return -Infinity;
  return windowEnd(run, target, turn);
}
