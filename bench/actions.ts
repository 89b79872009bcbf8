import proto from "@temporalio/proto";

type HistoryEvent = proto.temporal.api.history.v1.IHistoryEvent;

const { EventType } = proto.temporal.api.enums.v1;

/** Every one of these is an action by itself (https://docs.temporal.io/cloud/actions, checked November 2026). */
const ACTIONS: ReadonlySet<number> = new Set([
  EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
  EventType.EVENT_TYPE_TIMER_STARTED,
  EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
  EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
  EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
  EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
]);

/** Billable actions of one history: those events, retries of activities, and all local activities of one workflow task together. */
export function actionsOf(events: readonly HistoryEvent[]): number {
  let actions = 0;
  const tasksWithLocals = new Set<string>();
  for (const event of events) {
    if (ACTIONS.has(event.eventType ?? 0)) actions += 1;
    const attempt = event.activityTaskStartedEventAttributes?.attempt ?? 1;
    actions += attempt - 1;
    const marker = event.markerRecordedEventAttributes;
    if (marker?.markerName === "core_local_activity") {
      tasksWithLocals.add(String(marker.workflowTaskCompletedEventId));
    }
  }
  return actions + tasksWithLocals.size;
}
