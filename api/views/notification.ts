import type { z } from "@hono/zod-openapi";
import type { JudgedNotification, NotificationRow } from "../../db/notification-list.ts";
import { withoutCosts } from "../../domain/withheld-costs.ts";
import type { ActBy } from "../../db/acts.ts";
import type { Links } from "../deps.ts";
import type {
  ActedBySchema,
  NotificationSchema,
  NotificationSummarySchema,
} from "../schemas/notification.ts";
import { notificationLinks } from "./links.ts";

type Summary = z.input<typeof NotificationSummarySchema>;

/** `seesCosts` false: they are withheld as null. */
export function toNotificationSummary(
  row: NotificationRow,
  links: Links,
  seesCosts: boolean,
): Summary {
  return {
    id: row.id,
    type: row.type,
    priority: row.priority,
    zone: row.zone,
    ticketId: row.ticket_id,
    assigneeId: row.assignee_id,
    customerId: row.customer_id,
    actorId: row.actor_id,
    category: row.category,
    data: row.data,
    recipients: row.recipients,
    policyId: row.policy_id,
    policyVersion: row.policy_version,
    attachments: [...row.attachments],
    avoidAccountIds: [...row.avoid_account_ids],
    noticeOf: row.notice_of,
    notBefore: toInstant(row.not_before),
    notAfter: toInstant(row.not_after),
    answers: row.answers,
    sender: row.sender,
    status: row.status,
    outcome: row.outcome,
    reason: row.reason,
    outcomeDetail: row.outcome_detail,
    answer: row.answer,
    pass: row.pass,
    step: row.step,
    nextStepAt: toInstant(row.next_step_at),
    waitingFor: toWaitingFor(row.waiting_for),
    acknowledgedBy: toActedBy(row.acknowledged_by),
    acknowledgedAt: toInstant(row.acknowledged_at),
    resolvedAt: toInstant(row.resolved_at),
    unresolved: row.unresolved,
    closedBy: toActedBy(row.closed_by),
    closedAt: toInstant(row.closed_at),
    closeNote: row.close_note,
    rating: row.rating,
    cost: seesCosts ? row.cost : null,
    acceptedAt: row.accepted_at.toISOString(),
    startedAt: toInstant(row.started_at),
    plannedAt: toInstant(row.planned_at),
    settledAt: toInstant(row.settled_at),
    workflowId: row.workflow_id,
    links: notificationLinks(links, {
      id: row.id,
      workflowId: row.workflow_id,
      runId: row.run_id,
    }),
  };
}

export function toNotification(
  { row, seesCosts }: JudgedNotification,
  links: Links,
): z.input<typeof NotificationSchema> {
  const { plan } = row;
  return {
    ...toNotificationSummary(row, links, seesCosts),
    plan: plan === null || seesCosts ? plan : withoutCosts(plan),
  };
}

export function toActedBy(
  by: (ActBy & { readonly via?: string }) | null,
): z.input<typeof ActedBySchema> | null {
  return by === null
    ? null
    : {
        kind: by.kind,
        userId: by.userId,
        groupId: by.groupId ?? null,
        name: by.name,
        via: by.via ?? null,
      };
}

export function toInstant(at: Date | null): string | null {
  return at === null ? null : at.toISOString();
}

/** The run counts in epoch milliseconds; the API speaks ISO 8601. */
function toWaitingFor(waitingFor: NotificationRow["waiting_for"]): Summary["waitingFor"] {
  if (waitingFor === null) return null;
  const { until } = waitingFor;
  return typeof until === "number"
    ? { ...waitingFor, until: new Date(until).toISOString() }
    : { ...waitingFor };
}
