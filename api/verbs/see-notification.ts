import type pg from "pg";
import { readNotification } from "../../db/notification-list.ts";
import type { JudgedNotification } from "../../db/notification-list.ts";
import type { Actor } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import type { Action } from "../../domain/permissions.ts";
import { NotFound } from "./errors.ts";

/**
 * One notification, for somebody who may see it, or may do with it what `as` says: a key can be given acts without
 * reading. What somebody may do nothing with is not there.
 */
export async function seeNotification(
  { pool }: { readonly pool: pg.Pool },
  { actor, id, as }: { readonly actor: Actor; readonly id: string; readonly as?: Action },
): Promise<JudgedNotification> {
  const found = await readNotification(pool, id, actor);
  const isVisible =
    found !== null &&
    (may(actor, "see_notification", found.resource) ||
      (as !== undefined && may(actor, as, found.resource)));
  if (!isVisible) throw new NotFound("notification");
  return found;
}

/** As it stands after an act of the same actor, who may have been allowed to act on it only while it told them. */
export async function seeAfterAct(
  { pool }: { readonly pool: pg.Pool },
  { actor, id }: { readonly actor: Actor; readonly id: string },
): Promise<JudgedNotification> {
  const found = await readNotification(pool, id, actor);
  if (found === null) throw new NotFound("notification");
  return found;
}
