import type pg from "pg";

import { UNANSWERED } from "../domain/notice.ts";
import type { Named, NoticeFacts } from "../domain/notice.ts";
import type { NotificationRequest } from "../domain/request.ts";
import type { NoticeInput } from "./contract.ts";
import { raiseNotice, type NoticeDeps } from "./raise-notice.ts";

interface Subject {
  readonly type: string;
  readonly type_name: Named;
  readonly priority: string;
  readonly zone: string | null;
  readonly ticket_id: string | null;
  readonly outcome: string | null;
  readonly reason: string | null;
  readonly raises_notice: boolean;
  readonly failing_accounts: readonly string[];
}

/**
 * Tells the operators that nobody answered, or that only sleepers are left. Avoids the accounts that failed in the notification itself; a notice raises none.
 *
 * Idempotency: one notice per notification and reason, by its `ref`.
 */
export function createRaiseOperatorNotice(deps: NoticeDeps) {
  return async function raiseOperatorNotice(input: NoticeInput): Promise<void> {
    const subject = await loadSubject(deps.pool, input.notificationId);
    const isUrgent = subject?.priority === "critical" || subject?.priority === "high";
    if (!subject || !isUrgent || !subject.raises_notice) return;
    const now = deps.now();
    await raiseNotice(deps, {
      ref: `notice-${input.reason}-${input.notificationId}`,
      request: requestFor(input, subject),
      noticeOf: input.notificationId,
      beforeStart: () => noteInTimeline(deps.pool, input, now),
    });
  };
}

async function loadSubject(pool: pg.Pool, notificationId: string): Promise<Subject | null> {
  const { rows } = await pool.query<Subject>(
    `select n.type, jsonb_build_object('id', coalesce(t.name_id, n.type), 'en', coalesce(t.name_en, n.type)) as type_name, n.priority, n.zone, n.ticket_id, n.outcome, n.reason,
       (v.rules ->> 'raisesNotice')::boolean as raises_notice,
       coalesce((
         select array_agg(distinct d.account_id) from deliveries d
         where d.notification_id = n.id and d.error ->> 'scope' = 'account' and d.account_id is not null
       ), '{}') as failing_accounts
     from notifications n
     join escalation_policy_versions v on v.policy_id = n.policy_id and v.version = n.policy_version
     left join notification_types t on t.code = n.type
     where n.id = $1`,
    [notificationId],
  );
  return rows[0] ?? null;
}

function requestFor(input: NoticeInput, subject: Subject): NotificationRequest {
  const happened =
    input.reason === "sleepers_only"
      ? input.reason
      : (UNANSWERED.find((outcome) => outcome === subject.outcome) ?? "exhausted");
  return {
    type: "operator_notice",
    zone: subject.zone,
    ticketId: subject.ticket_id,
    avoidAccountIds: subject.failing_accounts,
    data: {
      notice: { kind: "unanswered", happened } satisfies NoticeFacts,
      notification_id: input.notificationId,
      notification_type: subject.type_name,
      notification_priority: subject.priority,
      reason: subject.reason ?? happened,
    },
  };
}

async function noteInTimeline(pool: pg.Pool, input: NoticeInput, now: number): Promise<void> {
  await pool.query(
    `insert into notification_events (notification_id, entry_key, at, kind, reason)
     values ($1, $2, $3, 'operator_notice', $4) on conflict on constraint notification_events_once do nothing`,
    [input.notificationId, `notice:${input.reason}`, new Date(now), input.reason],
  );
}
