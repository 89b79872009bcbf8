import type pg from "pg";
import { listMembers as readMembers } from "../../db/group-members.ts";
import type { MemberRow } from "../../db/group-members.ts";
import { listGroups as readList, readGroup } from "../../db/groups.ts";
import type { GroupFilter, GroupRow } from "../../db/groups.ts";
import type { Page } from "../../db/page.ts";
import type { Actor } from "../../domain/actor.ts";
import { may, reach } from "../../domain/permissions.ts";
import { Forbidden, NotFound } from "./errors.ts";
import { readCursor } from "./read-cursor.ts";

type Deps = { readonly pool: pg.Pool };
type PageInput = { readonly limit: number; readonly cursor: string | undefined };

/** Those that the actor may see, newest first. */
export async function listGroups(
  { pool }: Deps,
  input: PageInput & { readonly actor: Actor; readonly filter: GroupFilter },
): Promise<Page<GroupRow>> {
  const { actor, filter, limit } = input;
  const grants = reach(actor, "read_groups");
  if (grants.length === 0) throw new Forbidden();
  return readList(pool, { actor, grants, filter, limit, after: readCursor(input.cursor) });
}

/** @throws NotFound, for one that the actor may not see too */
export async function seeGroup(
  { pool }: Deps,
  { actor, reference }: { readonly actor: Actor; readonly reference: string },
): Promise<GroupRow> {
  return visibleGroup(actor, await readGroup(pool, reference));
}

/** @throws NotFound */
export function visibleGroup(actor: Actor, row: GroupRow | null): GroupRow {
  if (row === null || !may(actor, "read_groups", { zone: row.work_zone })) {
    throw new NotFound("group");
  }
  return row;
}

/** @throws NotFound */
export async function listMembers(
  deps: Deps,
  input: PageInput & {
    readonly actor: Actor;
    readonly reference: string;
    readonly isActive: boolean | undefined;
  },
): Promise<Page<MemberRow>> {
  const group = await seeGroup(deps, input);
  return readMembers(deps.pool, {
    groupId: group.id,
    isActive: input.isActive,
    limit: input.limit,
    after: readCursor(input.cursor),
  });
}
