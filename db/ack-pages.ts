import type pg from "pg";

import type { Locale } from "../domain/locale.ts";
import type { StopAct } from "../domain/notification.ts";
import type { AckLink } from "./ack-link.ts";
import type { ActBy } from "./acts.ts";

/** What the page behind a signed link is about; what the notification tells of is read with `loadSubjects`. */
export interface AckPageRow {
  /** Epoch ms. */
  readonly acceptedAt: number;
  readonly stopKind: StopAct | null;
  readonly isSettled: boolean;
  readonly rating: number | null;
  readonly acknowledgedBy: ActBy | null;
  readonly acknowledgedAt: number | null;
  /** This person has answered while others are still asked. */
  readonly hasAnswered: boolean;
  readonly recipient: {
    readonly name: string | null;
    readonly locale: Locale;
    readonly timeZone: string | null;
  };
  /** Active members of the group, by name; empty for a person's link. */
  readonly members: readonly AckPageMember[];
}

export interface AckPageMember {
  readonly id: string;
  readonly userId: string | null;
  readonly name: string;
}

/** Null: notification, person or group is gone or switched off. */
export async function loadAckPage(pool: pg.Pool, link: AckLink): Promise<AckPageRow | null> {
  const { rows } = await pool.query<{ page: AckPageRow }>({
    name: "ack-page",
    text: `
      with recipient as (
        select u.name, u.locale, coalesce(u.time_zone, (select z.time_zone from zones z where z.code = u.zones[1])) as time_zone
        from users u where u.id = $2 and u.is_active and $3 = 'user'
        union all
        select g.name, g.locale, coalesce(g.time_zone, (select z.time_zone from zones z where z.code = g.work_zone))
        from whatsapp_groups g where g.id = $2 and g.is_active and $3 = 'group'
      )
      select jsonb_build_object(
        'acceptedAt', floor(extract(epoch from n.accepted_at) * 1000), 'stopKind', n.stop_kind, 'isSettled', n.settled_at is not null,
        'rating', n.rating, 'acknowledgedBy', n.acknowledged_by,
        'acknowledgedAt', floor(extract(epoch from n.acknowledged_at) * 1000),
        'hasAnswered', exists (
          select from notification_targets t where t.notification_id = n.id and t.target = $2 and t.state = 'answered'
        ),
        'recipient', jsonb_build_object('name', r.name, 'locale', r.locale, 'timeZone', r.time_zone),
        'members', (
          select coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'userId', p.user_id, 'name', p.name) order by p.name, p.id), '[]')
          from (
            select m.id, u.id as user_id, coalesce(u.name, m.name) as name
            from whatsapp_group_members m left join users u on u.id = m.user_id and u.is_active
            where m.group_id = $2 and m.is_active and $3 = 'group'
          ) as p where p.name is not null
        )
      ) as page
      from notifications n, recipient r where n.id = $1`,
    values: [link.notificationId, link.target.id, link.target.kind],
  });
  return rows[0]?.page ?? null;
}
