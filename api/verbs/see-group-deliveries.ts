import type pg from "pg";
import { listGroupDeliveries } from "../../db/group-deliveries.ts";
import type { Page } from "../../db/page.ts";
import type { Actor } from "../../domain/actor.ts";
import { may, reach } from "../../domain/permissions.ts";
import { Forbidden } from "./errors.ts";
import { readCursor } from "./read-cursor.ts";
import { seeGroup } from "./see-groups.ts";
import type { SeenDelivery } from "./see-record.ts";

/** Of the notifications that the actor may see. @throws NotFound, Forbidden */
export async function seeGroupDeliveries(
  { pool }: { readonly pool: pg.Pool },
  input: {
    readonly actor: Actor;
    readonly reference: string;
    readonly limit: number;
    readonly cursor: string | undefined;
  },
): Promise<Page<SeenDelivery>> {
  const { actor, limit } = input;
  const group = await seeGroup({ pool }, input);
  const grants = reach(actor, "see_notification");
  if (grants.length === 0) throw new Forbidden();
  const page = await listGroupDeliveries(pool, {
    groupId: group.id,
    actor,
    grants,
    limit,
    after: readCursor(input.cursor),
  });
  return {
    nextCursor: page.nextCursor,
    items: page.items.map((row) => {
      const delivery = {
        zone: row.zone,
        type: {
          code: row.type,
          isCustomer: row.type_is_customer,
          isOperational: row.type_is_operational,
        },
        isOwn: row.is_own,
      };
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
