import type pg from "pg";

import type { Actor } from "../domain/actor.ts";
import type { InboundState } from "../domain/inbound.ts";
import type { Grant } from "../domain/permissions.ts";
import type { InboundKind } from "./inbound.ts";
import { Parameters, toPage } from "./page.ts";
import type { Page, Position } from "./page.ts";

export interface InboundFilter {
  readonly state: InboundState;
  readonly userId?: string | undefined;
  readonly accountId?: string | undefined;
  /** Epoch ms, inclusive. */
  readonly from?: number | undefined;
  /** Epoch ms, exclusive. */
  readonly to?: number | undefined;
}

export interface InboundRow {
  readonly id: string;
  readonly account_id: string;
  readonly address: string;
  readonly is_group: boolean;
  readonly user_id: string | null;
  readonly group_id: string | null;
  readonly kind: InboundKind;
  readonly body: string;
  readonly state: InboundState;
  readonly notification_id: string | null;
  readonly act_id: string | null;
  readonly received_at: Date;
  readonly received_us: number;
  readonly answer_status: string | null;
  readonly answer_body: string | null;
  readonly media: {
    readonly type: string;
    readonly contentType: string | null;
    readonly fileName: string | null;
  } | null;
  readonly handled_at: Date | null;
  readonly handled_by: { readonly userId: string | null; readonly name: string | null } | null;
  readonly handling_note: string | null;
  readonly written_status: string | null;
  readonly written_text: string | null;
}

const COLUMNS = `i.id, i.account_id, i.address, i.group_chat_id is not null as is_group, i.user_id, i.group_id, i.kind, i.body, i.state,
  i.notification_id, i.act_id, i.received_at, (extract(epoch from i.received_at) * 1000000)::bigint as received_us,
  i.media, i.handled_at, i.handled_by, i.handling_note, a.status as answer_status, m.body as answer_body,
  w.status as written_status, w.written_text`;

/** Siaga's own answer, and the last one that a person wrote. */
const SOURCES = `inbound_messages i
  left join answers a on a.inbound_message_id = i.id and a.written_text is null
  left join messages m on m.id = a.message_id
  left join lateral (
    select x.status, x.written_text from answers x where x.inbound_message_id = i.id and x.written_text is not null
    order by x.created_at desc limit 1
  ) w on true`;

/** One message, as far as these grants reach. */
export async function findInbound(
  pool: pg.Pool,
  input: { readonly actor: Actor; readonly grants: readonly Grant[]; readonly id: string },
): Promise<InboundRow | null> {
  const parameters = new Parameters();
  const { rows } = await pool.query<InboundRow>(
    `select ${COLUMNS} from ${SOURCES}
     where i.id = ${parameters.add(input.id)} and i.address <> '' and ${reachCondition(input.grants, input.actor, parameters)}`,
    parameters.values,
  );
  return rows[0] ?? null;
}

/** Newest first, what people wrote; reports of vendors that nobody wrote are not among them. */
export async function listInbound(
  pool: pg.Pool,
  input: {
    readonly actor: Actor;
    readonly grants: readonly Grant[];
    readonly filter: InboundFilter;
    readonly limit: number;
    readonly after: Position | null;
  },
): Promise<Page<InboundRow>> {
  const { filter } = input;
  const parameters = new Parameters();
  const conditions = [
    `i.state = ${parameters.add(filter.state)}`,
    "i.address <> ''",
    reachCondition(input.grants, input.actor, parameters),
  ];
  if (filter.userId !== undefined) conditions.push(`i.user_id = ${parameters.add(filter.userId)}`);
  if (filter.accountId !== undefined) {
    conditions.push(`i.account_id = ${parameters.add(filter.accountId)}`);
  }
  if (filter.from !== undefined) {
    conditions.push(`i.received_at >= ${parameters.add(new Date(filter.from))}`);
  }
  if (filter.to !== undefined) {
    conditions.push(`i.received_at < ${parameters.add(new Date(filter.to))}`);
  }
  if (input.after !== null) {
    const micros = parameters.add(input.after.order);
    conditions.push(
      `(i.received_at, i.id) < (timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond', ${parameters.add(input.after.id)})`,
    );
  }
  const { rows } = await pool.query<InboundRow>(
    `select ${COLUMNS} from ${SOURCES}
     where ${conditions.join("\n and ")}
     order by i.received_at desc, i.id desc limit ${parameters.add(input.limit + 1)}`,
    parameters.values,
  );
  return toPage(
    rows,
    input.limit,
    (row) => ({ order: row.received_us, id: row.id }),
    (row) => row,
  );
}

/** A zone's messages are those of its people and groups. */
function reachCondition(grants: readonly Grant[], actor: Actor, parameters: Parameters): string {
  if (actor.kind === "system" || grants.some((grant) => grant.length === 0)) return "true";
  const zones = parameters.add(actor.zones);
  return `(
    exists (select from users u where u.id = i.user_id and u.zones && ${zones}::text[])
    or exists (select from whatsapp_groups g where g.id = i.group_id and g.work_zone = any(${zones}))
  )`;
}
