import type pg from "pg";
import type { Actor } from "../domain/actor.ts";
import type { StoredAttachment } from "../domain/attachment.ts";
import { OTP_TYPE } from "../domain/otp.ts";
import { may } from "../domain/permissions.ts";
import type { Grant, Limit } from "../domain/permissions.ts";
import type { Outcome, NotificationStatus } from "../domain/notification.ts";
import type { Plan } from "../domain/planner.ts";
import type { Priority } from "../domain/priority.ts";
import type { ActBy } from "./acts.ts";
import { Parameters, toPage } from "./page.ts";
import type { Page, Position } from "./page.ts";

/** Reads notifications for pages: one by id, or a list with filters, both with what the reader's role needs to be judged. */

export type NotificationFilter = {
  readonly status?: NotificationStatus | undefined;
  readonly outcome?: Outcome | undefined;
  readonly type?: string | undefined;
  readonly priority?: Priority | undefined;
  readonly zone?: string | undefined;
  readonly ticketId?: string | undefined;
  /** An id or `ext:<externalId>`. */
  readonly userId?: string | undefined;
  /** Epoch ms, inclusive. */
  readonly from?: number | undefined;
  /** Epoch ms, exclusive. */
  readonly to?: number | undefined;
  readonly q?: string | undefined;
  readonly open?: boolean | undefined;
};

export type NotificationRow = {
  readonly id: string;
  readonly workflow_id: string;
  readonly run_id: string | null;
  readonly sender: string;
  readonly type: string;
  readonly priority: Priority;
  readonly zone: string | null;
  readonly ticket_id: string | null;
  readonly assignee_id: string | null;
  readonly customer_id: string | null;
  readonly actor_id: string | null;
  readonly category: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly recipients: Readonly<Record<string, unknown>> | null;
  readonly policy_id: string | null;
  readonly policy_version: number | null;
  readonly attachments: readonly StoredAttachment[];
  readonly avoid_account_ids: readonly string[];
  readonly notice_of: string | null;
  readonly not_before: Date | null;
  readonly not_after: Date | null;
  readonly answers: "none" | "acknowledge" | "accept" | "claim" | "rate";
  readonly status: NotificationStatus;
  readonly outcome: Outcome | null;
  readonly reason: string | null;
  readonly outcome_detail: Readonly<Record<string, unknown>> | null;
  readonly answer: "acknowledged" | "accepted" | "claimed" | "refused" | "rated" | null;
  readonly pass: number;
  readonly step: number;
  readonly next_step_at: Date | null;
  readonly waiting_for: ({ readonly kind: string } & Readonly<Record<string, unknown>>) | null;
  readonly acknowledged_by: (ActBy & { readonly via?: string }) | null;
  readonly acknowledged_at: Date | null;
  readonly resolved_at: Date | null;
  readonly unresolved: boolean;
  readonly closed_by: (ActBy & { readonly via?: string }) | null;
  readonly closed_at: Date | null;
  readonly close_note: string | null;
  readonly rating: number | null;
  readonly accepted_at: Date;
  readonly started_at: Date | null;
  readonly planned_at: Date | null;
  readonly settled_at: Date | null;
  readonly cost: number | null;
  readonly accepted_us: number;
};

/** One notification, with what a role is judged by. */
export type JudgedNotification = {
  readonly row: NotificationRow & { readonly plan: Plan | null };
  readonly resource: {
    readonly zone: string | null;
    readonly type: {
      readonly code: string;
      readonly isCustomer: boolean;
      readonly isOperational: boolean;
    };
    readonly isOwn: boolean;
  };
  /** Whether the reader may see what it costs. */
  readonly seesCosts: boolean;
};

const COLUMNS = `
  n.id, n.workflow_id, n.run_id, n.sender, n.type, n.priority, n.zone, n.ticket_id, n.assignee_id, n.customer_id, n.actor_id,
  n.category, n.data, n.recipients, n.policy_id, n.policy_version, n.attachments, n.avoid_account_ids, n.notice_of, n.not_before, n.not_after,
  n.answers, n.status, n.outcome, n.reason, n.outcome_detail, n.answer, n.pass, n.step, n.next_step_at, n.waiting_for,
  n.acknowledged_by, n.acknowledged_at, n.resolved_at, n.unresolved, n.closed_by, n.closed_at, n.close_note, n.rating,
  n.accepted_at, n.started_at, n.planned_at, n.settled_at,
  (select sum(delivery_cost(d.id)) from deliveries d where d.notification_id = n.id and (d.message_id is not null or d.channel = 'in_app')) as cost,
  (extract(epoch from n.accepted_at) * 1000000)::bigint as accepted_us`;

/**
 * Told in person or as a member of a told group, or concerned as assignee or customer. Privacy: what tells a code is nobody's own, because it is there for a number
 * that is free or the person's and not for one that somebody else has.
 */
function isOwn(user: string): string {
  return `(${IS_NO_CODE} and (
    n.assignee_id = ${user} or n.customer_id = ${user}
    or exists (
      select from notification_targets t
      where t.notification_id = n.id and (t.user_id = ${user} or t.group_id in (
        select m.group_id from whatsapp_group_members m where m.user_id = ${user} and m.is_active
      ))
    )
  ))`;
}

const IS_NO_CODE = `n.type <> '${OTP_TYPE}'`;

/** The same as `isOwn` but for codes, as ids, for lists: found from the person instead of tried on every row. */
function ownIds(user: string): string {
  return `(
    select t.notification_id from notification_targets t where t.user_id = ${user}
    union all
    select t.notification_id from notification_targets t
    where t.group_id in (select m.group_id from whatsapp_group_members m where m.user_id = ${user} and m.is_active)
    union all select a.id from notifications a where a.assignee_id = ${user}
    union all select c.id from notifications c where c.customer_id = ${user}
  )`;
}

/** Null: there is none with this id. Nothing is hidden here; the caller judges. */
export async function readNotification(
  pool: pg.Pool | pg.PoolClient,
  id: string,
  actor: Actor,
): Promise<JudgedNotification | null> {
  const { rows } = await pool.query<
    JudgedNotification["row"] & {
      readonly type_is_customer: boolean | null;
      readonly type_is_operational: boolean | null;
      readonly is_own: boolean;
    }
  >({
    name: actor.kind === "user" ? "read-notification-as-user" : "read-notification",
    text: `
      select ${COLUMNS}, n.plan, ty.is_customer as type_is_customer, ty.is_operational as type_is_operational,
        ${actor.kind === "user" ? isOwn("$2") : "false"} as is_own
      from notifications n left join notification_types ty on ty.code = n.type
      where n.id = $1`,
    values: actor.kind === "user" ? [id, actor.userId] : [id],
  });
  const row = rows[0];
  if (!row) return null;
  return {
    row,
    resource: {
      zone: row.zone,
      type: {
        code: row.type,
        isCustomer: row.type_is_customer ?? false,
        isOperational: row.type_is_operational ?? false,
      },
      isOwn: row.is_own,
    },
    seesCosts: may(actor, "see_costs"),
  };
}

/** Newest first; only what one of the grants holds for. */
export async function listNotifications(
  pool: pg.Pool,
  input: {
    readonly actor: Actor;
    readonly grants: readonly Grant[];
    readonly filter: NotificationFilter;
    readonly limit: number;
    readonly after: Position | null;
  },
): Promise<Page<NotificationRow>> {
  const parameters = new Parameters();
  const conditions = [
    grantsCondition(input.grants, input.actor, parameters),
    ...filterConditions(input.filter, parameters),
    ...(input.after === null ? [] : [afterCondition(input.after, parameters)]),
  ];
  const { rows } = await pool.query<NotificationRow>(
    `select ${COLUMNS} from notifications n
     where ${conditions.join("\n and ")}
     order by n.accepted_at desc, n.id desc limit ${parameters.add(input.limit + 1)}`,
    parameters.values,
  );
  return toPage(
    rows,
    input.limit,
    (row) => ({ order: row.accepted_us, id: row.id }),
    (row) => row,
  );
}

function afterCondition({ order, id }: Position, parameters: Parameters): string {
  const micros = parameters.add(order);
  return `(n.accepted_at, n.id) < (timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond', ${parameters.add(id)})`;
}

function grantsCondition(grants: readonly Grant[], actor: Actor, parameters: Parameters): string {
  if (actor.kind === "system") return grants.length > 0 ? "true" : "false";
  const { userId, zones } = actor;
  const toSql = (limit: Limit): string => {
    switch (limit) {
      case "own_zones":
        return `n.zone = any(${parameters.add(zones)})`;
      case "customer_types":
        return "n.type in (select code from notification_types where is_customer)";
      case "operational_types":
        return "n.type in (select code from notification_types where is_operational)";
      case "no_promotion":
        return "n.type <> 'promotion'";
      case "own":
        return `(${IS_NO_CODE} and n.id in ${ownIds(parameters.add(userId))})`;
      case "customers":
        return "false";
    }
  };
  const alternatives = grants.map((grant) =>
    grant.length === 0 ? "true" : `(${grant.map(toSql).join(" and ")})`,
  );
  return alternatives.length === 0 ? "false" : `(${alternatives.join(" or ")})`;
}

/** As in the index notifications_search. */
export const SEARCH_TEXT = `(
  to_tsvector('simple', coalesce(n.ticket_id, '') || ' ' || n.type || ' ' || coalesce(n.zone, '') || ' ' || coalesce(n.category, ''))
  || jsonb_to_tsvector('simple', n.data, '["string", "numeric"]')
)`;

function filterConditions(filter: NotificationFilter, parameters: Parameters): string[] {
  const conditions: string[] = [];
  const equal = (column: string, value: string | undefined): void => {
    if (value !== undefined) conditions.push(`n.${column} = ${parameters.add(value)}`);
  };
  equal("status", filter.status);
  equal("outcome", filter.outcome);
  equal("type", filter.type);
  equal("priority", filter.priority);
  equal("zone", filter.zone);
  equal("ticket_id", filter.ticketId);
  if (filter.userId !== undefined) {
    conditions.push(`n.id in ${ownIds(userIdOf(filter.userId, parameters))}`);
  }
  if (filter.from !== undefined) {
    conditions.push(`n.accepted_at >= ${parameters.add(new Date(filter.from))}`);
  }
  if (filter.to !== undefined) {
    conditions.push(`n.accepted_at < ${parameters.add(new Date(filter.to))}`);
  }
  if (filter.open !== undefined) {
    conditions.push(filter.open ? "n.settled_at is null" : "n.settled_at is not null");
  }
  if (filter.q !== undefined) {
    const q = parameters.add(filter.q.trim());
    conditions.push(
      `(${SEARCH_TEXT} @@ plainto_tsquery('simple', ${q}) or n.ticket_id = ${q} or n.id = ${q} or n.ref = ${q})`,
    );
  }
  return conditions;
}

function userIdOf(reference: string, parameters: Parameters): string {
  return reference.startsWith("ext:")
    ? `(select u.id from users u where u.external_id = ${parameters.add(reference.slice("ext:".length))})`
    : parameters.add(reference);
}
