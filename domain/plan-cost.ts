/** What a plan would cost if nobody answered: every attempt of every target, each billed. */
import type { Channel } from "./channel.ts";
import type { PlanSnapshot } from "./plan-snapshot.ts";
import { billingClassOf, estimateMicros, priceFor } from "./price.ts";

/** Millionths of a rupiah of all attempts of one target; null: its account has no price. What no account carries is free. */
export function targetMicros(
  snapshot: PlanSnapshot,
  target: {
    readonly key: string;
    readonly channel: Channel;
    readonly accountId: string | null;
    /** Epoch ms. */
    readonly at: number;
    readonly attempts: number;
  },
): number | null {
  if (target.accountId === null) return 0;
  const account = snapshot.accounts.find(({ id }) => id === target.accountId);
  const person = snapshot.persons.find(({ id }) => id === target.key);
  const price = priceFor(account?.prices ?? [], {
    billingClass: billingClassOf(snapshot.type),
    digits: person?.phoneDigits ?? null,
    at: target.at,
  });
  if (price === null) return null;
  return estimateMicros(price, snapshot.smsSegments ?? 1) * target.attempts;
}

/** Of what is known; null: of nothing. */
export function sumMicros(costs: readonly (number | null)[]): number | null {
  const known = costs.filter((cost) => cost !== null);
  return known.length === 0 ? null : known.reduce((sum, cost) => sum + cost, 0);
}
