import type pg from "pg";

import type { AnswerKind } from "../domain/notification.ts";
import type { Priority } from "../domain/priority.ts";
import type { TicketFacts } from "./deliveries.ts";

/** What a notification is about, for a sentence that names it. */
export interface SubjectFacts {
  readonly id: string;
  readonly type: {
    readonly code: string;
    readonly names: { readonly id: string; readonly en: string };
  };
  readonly priority: Priority;
  readonly answers: AnswerKind;
  readonly zone: { readonly code: string; readonly name: string } | null;
  readonly category: string | null;
  readonly ticketId: string | null;
  readonly ticket: TicketFacts | null;
  readonly assigneeName: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** By id; what is gone is absent. */
export async function loadSubjects(
  db: pg.Pool | pg.PoolClient,
  notificationIds: readonly string[],
): Promise<ReadonlyMap<string, SubjectFacts>> {
  if (notificationIds.length === 0) return new Map();
  const { rows } = await db.query<{ subject: SubjectFacts }>({
    name: "load-subjects",
    text: `
      select jsonb_build_object(
        'id', n.id,
        'type', jsonb_build_object('code', n.type, 'names', jsonb_build_object('id', coalesce(y.name_id, n.type), 'en', coalesce(y.name_en, n.type))),
        'priority', n.priority, 'answers', n.answers,
        'zone', (select jsonb_build_object('code', z.code, 'name', z.name) from zones z where z.code = n.zone),
        'category', n.category, 'ticketId', n.ticket_id, 'data', n.data,
        'assigneeName', (select u.name from users u where u.id = coalesce(n.assignee_id, t.assignee_id)),
        'ticket', case when t.id is not null then jsonb_build_object(
          'id', t.id, 'title', t.title, 'category', t.category, 'priority', t.priority, 'status', t.status, 'slaHours', t.sla_hours,
          'deadlineAt', floor(extract(epoch from t.deadline_at) * 1000), 'locationText', t.location_text, 'latitude', t.latitude,
          'longitude', t.longitude, 'url', t.url
        ) end
      ) as subject
      from notifications n
      left join notification_types y on y.code = n.type
      left join tickets t on t.id = n.ticket_id
      where n.id = any($1)`,
    values: [notificationIds],
  });
  return new Map(rows.map(({ subject }) => [subject.id, subject]));
}
