/**
 * What a run says about itself in the Temporal UI, in plain words. Ids, states and times only: a supervisor follows an id into the web app for names.
 * Times are UTC, because workflow code may not compute local time.
 */
import type { Channel } from "./channel.ts";
import type { Outcome } from "./notification.ts";
import type { DeliveryOrder, RunPlan, TimelineEntry, Todo, WaitingFor } from "./run.ts";

const CHANNEL_WORDS: Readonly<Record<Channel, string>> = {
  whatsapp_personal: "WhatsApp",
  whatsapp_group: "group WhatsApp",
  sms: "SMS",
  call: "phone call",
  email: "e-mail",
  push: "push message",
  in_app: "in-app message",
};

/** How many lines of the story the UI shows; older ones stand in the web app's timeline. */
const STORY_LINES_MAX = 40;

export function clockUtc(atMs: number): string {
  return new Date(atMs).toISOString().replace("T", " ").slice(0, 19) + " UTC";
}

export function orderInWords(order: DeliveryOrder): string {
  const again = order.attempt > 1 ? `, attempt ${order.attempt}` : "";
  const why = ORDER_WORDS[order.reason](order.because);
  return `Pass ${order.pass}, step ${order.step}: ${CHANNEL_WORDS[order.channel]} to ${order.target}${again}${why}`;
}

const ORDER_WORDS: Readonly<Record<DeliveryOrder["reason"], (because: string | null) => string>> = {
  step: () => "",
  attempt: () => "",
  pulled_forward: (because) => ` (pulled forward: ${inWords(because)})`,
  failed_over: (because) => ` (next account: ${inWords(because)})`,
  late_target: () => " (joins late)",
  resend: () => " (sent again by hand)",
};

export function closingInWords(order: {
  readonly target: string;
  readonly channel: Channel;
}): string {
  return `Closing message by ${CHANNEL_WORDS[order.channel]} to ${order.target}`;
}

export function waitingInWords(waiting: WaitingFor): string {
  switch (waiting.kind) {
    case "nothing":
      return "Nothing to wait for";
    case "not_before":
      return `Not before ${clockUtc(waiting.until)}`;
    case "quiet_hours":
      return `Quiet hours of ${count(waiting.asleep, "target")} until ${clockUtc(waiting.until)}`;
    case "snooze":
      return `Snoozed until ${clockUtc(waiting.until)}`;
    case "answer":
      return `Step ${waiting.step}, pass ${waiting.pass}: waiting for an answer until ${clockUtc(waiting.until)}`;
    case "evidence":
      return `Step ${waiting.step}, pass ${waiting.pass}: waiting for delivery until ${clockUtc(waiting.until)}`;
    case "sleepers":
      return `The steps are over; ${count(waiting.asleep, "sleeper")} to be told at ${clockUtc(waiting.until)}`;
    case "deliveries_in_flight":
      return "Messages are on their way";
    case "role_up":
      return "Looking for the next role up";
  }
}

/** Markdown: what it is, what it waits for and when it wakes, what happened. `story`: its lines, oldest first. */
export function runInWords(plan: RunPlan, todo: Todo, story: readonly string[]): string {
  const wakes = todo.wakeAt === null ? "" : ` Wakes at **${clockUtc(todo.wakeAt)}**.`;
  const steps = plan.rules.steps.length;
  return [
    `### ${inWords(plan.type)}, ${plan.priority}${plan.zone ? `, ${plan.zone}` : ""}${plan.ticketId ? `, ticket ${plan.ticketId}` : ""}`,
    "",
    `**Now:** ${todo.status}, step ${todo.step} of ${steps}, pass ${todo.pass}.`,
    "",
    `**Waits for:** ${waitingInWords(todo.waitingFor)}.${wakes}`,
    "",
    "**To act:** Send an Update: `acknowledge`, `escalate`, `snooze`, `cancel` or `resolve`.",
    "",
    ...storyLines(story),
  ].join("\n");
}

export function settledInWords(
  outcome: Outcome | null,
  reason: string | null,
  story: readonly string[],
): string {
  const why = reason ? ` (${inWords(reason)})` : "";
  return [`### Settled: ${outcome ?? "not this run's"}${why}`, "", ...storyLines(story)].join("\n");
}

function storyLines(story: readonly string[]): readonly string[] {
  if (story.length === 0) return [];
  const shown = story.slice(-STORY_LINES_MAX).reverse();
  const left = story.length - shown.length;
  return [
    "**What happened, newest first**",
    "",
    ...shown,
    ...(left > 0 ? [`- … ${left} earlier`] : []),
  ];
}

/** A line of the story. */
export function entryInWords(entry: TimelineEntry): string {
  const facts = [
    entry.step === null ? null : `step ${entry.step}`,
    entry.channel === null ? null : CHANNEL_WORDS[entry.channel],
    entry.target,
    entry.reason === null ? null : inWords(entry.reason),
  ].filter((fact) => fact !== null);
  return `- ${clockUtc(entry.at)}: ${inWords(entry.kind)}${facts.length > 0 ? ` (${facts.join(", ")})` : ""}`;
}

function inWords(term: string | null): string {
  return (term ?? "unknown").replaceAll("_", " ");
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? "" : "s"}`;
}
