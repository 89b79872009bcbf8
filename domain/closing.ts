/** What is taken back when a target or the whole run needs nothing more, and what an operator sends once more. */
import { standingOf } from "./line.ts";
import { keyOf, order } from "./orders.ts";
import { keysOf, note, own, routeOf, targetOf } from "./run-draft.ts";
import type { Work } from "./run-draft.ts";
import type { DeliveryKey } from "./run.ts";
import type { Line, LineDelivery, RunState, Target } from "./run-state.ts";

/** A call that was accepted longer ago than this is over, also where no vendor says so. */
const CALL_MS_MAX = 300_000;

/** Withdraws queued sends and ends ringing calls of everybody who is out, has answered, or was told elsewhere. */
export function closeTargets(work: Work): void {
  const { run } = work;
  for (const key of keysOf(work)) {
    const seen = targetOf(work, key);
    const isClosed = run.end !== null || seen.out !== null || seen.answered;
    // Somebody has taken it, or this person has nothing to do with it: the phone need not ring on.
    const isTaken = run.stopped !== null || run.end?.outcome === "acknowledged";
    const isSilenced = isTaken || seen.out !== null || seen.answered;
    seen.lines.forEach((line, index) => {
      if (!isClosed && !isSilenced && line.left === null) return;
      line.deliveries.forEach((delivery, number) => {
        if ((isClosed || line.left !== null) && isQueued(delivery)) {
          withdraw(work, key, index, number);
        } else if (isSilenced && isRinging(work, line, delivery)) {
          hangUp(work, key, index, number);
        }
      });
    });
  }
}

function isQueued(delivery: LineDelivery): boolean {
  return !delivery.withdrawn && standingOf(delivery) === "in_flight";
}

function isRinging(work: Work, line: Line, delivery: LineDelivery): boolean {
  return (
    line.channel === "call" &&
    !delivery.hungUp &&
    delivery.endedAt === null &&
    standingOf(delivery) === "alive" &&
    work.now - (delivery.acceptedAt ?? delivery.orderedAt) < CALL_MS_MAX
  );
}

function withdraw(work: Work, key: string, index: number, number: number): void {
  const target = own(work, key);
  const line = target.lines[index];
  const delivery = line?.deliveries[number];
  if (line === undefined || delivery === undefined) return;
  delivery.withdrawn = true;
  work.withdraw.push(keyOf(target, line, delivery));
}

function hangUp(work: Work, key: string, index: number, number: number): void {
  const target = own(work, key);
  const line = target.lines[index];
  const delivery = line?.deliveries[number];
  if (line === undefined || delivery === undefined) return;
  delivery.hungUp = true;
  work.hangUp.push(keyOf(target, line, delivery));
}

/** Whether this run has such a delivery and an account that could carry it again; an inbox has none. */
export function canResend(run: RunState, key: DeliveryKey): boolean {
  const target = run.targets[key.target];
  return (
    target !== undefined &&
    target.out === null &&
    findLine(target, key) !== undefined &&
    routeOf(target, key.channel).length > 0
  );
}

/** A new attempt of a delivery on the first account, whatever its budget says. */
export function resendAgain(work: Work): void {
  const { run } = work;
  const { resends } = run;
  run.resends = [];
  for (const key of resends) {
    const seen = run.targets[key.target];
    if (seen === undefined || seen.out !== null || seen.answered) continue;
    if (findLine(seen, key) === undefined) continue;
    const target = own(work, key.target);
    const line = findLine(target, key);
    const account = routeOf(target, key.channel)[0];
    if (line === undefined || account === undefined) continue;
    // The budget is the policy's: what a person asked for beyond it uses up nothing.
    line.spentBefore += 1;
    note(work, "resent", {
      pass: line.pass,
      step: line.step,
      target: key.target,
      channel: key.channel,
      detail: { attempt: key.attempt },
    });
    order(work, target, line, account, "resend", null, work.now + line.windowMs);
  }
}

function findLine(
  target: Target,
  key: { readonly pass: number; readonly step: number; readonly channel: Line["channel"] },
): Line | undefined {
  return target.lines.find(
    (line) => line.pass === key.pass && line.step === key.step && line.channel === key.channel,
  );
}
