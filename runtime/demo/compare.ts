import type { SimulatedVendors } from "../../providers/simulated/server.ts";
import type { DeliveryLine } from "./api-client.ts";

const CARRIED = new Set(["whatsapp_personal", "whatsapp_group", "sms", "call", "email", "push"]);
const TAKEN = new Set(["accepted", "sent", "delivered", "read", "superseded"]);

/**
 * Holds the record against what the vendors saw, both ways: every message that a vendor took stands in the record once, and every delivery that the record
 * calls taken was taken by a vendor. `afterSeq` is where the story begins in the vendors' log. Answers what differs, in words; empty means equal.
 */
export function compareWithVendors(
  vendors: SimulatedVendors,
  afterSeq: number,
  deliveries: readonly DeliveryLine[],
): { readonly differences: readonly string[]; readonly count: number } {
  const seen = vendors.sandbox.log
    .entries((entry) => entry.kind === "message" || entry.kind === "call", { afterSeq })
    .filter((entry) => entry.accepted)
    .map((entry) => entry.providerMessageId ?? `request ${entry.seq} without an id`);
  // A call that failed was taken by the vendor all the same; the id says so.
  const recorded = deliveries
    .filter(({ channel }) => CARRIED.has(channel))
    .filter(({ status, providerMessageId }) => TAKEN.has(status) || providerMessageId !== null)
    .map((delivery) => delivery.providerMessageId ?? `delivery ${delivery.id} without an id`);
  const differences = [
    ...without(seen, recorded).map((id) => `a vendor took ${id}, the record does not know it`),
    ...without(recorded, seen).map((id) => `the record says ${id} was taken, no vendor saw it`),
  ];
  return { differences, count: seen.length };
}

/** What is in the first list and not in the second, each as often as it is missing. */
function without(list: readonly string[], other: readonly string[]): readonly string[] {
  const left = [...other];
  return list.filter((item) => {
    const place = left.indexOf(item);
    if (place === -1) return true;
    left.splice(place, 1);
    return false;
  });
}
