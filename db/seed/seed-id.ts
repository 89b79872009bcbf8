import { createHash } from "node:crypto";
import { makeId } from "../../domain/ids.ts";
import type { Id, IdPrefix } from "../../domain/ids.ts";

/** Seeded rows sort before everything that an installation makes itself. */
const SEEDED_AT_MS = Date.UTC(2025, 0, 1);

/** The id of a seeded row: the same in every installation, so that a second run meets the first one's rows. */
export function seedId<Prefix extends IdPrefix>(prefix: Prefix, name: string): Id<Prefix> {
  return makeId(prefix, SEEDED_AT_MS, createHash("sha256").update(`${prefix} ${name}`).digest());
}
