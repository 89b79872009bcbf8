import { makeId } from "../../domain/ids.ts";
import type { Id, IdPrefix } from "../../domain/ids.ts";

/** From an Idempotency-Key: a second try after a crash makes the same id and so meets what the first one made. */
export type Once = { readonly atMs: number; readonly random: Uint8Array } | undefined;

export function idOnce<Prefix extends IdPrefix>(
  deps: {
    readonly now: () => number;
    readonly randomBytes: (count: number) => Uint8Array;
  },
  prefix: Prefix,
  once: Once,
): Id<Prefix> {
  return makeId(prefix, once?.atMs ?? deps.now(), once?.random ?? deps.randomBytes(10));
}
