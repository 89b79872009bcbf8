import type pg from "pg";
import { listUsers as readList, readUser } from "../../db/users.ts";
import type { UserFilter, UserRow } from "../../db/users.ts";
import type { Page } from "../../db/page.ts";
import type { Actor } from "../../domain/actor.ts";
import { normaliseEmail } from "../../domain/email-address.ts";
import { may, reach } from "../../domain/permissions.ts";
import type { Resource } from "../../domain/permissions.ts";
import { normalisePhone } from "../../domain/phone-number.ts";
import { Forbidden, NotFound } from "./errors.ts";
import { readCursor } from "./read-cursor.ts";

type Deps = { readonly pool: pg.Pool };

/** Those whom the actor may see, newest first. */
export async function listUsers(
  { pool }: Deps,
  input: {
    readonly actor: Actor;
    readonly filter: Omit<UserFilter, "contact">;
    readonly limit: number;
    readonly cursor: string | undefined;
  },
): Promise<Page<UserRow>> {
  const { actor, filter, limit } = input;
  const grants = reach(actor, "read_users");
  if (grants.length === 0) throw new Forbidden();
  return readList(pool, {
    actor,
    grants,
    filter: { ...filter, contact: filter.q === undefined ? undefined : contactOf(filter.q) },
    limit,
    after: readCursor(input.cursor),
  });
}

/** Whoever is asked for by number or address is found however it was written. */
function contactOf(q: string): string | undefined {
  const phone = normalisePhone(q);
  return phone.ok ? phone.phone : (normaliseEmail(q) ?? undefined);
}

/** @throws NotFound, for somebody whom the actor may not see too */
export async function seeUser(
  { pool }: Deps,
  { actor, reference }: { readonly actor: Actor; readonly reference: string },
): Promise<UserRow> {
  return visible(actor, await readUser(pool, reference));
}

/** @throws NotFound */
export function visible(actor: Actor, row: UserRow | null): UserRow {
  if (row === null || !may(actor, "read_users", userResource(actor, row))) {
    throw new NotFound("user");
  }
  return row;
}

/** What a role is judged by. */
export function userResource(
  actor: Actor,
  { id, role, zones }: Pick<UserRow, "id" | "role" | "zones">,
): Resource {
  return { zones, role, isOwn: isSelf(actor, id) };
}

export function isSelf(actor: Actor, userId: string): boolean {
  return actor.kind === "user" && actor.userId === userId;
}
