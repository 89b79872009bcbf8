import type pg from "pg";
import type { Actor } from "../domain/actor.ts";
import type { Grant, Limit } from "../domain/permissions.ts";
import { deliveryColumns } from "./notification-record.ts";
import type { DeliveryRow } from "./notification-record.ts";
import { Parameters, toPage } from "./page.ts";
import type { Page, Position } from "./page.ts";

/** What a group was told, over all notifications. */

export type GroupDeliveryRow = DeliveryRow & {
  readonly zone: string | null;
  readonly type: string;
  readonly type_is_customer: boolean;
  readonly type_is_operational: boolean;
};

/** Newest first; only of notifications for which one of the grants holds. */
export async function listGroupDeliveries(
  pool: pg.Pool,
  input: {
    readonly groupId: string;
    readonly actor: Actor;
    readonly grants: readonly Grant[];
    readonly limit: number;
    readonly after: Position | null;
  },
): Promise<Page<GroupDeliveryRow>> {
  const { actor, after } = input;
  const parameters = new Parameters();
  const groupId = parameters.add(input.groupId);
  const reader = parameters.add(actor.kind === "user" ? actor.userId : null);
  const conditions = [
    `d.group_id = ${groupId}`,
    grantsCondition(input.grants, actor, { groupId, reader, parameters }),
  ];
  if (after !== null) {
    conditions.push(
      `(d.created_at, d.id) < (timestamptz 'epoch' + ${parameters.add(after.order)}::bigint * interval '1 microsecond',
        ${parameters.add(after.id)})`,
    );
  }
  const { rows } = await pool.query<GroupDeliveryRow>(
    `select ${deliveryColumns(reader)}, n.zone, n.type,
       coalesce(ty.is_customer, false) as type_is_customer, coalesce(ty.is_operational, false) as type_is_operational
     from deliveries d
     join notifications n on n.id = d.notification_id
     left join messages m on m.id = d.message_id
     left join notification_types ty on ty.code = n.type
     where ${conditions.join("\n and ")}
     order by d.created_at desc, d.id desc limit ${parameters.add(input.limit + 1)}`,
    parameters.values,
  );
  return toPage(
    rows,
    input.limit,
    (row) => ({ order: row.created_us, id: row.id }),
    (row) => row,
  );
}

function grantsCondition(
  grants: readonly Grant[],
  actor: Actor,
  {
    groupId,
    reader,
    parameters,
  }: { readonly groupId: string; readonly reader: string; readonly parameters: Parameters },
): string {
  if (actor.kind === "system") return grants.length > 0 ? "true" : "false";
  const toSql = (limit: Limit): string => {
    switch (limit) {
      case "own_zones":
        return `n.zone = any(${parameters.add(actor.zones)})`;
      case "customer_types":
        return "ty.is_customer";
      case "operational_types":
        return "ty.is_operational";
      case "no_promotion":
        return "n.type <> 'promotion'";
      case "own":
        // Whoever is in the group was told of all of it.
        return `exists (
          select from whatsapp_group_members gm where gm.group_id = ${groupId} and gm.user_id = ${reader} and gm.is_active
        )`;
      case "customers":
        return "false";
    }
  };
  const alternatives = grants.map((grant) =>
    grant.length === 0 ? "true" : `(${grant.map(toSql).join(" and ")})`,
  );
  return alternatives.length === 0 ? "false" : `(${alternatives.join(" or ")})`;
}
