import { randomBytes } from "node:crypto";

import { ID_RANDOM_BYTES, makeId } from "../domain/ids.ts";
import type { Id, IdPrefix } from "../domain/ids.ts";

/** A new id for a row: sorts by `nowMs`, unguessable by its random part. */
export function newId<Prefix extends IdPrefix>(prefix: Prefix, nowMs: number): Id<Prefix> {
  return makeId(prefix, nowMs, randomBytes(ID_RANDOM_BYTES));
}
