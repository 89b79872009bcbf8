import type pg from "pg";
import { listDeliveries, listTimeline } from "../../db/notification-record.ts";
import type { DeliveryRow, TimelineRow } from "../../db/notification-record.ts";
import type { Page } from "../../db/page.ts";
import type { Actor } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import { invalidCursor, readCursor } from "./read-cursor.ts";
import { seeNotification } from "./see-notification.ts";

type Input = {
  readonly actor: Actor;
  readonly id: string;
  readonly limit: number;
  readonly cursor?: string | undefined;
};
type Deps = { readonly pool: pg.Pool };

export async function seeTimeline(deps: Deps, input: Input): Promise<Page<TimelineRow>> {
  await seeNotification(deps, input);
  const after = readCursor(input.cursor);
  // Timeline entries are numbered; a cursor of another list is none of this one.
  if (after !== null && !/^\d{1,18}$/.test(after.id)) throw invalidCursor();
  return listTimeline(deps.pool, { notificationId: input.id, limit: input.limit, after });
}

export type SeenDelivery = {
  readonly row: DeliveryRow;
  readonly rights: {
    readonly message: boolean;
    readonly address: boolean;
    readonly cost: boolean;
  };
};

export async function seeDeliveries(deps: Deps, input: Input): Promise<Page<SeenDelivery>> {
  const { actor } = input;
  const { resource } = await seeNotification(deps, input);
  const page = await listDeliveries(deps.pool, {
    notificationId: input.id,
    readerId: actor.kind === "user" ? actor.userId : null,
    limit: input.limit,
    after: readCursor(input.cursor),
  });
  return {
    nextCursor: page.nextCursor,
    items: page.items.map((row) => {
      const delivery = { ...resource, isOwn: row.is_own };
      return {
        row,
        rights: {
          message: may(actor, "see_message", delivery),
          address: may(actor, "see_address", delivery),
          cost: may(actor, "see_costs"),
        },
      };
    }),
  };
}
