/** Whether a target has met the policy's condition, and who counts as told: read from everything the run has learned. */
import { isPhoneChannel } from "./channel.ts";
import type { SettledBy } from "./escalation-policy.ts";
import { isTold, standingOf } from "./line.ts";
import type { AccountRoute } from "./run.ts";
import { EVIDENCE } from "./run-state.ts";
import type { Draft, Evidence, Line, LineDelivery, Target } from "./run-state.ts";

/** Acknowledgment is a person's act: no evidence ever meets it. Whoever has answered has met anything less. */
export function hasMet(settledBy: SettledBy, target: Target): boolean {
  if (settledBy === "acknowledged") return false;
  if (target.answered) return true;
  return hasEvidence(
    target,
    (delivery) => delivery.evidence >= wantedOf(settledBy, target, delivery),
  );
}

/** The condition itself is proven, not merely the best that the target's account can tell. */
export function isProven(settledBy: Exclude<SettledBy, "acknowledged">, target: Target): boolean {
  if (target.answered) return true;
  return hasEvidence(
    target,
    (delivery) => !isBestSent(target, delivery) && delivery.evidence >= EVIDENCE[settledBy],
  );
}

function hasEvidence(target: Target, isEnough: (delivery: LineDelivery) => boolean): boolean {
  return target.lines.some(
    (line) =>
      isEvidenceOf(target, line) &&
      line.deliveries.some((delivery) => standingOf(delivery) === "alive" && isEnough(delivery)),
  );
}

/** An account that never reports `sent` can prove no more than acceptance. */
function wantedOf(
  settledBy: Exclude<SettledBy, "acknowledged">,
  target: Target,
  delivery: LineDelivery,
): Evidence {
  if (settledBy !== "sent" && !isBestSent(target, delivery)) return EVIDENCE[settledBy];
  return delivery.givesSent ? EVIDENCE.sent : EVIDENCE.accepted;
}

/** Of a group no more than `sent` is known, unless its account says that it can tell more. */
function isBestSent(target: Target, account: { readonly givesDelivered: boolean }): boolean {
  return target.kind === "group" && !account.givesDelivered;
}

/** In-app, push and e-mail never satisfy a person who has a phone channel in the ladder. */
export function isEvidenceOf(target: Target, line: Line): boolean {
  return target.kind === "group" || target.person.silentSuffices || isPhoneChannel(line.channel);
}

/** Something was accepted for this target that counts as having told it: an in-app row only where it suffices. */
export function wasAccepted(target: Target): boolean {
  return target.lines.some(
    (line) =>
      isTellingOf(target, line) &&
      line.deliveries.some((delivery) => delivery.evidence >= EVIDENCE.accepted),
  );
}

/** Something reached, or may reach, this target; an in-app row beside other channels is not yet a word to anybody. */
export function wasTold(target: Target): boolean {
  return target.lines.some((line) => isTellingOf(target, line) && isTold(line));
}

function isTellingOf(target: Target, line: Line): boolean {
  return line.channel !== "in_app" || (target.kind === "person" && target.person.silentSuffices);
}

/** Told by a channel that rings a phone, and not only in passing: what role-up counts its ranks by. */
export function isToldInPerson(target: Target): boolean {
  return (
    target.kind === "person" &&
    target.person.only === null &&
    target.lines.some((line) => isPhoneChannel(line.channel) && isTold(line))
  );
}

/**
 * The receipts of this delivery that can move the run; the others need not wake it. A stronger one stands for a weaker one
 * that the vendor left out.
 */
export function receiptsWanted(
  run: Draft,
  target: Target,
  line: Line,
  account: AccountRoute,
): readonly ("sent" | "delivered" | "read")[] {
  const { settledBy } = run.plan.rules;
  const settles = settledBy !== "acknowledged" && isEvidenceOf(target, line);
  const isPhone = isPhoneChannel(line.channel);
  // Without `sent` by the account's deadline the message counts as undelivered where nothing better is told. That the next account takes over then is no reason to
  // be told of every `sent`: whether it came is read from the record when that account is asked.
  const standsForDelivered = line.undeliveredAfterMs !== null && !account.givesDelivered;
  const wantsSent =
    (settles && (settledBy === "sent" || isBestSent(target, account))) ||
    (account.givesSent && standsForDelivered);
  // Whether it arrived decides on pull forward, on a doubt that holds back the next attempt, and on when a call is over.
  const wantsDelivered =
    (settles && settledBy !== "read") ||
    (isPhone && (line.undeliveredAfterMs !== null || line.budget > 1 || line.channel === "call"));
  const wantsRead = settles || wantsDelivered || (isPhone && settledBy === "acknowledged");
  return [
    ...(wantsSent ? (["sent"] as const) : []),
    ...(wantsDelivered ? (["delivered"] as const) : []),
    ...(wantsRead ? (["read"] as const) : []),
  ];
}
