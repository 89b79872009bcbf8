import type pg from "pg";
import { listNotifications as readList } from "../../db/notification-list.ts";
import type { NotificationFilter, NotificationRow } from "../../db/notification-list.ts";
import type { Page } from "../../db/page.ts";
import type { Actor } from "../../domain/actor.ts";
import { reach } from "../../domain/permissions.ts";
import { Forbidden } from "./errors.ts";
import { readCursor } from "./read-cursor.ts";

/** What the actor may see of what the filter names, newest first. */
export async function listNotifications(
  { pool }: { readonly pool: pg.Pool },
  input: {
    readonly actor: Actor;
    readonly filter: NotificationFilter;
    readonly limit: number;
    readonly cursor: string | undefined;
  },
): Promise<Page<NotificationRow>> {
  const { actor, filter, limit } = input;
  const grants = reach(actor, "see_notification");
  if (grants.length === 0) throw new Forbidden();
  return readList(pool, { actor, grants, filter, limit, after: readCursor(input.cursor) });
}
